"""Equal blocks fold; a cut is to blame only if something stays without gradient because of it."""

from dataclasses import replace
from pathlib import Path

import pytest

from osler.model import CutFact, Diagnosis, Finding, Group, ParameterFact, Place, Run, Severity
from osler.model.architecture import ModuleFact
from osler.report.page.graph import folded, folded_name, graph

ROOT = Path("/work")


def modules(*names: str, kind: str = "Linear") -> dict[str, ModuleFact]:
    return {name: ModuleFact(name, "N", kind, 6) for name in names}


def blocks(amount: int) -> dict[str, ModuleFact]:
    return modules(*(f"N.layers.{n}{part}" for n in range(amount) for part in ("", ".a", ".b")))


@pytest.mark.parametrize(("amount", "alike"), [(1, 0), (2, 0), (3, 3), (12, 12)])
def test_blocks_fold_from_three_on(amount: int, alike: int) -> None:
    assert len(folded(blocks(amount))) == alike


def test_a_block_that_differs_stands_alone() -> None:
    known = blocks(4)
    known["N.layers.2.b"] = replace(known["N.layers.2.b"], elements=7)
    assert {first for first, _ in folded(known).values()} == {"N.layers.0"}
    assert "N.layers.2" not in folded(known)


def test_layers_in_a_row_are_no_blocks() -> None:
    assert folded(modules("N", "N.body", "N.body.0", "N.body.1", "N.body.2")) == {}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("N.layers.7.a", ("N.layers.0.a", 12)),
        ("N.layers.7", ("N.layers.0", 12)),
        ("N.layers", ("N.layers", 1)),
        ("N.layers.70.a", ("N.layers.70.a", 1)),
    ],
)
def test_a_folded_name_is_that_of_the_first(name: str, expected: tuple[str, int]) -> None:
    assert folded_name(name, folded(blocks(12))) == expected


def place(line: int) -> Place:
    return Place("/work/train.py", line)


CUT = CutFact("detach", (place(3),), ("N.a.weight",), (place(9),))
SECOND = replace(CUT, site=(place(5),))
LOST = ParameterFact("a.weight", "N", 6, reached=False)


def finding(line: int, severity: Severity) -> Diagnosis:
    found = Finding("graph-broken", place(line), "", "", "", "", severity)
    return Diagnosis(groups=(Group(found),))


@pytest.mark.parametrize(
    ("cuts", "parameter", "diagnosis", "wrong"),
    [
        ([CUT], LOST, Diagnosis(), [True]),
        ([CUT], replace(LOST, reached=True), Diagnosis(), [False]),
        ([CUT], replace(LOST, trainable=False), Diagnosis(), [False]),
        ([CUT, SECOND], LOST, Diagnosis(), [True, True]),
        ([CUT, SECOND], LOST, finding(5, Severity.ERROR), [False, True]),
        ([CUT, SECOND], LOST, finding(5, Severity.HINT), [True, True]),
        ([CUT, SECOND], LOST, finding(7, Severity.ERROR), [True, True]),
    ],
)
def test_which_cut_is_to_blame(
    cuts: list[CutFact], parameter: ParameterFact, diagnosis: Diagnosis, wrong: list[bool]
) -> None:
    run = Run(cuts=cuts, parameters={"N.a.weight": parameter})
    shown = graph(run, diagnosis, ROOT)["cuts"]
    assert isinstance(shown, list)
    assert [c["wrong"] for c in shown] == wrong
    assert [c["place"] for c in shown] == [f"train.py:{c.site[0].line}" for c in cuts]


def test_modules_without_a_graph_are_joined_by_the_order_of_their_calls() -> None:
    known = {
        f"N.{n}": ModuleFact(n, "N", "Linear", 6, order=order) for n, order in [("b", 1), ("a", 0), ("c", -1)]
    }
    parameters = {f"N.{n}.weight": ParameterFact(f"{n}.weight", "N", 6) for n in "abc"}
    shown = graph(Run(modules=known, parameters=parameters), Diagnosis(), ROOT)["modules"]
    assert isinstance(shown, dict)
    names = [n["name"] for n in shown["nodes"]]
    assert [(names[a], names[b]) for a, b in shown["calls"]] == [("N.a", "N.b")]
    assert shown["edges"] == []
