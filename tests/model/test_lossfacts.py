"""What a loss call says about itself."""

import pytest

from osler.model import LAYERS, IndexFact, LossCallFact
from osler.testing import place

SITE = (place(12),)


@pytest.mark.parametrize("made_by", LAYERS)
def test_a_layer_is_called_a_layer(made_by: str) -> None:
    assert LossCallFact("mse_loss", SITE, made_by=made_by).origin == "a layer"


@pytest.mark.parametrize("made_by", ["sigmoid", "softmax", "relu", "mm", "bmm", "matmul", "linear_relu"])
def test_everything_else_by_its_name(made_by: str) -> None:
    """A plain matrix product is no layer: it may well mix probabilities."""
    assert LossCallFact("mse_loss", SITE, made_by=made_by).origin == f"`{made_by}`"


def test_an_index_is_believed_to_be_inside_until_it_is_seen_outside() -> None:
    fact = IndexFact("cross_entropy", SITE, size=4)
    assert (fact.outside, fact.raised, fact.ignored, fact.kind) == (0, False, None, "")
