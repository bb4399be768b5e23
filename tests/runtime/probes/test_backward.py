"""Backward calls: their line, their root, and the leaves behind it."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from osler.model import DERIVATIVE, Kind


def test_each_spelling_is_one_backward(session, turns, events, line_of):
    with session:
        torch.ones(3, requires_grad=True).sum().backward()
        torch.autograd.backward([torch.ones(3, requires_grad=True).sum()])
    assert turns() == ["1: backward, backward"]
    assert [e.place.line for e in events(Kind.BACKWARD)] == [
        line_of("sum().backward()"),
        line_of("torch.autograd.backward(["),
    ]


def test_roots_that_lead_nowhere(session, turns):
    with session:
        with pytest.raises(RuntimeError, match="does not require grad"):
            torch.ones(1).backward()
        torch.ones(1, requires_grad=True).backward()
    assert turns() == ["1: backward no-graph, backward leaf-root"]


def test_the_loss_is_recorded_and_its_first_bad_value_kept(session):
    w = torch.ones(1, requires_grad=True)
    with session:
        for factor in (1.0, 3.0, float("inf"), 2.0):
            (w * factor).sum().backward()
    column = session.run.columns["loss"]
    assert list(column.history()[1]) == [1.0, 3.0, float("inf"), 2.0]
    fact = session.run.not_finite["loss"]
    assert (fact.value, fact.backward, fact.last_finite, fact.first_finite) == (float("inf"), 3, 3.0, 1.0)


def test_gradient_penalty(session, turns):
    critic = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1))
    optimizer = torch.optim.SGD(critic.parameters(), lr=0.1)
    with session:
        for _ in range(3):
            x = torch.randn(6, 2, requires_grad=True)
            optimizer.zero_grad()
            (slope,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
            ((slope.norm(dim=1) - 1) ** 2).mean().backward()
            optimizer.step()
    start = "clear SGD, forward Sequential grad, backward gradient-only, used Sequential grad, backward"
    assert all(t.split(": ")[1].startswith(start) and t.endswith("step SGD fresh") for t in turns())


def test_inner_loops_as_in_maml(session, turns):
    model = nn.Linear(3, 1)
    outer = torch.optim.Adam(model.parameters(), lr=0.01)
    with session:
        for _ in range(3):
            x, y = torch.randn(8, 3), torch.randn(8, 1)
            outer.zero_grad()
            inner = F.mse_loss(model(x), y)
            grads = torch.autograd.grad(inner, list(model.parameters()), create_graph=True)
            weight, bias = (p - 0.1 * g for p, g in zip(model.parameters(), grads, strict=True))
            F.mse_loss(F.linear(x, weight, bias), y).backward()
            outer.step()
    assert all(t.endswith("step Adam fresh") for t in turns())
    assert all("backward gradient-only" in t for t in turns())


def test_accumulation(session, turns):
    model = nn.Linear(3, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with session:
        for i in range(8):
            (model(torch.randn(4, 3)).pow(2).mean() / 4).backward()
            if i % 4 == 3:
                optimizer.step()
                optimizer.zero_grad()
    assert sum(t.count("step SGD fresh") * int(t.split(":")[0]) for t in turns()) == 2
    assert not any("carried" in t or "stale" in t for t in turns())


def test_two_losses_on_one_graph(session, turns):
    model = nn.Linear(3, 2)
    with session:
        out = model(torch.randn(4, 3))
        out[:, 0].sum().backward(retain_graph=True)
        out[:, 1].sum().backward()
    assert turns() == ["1: forward Linear grad, backward, used Linear grad, backward"]


def test_inputs_that_receive_gradients(session, events):
    model = nn.Linear(3, 2)
    with session:
        for _ in range(3):
            model(torch.randn(4, 3, requires_grad=True)).sum().backward()
            model.zero_grad()
    assert any("reaches-inputs" in e.traits for e in events(Kind.BACKWARD))


def test_parameters_without_any_module(session, turns):
    w, b = torch.randn(3, requires_grad=True), torch.zeros(1, requires_grad=True)
    with session:
        for _ in range(4):
            loss = ((torch.randn(5, 3) @ w + b) ** 2).mean()
            loss.backward()
            with torch.no_grad():
                for p in (w, b):
                    p -= 0.1 * p.grad
                    p.grad = None
    assert sum("step by hand fresh" in t for t in turns())
    assert {f.name for f in session.run.parameters.values()} == {"w", "b"}
    assert all(f.updated and f.reached for f in session.run.parameters.values())


def test_reached_and_unreached_parameters(session):
    model = nn.ModuleDict({"used": nn.Linear(3, 2), "unused": nn.Linear(3, 2)})
    model.forward = lambda x: model["used"](x)
    with session:
        model(torch.randn(4, 3)).sum().backward()
    reached = {f.name: f.reached for f in session.run.parameters.values()}
    assert reached == {
        "used.weight": True,
        "used.bias": True,
        "unused.weight": False,
        "unused.bias": False,
    }


def test_a_failing_backward_leaves_nothing_behind(session, turns):
    model = nn.Linear(3, 1)
    with session:
        loss = model(torch.randn(4, 3)).sum()
        loss.backward()
        with pytest.raises(RuntimeError, match="second time"):
            (loss * loss).backward()
        model(torch.randn(4, 3))
    assert turns()[-1].endswith("forward Linear grad")


def test_a_hook_that_calls_backward(session):
    w = torch.ones(2, requires_grad=True)
    v = torch.ones(2, requires_grad=True)
    with session:
        out = (w * 2).sum()
        out.register_hook(torch.enable_grad()(lambda grad: (v * 3).sum().backward()))
        out.backward()
    assert v.grad is not None


def watched_cuts(session, **options) -> list:
    """The cuts seen while a critic is trained with a penalty on its slope."""
    critic = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1))
    optimizer = torch.optim.SGD(critic.parameters(), lr=0.1)
    with session:
        for _ in range(4):
            x = torch.rand(6, 2, requires_grad=True)
            optimizer.zero_grad()
            y = critic(x)
            if options:
                (slope,) = torch.autograd.grad(y.sum(), x, **options)
            else:
                (slope,) = torch.autograd.grad(y.sum(), x, retain_graph=True)
            (y.mean() + slope.pow(2).mean()).backward()
            optimizer.step()
    return session.run.cuts


def test_a_derivative_without_a_graph_is_looked_at(session):
    (cut,) = watched_cuts(session)
    assert (cut.operation, cut.site[0].function) == (DERIVATIVE, "watched_cuts")
    assert len(cut.parameters) == 4


@pytest.mark.parametrize("options", [{"create_graph": True}, {"create_graph": False, "retain_graph": True}])
def test_a_derivative_that_says_what_it_wants_is_not(session, options):
    assert watched_cuts(session, **options) == []
    assert session.watcher._looks == 0
