"""From evidence to verdict."""

from dataclasses import replace

import pytest

from osler.engine.agreement import Reading
from osler.engine.diagnose import Outcome, Terms, coverage, diagnose
from osler.model import BlindFact, Cost, Finding, Kind, ModelFact, Place, Run, ScheduleFact, Severity
from osler.testing import event, run_of

BATCH = event(Kind.BATCH, "DataLoader", 10)
FORWARD = event(Kind.FORWARD, "Net", 11, "grad")
BACKWARD = event(Kind.BACKWARD, "", 13)
CARRIED = event(Kind.STEP, "SGD", 14, "carried")


def sick() -> Run:
    return run_of([[BATCH, FORWARD, BACKWARD, CARRIED]] * 20, ended=True)


def test_the_verdict_says_what_was_examined_and_how_it_ended() -> None:
    cost = Cost(0.01, 0.5, 100.0)
    diagnosis = diagnose(sick(), Terms("train.py"), Outcome(3, "exception", cost, "/runs/1"))
    subject = diagnosis.subject
    assert (subject.script, subject.steps, subject.forwards, subject.batches) == ("train.py", 20, 20, 20)
    assert (subject.exit_code, subject.ended_by, subject.run) == (3, "exception", "/runs/1")
    assert diagnosis.cost is cost
    assert [f.check for f in diagnosis.headlines] == ["gradients-not-cleared"]


def test_only_what_is_asked_for_is_evaluated() -> None:
    ignored = diagnose(sick(), Terms(ignore=("gradients-not-cleared",)))
    assert ignored.headlines == ()
    assert "gradients-not-cleared" not in ignored.checked
    assert diagnose(sick(), Terms(select=("gradients-not-cleared",))).checked == ("gradients-not-cleared",)


def test_what_is_intended_is_found_and_no_headline() -> None:
    diagnosis = diagnose(sick(), Terms(intended={"gradients-not-cleared": ("*",)}))
    assert diagnosis.headlines == ()
    assert [f.suppressed for f in diagnosis.findings] == [True]


@pytest.mark.parametrize(
    ("check", "subject", "intended"),
    [
        ("loss-not-finite", "", True),
        ("training-in-eval-mode", "backbone.layer1", True),
        ("training-in-eval-mode", "Teacher", True),
        ("training-in-eval-mode", "teacher", False),
        ("training-in-eval-mode", "head.backbone", False),
        ("training-in-eval-mode", "", False),
        ("gradients-not-cleared", "Teacher", False),
    ],
)
def test_patterns_of_subjects(check: str, subject: str, intended: bool) -> None:
    terms = Terms(intended={"training-in-eval-mode": ("Teacher", "backbone.*"), "loss-not-finite": ("*",)})
    finding = Finding(check, Place(), "", "", "", "", Severity.ERROR)
    (marked,) = terms.acknowledged([replace(finding, place=Place(subject=subject))])
    assert marked.suppressed is intended


def test_a_check_that_fails_is_named() -> None:
    diagnosis = diagnose(sick(), guarded=lambda ask, name: None)
    assert set(diagnosis.failed.values()) == {"the check itself failed; please report it"}
    assert diagnosis.checked == ()


def test_coverage_counts_a_compiled_model_as_one_and_repeats_nothing() -> None:
    run = Run(
        models={"A": ModelFact("A", 9, 9, 5), "B": ModelFact("B", 9, 9, 7, compiled=True)},
        blind=[BlindFact("B", "compiled"), BlindFact("B", "compiled")],
    )
    seen = coverage(run)
    assert (seen.models_seen, seen.modules_seen, seen.modules_total) == (2, 6, 12)
    assert seen.blind == ("B: compiled",)


def test_the_last_value_of_each_measure() -> None:
    run = sick()
    diagnosis = diagnose(run)
    assert diagnosis.measures == {}


@pytest.mark.parametrize(("cut", "severity"), [(False, Severity.HINT), (True, Severity.WARNING)])
def test_only_a_run_that_would_have_shown_it_refutes_the_source(cut: bool, severity: Severity) -> None:
    read = Finding("schedule-stepped-too-rarely", Place("/t.py", 5), "", "", "", "", Severity.WARNING)
    schedule = ScheduleFact("OneCycleLR", (Place("/t.py", 3),), "OneCycleLR", "SGD", 30, calls=30)
    whole = run_of([[BATCH, FORWARD, BACKWARD, CARRIED]] * 20, ended=True, cut=cut, schedules=[schedule])
    found = diagnose(whole, reading=Reading((read,))).findings
    assert [f.severity for f in found if f.check == read.check] == [severity]
