"""JSON Lines: a promise to programs that read a stream."""

import json

import pytest

from osler.model import Diagnosis
from osler.report import json as whole
from osler.report.frame import Frame
from osler.report.jsonl import render


def read(diagnosis: Diagnosis, frame: Frame) -> list[dict[str, object]]:
    return [json.loads(line) for line in render(diagnosis, frame).splitlines()]


@pytest.mark.parametrize("case", ["sick", "healthy", "crash", "intended", "hostile"])
def test_the_subject_first_the_coverage_last(case: str, cases: dict[str, Diagnosis], frame: Frame) -> None:
    first, *findings, last = read(cases[case], frame)
    assert first["type"] == "subject"
    assert first["schema"] == "osler.lines/1"
    assert {line["type"] for line in findings} <= {"finding"}
    assert last["type"] == "coverage"


@pytest.mark.parametrize("case", ["sick", "crash", "hostile"])
def test_says_what_the_json_report_says(case: str, cases: dict[str, Diagnosis], frame: Frame) -> None:
    report = whole.report(cases[case], frame)
    first, *findings, last = read(cases[case], frame)
    assert [{k: v for k, v in f.items() if k not in ("type", "explained_by")} for f in findings] == report[
        "findings"
    ]
    told = {**first, **last}
    same = ("tool", "subject", "coverage", "overhead", "checked", "not_applicable", "failed")
    assert {key: told[key] for key in same} == {key: report[key] for key in same}


def test_a_symptom_names_its_cause(cases: dict[str, Diagnosis], frame: Frame) -> None:
    findings = read(cases["sick"], frame)[1:-1]
    cause, symptom, *others = findings
    assert symptom["explained_by"] == cause["fingerprint"]
    assert [f["explained_by"] for f in (cause, *others)] == [None, None, None]
