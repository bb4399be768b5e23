"""JUnit XML, read back by a public reader."""

from collections import Counter
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import junitparser
import pytest
from hypothesis import given
from hypothesis import strategies as st

from osler.model import Diagnosis, Finding, Group, Place, Severity
from osler.report.frame import Frame
from osler.report.junit import render
from osler.report.source import Sources
from osler.report.wording import printable

STATES = {junitparser.Failure: "failure", junitparser.Error: "error", junitparser.Skipped: "skipped"}


def suite(diagnosis: Diagnosis, frame: Frame) -> junitparser.TestSuite:
    (found,) = junitparser.JUnitXml.fromstring(render(diagnosis, frame).encode())
    return found


def states(diagnosis: Diagnosis, frame: Frame) -> dict[str, tuple[str, str]]:
    """By the name of the check: how its test went, and why."""
    return {
        case.name: (STATES[type(case.result[0])], case.result[0].message) if case.result else ("passed", "")
        for case in suite(diagnosis, frame)
    }


def test_every_check_is_a_test(cases: dict[str, Diagnosis], frame: Frame) -> None:
    assert states(cases["crash"], frame) == {
        "broken": ("error", "it failed"),
        "evaluating-in-train-mode": ("skipped", "no evaluation was seen"),
        "last-batch-small": ("passed", ""),
        "logits-passed-to-nll-loss": ("skipped", "nll_loss was not called"),
        "loss-not-finite": ("failure", "the loss is nan since step 40, after 0.0312"),
        "parameters-without-gradient": (
            "failure",
            "`head.weight` never received a gradient in 220 backwards",
        ),
        "probabilities-passed-to-nll-loss": ("skipped", "nll_loss was not called"),
        "training-in-eval-mode": (
            "failure",
            "198 of 220 steps were taken in eval mode: `eval()` was never undone",
        ),
    }


def test_a_healthy_run_passes(cases: dict[str, Diagnosis], frame: Frame) -> None:
    assert Counter(state for state, _ in states(cases["healthy"], frame).values()) == {
        "passed": 3,
        "skipped": 3,
    }


def test_what_is_intended_does_not_fail_and_neither_do_its_symptoms(
    cases: dict[str, Diagnosis], frame: Frame
) -> None:
    found = states(cases["intended"], frame)
    assert {state for state, _ in found.values()} == {"skipped"}
    assert found["loss-not-finite"] == ("skipped", "acknowledged as intended")


def test_one_of_two_findings_is_intended(healthy: Diagnosis, eval_mode: Finding, frame: Frame) -> None:
    intended = replace(eval_mode, message="meant so", suppressed=True)
    found = states(replace(healthy, groups=(Group(intended), Group(eval_mode))), frame)
    assert found["training-in-eval-mode"][0] == "failure"


def test_several_findings_of_a_check_are_one_failure(
    healthy: Diagnosis, eval_mode: Finding, frame: Frame
) -> None:
    other = replace(eval_mode, message="another place")
    sick = replace(healthy, groups=(Group(eval_mode), Group(other)))
    (case,) = (c for c in suite(sick, frame) if c.name == "training-in-eval-mode")
    (failure,) = case.result
    assert failure.message.endswith("`eval()` was never undone (and 1 more)")
    assert "another place" in failure.text


@pytest.mark.parametrize("case", ["sick", "healthy", "crash", "intended", "hostile"])
def test_the_counts_are_those_of_the_tests(case: str, cases: dict[str, Diagnosis], frame: Frame) -> None:
    read = suite(cases[case], frame)
    told = (read.tests, read.failures, read.errors, read.skipped)
    read.update_statistics()
    assert told == (read.tests, read.failures, read.errors, read.skipped)


def test_a_check_is_found_by_its_topic(cases: dict[str, Diagnosis], frame: Frame) -> None:
    names = {c.name: c.classname for c in suite(cases["sick"], frame)}
    assert names["training-in-eval-mode"] == "osler.modules"
    assert names["last-batch-small"] == "osler"  # not in the catalogue


def test_what_could_not_be_seen_is_told(cases: dict[str, Diagnosis], frame: Frame) -> None:
    properties = {p.name: p.value for p in suite(cases["crash"], frame).properties()}
    assert properties == {
        "steps": "220",
        "exit code": "1",
        "ending": "train.py stopped with an exception after 220 steps",
        "modules seen": "4 of 4",
    }
    assert any(p.name == "not seen" for p in suite(cases["hostile"], frame).properties())


def test_compact_is_one_line_after_the_declaration(healthy: Diagnosis, frame: Frame) -> None:
    text = render(healthy, replace(frame, compact=True))
    assert text.count("\n") == 2
    assert len(ElementTree.fromstring(text)[0].findall("testcase")) == 6


@given(st.text(min_size=1))
def test_any_text_is_xml(words: str) -> None:
    found = Finding(words, Place(subject=words), words, words, words, words, Severity.ERROR)
    diagnosis = Diagnosis(
        groups=(Group(found),), not_applicable={f"{words}1": words}, failed={f"{words}2": words}
    )
    text = render(diagnosis, Frame("1", Path("/work"), Sources(), checks={}))
    root = ElementTree.fromstring(text)
    assert len(root[0].findall("testcase")) == 3
    failure = root.find(".//failure")
    assert failure is not None
    assert failure.get("message") == printable(words)
