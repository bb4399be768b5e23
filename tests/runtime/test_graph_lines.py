"""The line of each operation: what torch's own formatted stacks say is the oracle."""

import re
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
import torch.fx.traceback as asked
from torch import Tensor, nn

from osler.model import GraphFact
from osler.runtime.graph import described
from osler.runtime.graph_lines import MOST, GraphLines
from osler.runtime.guard import Guard
from osler.runtime.userlines import UserLines
from osler.session import Session, watch

torch.set_num_threads(1)

ORIGINAL = asked.format_stack
HERE = (str(Path(__file__)),)


@pytest.fixture
def warnings() -> list[str]:
    return []


@pytest.fixture
def told(warnings: list[str]) -> Iterator[GraphLines]:
    lines = GraphLines(UserLines(), Guard(warnings.append).gate("lines of operations"))
    yield lines
    lines.close()
    torch.set_anomaly_enabled(False)
    asked.format_stack = ORIGINAL


class Two(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(3, 4)
        self.second = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.first(x)
        hidden = torch.tanh(hidden)
        return self.second(hidden)


def line_of(text: str) -> int:
    """The number of the only line of this file that holds a text."""
    found = [n for n, line in enumerate(Path(__file__).read_text().splitlines(), 1) if line.strip() == text]
    assert len(found) == 1
    return found[0]


def graph_of(told: GraphLines, make: Callable[[], Tensor]) -> GraphFact:
    told.open()
    root = make()
    told.close()
    fact = described(root, (), lambda _: "", told.place)
    assert fact is not None
    return fact


def lines_of(fact: GraphFact) -> dict[str, int]:
    return {fact.operations[n]: fact.places[p].line for n, p in fact.called}


def test_every_operation_has_the_line_of_its_call(told: GraphLines) -> None:
    network = Two()
    fact = graph_of(told, lambda: network(torch.ones(5, 3)).sum())
    found = lines_of(fact)
    assert found["TanhBackward0"] == line_of("hidden = torch.tanh(hidden)")
    linear = [fact.places[p].line for n, p in fact.called if fact.operations[n] == "AddmmBackward0"]
    assert linear == [line_of("return self.second(hidden)"), line_of("hidden = self.first(x)")]
    assert {p.function for p in fact.places} == {"forward", "<lambda>"}


def test_agrees_with_the_stacks_that_torch_writes(told: GraphLines) -> None:
    network = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)

    def loss() -> Tensor:
        out = network(torch.ones(2, 3, 8))
        weighted = out * torch.arange(8.0)
        return weighted.logsumexp(-1).mean()

    ours = graph_of(told, loss)
    torch.set_anomaly_enabled(True, False)
    root = loss()
    torch.set_anomaly_enabled(False)
    expected: list[int] = []

    def theirs(node: torch.autograd.graph.Node) -> None:
        stack = "".join(node.metadata.get("traceback_", []))
        own = re.findall(rf'File "{re.escape(__file__)}", line (\d+), in loss', stack)
        expected.extend(map(int, own[-1:]))

    described(root, (), lambda _: "", theirs)
    assert [ours.places[p].line for _, p in ours.called] == expected
    assert len(expected) > 20


def test_leaves_and_what_was_made_before_have_none(told: GraphLines) -> None:
    weight = torch.ones(3, requires_grad=True)
    early = weight * 2
    fact = graph_of(told, lambda: (early + 1).sum())
    assert set(lines_of(fact)) == {"SumBackward0", "AddBackward0"}
    assert {"MulBackward0", "torch::autograd::AccumulateGrad"} < set(fact.operations)


def test_nothing_is_told_while_it_is_closed(told: GraphLines) -> None:
    weight = torch.ones(3, requires_grad=True)
    told.open()
    told.close()
    fact = described((weight * 2).sum(), (), lambda _: "", told.place)
    assert fact is not None
    assert (fact.places, fact.called) == ((), ())


def test_torch_is_as_before_when_it_is_closed(told: GraphLines) -> None:
    told.open()
    assert torch.is_anomaly_enabled()
    assert not torch.is_anomaly_check_nan_enabled()
    assert told.close()
    assert not told.close()
    assert (torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled()) == (False, True)
    assert asked.format_stack is ORIGINAL


def test_a_script_that_uses_anomaly_mode_is_left_alone(told: GraphLines) -> None:
    with torch.autograd.set_detect_anomaly(True):
        told.open()
        assert not told.is_open
        loss = (torch.ones(2, requires_grad=True) * 2).sum()
    stack = loss.grad_fn.metadata["traceback_"] if loss.grad_fn else []
    assert "test_graph_lines.py" in "".join(stack)
    assert len(stack) > 3


@pytest.mark.filterwarnings("ignore:Anomaly Detection has been enabled")
def test_anomaly_mode_of_the_script_around_its_backward_stays_on(told: GraphLines) -> None:
    told.open()
    loss = (torch.ones(2, requires_grad=True) * 2).sum()
    with torch.autograd.detect_anomaly():
        told.close()
        assert torch.is_anomaly_enabled()
        assert torch.is_anomaly_check_nan_enabled()
        loss.backward()
    told.close()
    assert not torch.is_anomaly_enabled()


def test_a_script_that_switches_it_on_for_good_keeps_it(told: GraphLines) -> None:
    told.open()
    torch.autograd.set_detect_anomaly(True)
    told.close()
    told.close()
    assert torch.is_anomaly_enabled()
    assert torch.is_anomaly_check_nan_enabled()


def test_another_answer_that_was_put_there_meanwhile_stays(told: GraphLines) -> None:
    def other() -> list[str]:
        return traceback.format_stack()

    told.open()
    asked.format_stack = other
    told.close()
    assert asked.format_stack is other


def test_asks_no_more_than_a_few_times(told: GraphLines) -> None:
    for _ in range(MOST):
        told.open()
        assert told.close()
    told.open()
    assert not told.is_open


def test_a_tracer_gets_the_stack_that_it_has_kept(told: GraphLines) -> None:
    told.open()
    with asked.preserve_node_meta():
        assert asked.format_stack() == [""]
    assert asked.format_stack() != [""]


def test_a_fault_of_ours_does_not_reach_the_operation(warnings: list[str]) -> None:
    class Failing(UserLines):
        def site(self, frame: object) -> tuple[()]:
            raise LookupError("no line")

    told = GraphLines(Failing(), Guard(warnings.append).gate("lines of operations"))
    fact = graph_of(told, lambda: (torch.ones(2, requires_grad=True) * 2).sum())
    assert fact.places == ()
    assert len(warnings) == 1
    assert warnings[0].startswith("stopped watching lines of operations: LookupError: no line")


def test_the_kept_stack_reads_as_torch_writes_it(told: GraphLines) -> None:
    told.open()
    loss = (torch.ones(2, requires_grad=True) * 2).sum()
    told.close()
    stack = loss.grad_fn.metadata["traceback_"] if loss.grad_fn else []
    assert re.fullmatch(rf'  File "{re.escape(__file__)}", line \d+, in \w+\n', stack[-1])


def trained(session: Session, *, turns: int = 4) -> GraphFact:
    network = Two()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    for _ in range(turns):
        optimizer.zero_grad()
        loss = network(torch.ones(5, 3)).square().mean()
        loss.backward()
        optimizer.step()
    (fact,) = session.run.graphs.values()
    return fact


def test_the_session_knows_the_lines_from_the_second_turn_on() -> None:
    with watch(quiet=True) as session:
        assert trained(session, turns=1).places == ()
    with watch(quiet=True) as session:
        fact = trained(session)
    assert lines_of(fact)["TanhBackward0"] == line_of("hidden = torch.tanh(hidden)")
    assert lines_of(fact)["PowBackward0"] == line_of("loss = network(torch.ones(5, 3)).square().mean()")
    assert not torch.is_anomaly_enabled()
    assert asked.format_stack is ORIGINAL


def test_two_losses_have_their_own_lines() -> None:
    with watch(quiet=True) as session:
        one, two = nn.Linear(3, 1), nn.Linear(3, 1)
        optimizers = [torch.optim.SGD(n.parameters(), lr=0.1) for n in (one, two)]
        for _ in range(4):
            for optimizer in optimizers:
                optimizer.zero_grad()
            one(torch.ones(2, 3)).exp().sum().backward()
            two(torch.ones(2, 3)).sin().sum().backward()
            for optimizer in optimizers:
                optimizer.step()
    first, second = session.run.graphs.values()
    assert lines_of(first)["ExpBackward0"] == line_of("one(torch.ones(2, 3)).exp().sum().backward()")
    assert lines_of(second)["SinBackward0"] == line_of("two(torch.ones(2, 3)).sin().sum().backward()")


def test_a_program_without_modules_has_lines_as_well() -> None:
    with watch(quiet=True) as session:
        weight = torch.ones(3, requires_grad=True)
        for _ in range(4):
            loss = (weight * 2).cos().sum()
            loss.backward()
            with torch.no_grad():
                weight -= 0.1 * weight.grad
                weight.grad = None
    (fact,) = session.run.graphs.values()
    assert lines_of(fact)["CosBackward0"] == line_of("loss = (weight * 2).cos().sum()")


def test_a_forward_that_fails_in_the_asked_turn_ends_the_asking() -> None:
    with watch(quiet=True) as session:
        trained(session, turns=1)
        with pytest.raises(RuntimeError, match="shapes"):
            Two()(torch.ones(5, 7))
    assert not torch.is_anomaly_enabled()
    assert asked.format_stack is ORIGINAL


def test_a_backward_that_fails_says_what_it_says_without_osler(recwarn: pytest.WarningsRecorder) -> None:
    with watch(quiet=True) as session:
        trained(session, turns=1)
        network = Two()
        hidden = network.first(torch.ones(2, 3)).exp()
        loss = hidden.sum()
        hidden.mul_(2)
        with pytest.raises(RuntimeError, match="modified by an inplace operation") as failed:
            loss.backward()
    assert "set_detect_anomaly" in str(failed.value)
    assert not [w for w in recwarn if "Traceback of forward call" in str(w.message)]
