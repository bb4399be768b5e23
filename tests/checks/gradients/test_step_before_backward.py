import pytest

from osler.checks.gradients.step_before_backward import check
from osler.model import CrashFact, Event, Kind
from osler.testing import assert_silent, event, findings, place, run_of

BATCH = event(Kind.BATCH, "DataLoader", 10)
CLEAR = event(Kind.CLEAR, "SGD", 11)
FORWARD = event(Kind.FORWARD, "Net", 12, "grad")
PEEK = event(Kind.FORWARD, "Net", 30, "no-grad")
LOSS = event(Kind.LOSS, "cross_entropy", 13, "grad")
BACKWARD = event(Kind.BACKWARD, "", 15)
NEVER = event(Kind.STEP, "SGD", 14, "empty", "first-ever")
AHEAD = event(Kind.STEP, "SGD", 7, "empty", "first-ever")
EMPTY = event(Kind.STEP, "SGD", 14, "empty")
FRESH = event(Kind.STEP, "SGD", 16, "fresh")
STALE = event(Kind.STEP, "SGD", 17, "stale")
CLOSURE = event(Kind.STEP, "SGD", 14, "empty", "first-ever", "closure")
OTHER = event(Kind.STEP, "Adam", 18, "empty", "first-ever")

HEALTHY = [BATCH, CLEAR, FORWARD, LOSS, BACKWARD, FRESH]
EARLY = [BATCH, CLEAR, FORWARD, LOSS, EMPTY, BACKWARD]
CRASH = CrashFact(
    "RuntimeError", "one of the variables has been modified by an inplace operation", (place(15),)
)

SILENT = {
    "the right order": [HEALTHY] * 9,
    "one step ahead of the loop": [[AHEAD], *[HEALTHY] * 9],
    "several steps to fast-forward a schedule": [*[[AHEAD]] * 9, *[HEALTHY] * 9],
    "one early step": [[BATCH, CLEAR, FORWARD, LOSS, NEVER, BACKWARD], *[HEALTHY] * 9],
    "a closure": [[BATCH, FORWARD, LOSS, CLOSURE, BACKWARD]] * 9,
    "cleared after the backward": [[BATCH, FORWARD, LOSS, BACKWARD, CLEAR, EMPTY]] * 9,
    "cleared after the backward, no loader": [[FORWARD, LOSS, BACKWARD, CLEAR, EMPTY]] * 9,
    "at the start of the next turn, cleared": [[BATCH, CLEAR, EMPTY, FORWARD, LOSS, BACKWARD]] * 9,
    "an optimizer of a part still frozen": [[BATCH, FORWARD, LOSS, BACKWARD, FRESH, OTHER]] * 9,
    "a forward without gradients ahead of the step": [[BATCH, FORWARD, LOSS, BACKWARD, PEEK, EMPTY]] * 9,
    "accumulation": [[BATCH, FORWARD, BACKWARD], [BATCH, FORWARD, BACKWARD, FRESH, CLEAR]] * 9,
    "two steps on the same gradients": [*[HEALTHY] * 9, *[[*HEALTHY, STALE]] * 2],
    "backward was never called": [[BATCH, FORWARD, LOSS, NEVER]] * 9,
}


@pytest.mark.parametrize("turns", SILENT.values(), ids=SILENT.keys())
def test_stays_quiet(turns: list[list[Event]]) -> None:
    assert_silent(run_of(turns), [check])


def test_says_what_was_seen() -> None:
    (found,) = findings(run_of([[BATCH, CLEAR, FORWARD, LOSS, NEVER, BACKWARD], *[EARLY] * 4]), [check])
    assert (
        found.message == "`SGD` stepped 5 times without any gradient: `backward()` only ran after the step."
    )
    assert (found.place.line, found.place.step, found.place.subject) == (14, 1, "SGD")
    assert [(r.place.line, r.label) for r in found.related] == [
        (15, "the gradients are computed here, after the step")
    ]


@pytest.mark.parametrize(
    "turns",
    [
        [EARLY] * 2,
        [
            [CLEAR, FORWARD, LOSS, NEVER],
            [BACKWARD, CLEAR, FORWARD, LOSS, EMPTY],
            [BACKWARD, CLEAR, FORWARD, LOSS, EMPTY],
        ],
        [[BATCH, FORWARD, CLEAR, EMPTY, BACKWARD]] * 2,
        [[BATCH, LOSS, EMPTY, BACKWARD]] * 2,
        [[BATCH, FORWARD, BACKWARD, FRESH, FORWARD, OTHER, BACKWARD]] * 2,
    ],
)
def test_finds_early_steps(turns: list[list[Event]]) -> None:
    assert len(findings(run_of(turns), [check])) == 1


def test_steps_again_on_the_same_gradients() -> None:
    (found,) = findings(run_of([[*HEALTHY, STALE]] * 3), [check])
    assert found.message == (
        "`SGD` stepped 3 times on gradients that the previous step had already used: "
        "no `backward()` changed them in between."
    )
    assert (found.place.line, found.fix) == (17, "Call `optimizer.step()` once per `backward()`.")


STEP_BETWEEN = {
    "no event of the failing backward": [[BATCH, FORWARD, LOSS, FRESH]],
    "the failing backward was noted": [[BATCH, FORWARD, LOSS, FRESH, BACKWARD]],
    "no loader": [[FORWARD, LOSS, FRESH], [BACKWARD]],
    "GAN": [[BATCH, FORWARD, FORWARD, BACKWARD, FRESH, event(Kind.BACKWARD, "", 25)]],
}


@pytest.mark.parametrize("turns", STEP_BETWEEN.values(), ids=STEP_BETWEEN.keys())
def test_explains_the_crash_of_a_backward_behind_a_step(turns: list[list[Event]]) -> None:
    (found,) = findings(run_of([[*HEALTHY], *turns], crash=CRASH, ended=True), [check])
    assert found.message == (
        "`SGD` stepped between a forward and its `backward()`, which then failed: "
        "the step had changed weights that `backward()` needed."
    )
    assert (found.place.line, found.related[0].place.line) == (16, 15)


@pytest.mark.parametrize(
    ("turns", "message"),
    [
        ([HEALTHY, [BATCH, FORWARD, LOSS]], CRASH.message),
        ([HEALTHY, [BATCH, FORWARD, LOSS, BACKWARD]], CRASH.message),
        ([HEALTHY, [BATCH, FORWARD, LOSS, FRESH]], "CUDA out of memory"),
        ([], CRASH.message),
    ],
)
def test_other_crashes_are_not_explained(turns: list[list[Event]], message: str) -> None:
    assert_silent(run_of(turns, crash=CrashFact("RuntimeError", message, ()), ended=True), [check])


def test_does_not_apply_without_steps_or_backwards() -> None:
    assert check.applies(run_of([[BATCH, BACKWARD]])) == "no optimizer step was seen"
    assert check.applies(run_of([[BATCH, FRESH]])) == "backward was never called"
