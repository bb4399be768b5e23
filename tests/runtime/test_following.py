"""Which networks are overwritten with others between two steps; the oracle is arithmetic."""

import copy

import pytest
import torch
from torch import nn

from osler.model import Run
from osler.runtime.following import Following, mixed, pairs
from osler.runtime.registry import Registry

torch.manual_seed(0)
OLD, LEADER = torch.randn(4, 4), torch.randn(4, 4)
MIXES = {
    "a mean": (torch.lerp(OLD, LEADER, 0.1), 0.1),
    "a slow mean": (OLD * 0.999 + LEADER * 0.001, 0.001),
    "a copy": (LEADER.clone(), 1.0),
    "nothing": (OLD.clone(), 0.0),
    "scaled": (OLD * 0.9, 0.0),
    "clipped": (OLD.clamp(-0.5, 0.5), 0.0),
    "replaced": (torch.randn(4, 4), 0.0),
    "with noise": (torch.lerp(OLD, LEADER, 0.1) + 1e-4 * torch.randn(4, 4), 0.0),
    "beyond the leader": (torch.lerp(OLD, LEADER, 1.5), 0.0),
    "away from it": (torch.lerp(OLD, LEADER, -0.5), 0.0),
}


@pytest.mark.parametrize(("now", "share"), MIXES.values(), ids=MIXES)
def test_the_share_of_the_leader(now, share) -> None:
    assert mixed(OLD, now, LEADER) == pytest.approx(share, rel=1e-2)


def test_what_equals_its_leader_does_not_follow() -> None:
    assert mixed(OLD, LEADER, OLD) == 0


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(4, 4)
        self.outer = nn.Linear(4, 4)


def pair():
    one = Net()
    return one, copy.deepcopy(one)


def test_models_are_paired_and_their_parts_left_out() -> None:
    registry, models = Registry(), pair()
    for model in models:
        registry.model(model)
    names = {(a.model, a.part, b.model, b.part) for a, b in pairs(registry)}
    assert {n for n in names if n[0] != n[2] and n[1] == n[3]} == {
        ("Net", "", "Net 2", ""),
        ("Net 2", "", "Net", ""),
    }


def test_a_stack_of_layers_is_not_paired() -> None:
    registry = Registry()
    stack = nn.Module()
    stack.layers = nn.Sequential(*(nn.Linear(4, 4) for _ in range(6)))
    registry.model(stack)
    assert not list(pairs(registry))


def test_a_follower_is_counted() -> None:
    run, registry = Run(), Registry()
    one, other = pair()
    for model in (one, other):
        registry.model(model)
    following = Following(run, registry)
    for _ in range(3):
        with torch.no_grad():
            one.inner.weight += torch.randn(4, 4)
        if following.is_due():
            following.stepped()
        with torch.no_grad():
            other.inner.weight.lerp_(one.inner.weight, 0.2)
        following.arrived()
    (fact,) = run.follows.values()
    assert (fact.name, fact.leader_name, fact.times) == ("Net 2", "Net", 3)
    assert fact.share == pytest.approx(0.2, rel=1e-4)
