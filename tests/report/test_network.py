"""The table of the layers, as a person at a terminal reads it."""

from dataclasses import replace
from pathlib import Path

import pytest

from osler.model import LayerFact, NetworkFact, Place
from osler.report.network import MOST_ROWS, foremost, learned, render, shapes
from osler.report.source import Sources
from osler.report.terminal import Page

PAGE = Page(Path("/w"), Sources(), width=100)
STEM = LayerFact("stem", "Conv2d", (Place("/w/net.py", 12),), ((16, 8, 6, 6),), 80, 80, 0, 1, 0.625)
HEAD = LayerFact("head", "Linear", (Place("/w/net.py", 14),), ((16, 4), ()), 68, 64, 0, 2, 0.25)
TIED = replace(HEAD, name="tied", elements=68, trainable=0, shared=64, calls=1, share=0.0)
ITSELF = LayerFact("", "Net", (), (), 0, 0, 0, 1, 0.125)
NETWORK = NetworkFact("Net", 216, 144, 0.0123456, (ITSELF, STEM, HEAD, TIED), ())


def test_the_table() -> None:
    assert render(NETWORK, PAGE) == (
        "Net: 216 parameters, 144 trainable; a forward of the first batch takes 12.3 ms, and `time` is each "
        "layer's share of it without that of its parts\n"
        "layer     kind    line       output      numbers  trainable  time\n"
        "(itself)  Net                                  0             12 %\n"
        "stem      Conv2d  net.py:12  16×8×6×6         80        all  62 %\n"
        "head ×2   Linear  net.py:14  16×4, 1          68         64  25 %\n"
        "tied      Linear  net.py:14  16×4, 1   68 shared       none   0 %\n"
    )


def test_of_many_layers_the_dearest_are_shown_in_their_order() -> None:
    many = tuple(replace(STEM, name=str(n), share=n / 10_000) for n in range(100))
    shown = foremost(many)
    assert len(shown) == MOST_ROWS
    assert [int(layer.name) for layer in shown] == sorted(int(layer.name) for layer in shown)
    assert shown[-1].name == "99"
    text = render(replace(NETWORK, layers=many), PAGE)
    assert text.splitlines()[-1] == f"{100 - len(shown)} more layers with 7.8 % of the time"


def test_of_many_equal_layers_some_are_shown() -> None:
    assert len(foremost((STEM,) * 200)) == MOST_ROWS
    assert foremost(()) == []


@pytest.mark.parametrize(
    ("outputs", "text"), [((), ""), (((3, 4),), "3×4"), (((2,), (2, 5)), "2, 2×5"), (((),), "1")]
)
def test_shapes(outputs: tuple[tuple[int, ...], ...], text: str) -> None:
    assert shapes(outputs) == text


@pytest.mark.parametrize(("trainable", "text"), [(80, "all"), (0, "none"), (8, "8")])
def test_how_much_is_trained(trainable: int, text: str) -> None:
    assert learned(replace(STEM, trainable=trainable)) == text
    assert learned(replace(ITSELF, trainable=0)) == ""


def test_names_steer_nothing() -> None:
    trap = "\x1b[31m\u202e\n[bold]"
    text = render(replace(NETWORK, model=trap, layers=(replace(STEM, name=trap, kind=trap),)), PAGE)
    assert not set("\x1b\u202e") & set(text)
    assert "[bold]" in text
