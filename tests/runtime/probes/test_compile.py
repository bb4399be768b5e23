"""Compiled code: the loop around it is watched, its inside is not, and no graph is added to it."""

import pytest
import torch
import torch.nn.functional as F

from osler.model import Kind
from osler.session import watch

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(autouse=True)
def fresh():
    torch._dynamo.reset()


@pytest.fixture
def optimizer(net):
    return torch.optim.SGD(net.parameters(), lr=0.1)


TURN = (
    "3: clear SGD, forward Sequential grad train, loss cross_entropy grad, backward, "
    "used Sequential grad train, step SGD fresh"
)
X, Y = torch.randn(6, 4), torch.tensor([0, 1, 2, 0, 1, 2])


def test_a_compiled_model_is_watched_from_outside(session, turns, net, optimizer):
    with session:
        compiled = torch.compile(net, backend="aot_eager", fullgraph=True)
        for _ in range(3):
            optimizer.zero_grad()
            F.cross_entropy(compiled(X), Y).backward()
            optimizer.step()
    assert turns() == [TURN]
    assert session.run.models["Sequential"].compiled
    assert session.run.context.compiled
    assert all(fact.reached for fact in session.run.parameters.values())


def test_compiled_before_watching(session, turns, net, optimizer):
    compiled = torch.compile(net, backend="aot_eager")
    compiled(X)
    with session:
        for _ in range(3):
            optimizer.zero_grad()
            F.cross_entropy(compiled(X), Y).backward()
            optimizer.step()
    assert turns() == [TURN]
    assert session.run.context.compiled


def test_a_compiled_loss_is_inside(session, turns, net, optimizer):
    with session:
        loss = torch.compile(lambda out: F.cross_entropy(out, Y), backend="aot_eager", fullgraph=True)
        for _ in range(3):
            optimizer.zero_grad()
            loss(net(X)).backward()
            optimizer.step()
    assert [t.replace("loss cross_entropy grad, ", "") for t in turns()] == [
        TURN.replace("loss cross_entropy grad, ", "")
    ]


def test_a_function_with_forward_and_loss(session, turns, net, optimizer):
    with session:
        turn = torch.compile(lambda: F.cross_entropy(net(X), Y), backend="aot_eager", fullgraph=True)
        for _ in range(3):
            optimizer.zero_grad()
            turn().backward()
            optimizer.step()
    assert turns() == ["3: clear SGD, backward, step SGD fresh"]
    assert list(session.run.columns["loss"].history()[1])


def test_what_was_compiled_while_watched_goes_on_afterwards(net, optimizer):
    with watch(quiet=True):
        compiled = torch.compile(net, backend="aot_eager", fullgraph=True)
        first = compiled(X)
    with watch(quiet=True) as session:
        net.eval()
        assert compiled(X).shape == first.shape
    assert compiled(X).shape == first.shape
    assert len([p for p in session.run.patterns if p.of(Kind.FORWARD)]) == 1
