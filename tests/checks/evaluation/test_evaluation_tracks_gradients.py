import pytest

from osler.checks.evaluation.evaluation_tracks_gradients import check
from osler.model import Event, Kind, Run, Severity
from osler.testing import event, findings, run_of

BATCH = event(Kind.BATCH, "DataLoader", 10)
PASS_END = event(Kind.PASS_END, "DataLoader", 10)
VAL_BATCH = event(Kind.BATCH, "DataLoader 2", 30)
VAL_END = event(Kind.PASS_END, "DataLoader 2", 30)
CLEAR = event(Kind.CLEAR, "SGD", 10)
BACKWARD = event(Kind.BACKWARD, "", 14)
GRADIENT_ONLY = event(Kind.BACKWARD, "", 33, "gradient-only")
STEP = event(Kind.STEP, "SGD", 15, "fresh")
FORWARD, USED = event(Kind.FORWARD, "Net", 11, "grad"), event(Kind.USED, "Net", 11, "grad")
LEARNED = [CLEAR, FORWARD, BACKWARD, USED, STEP]
TRAIN = [BATCH, *LEARNED]
EPOCH = [*[TRAIN] * 6, [PASS_END]]


def called(*traits: str, model: str = "Net", line: int = 31) -> Event:
    return event(Kind.FORWARD, model, line, *traits)


def went_back(*traits: str, line: int = 31) -> Event:
    return event(Kind.USED, "Net", line, *traits)


EVAL, PLAIN, QUIET = called("grad", "eval"), called("grad"), called("no-grad", "eval")
EVAL_USED = went_back("grad", "eval")


def after_each_epoch(*turns: list[Event], epochs: int = 3) -> Run:
    return run_of([*EPOCH, *turns, [VAL_END]] * epochs)


def between_steps(*evaluation: Event, every: int = 5) -> Run:
    """A program without a loader."""
    return run_of([*[LEARNED] * every, [*evaluation, *LEARNED]] * 4, ended=True)


HEARD = {
    "over batches": (after_each_epoch([VAL_BATCH, EVAL]), Severity.WARNING),
    "over batches, whatever the mode": (after_each_epoch([VAL_BATCH, PLAIN]), Severity.WARNING),
    "over the training batches": (after_each_epoch([BATCH, EVAL]), Severity.WARNING),
    "on the whole set after each pass": (
        run_of([*EPOCH, [PASS_END, EVAL]] * 3, ended=True),
        Severity.WARNING,
    ),
    "between batches": (run_of([*[TRAIN] * 6, [*TRAIN, EVAL]] * 3, ended=True), Severity.WARNING),
    "at the line that trains too": (
        after_each_epoch([VAL_BATCH, called("grad", "eval", line=11)]),
        Severity.WARNING,
    ),
    "without a loader": (between_steps(EVAL), Severity.WARNING),
    "without a loader, whatever the mode": (between_steps(PLAIN), Severity.WARNING),
    "without a loader, after every step": (
        run_of([LEARNED, *[[PLAIN, *LEARNED]] * 5], ended=True),
        Severity.WARNING,
    ),
    "samples after each pass": (run_of([*EPOCH, [PASS_END, PLAIN]] * 3, ended=True), Severity.HINT),
}


@pytest.mark.parametrize(("sick", "severity"), HEARD.values(), ids=HEARD.keys())
def test_speaks(sick: Run, severity: Severity) -> None:
    assert [f.severity for f in findings(sick, [check])] == [severity]


EMPTY_STEP = [BATCH, called("grad", line=40), event(Kind.STEP, "SGD", 15, "empty")]

SILENT = {
    "recording is off": after_each_epoch(*[[VAL_BATCH, QUIET]] * 4),
    "nothing upstream can be trained": after_each_epoch(*[[VAL_BATCH, called("eval")]] * 4),
    "twice only": after_each_epoch([VAL_BATCH, EVAL], epochs=2),
    "gradients of the inputs": after_each_epoch(*[[VAL_BATCH, EVAL, GRADIENT_ONLY, EVAL_USED]] * 4),
    "gradients of the inputs, backward unseen": after_each_epoch(*[[VAL_BATCH, PLAIN, GRADIENT_ONLY]] * 4),
    "an attack that is trained on": after_each_epoch(*[[VAL_BATCH, EVAL, BACKWARD, EVAL_USED]] * 4),
    "a backward batches later": after_each_epoch(
        *[[VAL_BATCH, PLAIN]] * 4, [PASS_END, BACKWARD, went_back("grad")]
    ),
    "a backward that may still come": run_of([TRAIN, *[[VAL_BATCH, PLAIN]] * 9]),
    "accumulation": run_of([*[[BATCH, FORWARD]] * 3, TRAIN] * 5, ended=True),
    "nothing was trained": run_of([[VAL_BATCH, EVAL]] * 9, ended=True),
    "backward was forgotten": run_of([EMPTY_STEP] * 9, ended=True),
    "a step that picks an action": run_of([[PLAIN, *LEARNED]] * 9, ended=True),
    "a second network in the step": run_of(
        [[BATCH, CLEAR, FORWARD, PLAIN, BACKWARD, USED, STEP]] * 9, ended=True
    ),
    "a target network between steps": between_steps(called("grad", model="Target")),
    "a target network in eval mode": run_of(
        [[BATCH, called("grad", "eval", model="Target"), *LEARNED]] * 9, ended=True
    ),
    "samples between batches": run_of([*[TRAIN] * 6, [*TRAIN, PLAIN]] * 9, ended=True),
}


@pytest.mark.parametrize("healthy", SILENT.values(), ids=SILENT.keys())
def test_stays_quiet(healthy: Run) -> None:
    assert findings(healthy, [check]) == ()


def test_says_what_was_seen() -> None:
    (found,) = findings(after_each_epoch(*[[VAL_BATCH, EVAL]] * 4), [check])
    assert found.message == (
        "`Net` was called 12 times in eval mode with gradient recording on, "
        "and no `backward()` ever went through its outputs."
    )
    assert (found.place.line, found.place.step, found.place.subject) == (31, 6, "Net")
    assert [e.value for e in found.evidence] == [12]


def test_counts_what_was_left_out_of_patterns() -> None:
    (found,) = findings(between_steps(PLAIN, PLAIN, PLAIN), [check])
    assert "called at least 12 times with" in found.message


def test_waits_for_the_end_of_a_pass() -> None:
    started = [*EPOCH, *[[VAL_BATCH, EVAL]] * 5]
    assert findings(run_of(started), [check]) == ()
    assert len(findings(run_of([*started, [VAL_END]]), [check])) == 1


def test_does_not_apply_without_forwards() -> None:
    assert check.applies(Run()) == "no forward of a model was seen"
    assert check.applies(run_of([TRAIN])) == ""
