"""Batches in all their forms are copied whole."""

from collections import UserDict, namedtuple
from dataclasses import dataclass, field

import pytest
import torch

from osler.replay.trees import cloned, mapped, size, tensors

Pair = namedtuple("Pair", "x y")


@dataclass
class Sample:
    x: torch.Tensor
    name: str = "a"
    more: list = field(default_factory=list)


class Graph:
    def __init__(self, x):
        self.x, self.edges = x, torch.tensor([[0, 1], [1, 0]])

    def clone(self):
        return Graph(self.x.clone())


def x():
    return torch.arange(6.0).reshape(3, 2)


BATCHES = {
    "tensor": x,
    "tuple": lambda: (x(), torch.tensor([0, 1, 2])),
    "list": lambda: [x(), ["text", 3]],
    "named tuple": lambda: Pair(x(), torch.tensor([0, 1, 2])),
    "dict": lambda: {"x": x(), "y": {"z": torch.tensor([0, 1, 2])}},
    "user dict": lambda: UserDict(x=x()),
    "dataclass": lambda: Sample(x(), more=[x()]),
    "graph": lambda: Graph(x()),
    "nested": lambda: ({"a": [Pair(x(), None)]}, 5),
}


@pytest.mark.parametrize("batch", BATCHES.values(), ids=BATCHES)
def test_copies_share_no_tensor(batch):
    whole = batch()
    copy = cloned(whole)
    assert type(copy) is type(whole)
    assert len(tensors(copy)) == len(tensors(whole)) > 0
    for one, other in zip(tensors(copy), tensors(whole), strict=True):
        assert torch.equal(one, other)
        assert one.data_ptr() != other.data_ptr()
    assert size(whole) == 3


def test_what_is_no_batch_stays_itself():
    thing = object()
    assert cloned(thing) is thing
    assert size("text") == 0


def test_the_users_batch_is_not_changed():
    whole = {"x": [x()]}
    mapped(whole, lambda t: t + 1)
    assert whole["x"][0][0, 0] == 0


def test_leaves_that_want_gradients_still_do():
    assert cloned(x().requires_grad_()).requires_grad
    assert not cloned(x().requires_grad_() * 2).requires_grad
