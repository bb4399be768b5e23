import pytest

from osler.checks.gradients.gradients_not_cleared import check
from osler.model import Event, Kind, OptimizerFact, Run, Severity
from osler.testing import assert_silent, event, findings, place, run_of

BATCH = event(Kind.BATCH, "DataLoader", 10)
FORWARD = event(Kind.FORWARD, "Net", 11, "grad", "train")
BACKWARD = event(Kind.BACKWARD, "", 12)
CLEAR = event(Kind.CLEAR, "SGD", 9)
FIRST = event(Kind.STEP, "SGD", 13, "fresh", "first-ever")
FRESH = event(Kind.STEP, "SGD", 13, "fresh")
CARRIED = event(Kind.STEP, "SGD", 13, "carried")
BY_HAND = event(Kind.STEP, "by hand", 14, "carried")
IN_CLOSURE = event(Kind.STEP, "SGD", 13, "carried", "closure")
OTHER_STEP = event(Kind.STEP, "Adam", 20, "fresh")
OTHER_CLEAR = event(Kind.CLEAR, "Adam", 18)

OPTIMIZERS = [OptimizerFact("SGD", (place(5),), 4, 100)]


def turn(*events: Event) -> list[Event]:
    return [BATCH, FORWARD, BACKWARD, *events]


def seen(*turns: list[Event], **facts: object) -> Run:
    return run_of(turns, optimizers=OPTIMIZERS, **facts)


CLEARED_TURN = [BATCH, CLEAR, FORWARD, BACKWARD, FRESH]

SILENT = {
    "cleared before every backward": [CLEARED_TURN] * 9,
    "cleared after every step": [turn(FRESH, CLEAR)] * 9,
    "cleared by another name that the ledger does not know": [turn(FRESH)] * 9,
    "one missed reset": [turn(FIRST), turn(CARRIED), *[CLEARED_TURN] * 9],
    "two missed resets": [turn(FIRST), turn(CARRIED), turn(CARRIED)],
    "accumulation over four batches": [*[turn()] * 3, turn(FRESH, CLEAR)] * 5,
    "the same gradients again, which is another problem": [
        turn(FRESH),
        turn(event(Kind.STEP, "SGD", 13, "stale")),
    ],
    "two optimizers, each cleared": [[BATCH, OTHER_CLEAR, BACKWARD, OTHER_STEP, CLEAR, BACKWARD, FRESH]] * 9,
    "a closure that clears by itself": [[BATCH, CLEAR, FORWARD, BACKWARD, IN_CLOSURE]] * 9,
    "sharpness-aware steps": [turn(event(Kind.STEP, "by hand", 14, "fresh"), CLEAR, FORWARD, BACKWARD, FRESH)]
    * 9,
    "no step at all": [turn()] * 9,
}


@pytest.mark.parametrize("turns", SILENT.values(), ids=SILENT.keys())
def test_stays_quiet(turns: list[list[Event]]) -> None:
    assert_silent(seen(*turns), [check])


def test_says_what_was_seen() -> None:
    (found,) = findings(seen(turn(FIRST), *[turn(CARRIED)] * 3), [check])
    assert found.message == (
        "`SGD` stepped 3 times in a row on gradients that still contained those of earlier steps: "
        "nothing cleared them."
    )
    assert (found.place.line, found.place.step, found.place.subject) == (12, 2, "SGD")
    assert [(r.place.line, r.label) for r in found.related] == [(13, "stepped here")]
    assert [(e.value, e.expected) for e in found.evidence] == [(3, "0 of 4")]
    assert found.severity is Severity.ERROR


def test_counts_over_patterns_and_names_what_was_cleared() -> None:
    logged = event(Kind.MODE, "Net", 30, "train")
    run = seen(turn(FIRST), turn(CARRIED), turn(CARRIED), turn(CARRIED, logged), [OTHER_CLEAR])
    (found,) = findings(run, [check])
    assert found.message.startswith("`SGD` stepped 3 times on gradients")
    assert found.message.endswith("only the gradients of `Adam` were cleared.")


def test_cleared_once_per_epoch_is_told_with_the_number() -> None:
    (found,) = findings(seen([CLEAR], *[turn(CARRIED)] * 9, [CLEAR], *[turn(CARRIED)] * 9), [check])
    assert found.message.endswith("`zero_grad()` ran only 2 times.")
    assert [(r.place.line, r.label) for r in found.related] == [
        (13, "stepped here"),
        (CLEAR.place.line, "cleared here, but not for each step"),
    ]


def test_cleared_at_the_start_only() -> None:
    (found,) = findings(seen([CLEAR], *[turn(CARRIED)] * 9), [check])
    assert found.message.endswith("`zero_grad()` ran only once.")


def test_each_optimizer_is_told_once() -> None:
    both = turn(CARRIED, event(Kind.STEP, "Adam", 20, "carried"))
    assert [f.place.subject for f in findings(seen(*[both] * 5), [check])] == ["SGD", "Adam"]


def test_updates_by_hand() -> None:
    (found,) = findings(run_of([turn(BY_HAND)] * 5), [check])
    assert found.message.startswith("The parameters were updated by hand 5 times in a row on gradients")


def test_a_closure_that_never_clears() -> None:
    assert len(findings(seen(*[turn(IN_CLOSURE)] * 5), [check])) == 1


def test_a_closure_beside_the_clear_of_another_optimizer() -> None:
    """As of a GAN under a trainer that passes a closure to every step: one of the two is never cleared."""
    facts = [*OPTIMIZERS, OptimizerFact("Adam", (place(6),), 4, 100)]
    beside = [BATCH, BACKWARD, OTHER_STEP, OTHER_CLEAR, FORWARD, BACKWARD, IN_CLOSURE]
    (found,) = findings(run_of([beside] * 5, optimizers=facts), [check])
    assert found.message.endswith("only the gradients of `Adam` were cleared.")


def test_rare_misses_are_a_warning() -> None:
    (found,) = findings(seen(*[CLEARED_TURN] * 97, *[turn(CARRIED)] * 3), [check])
    assert found.severity is Severity.WARNING


def test_does_not_apply_without_steps() -> None:
    assert check.applies(seen(turn())) == "no optimizer step was seen"
