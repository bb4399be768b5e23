"""What tells a gradient that somebody touched from one that nobody did."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from osler.runtime.marks import mark, replaced


@pytest.mark.parametrize(
    ("shape", "changes"),
    [
        (lambda g: g, False),
        (lambda g: g + 0, True),
        (lambda g: g.clone(), True),
        (lambda g: g.add_(1), True),
        (lambda g: g.mul_(1), True),
        (lambda g: None, True),
    ],
    ids=["the same", "a sum", "a copy", "in place", "in place without effect", "none"],
)
def test_a_gradient_is_known_by_its_identity_and_version(
    shape: Callable[[Tensor], Tensor | None], changes: bool
) -> None:
    gradient = torch.ones(3)
    before, after = mark(gradient), mark(shape(gradient))
    assert (before != after) is changes


def test_no_gradient_has_no_mark() -> None:
    assert mark(None) is None


def test_all_are_replaced_if_none_is_the_same_object() -> None:
    gradients = torch.ones(3), torch.ones(3)
    one, other = map(mark, gradients)
    changed = mark(gradients[1].add_(1))
    assert not replaced([other], [other])
    assert not replaced([other], [changed]), "the same object in another version"
    assert replaced([one, None, one], [other, one, None])
    assert not replaced([one, other], [other, changed])
