"""The learning rate at which memorising is tried is one that the script really uses."""

from collections.abc import Callable

import pytest
import torch
from torch.optim import SGD, Adam, Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, OneCycleLR, StepLR

from osler.preflight.rates import highest_rate


def optimizer(rate: float = 0.1, groups: int = 1) -> Optimizer:
    weights = [{"params": [torch.zeros(1, requires_grad=True)]} for _ in range(groups)]
    return SGD(weights, lr=rate)


def warm_up(step: int) -> float:
    """The schedule of the transformer's paper for 512 channels and 4,000 steps."""
    return 512**-0.5 * min((step + 1) ** -0.5, (step + 1) * 4_000**-1.5)


def test_without_a_schedule_it_is_the_rate_of_the_group() -> None:
    assert highest_rate(optimizer(0.3), 0, []) == 0.3


def test_a_rate_kept_in_a_tensor() -> None:
    adam = Adam([torch.zeros(1, requires_grad=True)], lr=torch.tensor(0.01))
    assert highest_rate(adam, 0, []) == pytest.approx(0.01)


def test_a_warm_up_with_base_one_never_uses_one() -> None:
    adam = optimizer(1.0)
    schedule = LambdaLR(adam, warm_up)
    assert adam.param_groups[0]["lr"] < 1e-6
    assert highest_rate(adam, 0, [schedule]) == pytest.approx(warm_up(4_000), rel=0.1)


@pytest.mark.parametrize(
    ("factor", "highest"),
    [
        (lambda step: min(1.0, (step + 1) / 100), 0.1),
        (lambda step: 0.95**step, 0.1),
        (lambda step: 2.0 if 10 < step < 20 else 1.0, 0.2),
        (lambda step: 1 / 0 if step > 5 else 1.0, 0.1),
    ],
    ids=["linear warm-up", "decay", "a bump", "one that fails later"],
)
def test_a_function_of_the_step(factor: Callable[[int], float], highest: float) -> None:
    sgd = optimizer(0.1)
    assert highest_rate(sgd, 0, [LambdaLR(sgd, factor)]) == pytest.approx(highest)


def test_each_group_has_its_own_function() -> None:
    sgd = optimizer(1.0, groups=2)
    schedule = LambdaLR(sgd, [lambda _: 0.5, lambda _: 0.25])
    assert [highest_rate(sgd, number, [schedule]) for number in (0, 1)] == [0.5, 0.25]


def test_a_group_that_came_later_has_none() -> None:
    sgd = optimizer(1.0)
    schedule = LambdaLR(sgd, lambda _: 0.5)
    sgd.add_param_group({"params": [torch.zeros(1, requires_grad=True)], "lr": 0.2, "initial_lr": 0.2})
    assert highest_rate(sgd, 1, [schedule]) == 0.2


def test_the_schedule_of_another_optimizer_says_nothing() -> None:
    sgd, other = optimizer(0.1), optimizer(1.0)
    assert highest_rate(sgd, 0, [LambdaLR(other, lambda _: 0.001)]) == 0.1


@pytest.mark.parametrize(
    ("make", "highest"),
    [
        (lambda sgd: OneCycleLR(sgd, max_lr=0.7, total_steps=10), 0.7),
        (lambda sgd: StepLR(sgd, step_size=1, gamma=0.1), 0.1),
    ],
    ids=["one cycle", "steps"],
)
def test_other_schedules(make: Callable[[Optimizer], LRScheduler], highest: float) -> None:
    sgd = optimizer(0.1)
    assert highest_rate(sgd, 0, [make(sgd)]) == pytest.approx(highest)


def test_nothing_is_changed() -> None:
    sgd = optimizer(1.0)
    schedule = LambdaLR(sgd, warm_up)
    before = (dict(sgd.param_groups[0]), schedule.state_dict())
    highest_rate(sgd, 0, [schedule])
    assert (dict(sgd.param_groups[0]), schedule.state_dict()) == before
