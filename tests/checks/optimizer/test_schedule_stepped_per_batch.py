import pytest

from osler.checks.optimizer.schedule_stepped_per_batch import check
from osler.model import Column, Event, Kind, OptimizerFact, Run, ScheduleFact, UpdateFact
from osler.testing import assert_silent, event, findings, place, read, run_of

BATCH = event(Kind.BATCH, "DataLoader", 10)
BACKWARD = event(Kind.BACKWARD, "", 13)
STEP = event(Kind.STEP, "SGD", 14, "fresh")
SCHEDULE = event(Kind.SCHEDULE, "ExponentialLR", 15)
END = event(Kind.PASS_END, "DataLoader", 10)
TRAIN = [BATCH, BACKWARD, STEP]
BUILT = [OptimizerFact("SGD", (place(5),), 2, 9)]


def column(*values: float) -> Column:
    found = Column()
    for step, value in enumerate(values):
        found.add(step, value)
    return found


def fact(kind: str = "ExponentialLR", horizon: int = 0, last: int = 0) -> ScheduleFact:
    return ScheduleFact("ExponentialLR", (place(6),), kind, "SGD", horizon, calls=30, last=last)


def run(schedule: ScheduleFact, turn: list[Event], rates: list[float], passes: int = 3) -> Run:
    turns = [*[turn] * 10, [END]] * passes
    columns = {"learning_rate": column(*rates)}
    return run_of(turns, schedules=[schedule], optimizers=BUILT, columns=columns)


EACH = [*TRAIN, SCHEDULE]
GIVEN = [*TRAIN, event(Kind.SCHEDULE, "ExponentialLR", 15, "argument")]
FAST = [0.5**n for n in range(30)]
SLOW = [0.9**n for n in range(30)]
DROPS = [1.0, 1.0, 0.1, *[0.02] * 27]
SILENT = {
    "milestones in batches": run(fact("MultiStepLR", last=8), EACH, DROPS, passes=3),
    "milestones behind the first pass": run(fact("MultiStepLR", last=11), EACH, DROPS, passes=12),
    "milestones that are not reached yet": run(fact("MultiStepLR", last=3), EACH, DROPS, passes=2),
    "milestones of a warm-up": run(fact("MultiStepLR", last=3), EACH, [0.1, 0.1, *[1.0] * 28], passes=3),
    "milestones in epochs": run(fact("MultiStepLR", last=3), TRAIN, DROPS, passes=3),
    "a slow decay": run(fact(), EACH, SLOW),
    "once an epoch": run(fact(), TRAIN, FAST),
    "a kind that counts steps": run(fact("OneCycleLR", 30), EACH, FAST),
    "a cosine over all steps": run(fact("CosineAnnealingLR", 30), EACH, SLOW),
    "only one pass": run(fact(), EACH, FAST, passes=1),
    "it is given the epoch": run(fact(), GIVEN, FAST),
    "the rates are not known": run(fact(), EACH, []),
    "a rate that stays": run(fact(), EACH, [0.1] * 30),
    "a warm-up": run(fact("LinearLR", 30), EACH, [n / 30 for n in range(1, 31)]),
    "a cycle over many passes": run(fact("CosineAnnealingLR", 300), EACH, SLOW),
}


@pytest.mark.parametrize("healthy", SILENT.values(), ids=SILENT.keys())
def test_stays_quiet(healthy: Run) -> None:
    assert_silent(healthy, [check])


def test_says_what_was_seen() -> None:
    (found,) = findings(run(fact(), EACH, FAST), [check])
    assert found.message == (
        "`ExponentialLR` counts epochs, but stepped together with the optimizer, 30 times. "
        "It left 0.00098 of the first learning rate after one pass over the data."
    )
    assert (found.place.line, found.place.subject) == (15, "ExponentialLR")
    assert [(r.place.line, r.label) for r in found.related] == [(6, "`ExponentialLR` is built here")]


def test_milestones_that_count_passes() -> None:
    (found,) = findings(run(fact("MultiStepLR", last=3), EACH, DROPS, passes=3), [check])
    assert found.message.endswith("It passed its last milestone, 3, in the first of 3 passes over the data.")


def test_a_cosine_that_swings_within_a_pass() -> None:
    (found,) = findings(run(fact("CosineAnnealingLR", 5), EACH, SLOW), [check])
    assert found.message.endswith("It came to the end of its 5 steps 6 times.")


def test_applies_where_there_is_a_schedule() -> None:
    assert check.applies(run_of([TRAIN], updates=[UpdateFact("SGD")])) == "no schedule was built"


# --- the source


TURN = """
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
"""
LOOP = f"for epoch in range(epochs):{TURN}"
HALVED = "schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)\n"
DROPPED = "schedule = torch.optim.lr_scheduler.StepLR(optimizer, {})\n"
EVERY = f"{LOOP}        schedule.step()\n"
SEEN = "`{}` is stepped after every batch: after 32 of them less than 1% of the learning rate is left."


def told(code: str) -> list[str]:
    return [f.message for f in read(code, [check]).findings]


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (HALVED + EVERY, "ExponentialLR"),
        (HALVED.replace("0.5", "gamma=0.8") + EVERY, "ExponentialLR"),
        (DROPPED.format("1, 0.1") + EVERY, "StepLR"),
        (DROPPED.format("step_size=10, gamma=0.1") + EVERY, "StepLR"),
        (DROPPED.format("5").replace("5)", "5, gamma=0.3)") + EVERY, "StepLR"),
        (
            f"{HALVED}def train(schedule):{TURN}        schedule.step()\n"
            "for epoch in range(epochs): train(schedule)\n",
            "ExponentialLR",
        ),
        (
            f"{HALVED}def update():\n    optimizer.step()\n    schedule.step()\n"
            + LOOP.replace("optimizer.step()", "update()"),
            "ExponentialLR",
        ),
    ],
    ids=[
        "halves",
        "a gamma by name",
        "a tenth",
        "a tenth of ten",
        "a third of five",
        "in a function",
        "called",
    ],
)
def test_a_decay_of_epochs_after_every_batch(code: str, kind: str) -> None:
    assert told(code) == [SEEN.format(kind)]


QUIET = {
    "once an epoch": f"{HALVED}{LOOP}    schedule.step()\n",
    "a slow decay": HALVED.replace("0.5", "0.9999") + EVERY,
    "many batches": DROPPED.format("1000, 0.1") + EVERY,
    "a gamma that is not written": HALVED.replace("0.5", "gamma") + EVERY,
    "growth": HALVED.replace("0.5", "1.1") + EVERY,
    "at the last batch": f"{HALVED}{LOOP}        if n == len(loader) - 1: schedule.step()\n",
    "every so many steps": f"{HALVED}{LOOP}        if step % 1000 == 999: schedule.step()\n",
    "where a flag says so": f"{HALVED}{LOOP}        if per_batch: schedule.step()\n",
    "given the epoch": f"{HALVED}{LOOP}        schedule.step(epoch)\n",
    "given where it is": f"{HALVED}{LOOP}        schedule.step(epoch + n / len(loader))\n",
    "one pass": HALVED + TURN.replace("\n    ", "\n") + "    schedule.step()\n",
    "all data in one batch": "x, y = torch.ones(90, 8), torch.zeros(90)\n"
    f"loader = DataLoader(TensorDataset(x, y), batch_size=90)\n{HALVED}{EVERY}",
    "as long as the data": "data = build()\n"
    f"loader = DataLoader(data, batch_size=len(data))\n{HALVED}{EVERY}",
    "an evaluation": f"{HALVED}for epoch in range(epochs):\n    for x, y in val_loader: schedule.step()\n",
    "a kind that counts steps": "schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, 99)\n"
    + EVERY,
    "a cosine": "schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 5)\n" + EVERY,
    "a plateau": "schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.1)\n"
    + EVERY.replace("schedule.step()", "schedule.step(loss)"),
    "a part of another": f"{HALVED}both = torch.optim.lr_scheduler.SequentialLR(optimizer, [schedule], [])\n"
    + EVERY.replace("schedule.step", "both.step"),
}


@pytest.mark.parametrize("code", QUIET.values(), ids=QUIET)
def test_stays_quiet_about_the_source(code: str) -> None:
    assert told(code) == []
