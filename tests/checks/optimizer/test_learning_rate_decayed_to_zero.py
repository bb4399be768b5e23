import pytest

from osler.checks.optimizer.learning_rate_decayed_to_zero import check
from osler.model import Column, Kind, OptimizerFact, Run, ScheduleFact
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


def run(*rates: float, ended: bool = True) -> Run:
    schedule = ScheduleFact("ExponentialLR", (place(6),), "LinearLR", "SGD")
    columns = {"learning_rate": column(*rates)}
    turns = [[*TRAIN, SCHEDULE]] * 40
    return run_of(turns, schedules=[schedule], optimizers=BUILT, columns=columns, ended=ended)


SILENT = {
    "never 0": run(*[0.1] * 40),
    "0 with the last step": run(*[0.1] * 39, 0.0),
    "it may come back": run(*[0.1] * 20, *[0.0] * 20, ended=False),
    "it came back": run(*[0.1] * 20, *[0.0] * 19, 0.1),
    "0 all the time": run(*[0.0] * 40),
    "a small part of a long run": run(*[0.1] * 400, *[0.0] * 20),
    "a tiny rate": run(*[0.1] * 20, *[1e-12] * 20),
    "one step": run(0.0),
    "the rate is not known": run(),
}


@pytest.mark.parametrize("healthy", SILENT.values(), ids=SILENT.keys())
def test_stays_quiet(healthy: Run) -> None:
    assert_silent(healthy, [check])


def test_says_what_was_seen() -> None:
    (found,) = findings(run(*[0.1] * 20, *[0.0] * 20), [check])
    assert found.message == "The learning rate was 0 from step 20 to the end: 20 of 40 steps changed nothing."
    assert (found.place.line, found.place.step) == (6, 20)
    assert [(r.place.line, r.label) for r in found.related] == [(15, "the schedule steps here")]


DECAY = """
schedule = torch.optim.lr_scheduler.{schedule}
for epoch in range({epochs}):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step(){batch}
    print(epoch){epoch}
"""
POLYNOMIAL = "PolynomialLR(optimizer, total_iters=30)"
EACH_EPOCH, EACH_BATCH = "\n    schedule.step()", "\n        schedule.step()"


def decay(schedule: str = POLYNOMIAL, epochs: str = "100", batch: str = "", epoch: str = "") -> str:
    return DECAY.format(schedule=schedule, epochs=epochs, batch=batch, epoch=epoch)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (
            decay(epoch=EACH_EPOCH),
            "`schedule` comes to a learning rate of 0 after 30 steps, and is stepped at least 100 times, "
            "once for each epoch.",
        ),
        (
            decay("LinearLR(optimizer, 1.0, 0, total_iters=10)", "epochs", batch=EACH_BATCH),
            "`schedule` comes to a learning rate of 0 after 10 steps, and is stepped at least 36 times, "
            "once for each batch.",
        ),
    ],
)
def test_says_what_the_source_says(code: str, message: str) -> None:
    (found,) = read(code, [check]).findings
    assert found.message == message
    assert [r.label for r in found.related] == ["the schedule is built here"]


@pytest.mark.parametrize(
    "code",
    [
        decay(epochs="33", epoch=EACH_EPOCH),
        decay(epochs="39", epoch=EACH_EPOCH),
        decay(epochs="count", epoch=EACH_EPOCH),
        decay(epochs="10, 100", epoch=EACH_EPOCH),
        decay(epoch="\n    schedule.step(epoch)"),
        decay(epoch="\n    if epoch < 30: schedule.step()"),
        decay(epoch=f"{EACH_EPOCH}\n    if patience: break"),
        decay(epoch=EACH_EPOCH, batch=EACH_BATCH),
        decay("PolynomialLR(optimizer, total_iters=count)", epoch=EACH_EPOCH),
        decay("PolynomialLR(optimizer, **options)", epoch=EACH_EPOCH),
        decay("LinearLR(optimizer, total_iters=30)", epoch=EACH_EPOCH),
        decay("LinearLR(optimizer, 1.0, 0.01, total_iters=30)", epoch=EACH_EPOCH),
        decay("CosineAnnealingLR(optimizer, T_max=30)", epoch=EACH_EPOCH),
        decay("StepLR(optimizer, 30, 0.1)", epoch=EACH_EPOCH),
        decay(epochs="30", batch="").replace("loss_fn(model(x), y).backward()", "pass"),
        decay().replace("print(epoch)", "advance(schedule)"),
    ],
)
def test_reading_is_silent(code: str) -> None:
    assert read(code, [check]).findings == ()
