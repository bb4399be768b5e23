"""Activations that overwrite their input, and sums of what was overwritten."""

import pytest

from osler.model import Const
from osler.static.overwriting import is_call_in_place, is_layer_in_place
from osler.static.values import Arguments

YES, NO = Const(True), Const(False)


@pytest.mark.parametrize(
    ("kind", "options", "in_place"),
    [
        ("ReLU", {0: YES}, True),
        ("ReLU", {"inplace": YES}, True),
        ("ReLU", {}, False),
        ("ReLU", {"inplace": NO}, False),
        ("LeakyReLU", {0: YES}, False),
        ("LeakyReLU", {0: Const(0.2), 1: YES}, True),
        ("Hardtanh", {2: YES}, True),
        ("Dropout", {"inplace": YES}, False),
        ("Linear", {}, False),
    ],
)
def test_layers(kind, options, in_place) -> None:
    assert is_layer_in_place(kind, options) is in_place


@pytest.mark.parametrize(
    ("name", "arguments", "in_place"),
    [
        ("relu_", Arguments([Const(1)]), True),
        ("relu", Arguments([Const(1), YES]), True),
        ("relu", Arguments([Const(1)], {"inplace": YES}), True),
        ("leaky_relu", Arguments([Const(1), Const(0.1), YES]), True),
        ("relu", Arguments([Const(1)]), False),
        ("leaky_relu", Arguments([Const(1), YES]), False),
        ("softmax", Arguments([Const(1), YES]), False),
    ],
)
def test_functions(name, arguments, in_place) -> None:
    assert is_call_in_place(name, arguments) is in_place


@pytest.mark.parametrize(
    ("text", "sums"),
    [
        ("h = F.relu(x, inplace=True)\ns = x + h", 1),
        ("h = F.relu(x, inplace=True)\nx += h", 1),
        ("i = x\nx = x.relu_()\ns = x + i", 1),
        ("F.relu(x, inplace=True)\ns = x + 1", 0),
        ("x = F.relu(x, inplace=True)\ns = x + 1", 0),
        ("h = F.relu(x)\ns = x + h", 0),
        ("s = x + 1\nh = F.relu(x, inplace=True)", 0),
    ],
)
def test_sums_of_what_was_overwritten_before(code, text: str, sums: int) -> None:
    found = code(f"def f(x):\n    x = nn.Linear(8, 8)(x)\n    {text.replace(chr(10), chr(10) + '    ')}")
    assert len(list(found.calls_of("+ overwritten"))) == sums
