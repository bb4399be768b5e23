"""The schema `osler.report/1`: a promise to programs that read it."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from osler.model import Coverage, Diagnosis, Evidence, Finding, Group, Place
from osler.report.frame import Frame
from osler.report.json import evidence, fingerprint, groups, render, report
from osler.report.source import Sources


def frame(root: Path) -> Frame:
    return Frame("1.2.3", root, Sources())


def test_a_sick_run(
    healthy: Diagnosis, groups: tuple[Group, ...], root: Path, golden: Callable[[str, str], None]
) -> None:
    text = render(replace(healthy, groups=groups), frame(root))
    golden("json/sick.json", text)


def test_one_line_for_a_stream(healthy: Diagnosis, root: Path) -> None:
    text = render(healthy, replace(frame(root), compact=True))
    assert text.count("\n") == 1
    assert json.loads(text) == report(healthy, frame(root))


def test_groups_point_at_findings(healthy: Diagnosis, eval_mode: Finding, nan_loss: Finding) -> None:
    sick = replace(
        healthy, groups=(Group(eval_mode), Group(nan_loss, (eval_mode, nan_loss)), Group(eval_mode))
    )
    assert groups(sick) == [
        {"cause": 0, "symptoms": []},
        {"cause": 1, "symptoms": [2, 3]},
        {"cause": 4, "symptoms": []},
    ]


def test_faults_of_osler_make_it_blind(healthy: Diagnosis, root: Path) -> None:
    blind = replace(
        healthy,
        coverage=Coverage(blind=("Net: compiled",)),
        cost=replace(healthy.cost, failures=("stopped watching losses",)),
    )
    content = report(blind, frame(root))
    assert content["coverage"] == {
        "modules_seen": 0,
        "modules_total": 0,
        "blind": ["Net: compiled", "stopped watching losses"],
    }


@pytest.mark.parametrize(
    ("value", "written"),
    [(float("nan"), "nan"), (float("inf"), "inf"), (float("-inf"), "-inf"), (0.5, 0.5), (3, 3)],
)
def test_numbers_that_json_lacks_are_texts(value: float, written: object) -> None:
    assert evidence(Evidence("loss", value, ""))["value"] == written


def test_names_in_any_alphabet_stay_in_ascii(healthy: Diagnosis, eval_mode: Finding, root: Path) -> None:
    odd = replace(eval_mode, message="\u202e\x9b\ud800 损失")
    text = render(replace(healthy, groups=(Group(odd),)), frame(root))
    assert text.isascii()
    assert json.loads(text)["findings"][0]["message"] == odd.message


def test_fingerprint_survives_lines_added_above(eval_mode: Finding, root: Path) -> None:
    before = fingerprint(eval_mode, frame(root))
    script = root / "train.py"
    script.write_text("# a new line\n" + script.read_text())
    moved = replace(eval_mode, place=replace(eval_mode.place, line=eval_mode.place.line + 1, step=99))
    assert fingerprint(moved, frame(root)) == before


def test_fingerprint_survives_another_folder(eval_mode: Finding, root: Path) -> None:
    before = fingerprint(eval_mode, frame(root))
    elsewhere = root / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "train.py").write_text((root / "train.py").read_text())
    moved = replace(eval_mode, place=replace(eval_mode.place, file=str(elsewhere / "train.py")))
    assert fingerprint(moved, frame(elsewhere)) == before


@pytest.mark.parametrize(
    "change", [{"check": "other"}, {"line": 2}, {"subject": "Other"}, {"file": "/gone/train.py"}]
)
def test_fingerprint_tells_findings_apart(change: dict[str, object], eval_mode: Finding, root: Path) -> None:
    check = {"check": str(change.pop("check"))} if "check" in change else {}
    other = replace(eval_mode, place=replace(eval_mode.place, **change), **check)
    assert fingerprint(other, frame(root)) != fingerprint(eval_mode, frame(root))


def test_a_finding_without_a_line_has_a_fingerprint(placeless: Finding, root: Path) -> None:
    assert len(fingerprint(placeless, frame(root))) == 16
    elsewhere = replace(placeless, place=Place(subject="head.bias"))
    assert fingerprint(elsewhere, frame(root)) != fingerprint(placeless, frame(root))
