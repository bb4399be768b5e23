"""A check fills in what its findings leave out."""

from dataclasses import replace

import pytest

from osler.model import (
    Check,
    Confidence,
    CrashFact,
    Evidence,
    Finding,
    Kind,
    LossInputFact,
    OptimizerFact,
    Place,
    Related,
    Run,
    Severity,
    needs_loss,
    needs_model,
    needs_optimizer,
    needs_step,
)
from osler.testing import event, place, run_of


def new() -> Check:
    return Check(
        "osler.checks.loss.loss_too_high",
        severity=Severity.WARNING,
        expected="a low loss",
        why="It is high.",
        fix="Lower it.",
    )


def test_name_and_topic_come_from_the_module() -> None:
    assert (new().name, new().topic) == ("loss-too-high", "loss")


def test_a_finding_takes_what_is_left_out_from_the_check() -> None:
    found = new().finding((place(7),), "The loss is high.")
    assert found == Finding(
        check="loss-too-high",
        place=place(7),
        message="The loss is high.",
        expected="a low loss",
        why="It is high.",
        fix="Lower it.",
        severity=Severity.WARNING,
    )


def test_a_finding_may_differ_from_the_check() -> None:
    numbers = [Evidence("loss", 9.0, "1")]
    found = new().finding(
        (place(7),),
        "The loss is high.",
        step=3,
        subject="Net",
        evidence=iter(numbers),
        severity=Severity.HINT,
        confidence=Confidence.POSSIBLE,
        expected="a loss of 1",
        fix="Wait.",
    )
    assert (found.place.step, found.place.subject, found.evidence) == (3, "Net", tuple(numbers))
    assert (found.severity, found.confidence) == (Severity.HINT, Confidence.POSSIBLE)
    assert (found.expected, found.fix) == ("a loss of 1", "Wait.")


def test_a_finding_is_never_worse_than_the_check() -> None:
    assert new().finding((), "The loss is high.", severity=Severity.ERROR).severity is Severity.WARNING


def test_a_finding_without_a_line() -> None:
    assert new().finding((), "The loss is high.", step=3).place == Place(step=3)


def test_related_places_come_before_the_callers() -> None:
    site = (place(7), place(20))
    found = new().finding(site, "The loss is high.", related=[((place(9), place(30)), "computed here")])
    assert found.related == (Related(place(9), "computed here"), Related(place(20), "called here"))


def test_a_related_place_is_named_once_and_never_the_place_itself() -> None:
    related = [((place(7),), "itself"), ((place(9),), "first"), ((place(9),), "again"), ((), "nowhere")]
    found = new().finding((place(7),), "The loss is high.", related=[*related, ((Place(),), "unknown")])
    assert [(r.place.line, r.label) for r in found.related] == [(9, "first")]


def test_the_detector_is_registered() -> None:
    check = new()

    @check.in_run
    def detect(run: Run):
        yield check.finding((), f"{run.steps} steps.")

    assert check.run_detector is detect
    assert [f.message for f in detect(Run(steps=2))] == ["2 steps."]


def test_by_default_a_check_applies_to_whatever_trained() -> None:
    assert new().applies(Run()) == "no training was seen"
    assert new().applies(Run(turns=1)) == ""
    assert new().applies(Run(crash=CrashFact("ValueError", "", ()))) == ""


LOSS = LossInputFact("nll_loss", (place(12),), 64, 0, 0, 64, 4, 0.0, 1.0, 1.0, 1.0)
CALLED = event(Kind.FORWARD, "Net", 11, "grad", "train")
PLAIN = event(Kind.FORWARD, "Net", 11, "grad")
APPLIES = {
    "a step": (needs_step, Run(steps=1), Run(), "no optimizer step was seen"),
    "an optimizer": (
        needs_optimizer,
        run_of(optimizers=[OptimizerFact("SGD", (), 2, 9)]),
        Run(),
        "no optimizer was built",
    ),
    "a mode": (
        needs_model,
        run_of([[PLAIN]]),
        Run(),
        "no model was called",
    ),
    "a loss": (needs_loss("nll_loss"), run_of(losses=[LOSS]), Run(), "nll_loss was not called"),
    "that loss": (
        needs_loss("cross_entropy"),
        run_of(losses=[LOSS, replace(LOSS, function="cross_entropy")]),
        run_of(losses=[LOSS]),
        "cross_entropy was not called",
    ),
}


@pytest.mark.parametrize(("needs", "fit", "unfit", "reason"), APPLIES.values(), ids=APPLIES.keys())
def test_a_check_may_need(needs, fit: Run, unfit: Run, reason: str) -> None:
    check = new()
    assert check.applies_when(needs) is needs
    assert check.applies(fit) == ""
    assert check.applies(unfit) == reason
