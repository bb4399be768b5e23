"""Every schedule of torch, and weights that are averaged: the same to the bit with Osler as without."""

import inspect
from collections.abc import Callable, Iterator

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim import lr_scheduler as schedules
from torch.optim.swa_utils import SWALR, AveragedModel, get_ema_multi_avg_fn, update_bn

torch.set_num_threads(1)

STEPS = 12


def network() -> nn.Module:
    return nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 4))


def batches(count: int = STEPS) -> Iterator[tuple[Tensor, Tensor]]:
    for _ in range(count):
        x = torch.randn(16, 3)
        yield x, (x @ torch.tensor([[1.0, -1, 0, 2], [0, 1, 1, -1], [1, 0, -2, 0]])).argmax(1)


def trained(
    model: nn.Module, optimizer: Optimizer, after: Callable[[], object] = lambda: None
) -> list[Tensor]:
    losses = []
    for x, y in batches():
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        after()
        losses.append(loss.detach())
    states = [t for s in optimizer.state.values() for t in s.values() if isinstance(t, Tensor)]
    return [*losses, *model.parameters(), *states]


SCHEDULES = {
    "LambdaLR": lambda o: schedules.LambdaLR(o, lambda n: 0.95**n),
    "MultiplicativeLR": lambda o: schedules.MultiplicativeLR(o, lambda n: 0.95),
    "StepLR": lambda o: schedules.StepLR(o, 3, gamma=0.5),
    "MultiStepLR": lambda o: schedules.MultiStepLR(o, [4, 8]),
    "ConstantLR": lambda o: schedules.ConstantLR(o, 0.5, total_iters=4),
    "LinearLR": lambda o: schedules.LinearLR(o, 0.1, total_iters=6),
    "ExponentialLR": lambda o: schedules.ExponentialLR(o, 0.9),
    "SequentialLR": lambda o: schedules.SequentialLR(
        o, [schedules.LinearLR(o, 0.1, total_iters=4), schedules.ExponentialLR(o, 0.9)], [4]
    ),
    "PolynomialLR": lambda o: schedules.PolynomialLR(o, total_iters=STEPS + 1),
    "CosineAnnealingLR": lambda o: schedules.CosineAnnealingLR(o, STEPS),
    "ChainedScheduler": lambda o: schedules.ChainedScheduler(
        [schedules.ConstantLR(o, 0.5, total_iters=4), schedules.ExponentialLR(o, 0.9)]
    ),
    "CyclicLR": lambda o: schedules.CyclicLR(o, 0.01, 0.1, step_size_up=3, cycle_momentum=False),
    "CosineAnnealingWarmRestarts": lambda o: schedules.CosineAnnealingWarmRestarts(o, 4),
    "OneCycleLR": lambda o: schedules.OneCycleLR(o, 0.1, total_steps=STEPS),
}


def test_every_schedule_is_among_these() -> None:
    known = {n for n, kind in vars(schedules).items() if is_schedule(kind)}
    assert known - {"LRScheduler", "_LRScheduler", "ReduceLROnPlateau"} <= set(SCHEDULES)


def is_schedule(thing: object) -> bool:
    return inspect.isclass(thing) and issubclass(thing, schedules.LRScheduler)


@pytest.mark.parametrize("name", SCHEDULES)
def test_every_schedule(unharmed, name: str) -> None:
    def train() -> list[Tensor]:
        model, rates = network(), []
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        schedule = SCHEDULES[name](optimizer)

        def after() -> None:
            rates.append(torch.tensor(schedule.get_last_lr()))
            schedule.step()

        return [*trained(model, optimizer, after), *rates]

    assert unharmed(train).run.steps == STEPS


@pytest.mark.parametrize("mode", ["min", "max"])
def test_a_schedule_that_waits_for_a_plateau(unharmed, mode: str) -> None:
    def train() -> list[Tensor]:
        model, rates = network(), []
        x, y = next(batches(1))
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        schedule = schedules.ReduceLROnPlateau(optimizer, mode, patience=1)

        def after() -> None:
            with torch.no_grad():
                scores = model(x)
                loss, right = F.cross_entropy(scores, y), (scores.argmax(1) == y).float().mean()
            schedule.step(loss if mode == "min" else right.item())
            rates.append(torch.tensor(schedule.get_last_lr()))

        return [*trained(model, optimizer, after), *rates]

    assert unharmed(train).run.steps == STEPS


def test_rates_that_are_set_by_hand(unharmed) -> None:
    def train() -> list[Tensor]:
        model = network()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

        def after() -> None:
            for group in optimizer.param_groups:
                group["lr"] *= 0.95

        return trained(model, optimizer, after)

    assert unharmed(train).run.steps == STEPS


@pytest.mark.parametrize("kind", ["mean", "ema"])
def test_averaged_weights(unharmed, kind: str) -> None:
    def train() -> list[Tensor]:
        model = nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 4))
        average = get_ema_multi_avg_fn(0.9) if kind == "ema" else None
        averaged = AveragedModel(model, multi_avg_fn=average)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        schedule = SWALR(optimizer, swa_lr=0.05, anneal_epochs=4)

        def after() -> None:
            averaged.update_parameters(model)
            schedule.step()

        left = trained(model, optimizer, after)
        update_bn(batches(4), averaged)
        averaged.eval()
        with torch.no_grad():
            return [*left, averaged(torch.ones(5, 3)), *averaged.parameters(), *averaged.buffers()]

    assert unharmed(train).run.steps == STEPS
