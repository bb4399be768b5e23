"""Which BatchNorm layers are frozen, and whether their statistics move."""

import copy

import pytest
import torch
from torch import nn

from osler.model import Run
from osler.runtime.frozen_norms import FrozenNorms, frozen
from osler.runtime.registry import Registry


def network() -> nn.Sequential:
    return nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.ReLU(), nn.Linear(3, 2))


def part_frozen(*parts: int) -> nn.Sequential:
    net = network()
    for part in parts:
        net[part].requires_grad_(False)
    return net


@pytest.mark.parametrize(
    ("parts", "names"), [((0, 1), ["1"]), ((1,), []), ((0,), []), ((), []), ((0, 1, 3), ["1"])]
)
def test_which_layers_are_frozen(parts: tuple[int, ...], names: list[str]) -> None:
    assert [name for name, _ in frozen(part_frozen(*parts))] == names


def called(net: nn.Module, times: int, between: bool = False) -> Run:
    run, registry = Run(), Registry()
    norms, model = FrozenNorms(run), registry.model(net)
    for _ in range(times):
        watched = norms.before(net)
        net(torch.randn(5, 4))
        if watched:
            norms.after(net, model, ())
        run.steps += 1
        if between:
            net[1].weight.data += 0.1
    return run


def test_counts_the_calls_that_move_the_statistics() -> None:
    (fact,) = called(part_frozen(0, 1), 9).frozen_norms.values()
    assert (fact.name, fact.looks, fact.moved, fact.since, fact.step) == ("1", 5, 5, 0, 7)


def test_statistics_in_eval_mode_stay() -> None:
    net = part_frozen(0, 1)
    net[1].eval()
    (fact,) = called(net, 3).frozen_norms.values()
    assert (fact.looks, fact.moved) == (3, 0)


def test_weights_that_change_are_not_frozen() -> None:
    assert called(part_frozen(0, 1), 3, between=True).frozen_norms == {}


def test_looking_changes_nothing() -> None:
    net = part_frozen(0, 1)
    twin = copy.deepcopy(net)
    torch.manual_seed(1)
    called(net, 5)
    torch.manual_seed(1)
    for _ in range(5):
        twin(torch.randn(5, 4))
    assert all(map(torch.equal, net.state_dict().values(), twin.state_dict().values()))
