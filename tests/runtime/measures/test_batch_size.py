from collections import namedtuple

import pytest
import torch

from osler.model import Kind
from osler.runtime.measures import Moment, batch_size

torch.set_num_threads(1)

Batch = namedtuple("Batch", "x y")
X, Y = torch.zeros(7, 3), torch.zeros(7)


@pytest.mark.parametrize(
    ("batch", "size"),
    [
        ([X, Y], 7),
        ((X, Y), 7),
        (X, 7),
        ({"x": X, "y": Y}, 7),
        (Batch(X, Y), 7),
        ({"id": ["a"] * 7, "inputs": {"ids": X}}, 7),
        ([["a"] * 7, X], 7),
        ([torch.zeros(1, 3), Y], 1),
        (torch.zeros(0, 3), 0),
        (torch.tensor(3.0), None),
        ([torch.tensor(3.0)], None),
        ([], None),
        (None, None),
        (["a", "b"], None),
        (5, None),
    ],
    ids=lambda v: type(v).__name__,
)
def test_the_length_of_the_first_tensor(batch: object, size: int | None) -> None:
    assert batch_size.take(Moment(batch=batch)) == size


def test_it_is_taken_at_every_batch() -> None:
    assert (batch_size.WHEN, batch_size.measure.name) == (Kind.BATCH, "batch_size")
