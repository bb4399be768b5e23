import numpy as np
import pytest
import torch
from torch import nn

from osler.model import Kind
from osler.runtime.measures import Moment, learning_rate

torch.set_num_threads(1)


def optimizer(lr: object) -> torch.optim.Optimizer:
    built = torch.optim.SGD([nn.Parameter(torch.ones(1))], lr=0.1)
    built.param_groups[0]["lr"] = lr
    return built


@pytest.mark.parametrize(
    ("lr", "taken"),
    [
        (0.1, 0.1),
        (1, 1.0),
        (0, 0.0),
        (np.float64(0.25), 0.25),
        (torch.tensor(0.25), 0.25),
        (torch.tensor(0.25, device="meta"), None),
        (None, None),
        ("0.1", None),
    ],
    ids=["float", "int", "zero", "numpy", "tensor", "elsewhere", "none", "text"],
)
def test_the_number_in_force(lr: object, taken: float | None) -> None:
    found = learning_rate.take(Moment(optimizer=optimizer(lr)))
    assert found == taken
    assert found is None or type(found) is float


def test_the_first_group_speaks() -> None:
    a, b = nn.Parameter(torch.ones(1)), nn.Parameter(torch.ones(1))
    built = torch.optim.SGD([{"params": [a], "lr": 0.5}, {"params": [b]}], lr=0.1)
    assert learning_rate.take(Moment(optimizer=built)) == 0.5


def test_a_schedule_is_followed() -> None:
    built = optimizer(1.0)
    schedule = torch.optim.lr_scheduler.ExponentialLR(built, 0.5)
    taken = []
    for _ in range(3):
        built.step()
        taken.append(learning_rate.take(Moment(optimizer=built)))
        schedule.step()
    assert taken == [1.0, 0.5, 0.25]


def test_an_optimizer_of_ones_own_may_have_no_rate() -> None:
    class Own(torch.optim.Optimizer):
        pass

    assert learning_rate.take(Moment(optimizer=Own([nn.Parameter(torch.ones(1))], {}))) is None


def test_without_an_optimizer_there_is_none() -> None:
    assert learning_rate.take(Moment()) is None


def test_it_is_taken_at_every_step() -> None:
    assert (learning_rate.WHEN, learning_rate.measure.name) == (Kind.STEP, "learning_rate")
