"""Lazy modules: what has no shape before the first call is watched all the same, and counted from then on."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from osler.runtime.fitting import fitted
from osler.runtime.frozen_norms import frozen
from osler.runtime.gradients import Holder
from osler.runtime.idle_norms import idle_norms
from osler.runtime.registry import Registry, numbers_in, shape_of
from osler.session import Session

torch.set_num_threads(1)


class Net(nn.Module):
    """Everything in it is lazy; one part is never called."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.LazyConv2d(4, 3), nn.LazyBatchNorm2d(), nn.ReLU(), nn.Flatten())
        self.head = nn.LazyLinear(3)
        self.spare = nn.LazyLinear(5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.body(x))


IMAGES, LABELS = torch.randn(12, 1, 5, 5), torch.arange(12) % 3
BODY, HEAD = 4 * 9 + 4 + 4 + 4, 36 * 3 + 3


def step(model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    optimizer.zero_grad()
    F.cross_entropy(model(IMAGES), LABELS).backward()
    optimizer.step()


@pytest.fixture(scope="module")
def session() -> Session:
    with Session() as watched:
        model = Net()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(4):
            step(model, optimizer)
    return watched


def test_no_gate_closes(session: Session) -> None:
    assert session.run.blind == []
    assert session.diagnosis is not None
    assert session.diagnosis.headlines == ()
    assert session.run.steps == 4


def test_parameters_are_counted_once_they_have_a_shape(session: Session) -> None:
    run = session.run
    assert (run.models["Net"].parameters, run.models["Net"].trainable) == (BODY + HEAD, BODY + HEAD)
    assert run.optimizers["SGD"].elements == BODY + HEAD
    assert run.modules["Net.head"].elements == HEAD
    assert run.parameters["Net.head.weight"].elements == 108


def test_a_part_is_of_the_class_that_it_has_become(session: Session) -> None:
    assert session.run.modules["Net.head"].kind == "Linear"
    assert session.run.modules["Net.spare"].kind == "LazyLinear"
    assert session.run.modules["Net.spare"].elements == 0


def test_a_part_without_a_shape_holds_nothing(session: Session) -> None:
    assert session.run.parameters["Net.spare.weight"].elements == 0
    assert not session.run.parameters["Net.spare.weight"].reached


def test_gradients_that_pile_up_are_seen() -> None:
    """The probes are chosen anew when there is something to choose from."""
    with Session() as session:
        model = Net()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
        for _ in range(6):
            F.cross_entropy(model(IMAGES), LABELS).backward()
            optimizer.step()
    assert session.diagnosis is not None
    assert "gradients-not-cleared" in [f.check for f in session.diagnosis.headlines]


def test_an_optimizer_that_is_built_after_a_first_call() -> None:
    with Session() as session:
        model = Net()
        with torch.no_grad():
            model(IMAGES)
        optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
        for _ in range(3):
            step(model, optimizer)
    assert session.run.blind == []
    assert session.run.optimizers["Adam"].elements == BODY + HEAD
    assert session.run.models["Net"].parameters == BODY + HEAD


def test_two_networks_of_one_class() -> None:
    with Session() as session:
        one, other = Net(), Net()
        other.load_state_dict(one.state_dict(), strict=False)
        optimizer = torch.optim.SGD([*one.parameters(), *other.parameters()], lr=0.01)
        for _ in range(4):
            step(one, optimizer)
            step(other, optimizer)
    assert session.run.blind == []
    assert session.run.models["Net 2"].parameters == BODY + HEAD


def test_the_smallest_probe_is_one_that_has_a_shape() -> None:
    lazy, small, large = nn.LazyLinear(2).weight, nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(9))
    holder = Holder("SGD", [lazy, large, small])
    assert any(p is small for p in holder.probes)
    assert all(p is not lazy for p in holder.probes)
    assert Holder("SGD", [lazy]).probes == []


def test_what_has_no_shape_fits_whatever_is_loaded() -> None:
    weights = nn.Linear(4, 2).state_dict()
    assert fitted(nn.LazyLinear(2), weights, (), 0) is None
    assert fitted(nn.Linear(4, 2), nn.LazyLinear(2).state_dict(), (), 0) is not None


def test_a_norm_without_a_shape_is_not_looked_at() -> None:
    norm = nn.LazyBatchNorm1d().eval()
    for parameter in norm.parameters():
        parameter.requires_grad = False
    still = nn.Linear(3, 3).requires_grad_(requires_grad=False)
    model = nn.Sequential(still, norm)
    assert list(frozen(model)) == []
    registry = Registry()
    registry.model(model)
    assert idle_norms(torch.ones(1, requires_grad=True).sum(), registry) == []


def test_numbers_and_shape() -> None:
    lazy, plain = nn.LazyLinear(2).weight, torch.ones(3, 4)
    assert numbers_in(lazy, plain) == 12
    assert (shape_of(lazy), shape_of(plain)) == ((), (3, 4))
