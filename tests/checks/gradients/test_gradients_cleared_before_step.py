import pytest

from osler.checks.gradients.gradients_cleared_before_step import check
from osler.model import Event, Kind, OptimizerFact, ParameterFact, Run
from osler.testing import assert_silent, event, findings, place, run_of

BATCH = event(Kind.BATCH, "DataLoader", 10)
FORWARD = event(Kind.FORWARD, "Net", 11, "grad", "train")
LOSS = event(Kind.LOSS, "cross_entropy", 12, "grad")
BACKWARD = event(Kind.BACKWARD, "", 13)
CLEAR = event(Kind.CLEAR, "SGD", 14)
MODEL_CLEAR = event(Kind.CLEAR, "Net", 14)
DISCARDS = event(Kind.CLEAR, "SGD", 14, "discards")
FRESH = event(Kind.STEP, "SGD", 15, "fresh")
EMPTY = event(Kind.STEP, "SGD", 15, "empty")
NEVER = event(Kind.STEP, "SGD", 15, "empty", "first-ever")
IN_CLOSURE = event(Kind.STEP, "SGD", 15, "fresh", "closure")
SCALED = event(Kind.SCALER_STEP, "SGD", 15)
INSPECT = event(Kind.BACKWARD, "", 16, "gradient-only")
G_CLEAR, G_BACKWARD = event(Kind.CLEAR, "Adam", 21), event(Kind.BACKWARD, "", 22)
G_STEP, G_EMPTY = event(Kind.STEP, "Adam", 23, "fresh"), event(Kind.STEP, "Adam", 23, "empty")
COMPUTE = [FORWARD, LOSS, BACKWARD]

OPTIMIZERS = [OptimizerFact("SGD", (place(5),), 4, 100), OptimizerFact("Adam", (place(6),), 4, 100)]
PARAMETERS = [
    ParameterFact("weight", "Net", 10, optimizers=("SGD",)),
    ParameterFact("weight", "Generator", 10, optimizers=("Adam",)),
]


def seen(turns: list[list[Event]], **facts: object) -> Run:
    return run_of(turns, optimizers=OPTIMIZERS, parameters=PARAMETERS, **facts)


SILENT = {
    "cleared before the forward": [[BATCH, CLEAR, *COMPUTE, FRESH]] * 9,
    "cleared after the step": [[BATCH, *COMPUTE, FRESH, CLEAR]] * 9,
    "cleared after the step, no loader": [[*COMPUTE, FRESH], [CLEAR, *COMPUTE, FRESH]] * 9,
    "only twice": [[BATCH, *COMPUTE, CLEAR, EMPTY]] * 2,
    "the step came too early": [[BATCH, CLEAR, FORWARD, LOSS, EMPTY, BACKWARD]] * 9,
    "the step came too early, cleared after it": [[BATCH, FORWARD, CLEAR, LOSS, EMPTY, BACKWARD]] * 9,
    "the step came too early, no loader": [[BACKWARD, CLEAR, FORWARD, LOSS, EMPTY]] * 9,
    "no backward ever reached it": [[BATCH, *COMPUTE, CLEAR, NEVER]] * 9,
    "the other optimizer was cleared": [[BATCH, *COMPUTE, G_CLEAR, EMPTY]] * 9,
    "only autograd.grad before": [[BATCH, FORWARD, INSPECT, CLEAR, EMPTY]] * 9,
    "usual GAN": [[BATCH, DISCARDS, *COMPUTE, FRESH, G_CLEAR, FORWARD, G_BACKWARD, G_STEP]] * 9,
    "usual GAN without a loader": [[DISCARDS, *COMPUTE, FRESH], [G_CLEAR, FORWARD, G_BACKWARD, G_STEP]] * 9,
    "GAN that steps both at the end": [[BATCH, G_BACKWARD, FORWARD, DISCARDS, *COMPUTE, FRESH, G_STEP]] * 9,
    "GAN whose generator never steps, which is another problem": [
        [BATCH, DISCARDS, *COMPUTE, FRESH, G_CLEAR, FORWARD, G_BACKWARD]
    ]
    * 9,
    "a closure that clears first": [[BATCH, CLEAR, *COMPUTE, IN_CLOSURE]] * 9,
    "five critic steps": [
        *[[BATCH, CLEAR, *COMPUTE, FRESH]] * 4,
        [BATCH, DISCARDS, *COMPUTE, FRESH, G_CLEAR, G_BACKWARD, G_STEP],
    ]
    * 9,
    "right accumulation": [[BATCH, *COMPUTE], [BATCH, *COMPUTE], [BATCH, *COMPUTE, FRESH, CLEAR]] * 9,
    "gradient inspection between epochs": [
        *[[BATCH, DISCARDS, *COMPUTE]] * 30,
        *[[BATCH, CLEAR, *COMPUTE, FRESH]] * 30,
        [BATCH, DISCARDS, *COMPUTE, FRESH],
    ]
    * 3,
    "inspection without any step": [[BATCH, DISCARDS, *COMPUTE]] * 30,
    "batches with a bad loss are passed over": [[BATCH, *COMPUTE], [BATCH, DISCARDS, *COMPUTE, FRESH]] * 2
    + [[BATCH, CLEAR, *COMPUTE, FRESH]] * 30,
    "the scaler skips every other step": [
        [BATCH, CLEAR, *COMPUTE, SCALED],
        [BATCH, DISCARDS, *COMPUTE, SCALED, FRESH],
    ]
    * 9,
}


@pytest.mark.parametrize("turns", SILENT.values(), ids=SILENT.keys())
def test_stays_quiet(turns: list[list[Event]]) -> None:
    assert_silent(seen(turns), [check])


@pytest.mark.parametrize("name", [name for name in SILENT if "usual GAN" in name or "critic" in name])
def test_stays_quiet_about_games_before_parameters_were_looked_at(name: str) -> None:
    assert_silent(run_of(SILENT[name]), [check])


FOUND = {
    "with a loader": [[BATCH, *COMPUTE, CLEAR, EMPTY]] * 3,
    "without a loader": [[*COMPUTE, CLEAR, EMPTY]] * 3,
    "through the model": [[BATCH, *COMPUTE, MODEL_CLEAR, EMPTY]] * 3,
    "inside a closure": [[BATCH, *COMPUTE, CLEAR, IN_CLOSURE]] * 3,
    "across the border of the turn": [[BATCH, CLEAR, EMPTY, *COMPUTE]] * 3,
    "cleared at the end of the turn before": [[BATCH, EMPTY, *COMPUTE, CLEAR]] * 3,
    "at the end of an accumulation window": [[BATCH, *COMPUTE], [BATCH, *COMPUTE, CLEAR, EMPTY]] * 3,
    "over several patterns": [[BATCH, *COMPUTE, CLEAR, EMPTY], [BATCH, *COMPUTE, CLEAR, EMPTY, INSPECT]] * 2,
    "the generator of a GAN": [[BATCH, CLEAR, *COMPUTE, FRESH, FORWARD, G_BACKWARD, G_CLEAR, G_EMPTY]] * 3,
    "every micro-batch clears": [[BATCH, CLEAR, *COMPUTE], [BATCH, DISCARDS, *COMPUTE, FRESH]] * 3,
    "every micro-batch clears, no loader": [[CLEAR, *COMPUTE, DISCARDS, *COMPUTE, FRESH]] * 3,
    "every micro-batch clears, with a scaler that skipped once": [
        [BATCH, CLEAR, *COMPUTE, SCALED],
        *[[BATCH, DISCARDS, *COMPUTE], [BATCH, DISCARDS, *COMPUTE, SCALED, FRESH]] * 6,
    ],
}


@pytest.mark.parametrize("turns", FOUND.values(), ids=FOUND.keys())
def test_finds(turns: list[list[Event]]) -> None:
    for run in (seen(turns), run_of(turns)):
        (found,) = findings(run, [check])
        assert found.place.line in (14, 21)


def test_says_what_was_seen() -> None:
    (found,) = findings(seen([[BATCH, *COMPUTE, CLEAR, EMPTY]] * 4), [check])
    assert found.message == (
        "`zero_grad()` cleared the gradients between `backward()` and `step()`: "
        "`SGD` stepped 4 times without any gradient."
    )
    assert (found.place.line, found.place.step, found.place.subject) == (14, 1, "SGD")
    assert [(r.place.line, r.label) for r in found.related] == [
        (13, "gradients are computed here"),
        (15, "the step finds none here"),
    ]


NOTHING = event(Kind.STEP, "by hand", 0, "empty")
MOVED = event(Kind.STEP, "by hand", 0, "fresh")


def test_updates_by_hand_that_change_nothing() -> None:
    (found,) = findings(run_of([[BATCH, *COMPUTE, NOTHING]] * 3), [check])
    assert found.message == (
        "The parameters were updated by hand 3 times, but no value changed: "
        "by then the gradients computed here were zero again."
    )
    assert (found.place.line, found.place.step) == (13, 1)
    assert [(e.measure, e.value) for e in found.evidence] == [("updates by nothing", 3)]
    assert found.fix == (
        "Clear the gradients after the update that uses them, not between `backward()` and the update."
    )


@pytest.mark.parametrize(
    "turns",
    [
        [[BATCH, *COMPUTE, NOTHING]] * 2,
        [[BATCH, *COMPUTE, MOVED]] * 9,
        [*[[BATCH, *COMPUTE, NOTHING]] * 2, *[[BATCH, *COMPUTE, MOVED]] * 9],
    ],
    ids=["only twice", "values change", "values change later"],
)
def test_stays_quiet_about_updates_by_hand(turns: list[list[Event]]) -> None:
    assert_silent(run_of(turns), [check])


def test_says_how_many_batches_a_window_lost() -> None:
    window = [
        [BATCH, CLEAR, *COMPUTE],
        *[[BATCH, DISCARDS, *COMPUTE]] * 2,
        [BATCH, DISCARDS, *COMPUTE, FRESH],
    ]
    (found,) = findings(seen(window * 3), [check])
    assert found.message == (
        "`SGD` stepped 3 times for 12 backward calls, but `zero_grad()` threw away the gradients "
        "of at least 9: only the last batch before each step counts."
    )
    assert found.place.line == 14
