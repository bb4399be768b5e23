"""How arithmetic carries derivatives without a graph."""

import pytest

from osler.model import Const, Derivative, Graphless, Network, Place, Series, Tensor, Unknown
from osler.static.derivatives import compared, feed, passed_on

NET, OTHER = frozenset({Network("net")}), frozenset({Network("other")})
D = Derivative(Place(), NET)


def at(stage: str, networks=frozenset()) -> Tensor:
    return Tensor(networks, graphless=Graphless(frozenset({D}), stage))


ALONE, LINEAR, BENT, MIXED = map(at, ("alone", "linear", "bent", "mixed"))
DATA, OWN, FOREIGN, TWO = Tensor(), Tensor(NET), Tensor(OTHER), Const(2)

CARRIED = [
    ("add", [LINEAR, TWO], "linear"),
    ("sub", [DATA, LINEAR], "linear"),
    ("sub", [LINEAR, OWN], "mixed"),
    ("sub", [LINEAR, FOREIGN], None),
    ("sub", [LINEAR, Tensor(leaf=Network("w"))], None),
    ("sub", [LINEAR, Unknown()], None),
    ("sub", [BENT, OWN], None),
    ("sub", [BENT, TWO], "bent"),
    ("add", [MIXED, FOREIGN], "mixed"),
    ("add", [ALONE, OWN], "alone"),
    ("add", [ALONE, Unknown()], "alone"),
    ("sum", [Series([ALONE, OWN])], "alone"),
    ("sum", [LINEAR], "alone"),
    ("sum", [LINEAR, Const(1)], "linear"),
    ("mean", [MIXED], "mixed"),
    ("mult", [Unknown(), LINEAR], "linear"),
    ("mult", [TWO, ALONE], "alone"),
    ("mult", [LINEAR, OWN], None),
    ("mult", [LINEAR, LINEAR], "bent"),
    ("mult", [LINEAR, at("linear")], "bent"),
    ("mult", [ALONE, at("alone", NET)], None),
    ("div", [LINEAR, TWO], "linear"),
    ("div", [TWO, LINEAR], None),
    ("pow", [LINEAR, TWO], "bent"),
    ("pow", [ALONE, TWO], "alone"),
    ("pow", [MIXED, TWO], "mixed"),
    ("pow", [TWO, LINEAR], None),
    ("norm", [LINEAR], "alone"),
    ("norm", [LINEAR, TWO, Const(1)], "bent"),
    ("stack", [Series([LINEAR, LINEAR])], "linear"),
    ("stack", [Series([LINEAR, OWN])], None),
    ("squeeze", [LINEAR], "linear"),
    ("sin", [LINEAR], None),
    ("topk", [LINEAR, TWO], None),
]


def tensors(value) -> list[Tensor]:
    items = value.items if isinstance(value, Series) else [value]
    return [v for v in items if isinstance(v, Tensor)]


@pytest.mark.parametrize(("name", "given", "stage"), CARRIED)
def test_operations(name, given, stage) -> None:
    found = passed_on(name, given, [tensors(v) for v in given])
    assert (found and found.stage) == stage


@pytest.mark.parametrize(
    ("given", "target", "reduced", "stage"),
    [
        (LINEAR, DATA, "mean", "alone"),
        (LINEAR, Unknown(), "sum", "alone"),
        (LINEAR, DATA, "none", "bent"),
        (DATA, LINEAR, "mean", "alone"),
        (LINEAR, OWN, "mean", "mixed"),
        (MIXED, DATA, "mean", "mixed"),
        (LINEAR, FOREIGN, "mean", None),
        (OWN, LINEAR, "mean", None),
        (Unknown(), LINEAR, "mean", None),
        (BENT, OWN, "mean", None),
        (OWN, DATA, "mean", None),
    ],
)
def test_loss_functions(given, target, reduced, stage) -> None:
    found = compared(given, target, reduced)
    assert (found and found.stage) == stage


@pytest.mark.parametrize("way", [feed, lambda given: passed_on("linear", given, [given])])
def test_what_goes_into_a_network_moves_its_input(way) -> None:
    derivative = Derivative(Place(), NET)
    way([Tensor(graphless=Graphless(frozenset({derivative}), "linear"))])
    assert derivative.fed
