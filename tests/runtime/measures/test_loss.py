import math

import pytest
import torch
from torch import Tensor

from osler.model import Kind
from osler.runtime.measures import Moment, loss

torch.set_num_threads(1)


class Special(Tensor):
    pass


@pytest.mark.parametrize(
    ("root", "value"),
    [
        (torch.tensor(1.5), 1.5),
        (torch.tensor([1.5]), 1.5),
        (torch.tensor([[1.5]], dtype=torch.bfloat16), 1.5),
        (torch.tensor(1.5, requires_grad=True) * 2, 3.0),
        (torch.tensor(float("inf")), float("inf")),
        (torch.tensor([1.5, 2.5]), None),
        (torch.tensor([]), None),
        (torch.tensor(1.5, device="meta"), None),
        (torch.tensor(1.5).as_subclass(Special), None),
        (None, None),
    ],
    ids=["number", "vector", "matrix", "graph", "inf", "two", "none", "elsewhere", "subclass", "no root"],
)
def test_the_number_backward_starts_from(root: Tensor | None, value: float | None) -> None:
    assert loss.take(Moment(root=root)) == value


def test_not_a_number_is_a_value_too() -> None:
    taken = loss.take(Moment(root=torch.tensor(float("nan"))))
    assert taken is not None
    assert math.isnan(taken)


def test_it_is_taken_at_every_backward() -> None:
    assert (loss.WHEN, loss.measure.name) == (Kind.BACKWARD, "loss")
