from dataclasses import replace

import pytest

from osler.checks.optimizer.learning_rate_overwritten_by_load import check
from osler.model import Column, Kind, OptimizerFact, RestoredRateFact, Run, ScheduleFact
from osler.testing import PRELUDE, event, examine, findings, place, run_of

STEP = event(Kind.STEP, "Adam", 15, "fresh")
FACT = RestoredRateFact("Adam", (place(8),), 0.01, 4e-9, step=10)


def run(*rates: float, fact: RestoredRateFact = FACT, kind: str = "StepLR", subject: str = "") -> Run:
    column = Column()
    for step, rate in enumerate(rates):
        column.add(step, rate)
    return run_of(
        [[STEP]] * len(rates),
        restored_rates=[fact],
        optimizers=[OptimizerFact("Adam", (place(5),), 2, 9)],
        schedules=[ScheduleFact(kind, (place(6),), kind, "Adam")] if fact.schedule or kind == PLATEAU else [],
        columns={f"learning_rate{subject}": column},
    )


PLATEAU = "ReduceLROnPlateau"
BEFORE = [0.01] * 10
STARTED = replace(FACT, schedule="StepLR")


def test_says_what_was_seen() -> None:
    (found,) = findings(run(*BEFORE, *[4e-9] * 30), [check])
    assert found.message == (
        "this brings back a learning rate of 4e-09 in place of 0.01, and `Adam` has taken all 30 steps since "
        "then with no higher one."
    )
    assert (found.place.line, found.place.step, found.place.subject) == (8, 10, "Adam")
    assert [(r.place.line, r.label) for r in found.related] == [(5, "`Adam` is built here")]
    assert found.why == (
        "The earlier training ended at this rate because it was over: the weights hardly move any more."
    )
    assert found.fix == (
        'Set the rate after loading, `for group in optimizer.param_groups: group["lr"] = lr`, load the state '
        "of the schedule as well, or load only the model for a new training."
    )


def test_names_the_schedule_that_begins_there() -> None:
    (found,) = findings(run(*BEFORE, *[4e-9] * 20, *[4e-10] * 20, fact=STARTED), [check])
    assert [(r.place.line, r.label) for r in found.related] == [
        (5, "`Adam` is built here"),
        (6, "`StepLR` is built here and goes on from the loaded rate"),
    ]


def test_reads_the_series_of_its_own_optimizer() -> None:
    assert findings(run(*BEFORE, *[4e-9] * 30, subject=":Adam"), [check])


def test_reads_long_runs() -> None:
    (found,) = findings(run(*BEFORE, *[4e-9] * 9_000), [check])
    assert "all 9000 steps" in found.message or "all 8" in found.message


QUIET = {
    "a few steps": run(*BEFORE, *[4e-9] * 12),
    "a rate that is set later": run(*BEFORE, *[4e-9] * 20, *[0.01] * 5),
    "a rate that rises": run(*BEFORE, *[4e-9 * 1.01**i for i in range(40)], fact=STARTED),
    "a hand that goes on": run(*BEFORE, *[4e-9 * 0.99**i for i in range(40)]),
    "a plateau that may have come to it": run(*BEFORE, *[4e-9] * 40, kind=PLATEAU),
    "no step at all": run(*BEFORE),
}


@pytest.mark.parametrize("healthy", QUIET.values(), ids=QUIET)
def test_stays_quiet_on(healthy: Run) -> None:
    assert findings(healthy, [check]) == ()


def test_applies_where_such_a_rate_was_loaded() -> None:
    assert check.applies(run_of()) == "no optimizer state with a far lower learning rate was loaded"
    assert check.applies(run(*BEFORE)) == ""


START = """
import io

lrs = torch.optim.lr_scheduler

def train(optimizer, schedule=None, epochs=3):
    for epoch in range(epochs):
        for x, y in loader:
            optimizer.zero_grad()
            loss_fn(model(x), y).backward()
            optimizer.step()
            if schedule is not None:
                schedule.step()

def build(lr=0.1):
    return torch.optim.Adam(model.parameters(), lr=lr)

def cosine(optimizer, steps=36):
    return lrs.CosineAnnealingLR(optimizer, steps, 1e-7)

def halves(optimizer=None):
    head = list(model.parameters())[-2:]
    body = list(model.parameters())[:-2]
    return torch.optim.Adam([{"params": head}, {"params": body, "lr": 0.01}], lr=0.1)

optimizer = build()
schedule = cosine(optimizer)
train(optimizer, schedule)
file = io.BytesIO()
torch.save([part.state_dict() for part in (model, optimizer, schedule)], file)
file.seek(0)
weights, state, counted = torch.load(file)
model.load_state_dict(weights)
"""
LOAD = "optimizer.load_state_dict(state)\n"
BAD = {
    "no schedule": "optimizer = build()\n" + LOAD + "train(optimizer)",
    "a schedule that multiplies": (
        "optimizer = build()\n" + LOAD + "train(optimizer, lrs.ExponentialLR(optimizer, 0.9))"
    ),
    "a schedule that is not restored": (
        "optimizer = build()\nschedule = cosine(optimizer, 60)\n" + LOAD + "train(optimizer, schedule)"
    ),
    "a trainer with a method": """
class Trainer:
    def __init__(self, lr):
        self.optimizer = torch.optim.Adam(model.parameters(), lr=lr)

    def resume(self, parts):
        model.load_state_dict(parts[0])
        self.optimizer.load_state_dict(parts[1])
        return self

    def fit(self):
        train(self.optimizer)

Trainer(0.05).resume([weights, state]).fit()
""",
}


@pytest.mark.parametrize("code", BAD.values(), ids=BAD)
def test_is_found(code: str) -> None:
    found = [f for f in examine(START + code).headlines if f.check == check.name]
    assert len(found) == 1
    line = f"{PRELUDE}\n\n{START}{code}".splitlines()[found[0].place.line - 1]
    assert "optimizer.load_state_dict(" in line


SILENT = {
    "the schedule is restored and ends here": (
        "optimizer = build()\nschedule = cosine(optimizer)\n" + LOAD + "schedule.load_state_dict(counted)\n"
        "train(optimizer, schedule)"
    ),
    "a restored warm restart": (
        "optimizer = build()\nschedule = lrs.CosineAnnealingWarmRestarts(optimizer, 12)\n"
        + LOAD
        + "schedule.load_state_dict({**schedule.state_dict(), 'last_epoch': 11, 'T_cur': 11})\n"
        "train(optimizer, schedule)"
    ),
    "a schedule that knows the count": (
        "optimizer = build()\n"
        + LOAD
        + "train(optimizer, lrs.LambdaLR(optimizer, lambda n: 1e-6, last_epoch=35))"
    ),
    "a new one-cycle schedule": (
        "optimizer = build()\n" + LOAD + "train(optimizer, lrs.OneCycleLR(optimizer, 0.1, total_steps=40))"
    ),
    "a warm-up from there": (
        "optimizer = build()\n"
        + LOAD
        + "train(optimizer, lrs.LambdaLR(optimizer, lambda n: min(1, n / 900)))"
    ),
    "the rate is set after loading": (
        "optimizer = build()\n" + LOAD + "for group in optimizer.param_groups: group['lr'] = 0.1\n"
        "train(optimizer)"
    ),
    "the rate is set in the state": (
        "optimizer = build()\nstate['param_groups'][0]['lr'] = 0.1\n" + LOAD + "train(optimizer)"
    ),
    "the rate is set in every epoch": (
        "optimizer = build()\n" + LOAD + "for epoch in range(3):\n"
        "    for group in optimizer.param_groups: group['lr'] = 0.1 * 0.9**epoch\n"
        "    train(optimizer, epochs=1)"
    ),
    "a hand that decays the rate": (
        "optimizer = build()\n" + LOAD + "for epoch in range(3):\n"
        "    train(optimizer, epochs=1)\n    for group in optimizer.param_groups: group['lr'] *= 0.9"
    ),
    "a tenth of the rate": (
        "optimizer = build()\nstate['param_groups'][0]['lr'] = 0.01\n" + LOAD + "train(optimizer)"
    ),
    "built with the low rate": "optimizer = build(1e-6)\n" + LOAD + "train(optimizer)",
    "an evaluation": (
        "optimizer = build()\n" + LOAD + "model.eval()\nwith torch.no_grad():\n    model(torch.ones(2, 8))"
    ),
    "a few steps": (
        "optimizer = build()\n" + LOAD + "for x, y in val_loader:\n    optimizer.zero_grad()\n"
        "    loss_fn(model(x), y).backward()\n    optimizer.step()"
    ),
    "the model alone": "optimizer = build()\ntrain(optimizer)",
    "one group of two": (
        "optimizer = halves()\nother = halves()\nother.param_groups[0]['lr'] = 1e-8\n"
        "optimizer.load_state_dict(other.state_dict())\ntrain(optimizer)"
    ),
    "the second group is raised again": (
        "optimizer = halves()\nother = halves()\nfor group in other.param_groups: group['lr'] = 1e-8\n"
        "optimizer.load_state_dict(other.state_dict())\ntrain(optimizer, epochs=1)\n"
        "optimizer.param_groups[1]['lr'] = 0.1\ntrain(optimizer, epochs=2)"
    ),
    "an optimizer without a rate": (
        "optimizer = torch.optim.Adafactor(model.parameters())\n"
        "for group in optimizer.param_groups: group['lr'] = None\nstate = optimizer.state_dict()\n" + LOAD
    ),
    "a plateau that has come to it": (
        "optimizer = build()\nplateau = lrs.ReduceLROnPlateau(optimizer)\n"
        + LOAD
        + "for epoch in range(3):\n"
        "    train(optimizer, epochs=1)\n    plateau.step(1.0 - epoch)"
    ),
    "a search for a rate that is undone": (
        "optimizer = build(1e-7)\nstate = optimizer.state_dict()\n"
        "train(optimizer, lrs.ExponentialLR(optimizer, 1.5))\n"
        "optimizer.load_state_dict({**state, 'param_groups': [{**state['param_groups'][0], 'lr': 1e-7}]})\n"
        "train(optimizer)"
    ),
}


@pytest.mark.parametrize("code", SILENT.values(), ids=SILENT)
def test_stays_quiet(code: str) -> None:
    seen = examine(START + code)
    assert check.name not in {f.check for f in seen.findings}
    assert "monitor-blind" not in {f.check for f in seen.findings}
