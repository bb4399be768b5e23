import pytest

from osler.checks.optimizer.plateau_schedule_reversed import check
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


def fact(mode: str, count: int = 10, lows: int = 0, highs: int = 0) -> ScheduleFact:
    return ScheduleFact(
        "ExponentialLR", (place(6),), "ReduceLROnPlateau", "SGD", 0, mode, count, count, lows, highs, 0.5, 2.0
    )


def run(schedule: ScheduleFact, *losses: float) -> Run:
    columns = {"loss": column(*(losses or (4.0, 3.0, 2.0, 1.0)))}
    turns = [[*TRAIN, SCHEDULE]] * 9
    return run_of(turns, schedules=[schedule], optimizers=BUILT, columns=columns)


SILENT = {
    "the loss falls, as expected": run(fact("min", lows=9)),
    "the accuracy rises, as expected": run(fact("max", highs=9)),
    "it overfits after it got better": run(fact("min", lows=2, highs=7)),
    "a plateau": run(fact("min", highs=2)),
    "few calls": run(fact("max", 4, lows=3)),
    "training diverges": run(fact("min", highs=9), 1.0, 2.0, 3.0, 4.0),
    "no metric": run(fact("max", 0)),
    "one better value among many": run(fact("max", 40, highs=1, lows=12)),
    "up and down": run(fact("min", 40, lows=6, highs=6)),
    "the loss stays where it is": run(fact("min", highs=9), 1.0, 1.0, 1.0, 1.0),
}


@pytest.mark.parametrize("healthy", SILENT.values(), ids=SILENT.keys())
def test_stays_quiet(healthy: Run) -> None:
    assert_silent(healthy, [check])


def test_says_what_was_seen() -> None:
    (found,) = findings(run(fact("max", lows=9)), [check])
    assert found.message == (
        '`ExponentialLR` expects its metric to rise (`mode="max"`), but over 10 calls it only fell, '
        "from 2 to 0.5, while the training loss went down."
    )
    assert (found.place.line, found.place.subject) == (6, "ExponentialLR")
    assert [(r.place.line, r.label) for r in found.related] == [(15, "the metric is given here")]


def test_an_accuracy_under_min() -> None:
    (found,) = findings(run(fact("min", highs=8)), [check])
    assert "it only rose, from 0.5 to 2" in found.message


def test_applies_where_a_metric_is_given() -> None:
    assert check.applies(run(fact("max", 0))) == "no plateau schedule was given a metric"


# --- the source


PLATEAU = "schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer{})\n"
RIGHT = """
right = 0
with torch.no_grad():
    for x, y in val_loader:
        right += (model(x).argmax(1) == y).sum().item()
"""
LOSS = """
total = 0.0
with torch.no_grad():
    for x, y in val_loader:
        loss = loss_fn(model(x), y)
        total += loss.item()
"""


def told(mode: str, code: str) -> list[str]:
    text = PLATEAU.format(f", {mode}" if mode else "") + code
    return [f.message for f in read(text, [check]).findings]


@pytest.mark.parametrize(
    ("mode", "code"),
    [
        ("", RIGHT + "schedule.step(right / 64)"),
        ("mode='min'", RIGHT + "accuracy = 100 * right / 64\nschedule.step(accuracy)"),
        ("'min'", RIGHT + "schedule.step(right)"),
    ],
)
def test_an_accuracy_that_is_to_fall(mode: str, code: str) -> None:
    assert told(mode, code) == [
        '`schedule` expects its metric to fall (`mode="min"`), but it is given an accuracy.'
    ]


@pytest.mark.parametrize(
    ("mode", "code"),
    [
        ("mode='max'", LOSS + "schedule.step(loss)"),
        ("'max'", LOSS + "schedule.step(total / len(val_loader))"),
        ("mode='max'", "for x, y in loader:\n    schedule.step(loss_fn(model(x), y).item())"),
    ],
)
def test_a_loss_that_is_to_rise(mode: str, code: str) -> None:
    assert told(mode, code) == [
        '`schedule` expects its metric to rise (`mode="max"`), but it is given a loss.'
    ]


@pytest.mark.parametrize(
    ("mode", "code"),
    [
        ("", LOSS + "schedule.step(loss)"),
        ("mode='min'", LOSS + "schedule.step(total / len(val_loader))"),
        ("mode='max'", RIGHT + "schedule.step(right / 64)"),
        ("mode='min'", RIGHT + "schedule.step(1 - right / 64)"),
        ("mode='min'", RIGHT + "accuracy = 100 * right / 64\nschedule.step(100 - accuracy)"),
        ("mode='min'", RIGHT + "schedule.step(-right)"),
        ("mode='min'", RIGHT.replace("==", "!=") + "schedule.step(right / 64)"),
        ("mode='max'", LOSS + "schedule.step(-loss)"),
        ("mode='max'", LOSS.replace("+=", "-=") + "schedule.step(total)"),
        ("mode='max'", LOSS + "schedule.step(torch.exp(-loss))"),
        ("mode='max'", LOSS + "schedule.step(1 / loss)"),
        ("mode='max'", LOSS + "schedule.step(-10 * torch.log10(loss))"),
        ("mode='max'", LOSS + "schedule.step(10 * torch.log10(1 / loss))"),
        ("mode='max'", LOSS + "schedule.step(1 - loss / y.var())"),
        ("mode=mode", LOSS + "schedule.step(loss)"),
        ("mode='max' if scored else 'min'", LOSS + "schedule.step(loss)"),
        ("**options", RIGHT + "schedule.step(right)"),
        ("mode='max'", "for x, y in val_loader: schedule.step(F.cosine_similarity(model(x), y).mean())"),
        ("", "fooled = sum((model(x).argmax(1) == 1).sum() for x, y in loader)\nschedule.step(fooled)"),
        ("mode='max'", "from mine import score\nschedule.step(score(model))"),
        ("mode='max'", "schedule.step(0.5)"),
    ],
)
def test_what_gets_better_as_the_mode_says_or_is_not_known(mode: str, code: str) -> None:
    assert told(mode, code) == []
