"""What a loss call was given."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from osler.runtime.loss_calls import labels_outside, maker

LAYER = nn.Linear(4, 3)
X = torch.randn(6, 4)


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: LAYER(X), "addmm"),
        (lambda: LAYER(X).sigmoid()[:, 0], "sigmoid"),
        (lambda: LAYER(X).softmax(1).float().view(-1).half(), "softmax"),
        (lambda: F.relu(LAYER(X)).unsqueeze(0).transpose(1, 2), "relu"),
        (lambda: X, ""),
    ],
)
def test_what_made_the_values(make, name: str) -> None:
    assert maker(make()) == name


@pytest.mark.parametrize(
    ("target", "ignored", "outside"),
    [
        ([0, 1, 2], -100, 0),
        ([0, 1, 3], -100, 1),
        ([-1, 1, 3], -1, 1),
        ([-1, -1, 0], -1, 0),
        ([-100, 0, 0], -100, 0),
        ([-1, 5, 9], None, 3),
    ],
)
def test_which_labels_are_outside(target: list[int], ignored: int | None, outside: int) -> None:
    given = {"input": torch.randn(3, 3), "target": torch.tensor(target), "ignore_index": ignored}
    fact = labels_outside("cross_entropy", (), given, 0)
    assert (fact.outside if fact else 0) == outside


def test_the_first_label_outside_is_named() -> None:
    given = {"input": torch.randn(2, 3, 2), "target": torch.tensor([[0, 1], [2, 7]])}
    fact = labels_outside("cross_entropy", (), given, 5)
    assert fact is not None
    assert (fact.position, fact.value, fact.size, fact.step) == ((1, 1), 7, 3, 5)
