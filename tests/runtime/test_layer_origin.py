"""The line that builds a layer, and the name under which the user knows it."""

import pytest
from torch import nn

from osler.runtime.layer_origin import Origin, origin
from osler.runtime.userlines import UserLines


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.attend = nn.MultiheadAttention(4, 2)


class Model(nn.Module):
    def __init__(self, cell: str = "LSTM") -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(4, 2, 8)
        self.body = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.blocks = nn.ModuleList([Block(), Block()])
        self.rows = nn.Sequential(nn.GRU(4, 4))
        self.cell = getattr(nn, cell)(4, 4)
        self.twice = nn.RNN(4, 4)
        self.twice = nn.RNN(4, 8)


@pytest.mark.parametrize(
    ("part", "name", "kind", "builder", "line"),
    [
        ("body.layers.1.self_attn", "body", "TransformerEncoder", "TransformerEncoderLayer", 19),
        ("blocks.1.attend", "blocks.1.attend", "MultiheadAttention", "MultiheadAttention", 13),
        ("rows.0", "rows.0", "GRU", "GRU", 22),
        ("cell", "cell", "LSTM", "LSTM", 23),
        ("twice", "twice", "RNN", "RNN", 0),  # which of two is not known
    ],
)
def test_origin(part: str, name: str, kind: str, builder: str, line: int) -> None:
    model = Model()
    found = origin(model, model.get_submodule(part), UserLines())
    assert found == Origin(name, kind, builder, found.site)
    assert [place.line for place in found.site] == ([line] if line else [])


def test_a_layer_that_is_the_model() -> None:
    layer = nn.GRU(4, 4)
    assert origin(layer, layer, UserLines()) == Origin("", "GRU", "GRU", ())
