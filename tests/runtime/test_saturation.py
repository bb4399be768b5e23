"""What stands between a loss and its parameters."""

# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false

import gc
from collections.abc import Callable
from functools import partial
from typing import cast

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from osler.model import GraphFact, Run
from osler.runtime.copies import COPYABLE
from osler.runtime.graph import described
from osler.runtime.registry import Registry
from osler.runtime.saturation import Saturation, closed_by, uses
from osler.testing import place

SITE = (place(3),)


def parameter(*values: float) -> nn.Parameter:
    return nn.Parameter(torch.tensor(values))


def closed(root: Tensor) -> list[bool]:
    return [closed_by(nodes, tensor) is not None for tensor, nodes in uses(root.sum())]


@pytest.mark.parametrize(
    ("low", "high", "values", "gradient"),
    [(0.0, None, (0.0, -1.0), 1.0), (0.5, None, (0.0, 0.4), 0.0), (None, 1.0, (1.0, 2.0), 1.0)],
)
def test_agrees_with_torch(
    low: float | None, high: float | None, values: tuple[float, ...], gradient: float
) -> None:
    weight = parameter(*values)
    root = weight.clamp(low, high).sum()
    assert closed(root) == [gradient == 0]
    root.backward()
    assert weight.grad is not None
    assert weight.grad.max() == gradient


ENDS: list[tuple[Callable[[Tensor], Tensor], float]] = [
    (F.relu, 0.0),
    (F.relu6, 0.0),
    (F.relu6, 6.0),
    (F.hardtanh, 1.0),
    (F.hardsigmoid, 3.0),
    (partial(F.threshold, threshold=0.1, value=3.0), 0.1),
]


@pytest.mark.parametrize(("function", "value"), ENDS)
def test_the_ends_of_others_pass_nothing_back(function: Callable[[Tensor], Tensor], value: float) -> None:
    weight = parameter(value)
    root = function(weight).sum()
    assert closed(root) == [True]
    root.backward()
    assert weight.grad is not None
    assert weight.grad.max() == 0


def test_rounding_has_no_range() -> None:
    assert closed(parameter(0.3).round()) == [False]


def test_every_use_counts() -> None:
    weight = parameter(-1.0, -2.0)
    assert closed(weight[0].relu() + weight[1:].expand(3).relu()) == [True]
    assert closed(weight.relu() + weight) == [False]
    assert closed(weight.view(2)) == [False]


def test_limits_in_tensors_are_not_read() -> None:
    weight = parameter(-1.0)
    assert closed(weight.clamp(min=torch.tensor(0.0))) == [False]
    assert closed(torch.maximum(weight, torch.tensor(0.0))) == [False]


def test_large_parameters_and_whole_numbers_are_left_alone() -> None:
    assert uses(nn.Parameter(torch.zeros(COPYABLE + 1)).relu().sum()) == []
    assert uses(torch.tensor(1.0)) == []


def test_what_is_computed_again_is_not_computed_for_us() -> None:
    calls: list[int] = []

    def body(weight: Tensor) -> Tensor:
        calls.append(1)
        return weight.clamp(min=0.5) * 2

    root = cast("Tensor", checkpoint(body, parameter(0.0), use_reentrant=False))
    assert closed(root) == [True]
    assert len(calls) == 1


class Gate(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.gate = nn.Parameter(torch.zeros(2))


def watching(gate: Gate) -> tuple[Run, Saturation]:
    run, registry = Run(), Registry()
    registry.model(gate)
    return run, Saturation(run, registry, lambda _: "", lambda _: None)


def look(run: Run, eye: Saturation, root: Tensor) -> None:
    first = SITE not in run.graphs
    fact = described(root, SITE, lambda _: "")
    assert isinstance(fact, GraphFact)
    run.graphs[SITE] = fact
    eye.look(root, SITE, first)
    run.steps += 1


def test_looks_add_up() -> None:
    gate = Gate()
    run, eye = watching(gate)
    for _ in range(3):
        look(run, eye, gate.gate.relu().sum())
    run.steps = 90
    eye.compare()
    (fact,) = run.outside.values()
    assert (fact.full_name, fact.operation, fact.looks) == ("Gate.gate", "relu()", 3)
    assert (fact.first, fact.step, fact.elements) == (0, 90, 2)


def test_one_look_that_finds_a_way_is_enough() -> None:
    gate = Gate()
    run, eye = watching(gate)
    look(run, eye, gate.gate.relu().sum())
    assert run.outside
    look(run, eye, gate.gate.sum())
    look(run, eye, gate.gate.relu().sum())
    assert run.outside == {}


@pytest.mark.parametrize("at_end", [False, True])
def test_a_change_is_seen_at_the_next_look_and_at_the_end(at_end: bool) -> None:
    gate = Gate()
    run, eye = watching(gate)
    look(run, eye, gate.gate.relu().sum())
    gate.gate.data -= 1
    if at_end:
        eye.compare()
    else:
        look(run, eye, gate.gate.relu().sum())
    assert run.outside == {}


def test_what_was_known_at_the_end_of_a_pass_outlives_the_model() -> None:
    gates = [Gate()]
    run, eye = watching(gates[0])
    look(run, eye, gates[0].gate.relu().sum())
    run.steps = 50
    eye.compare()
    gates.clear()
    gc.collect()
    run.steps = 90
    eye.compare()
    (fact,) = run.outside.values()
    assert fact.step == 50
