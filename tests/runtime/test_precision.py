"""In which 16-bit format gradients flow, and whether the loss is scaled for it."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from osler.model import Place, Site
from osler.runtime.precision import precision

SITE: Site = (Place("/me/train.py", 9, "main"),)
LAYER = nn.Linear(4, 3)
X = torch.randn(5, 4)
LEARNED = torch.tensor(8.0, requires_grad=True)


def under(kind: torch.dtype) -> Tensor:
    with torch.autocast("cpu", dtype=kind):
        return LAYER(X).float().square().mean()


@pytest.mark.parametrize(
    ("kind", "half", "brain"), [(torch.float16, True, False), (torch.bfloat16, False, True)]
)
def test_tells_the_formats_apart(kind: torch.dtype, half: bool, brain: bool) -> None:
    fact = precision(under(kind), SITE, 3)
    assert fact is not None
    assert (fact.float16 > 0, fact.bfloat16 > 0, fact.scaled, fact.step) == (half, brain, False, 3)


def test_full_precision_is_no_news() -> None:
    assert precision(LAYER(X).mean(), SITE, 0) is None
    assert precision(X.mean(), SITE, 0) is None


@pytest.mark.parametrize(
    ("change", "scaled"),
    [
        (lambda loss: loss * 1024, True),
        (lambda loss: 1024 * loss / 4, True),
        (lambda loss: loss * LEARNED, True),
        (lambda loss: loss / 4, False),
        (lambda loss: loss * 0.5, False),
        (lambda loss: loss + loss, False),
    ],
)
def test_knows_a_scaled_loss(change: Callable[[Tensor], Tensor], scaled: bool) -> None:
    fact = precision(change(under(torch.float16)), SITE, 0)
    assert fact is not None
    assert fact.scaled is scaled
