"""What the other pages are told: order of panels, rows of the tree, classes, experiments, inert texts."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from osler.model import (
    Answer,
    Diagnosis,
    Evidence,
    Finding,
    LayerFact,
    NetworkFact,
    Place,
    Setup,
    Severity,
)
from osler.model.setup import Curve
from osler.report.page.content import content
from osler.report.page.curves import Curves
from osler.report.page.data import classes
from osler.report.page.preflight import Trace, preflight, traces
from osler.report.page.texts import LONGEST, inert, spot
from osler.report.page.verdict import chart


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("\x1b[31mred", "\\x1b[31mred"),
        ("a\u202eb", "a\\u202eb"),
        ("two\nlines", "two lines"),
        ("x" * LONGEST, "x" * LONGEST),
        ("x" * 10_000, "x" * LONGEST + "…"),
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
        (1.5, 1.5),
        (None, None),
        (True, True),
        ({"\x07": ("a", [1])}, {"\\x07": ["a", [1]]}),
    ],
)
def test_texts_are_inert(given: object, kept: object) -> None:
    assert inert(given) == kept


@pytest.mark.parametrize(
    ("place", "text"),
    [
        (Place("/w/a.py", 3), "a.py:3"),
        (Place("/elsewhere/a.py", 3), "/elsewhere/a.py:3"),
        (Place("/w/a.py"), ""),
        (Place(subject="x"), ""),
        (Place("/w/n.ipynb", 3, cell="2"), "cell 2, line 3"),
    ],
)
def test_a_spot_is_a_file_and_a_line(place: Place, text: str, tmp_path: Any) -> None:
    assert spot(place, type(tmp_path)("/w")) == text


def test_panels_come_in_the_order_in_which_they_are_looked_at(shown: Any) -> None:
    titles = [panel["title"] for panel in shown.page["timeline"]["panels"]]
    assert titles[:3] == ["Loss", "Accuracy of the batch", "Learning rate"]
    assert titles.index("Gradient norm") < titles.index("Time per step")


def test_every_series_is_in_a_panel_or_in_the_search(shown: Any) -> None:
    timeline = shown.page["timeline"]
    placed = [n for panel in timeline["panels"] for n in panel["series"]]
    assert sorted([*placed, *timeline["more"]]) == list(range(len(shown.page["series"])))


def test_pins_stand_at_the_steps_of_the_findings(shown: Any) -> None:
    findings = shown.page["verdict"]["report"]["findings"]
    for pin in shown.page["timeline"]["pins"]:
        assert findings[pin["finding"]]["place"]["step"] == pin["step"]


def test_the_tree_is_that_of_the_modules(shown: Any) -> None:
    rows = shown.page["layers"]["rows"]
    assert [(r["depth"], r["label"]) for r in rows[:4]] == [
        (0, "Net"),
        (1, "stem"),
        (2, "weight"),
        (2, "bias"),
    ]
    assert len(rows) == 1 + 3 * 3 + 1 + 4 * (1 + 2 * 3)
    assert [m["name"] for m in shown.page["layers"]["measures"]] == [
        "gradient_norm",
        "update_ratio",
        "parameter_norm",
    ]


def test_the_verdict_shows_the_line_and_its_source(shown: Any) -> None:
    verdict = shown.page["verdict"]
    place = verdict["places"][0]
    guilty = [line["number"] for e in verdict["excerpts"][0] for line in e["lines"] if line["guilty"]]
    assert place == shown.line("# the cut")
    assert guilty == [int(place.partition(":")[2])]


def test_without_a_record_there_is_the_verdict_alone(shown: Any) -> None:
    unrecorded = replace(shown.diagnosis, subject=replace(shown.diagnosis.subject, run=""))
    assert set(content(unrecorded, shown.frame)) == {
        "schema",
        "version",
        "run",
        "verdict",
        "series",
    }


def test_a_record_that_is_gone_leaves_the_verdict(shown: Any) -> None:
    gone = replace(shown.diagnosis, subject=replace(shown.diagnosis.subject, run="/nowhere"))
    assert "timeline" not in content(gone, shown.frame)


def test_a_record_is_found_by_the_diagnosis(shown: Any) -> None:
    assert content(shown.diagnosis, shown.frame) == shown.page


def test_no_class_was_seen() -> None:
    assert classes(Curves()) == []


def test_a_finding_without_a_step_has_no_chart(shown: Any) -> None:
    found = Finding("x", Place(), "", "", "", "", Severity.ERROR, evidence=(Evidence("loss", 1.0, ""),))
    assert chart(found, Curves()) is None


HERE = Path("/w")
OVERFIT = Answer(
    "overfit-one-batch",
    "can it?",
    "yes",
    {"best": 0.01},
    1.5,
    curves=(Curve("learning rate × 1", (2.0, 0.123456789)), Curve("learning rate × 3", ())),
)


def test_an_experiment_and_its_curves() -> None:
    assert preflight(Setup((), (OVERFIT,)), HERE) == {
        "experiments": [
            {
                "name": "overfit-one-batch",
                "question": "can it?",
                "answer": "yes",
                "seconds": 1.5,
                "values": {"best": 0.01},
                "skipped": None,
                "traces": [
                    {"name": "learning rate × 1", "measure": "loss", "x": (1, 2), "y": (2.0, 0.1234568)}
                ],
            }
        ],
        "networks": [],
    }


def test_the_layers_of_a_network() -> None:
    layer = LayerFact("head", "Linear", (Place("/w/net.py", 8),), ((16, 4),), 68, 64, 64, 2, 0.123456789)
    fact = NetworkFact("Net", 100, 96, 0.0125, (layer, replace(layer, name="", site=())), ())
    told = preflight(Setup((fact,), (OVERFIT,)), HERE)
    assert told is not None
    (network,) = told["networks"]  # type: ignore[misc]
    shown, itself = network.pop("layers")
    assert network == {"model": "Net", "elements": 100, "trainable": 96, "seconds": 0.0125, "left_out": 0}
    assert shown == {
        "name": "head",
        "kind": "Linear",
        "place": "net.py:8",
        "outputs": ((16, 4),),
        "elements": 68,
        "trainable": 64,
        "shared": 64,
        "calls": 2,
        "share": 0.1234568,
    }
    assert (itself["name"], itself["place"]) == ("", "")


def test_of_a_huge_network_the_first_layers_are_kept() -> None:
    layer = LayerFact("a", "Linear", (), (), 1, 1, 0, 1, 0.0)
    told = preflight(Setup((NetworkFact("Net", 1, 1, 1.0, (layer,) * 1_200, ()),), (OVERFIT,)), HERE)
    assert told is not None
    (network,) = told["networks"]  # type: ignore[misc]
    assert (len(network["layers"]), network["left_out"]) == (1_000, 200)


def test_a_question_that_was_not_asked() -> None:
    refused = preflight(Setup((), (Answer("x", "is it?", skipped="the budget is spent"),)), HERE)
    assert refused is not None
    (told,) = refused["experiments"]  # type: ignore[misc]
    assert (told["skipped"], told["answer"], told["traces"]) == ("the budget is spent", "", [])


def test_a_run_without_experiments_has_no_page_of_them(shown: Any) -> None:
    assert preflight(Setup(), HERE) is None
    assert "preflight" not in shown.page


def test_experiments_are_shown_without_a_record(shown: Any) -> None:
    asked = replace(
        shown.diagnosis, subject=replace(shown.diagnosis.subject, run=""), setup=Setup((), (OVERFIT,))
    )
    assert [e["name"] for e in content(asked, shown.frame)["preflight"]["experiments"]] == [
        "overfit-one-batch"
    ]


def test_a_loss_that_leaves_the_numbers_is_told_in_words() -> None:
    odd = Answer("x", "is it?", curves=(Curve("a", (1.0, float("nan"), float("inf"), -0.0)),))
    (trace,) = traces(odd)
    assert inert(trace.y) == [1.0, "nan", "inf", -0.0]
    assert isinstance(trace, Trace)


def test_an_empty_diagnosis_has_a_page(shown: Any) -> None:
    assert content(Diagnosis(), shown.frame)["verdict"]
