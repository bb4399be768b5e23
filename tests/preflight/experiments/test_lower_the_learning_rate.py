"""Rates that are too high are told from high ones at which the loss falls, and from what may rise."""

import math
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from osler.preflight.experiments import lower_the_learning_rate
from osler.preflight.experiments.lower_the_learning_rate import (
    Course,
    Dial,
    has_fallen,
    is_cured,
    is_falling,
    is_told,
    settled,
    stays_up,
    turned,
)
from osler.testing import PRELUDE, try_out

LOOP = """
torch.manual_seed(1)
{before}
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss = {loss}
        loss.backward()
        optimizer.step()
        {then}
"""
CE = "loss_fn(model(x), y)"
SGD = "model = Net(); optimizer = torch.optim.SGD(model.parameters(), lr={}, momentum=0.9)"
TRANSFORMER = """
class Reader(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True)
        self.raised, self.place = nn.Linear(1, 8), nn.Parameter(torch.randn(8, 8))
        self.head = nn.Linear(8, 4)

    def forward(self, x):
        return self.head(self.layer(self.raised(x[:, :, None]) + self.place).mean(1))


model = Reader()
optimizer = torch.optim.AdamW(model.parameters(), lr={})
"""
WARM = "; schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: min(1.0, (step + 1) / 50))"


def told(code: str = LOOP, before: str = "pass", loss: str = CE, then: str = "pass"):
    filled = code.format(before=before, loss=loss, then=then)
    diagnosis = try_out(filled, "lower-the-learning-rate")
    (answer,) = diagnosis.experiments
    found = [f for f in diagnosis.findings if f.check == "learning-rate-too-high"]
    assert bool(found) == answer.answer.startswith("only at a lower one")
    return answer, found


HEALTHY = {
    "the prelude": {},
    "SGD with momentum": {"before": SGD.format(0.05)},
    "a high rate that works": {
        "before": "model = Net(); optimizer = torch.optim.SGD(model.parameters(), lr=2.0)"
    },
    "normalised, a rate of one": {"before": "optimizer = torch.optim.SGD(model.parameters(), lr=1.0)"},
    "Adadelta": {"before": "optimizer = torch.optim.Adadelta(model.parameters(), lr=1.0)"},
    "Rprop": {"before": "optimizer = torch.optim.Rprop(model.parameters(), lr=0.01)"},
    "warm-up": {"before": SGD.format(0.5) + WARM, "then": "schedule.step()"},
    "super-convergence": {
        "before": SGD.format(0.1)
        + "; schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1.0, total_steps=900)",
        "then": "schedule.step() if schedule.last_epoch < 800 else None",
    },
    "single samples": {
        "before": "loader = DataLoader(rows(192), batch_size=1); " + SGD.format(0.01),
    },
    "squared error": {
        "before": SGD.format(0.02),
        "loss": "F.mse_loss(model(x)[:, 0], y.float())",
    },
    "a fresh head on frozen layers": {
        "before": SGD.format(0.5) + "; model.body.requires_grad_(False)",
    },
    "half precision": {
        "before": SGD.format(0.1),
        "loss": "loss_fn(torch.autocast('cpu', torch.bfloat16)(model)(x).float(), y)",
    },
    "a rate in a tensor": {
        "before": "optimizer = torch.optim.Adam(model.parameters(), lr=torch.tensor(0.01))",
    },
    "a transformer": {"before": TRANSFORMER.format(0.01)},
}


@pytest.mark.parametrize("parts", HEALTHY.values(), ids=HEALTHY.keys())
def test_what_learns_is_asked_no_further(parts: dict[str, str]) -> None:
    answer, found = told(**parts)
    assert answer.answer.startswith("yes: "), answer
    assert found == []
    assert len(answer.curves) == 1


HARMLESS = {
    "nothing to learn": {
        "before": SGD.format(0.01),
        "loss": "loss_fn(model(x * 0), torch.arange(len(y)) % 4)",
    },
    "labels drawn anew": {"before": SGD.format(0.01), "loss": "loss_fn(model(x), torch.randint(4, y.shape))"},
    "labels drawn anew, too high": {
        "before": SGD.format(10.0),
        "loss": "loss_fn(model(x), torch.randint(4, y.shape))",
    },
    "a rate of nought": {"before": SGD.format(0.0)},
    "next to nothing": {"before": SGD.format(1e-9)},
    "a warm-up to a rate that is too high": {"before": SGD.format(40.0) + WARM, "then": "schedule.step()"},
}


@pytest.mark.parametrize("parts", HARMLESS.values(), ids=HARMLESS.keys())
def test_what_learns_at_no_rate_is_silent(parts: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lower_the_learning_rate, "TURNS", 50)
    answer, found = told(**parts)
    assert found == []
    assert answer.skipped or not answer.answer.startswith("yes")


GROUPS = """
groups = [{'params': model[0].parameters()}, {'params': model[4].parameters(), 'lr': 90.0}]
optimizer = torch.optim.SGD(groups, lr=30.0)
"""
FAULTY = {
    "SGD": "optimizer = torch.optim.SGD(model.parameters(), lr=50.0)",
    "SGD with momentum": SGD.format(10.0),
    "Adam": "model = Net(); optimizer = torch.optim.Adam(model.parameters(), lr=10.0)",
    "a transformer": TRANSFORMER.format(1.0),
    "groups": GROUPS,
}


@pytest.mark.parametrize("before", FAULTY.values(), ids=FAULTY.keys())
def test_a_rate_that_is_too_high(before: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lower_the_learning_rate, "TURNS", 100)
    answer, (finding,) = told(before=before)
    assert finding.seen_by == ("setup",)
    assert answer.values["lower"] < answer.values["rate"]
    assert answer.values["lowered"] < 0.9 * answer.values["before"]
    assert len(answer.curves) >= 2
    assert not answer.values["after"] < 0.98 * answer.values["before"]


BUILT = """
def build():
    return torch.optim.SGD(model.parameters(), lr=50.0, momentum=0.9)


optimizer = build()
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
"""


def test_the_line_is_that_of_the_optimizer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lower_the_learning_rate, "TURNS", 50)
    _, (finding,) = told(BUILT)
    first = PRELUDE.count("\n") + 3
    assert (finding.place.line, finding.place.function) == (
        first + BUILT[: BUILT.index("return")].count("\n"),
        "build",
    )


OPPONENTS = """
d, g = nn.Linear(8, 1), nn.Linear(8, 8)
down, up = torch.optim.SGD(d.parameters(), lr=10.0), torch.optim.SGD(g.parameters(), lr=10.0)
for epoch in range(epochs):
    for x, y in loader:
        down.zero_grad(); up.zero_grad()
        F.binary_cross_entropy_with_logits(d(g(x)), torch.ones(16, 1)).backward()
        down.step(); up.step()
"""
SECOND_ORDER = """
optimizer = torch.optim.LBFGS(model.parameters(), max_iter=1)
for epoch in range(epochs):
    for x, y in loader:
        def closure():
            optimizer.zero_grad()
            loss = loss_fn(model(x), y)
            loss.backward()
            return loss
        optimizer.step(closure)
"""
BY_HAND = """
for epoch in range(epochs):
    for x, y in loader:
        model.zero_grad()
        loss_fn(model(x), y).backward()
        with torch.no_grad():
            for p in model.parameters():
                p -= 50.0 * p.grad
"""
LEARNED = """
model = nn.Linear(8, 4)
with torch.no_grad():
    model.weight.copy_(20 * torch.eye(4, 8))
optimizer = torch.optim.SGD(model.parameters(), lr=50.0)
"""
REFUSED = {
    "opponents": (OPPONENTS, "2 optimizers take turns, and one may work against another on purpose"),
    "L-BFGS": (SECOND_ORDER, "L-BFGS looks for the length of its steps itself"),
    "by hand": (f"del optimizer\n{BY_HAND}", "no optimizer of torch holds what is trained"),
    "by hand, beside an optimizer": (BY_HAND, "no optimizer has stepped in 10 turns"),
    "maximises": (
        LOOP.format(before=SGD.format("10.0, maximize=True"), loss=CE, then=""),
        "an optimizer maximises on purpose",
    ),
    "a reward": (
        LOOP.format(
            before=SGD.format(10.0), loss="-(model(x).log_softmax(1)[:, 0] * x[:, 0]).mean()", then=""
        ),
        "what `backward()` starts from is not one loss function of torch alone",
    ),
    "a penalty": (
        LOOP.format(before=SGD.format(10.0), loss=f"{CE} + model.head.weight.square().sum()", then=""),
        "what `backward()` starts from is not one loss function of torch alone",
    ),
    "turned round": (
        LOOP.format(before=SGD.format(10.0), loss=f"-{CE}", then=""),
        "what `backward()` starts from is not one loss function of torch alone",
    ),
}


@pytest.mark.parametrize(("code", "why"), REFUSED.values(), ids=REFUSED.keys())
def test_where_the_loss_may_rise_it_is_not_asked(code: str, why: str) -> None:
    diagnosis = try_out(code, "lower-the-learning-rate")
    (answer,) = diagnosis.experiments
    assert answer.skipped == why


def test_the_script_goes_on_at_its_own_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lower_the_learning_rate, "TURNS", 50)
    code = LOOP.format(before=SGD.format(10.0), loss=CE, then="rates.append(optimizer.param_groups[0]['lr'])")
    diagnosis = try_out(f"rates = []\n{code}\nassert set(rates) == {{10.0}}", "lower-the-learning-rate")
    assert diagnosis.experiments[0].answer.startswith("only")


def test_a_schedule_is_followed_at_the_part() -> None:
    model = nn.Linear(2, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
    start = model.weight.detach().clone()
    dial = Dial(0.1)
    with turned(dial):
        for _ in range(2):
            optimizer.zero_grad()
            model(torch.ones(1, 2)).sum().backward()
            optimizer.step()
            schedule.step()
    assert torch.allclose(start - model.weight, torch.full((1, 2), 0.15))
    assert (dial.rates, dial.highest, dial.changes) == ([(1.0,), (0.5,)], 1.0, True)
    assert optimizer.param_groups[0]["lr"] == 0.25


class Wrapper(torch.optim.Optimizer):
    """Shares its groups with the optimizer that it wraps, as SAM does."""

    def __init__(self, parameters, lr):
        super().__init__(parameters, {"lr": lr})
        self.inner = torch.optim.SGD(self.param_groups)
        self.inner.param_groups = self.param_groups

    def step(self, closure=None):
        self.inner.step()


def test_a_wrapper_is_turned_once() -> None:
    weight = nn.Parameter(torch.zeros(1))
    weight.grad = torch.ones(1)
    optimizer = Wrapper([weight], 1.0)
    dial = Dial(0.1)
    with turned(dial):
        optimizer.step()
    assert weight.item() == pytest.approx(-0.1)
    assert dial.rates == [(1.0,)]
    assert optimizer.param_groups[0]["lr"] == 1.0


def test_groups_without_a_rate_are_let_be() -> None:
    dial = Dial(0.1)
    dial.before(SimpleNamespace(param_groups=[{"params": []}, {"lr": None}, {"lr": torch.tensor(2.0)}]))
    assert (dial.rates, dial.highest) == ([(2.0,)], 2.0)
    dial.after()
    dial.after()


BEFORE = [2.3] * 10


def course(*losses: float, part: float = 1.0, cut: bool = False, targets: int = 10, rates: int = 1) -> Course:
    dial = Dial(part, [(1.0 + n,) for n in range(rates)])
    return Course(dial, list(losses), {(n % 10, n) for n in range(targets)}, len(losses), cut)


def test_fallen_is_more_than_a_little_and_more_than_noise() -> None:
    assert has_fallen(BEFORE, [2.0] * 10)
    assert not has_fallen(BEFORE, [2.29] * 10), "a little"
    assert not has_fallen(BEFORE, BEFORE)
    assert not has_fallen(BEFORE, [0.1, 9.0, 0.2, 0.1, 8.0, 0.1, 0.1, 0.1, 0.1, 0.1]), "noise"
    assert not has_fallen(BEFORE, [3.0] * 10)
    assert has_fallen([-1.0] * 10, [-2.0] * 10)


def test_up_is_the_mean_and_most() -> None:
    assert stays_up(BEFORE, BEFORE)
    assert stays_up(BEFORE, [9.0] * 10)
    assert not stays_up(BEFORE, [2.2] * 10)
    assert not stays_up(BEFORE, [900.0] + [0.1] * 9), "one odd batch"


def test_falling_may_still_recover() -> None:
    assert is_falling([[9.0] * 10, [8.0] * 10, [7.0] * 10])
    assert not is_falling([[9.0] * 10, [8.0] * 10]), "too few"
    assert not is_falling([BEFORE, BEFORE, BEFORE])
    assert not is_falling([BEFORE, BEFORE, [math.nan] * 10])
    falling, level = course(*range(300, 260, -1)), course(*BEFORE * 4)
    assert not is_told(falling, BEFORE, 30)
    assert is_told(level, BEFORE, 40)
    assert not is_told(level, BEFORE, 50), "it has turns left"
    assert is_told(course(*BEFORE, *[1.0] * 10), BEFORE, 200)


def test_a_cure_is_seen_twice_on_every_batch() -> None:
    own = course(*[9.0] * 200)
    assert is_cured(course(*[1.0] * 20), own, BEFORE)
    assert not is_cured(course(*[1.0] * 10), own, BEFORE), "once"
    assert not is_cured(course(*[2.2] * 20), own, BEFORE), "a little"
    assert not is_cured(course(*[1.0] * 19, 2.4), own, BEFORE), "not on every batch"
    assert not is_cured(course(*[3.0] * 10, *[1.0] * 10), own, BEFORE), "not yet twice"
    assert not is_cured(course(*[1.0] * 20, math.nan), own, BEFORE)


def test_a_cure_goes_further_than_what_broke() -> None:
    own = course(*[1.0] * 30, math.nan)
    assert own.is_broken
    assert not is_cured(course(*[1.0] * 30), own, BEFORE)
    assert is_cured(course(*[1.0] * 40), own, BEFORE)


@pytest.mark.parametrize(
    ("own", "answer"),
    [
        (course(*[1.0] * 10), "yes: 2.3 → 1 in 10 turns at 1"),
        (course(*[1.0] * 10, cut=True), "yes: 2.3 → 1 in 10 turns at 1"),
        (course(*[1.0] * 10, targets=30, rates=3), "yes: 2.3 → 1 in 10 turns at 3"),
        (course(*[9.0] * 7, cut=True), "not in the turns there were: 2.3 → 9 in 7 turns at 1"),
        (course(*[9.0] * 70, cut=True), "not in the turns there were: 2.3 → 9 in 70 turns at 1"),
        (course(*range(300, 270, -1)), "not yet, but it is falling: 2.3 → 275.5 in 30 turns at 1"),
        (course(*[2.0, 2.4] * 15), "not clearly: 2.3 → 2.2 in 30 turns at 1"),
        (course(*[2.26] * 30), "not clearly: 2.3 → 2.26 in 30 turns at 1"),
    ],
)
def test_no_lower_rate_has_to_be_tried(own: Course, answer: str) -> None:
    found = settled(own, course(*BEFORE))
    assert found is not None
    assert (found.answer, found.facts) == (answer, ())


DRAWN = "the loss does not fall, but its targets are drawn anew in every turn"
STEERED = "the loss does not fall, but the learning rate changes from step to step"


@pytest.mark.parametrize(
    ("own", "why"),
    [
        (course(*[9.0] * 30, targets=30), DRAWN),
        (course(*[9.0] * 9, math.nan, targets=30), DRAWN),
        (course(*[9.0] * 30, rates=2), STEERED),
        (course(*BEFORE * 3, rates=30), STEERED),
    ],
)
def test_what_cannot_be_judged(own: Course, why: str) -> None:
    found = settled(own, course(*BEFORE))
    assert found is not None
    assert (found.skipped, found.facts) == (why, ())


@pytest.mark.parametrize("own", [course(*[9.0] * 200), course(*BEFORE * 20), course(9.0, math.inf)])
def test_a_lower_rate_has_to_be_tried(own: Course) -> None:
    assert settled(own, course(*BEFORE)) is None


def test_a_model_that_has_learned_before_is_not_asked() -> None:
    diagnosis = try_out(LOOP.format(before=LEARNED, loss=CE, then=""), "lower-the-learning-rate")
    (answer,) = diagnosis.experiments
    assert answer.skipped == "the model has learned before: its loss is far below that of a guess"


ACCUMULATES = """
torch.manual_seed(1)
model = Net()
optimizer = torch.optim.SGD(model.parameters(), lr={rate})
seen = 0
while seen < 9:
    for x, y in loader:
        seen += 1
        loss_fn(model(x), y).div(4).backward()
        if seen % 4 == 0:
            optimizer.step()
            optimizer.zero_grad()
"""


def test_turns_without_a_step_are_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    answer, _ = told(ACCUMULATES.format(rate=0.5))
    assert answer.answer.startswith("yes: ")
    monkeypatch.setattr(lower_the_learning_rate, "TURNS", 50)
    answer, _ = told(ACCUMULATES.format(rate=1e-9))
    assert answer.values["turns"] >= 200, "four to a step"
