import pytest

from osler.checks.optimizer.schedule_stepped_before_optimizer import check
from osler.model import Event, Kind
from osler.testing import assert_silent, event, findings, read, run_of

BATCH = event(Kind.BATCH, "DataLoader", 10)
STEP = event(Kind.STEP, "SGD", 14, "fresh")
SCALER = event(Kind.SCALER_STEP, "SGD", 14)
SCHEDULE = event(Kind.SCHEDULE, "StepLR", 15)
GIVEN = event(Kind.SCHEDULE, "StepLR", 15, "argument")
AHEAD = event(Kind.SCHEDULE, "StepLR", 7)
END = event(Kind.PASS_END, "DataLoader", 10)

CODE = """
schedule = torch.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.5)
for epoch in range(epochs):
    schedule.step()
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
"""


def test_says_what_was_seen() -> None:
    (found,) = read(CODE, [check]).findings
    assert found.message == ("the schedule steps before the optimizer, which first steps in line 40.")


def test_is_silent_without_training() -> None:
    assert not read("print(model)", [check]).findings


SILENT = {
    "after each step": [[BATCH, STEP, SCHEDULE]] * 9,
    "after each epoch": [*[[BATCH, STEP]] * 3, [END, SCHEDULE]] * 3,
    "at the start of the second epoch": [*[[BATCH, STEP]] * 3, [SCHEDULE], *[[BATCH, STEP]] * 3, [SCHEDULE]],
    "it is given the epoch": [[GIVEN], *[[BATCH, STEP]] * 3] * 3,
    "fast forward": [[AHEAD], [AHEAD], *[[BATCH, STEP, SCHEDULE]] * 9],
    "a scaler skipped the first step": [[BATCH, SCALER, SCHEDULE], *[[BATCH, SCALER, STEP, SCHEDULE]] * 9],
    "once": [[SCHEDULE], *[[BATCH, STEP]] * 9],
}


@pytest.mark.parametrize("turns", SILENT.values(), ids=SILENT.keys())
def test_stays_quiet(turns: list[list[Event]]) -> None:
    assert_silent(run_of(turns), [check])


@pytest.mark.parametrize(
    "turns",
    [
        [[BATCH, SCHEDULE, STEP]] * 9,
        [[SCHEDULE], *[[BATCH, STEP]] * 3, [END, SCHEDULE], *[[BATCH, STEP]] * 3],
    ],
    ids=["each step", "each epoch"],
)
def test_says_what_was_seen_in_a_run(turns: list[list[Event]]) -> None:
    (found,) = findings(run_of(turns), [check])
    assert found.message == (
        "`StepLR` stepped before `SGD` had stepped once: the first learning rate was never used."
    )
    assert (found.place.line, found.place.step) == (15, 0)
    assert [(r.place.line, r.label) for r in found.related] == [(14, "the optimizer steps here")]
