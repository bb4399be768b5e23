"""Optimizers: steps with what was in the gradients, clears with what they threw away."""

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.optim.optimizer import Optimizer

from osler.model import Kind


def step(model, optimizer=None):
    model(torch.randn(4, 3)).pow(2).mean().backward()
    if optimizer is not None:
        optimizer.step()


@pytest.fixture
def model():
    return nn.Linear(3, 2)


@pytest.fixture
def sgd(model):
    return torch.optim.SGD(model.parameters(), lr=0.1)


def statuses(events):
    return [sorted(e.traits) for e in events(Kind.STEP)]


def test_a_fresh_step_with_its_line(session, events, line_of, model):
    with session:
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        optimizer.zero_grad()
        step(model)
        optimizer.step()
    (event,) = events(Kind.STEP)
    assert (event.subject, event.traits) == ("SGD", {"fresh"})
    assert event.place.line == line_of("        optimizer.step()")
    fact = session.run.optimizers["SGD"]
    assert (fact.tensors, fact.elements) == (2, 8)
    assert fact.site[0].line == line_of("optimizer = torch.optim.SGD(")
    assert session.run.steps == 1


def test_a_step_on_cleared_gradients(session, events, model, sgd):
    with session:
        for _ in range(3):
            step(model)
            sgd.zero_grad()
            sgd.step()
    assert statuses(events) == [["empty"]]


def test_a_step_before_any_backward(session, events, model, sgd):
    with session:
        sgd.step()
        step(model, sgd)
    assert statuses(events) == [["empty", "first-ever"], ["fresh"]]


def test_gradients_that_are_never_cleared(session, events, model, sgd):
    with session:
        for _ in range(3):
            step(model, sgd)
    assert statuses(events) == [["fresh"], ["carried"]]


def test_the_same_gradients_again(session, events, model, sgd):
    with session:
        step(model, sgd)
        sgd.step()
    assert statuses(events) == [["fresh"], ["stale"]]


@pytest.mark.parametrize("way", ["set_to_none", "zeros", "module", "loop of None", "loop of zero_"])
def test_every_way_to_clear_keeps_the_next_step_fresh(session, events, model, sgd, way):
    ways = {
        "set_to_none": sgd.zero_grad,
        "zeros": lambda: sgd.zero_grad(set_to_none=False),
        "module": model.zero_grad,
        "loop of None": lambda: [setattr(p, "grad", None) for p in model.parameters()],
        "loop of zero_": lambda: [p.grad.zero_() for p in model.parameters()],
    }
    with session:
        for _ in range(3):
            step(model, sgd)
            ways[way]()
    assert statuses(events) == [["fresh"]]


def test_a_clear_that_throws_away(session, events, model, sgd):
    with session:
        for _ in range(4):
            step(model)
            model(torch.randn(4, 3))
            sgd.zero_grad()
    assert events(Kind.CLEAR)[-1].traits == {"discards"}
    assert session.run.steps == 0


def test_several_optimizers(session, turns):
    first, second = nn.Linear(3, 2), nn.Linear(3, 2)
    a = torch.optim.SGD(first.parameters(), lr=0.1)
    b = torch.optim.SGD(second.parameters(), lr=0.1)
    c = torch.optim.AdamW(first.parameters(), lr=0.1)
    with session:
        for optimizer, model in ((a, first), (b, second), (c, first)):
            optimizer.zero_grad()
            step(model, optimizer)
    names = [t.rsplit("step ", 1)[1] for t in turns()]
    assert names == ["SGD fresh", "SGD 2 fresh", "AdamW fresh"]


def test_an_optimizer_named_beforehand(model, sgd):
    from osler.session import watch

    with watch(model, sgd, quiet=True) as session:
        pass
    assert session.run.optimizers["SGD"].tensors == 2


def test_closures(session, events, model):
    optimizer = torch.optim.LBFGS(model.parameters(), max_iter=4)
    x, y = torch.randn(20, 3), torch.randn(20, 2)

    def closure():
        optimizer.zero_grad()
        loss = F.mse_loss(model(x), y)
        loss.backward()
        return loss

    with session:
        for _ in range(3):
            optimizer.step(closure)
        optimizer.step(closure=closure)
    assert session.run.steps == 4
    assert statuses(events) == [["closure", "fresh"]] * len(statuses(events))


class Sam(Optimizer):
    """Climbs, then steps from there: two backward passes, one step of the base optimizer."""

    def __init__(self, parameters, rho=0.05, **known):
        super().__init__(parameters, {"rho": rho, **known})
        self.base = torch.optim.SGD(self.param_groups, **known)

    @torch.no_grad()
    def first_step(self):
        for group in self.param_groups:
            for p in group["params"]:
                self.state[p]["climb"] = climb = p.grad * group["rho"]
                p.add_(climb)
        self.zero_grad()

    @torch.no_grad()
    def second_step(self):
        for group in self.param_groups:
            for p in group["params"]:
                p.sub_(self.state[p]["climb"])
        self.base.step()
        self.zero_grad()

    def step(self, closure=None):
        self.second_step()


@pytest.mark.parametrize("whole", [False, True])
def test_two_step_optimizers(session, events, model, whole):
    optimizer = Sam(model.parameters(), lr=0.1)
    with session:
        for _ in range(4):
            step(model)
            optimizer.first_step()
            step(model)
            optimizer.step() if whole else optimizer.second_step()
    assert session.run.steps == 4
    assert {e.subject for e in events(Kind.STEP)} == {"Sam" if whole else "SGD"}
    assert statuses(events) == [["fresh"]]
    assert not any("discards" in e.traits for e in events(Kind.CLEAR))


class WholeSam(Optimizer):
    """Both of its backward passes, and the clears behind each, happen inside its own step."""

    def __init__(self, parameters, rate=0.1, rho=0.05):
        super().__init__(parameters, {"rate": rate, "rho": rho})

    @torch.no_grad()
    def move(self, factor):
        for group in self.param_groups:
            for p in group["params"]:
                p.add_(p.grad, alpha=factor)
        self.zero_grad()

    def step(self, closure):
        closure()
        self.move(0.05)
        closure()
        self.move(-0.1)


def compute_then_clear(model, optimizer):
    step(model)
    optimizer.zero_grad()


@pytest.mark.parametrize(
    ("kind", "closure", "traits"),
    [
        (WholeSam, step, ["closure", "fresh", "own"]),
        (torch.optim.SGD, compute_then_clear, ["closure", "empty"]),
    ],
)
def test_only_a_users_own_step_may_clear_what_it_used(session, events, model, kind, closure, traits):
    optimizer = kind(model.parameters(), 0.1)
    with session:
        for _ in range(4):
            optimizer.step(lambda: closure(model, optimizer) if closure is not step else step(model))
    assert session.run.steps == 4
    assert traits in statuses(events)
    found = {f.check for f in session.diagnosis.headlines}
    assert found == (set() if kind is WholeSam else {"gradients-cleared-before-step"})


class ByHand:
    """An optimizer that is none of torch's."""

    def __init__(self, parameters, lr):
        self.parameters, self.lr = list(parameters), lr

    def zero_grad(self):
        for p in self.parameters:
            p.grad = None

    def step(self):
        with torch.no_grad():
            for p in self.parameters:
                p -= self.lr * p.grad


class ByData(ByHand):
    def step(self):
        for p in self.parameters:
            p.data.add_(p.grad.data, alpha=-self.lr)


@pytest.mark.parametrize("kind", [ByHand, ByData])
def test_handwritten_optimizers(session, events, model, kind):
    optimizer = kind(model.parameters(), 0.1)
    with session:
        for _ in range(6):
            optimizer.zero_grad()
            step(model, optimizer)
        step(model)
    assert {e.subject for e in events(Kind.STEP)} == {"by hand"}
    assert session.run.steps >= 4
    assert all(f.updated for f in session.run.parameters.values())


class Plain(Optimizer):
    """A subclass that overrides everything it can."""

    def __init__(self, parameters, lr):
        super().__init__(parameters, {"lr": lr})

    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                p.data -= group["lr"] * p.grad

    def zero_grad(self, set_to_none=True):
        super().zero_grad(set_to_none)


def test_subclasses_of_the_users_own(session, turns, model):
    optimizer = Plain(model.parameters(), 0.1)
    with session:
        for _ in range(3):
            optimizer.zero_grad()
            step(model, optimizer)
    assert turns() == ["3: clear Plain, forward Linear grad, backward, used Linear grad, step Plain fresh"]


def test_groups_added_later_count(session, model):
    extra = nn.Linear(2, 2)
    with session:
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        step(model, optimizer)
        optimizer.add_param_group({"params": extra.parameters()})
        step(model, optimizer)
    assert session.run.optimizers["SGD"].tensors == 4


def test_copies_and_states(session, model):
    with session:
        optimizer = torch.optim.Adam(model.parameters())
        step(model, optimizer)
        again = copy.deepcopy(optimizer)
        again.load_state_dict(optimizer.state_dict())
        again.zero_grad()
    assert session.run.steps == 1


def test_a_dead_optimizer_is_forgotten(session, model):
    with session:
        for _ in range(3):
            optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
            optimizer.zero_grad()
            step(model, optimizer)
            del optimizer
    assert set(session.run.optimizers) == {"SGD"}
    assert session.run.steps == 3


def test_sparse_gradients(session, events):
    table = nn.Embedding(10, 4, sparse=True)
    optimizer = torch.optim.SparseAdam(table.parameters())
    with session:
        for _ in range(3):
            optimizer.zero_grad()
            table(torch.tensor([1, 2])).sum().backward()
            optimizer.step()
    assert statuses(events) == [["fresh"]]


def test_a_step_that_fails(session, model):
    class Broken(torch.optim.SGD):
        def step(self, closure=None):
            raise ValueError("broken")

    optimizer = Broken(model.parameters(), lr=0.1)
    sound = torch.optim.SGD(model.parameters(), lr=0.1)
    with session:
        step(model)
        with pytest.raises(ValueError, match="broken"):
            optimizer.step()
        sound.step()
    assert session.run.steps == 1
