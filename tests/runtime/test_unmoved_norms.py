"""Whether the running statistics of a network came along with its weights."""

import copy
import math

import pytest
import torch
from torch import nn

from osler.model import Run
from osler.runtime.registry import Model, Registry
from osler.runtime.unmoved_norms import UnmovedNorms, apart, near, norms, shares_weights, were_copied

torch.manual_seed(0)
X = 3 * torch.randn(64, 4) + 2


def network() -> nn.Sequential:
    return nn.Sequential(nn.Linear(4, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 2))


def learned(net: nn.Sequential, times: int = 20) -> nn.Sequential:
    """The network after steps that move its weights and statistics."""
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
    for _ in range(times):
        optimizer.zero_grad()
        net.train()(X).square().sum(1).mean().backward()
        optimizer.step()
    return net


def given(net: nn.Sequential, leader: nn.Sequential) -> nn.Sequential:
    """The network with the parameters of another one."""
    with torch.no_grad():
        for mine, theirs in zip(net.parameters(), leader.parameters(), strict=True):
            mine.copy_(theirs)
    return net.eval()


class Watched:
    """Some networks, as the watcher knows them after each was called."""

    def __init__(self, *nets: nn.Module) -> None:
        self.nets = nets  # they live as long as this
        self.run, registry = Run(), Registry()
        self.unmoved = UnmovedNorms(self.run, registry)
        self.models = [registry.model(net) for net in nets]
        for model in self.models:
            module = model.module()
            assert module is not None
            model.seen = {id(part) for part in module.modules()}

    def call(self, model: Model, steps: int = 1) -> None:
        self.run.steps += steps
        module = model.module()
        assert module is not None
        if self.unmoved.is_due(model, model.mode()):
            self.unmoved.called(model, ())

    @property
    def names(self) -> list[tuple[str, str, tuple[str, ...], bool]]:
        facts = self.run.unmoved_norms.values()
        return [(f.name, f.leader_name, f.names, f.fresh) for f in facts]


def test_weights_that_were_given_without_the_statistics() -> None:
    leader = learned(network())
    watched = Watched(leader, given(network(), leader))
    watched.call(watched.models[1])
    assert watched.names == [("Sequential 2", "Sequential", ("1",), True)]
    (fact,) = watched.run.unmoved_norms.values()
    layer = leader[1]
    assert fact.leader_variance == pytest.approx(float(layer.running_var.mean()))
    shift = layer.running_mean / (layer.running_var + layer.eps).sqrt()
    assert fact.shift == pytest.approx(float(shift.square().mean().sqrt()))
    ratio = (layer.running_var + layer.eps) / (1 + layer.eps)
    assert fact.factor == pytest.approx(math.exp(float(ratio.log().abs().mean())))


def test_statistics_that_come_later_take_it_back() -> None:
    leader = learned(network())
    follower = given(network(), leader)
    watched = Watched(leader, follower)
    watched.call(watched.models[1])
    follower.load_state_dict(leader.state_dict())
    watched.call(watched.models[1])
    assert watched.names == []


def test_statistics_that_come_after_the_last_call_take_it_back() -> None:
    leader = learned(network())
    follower = given(network(), leader)
    watched = Watched(leader, follower)
    watched.call(watched.models[1])
    watched.unmoved.finish()
    assert len(watched.names) == 1
    follower[1].running_mean.data.add_(1)  # leaves no trace in the version
    watched.unmoved.finish()
    assert watched.names == []


def test_statistics_of_the_moment_of_the_copy() -> None:
    leader = learned(network(), 2)
    follower = copy.deepcopy(leader).eval()
    watched = Watched(leader, follower)
    watched.call(watched.models[1])
    assert watched.names == []
    given(follower, learned(leader))
    watched.call(watched.models[1])
    assert watched.names == [("Sequential 2", "Sequential", ("1",), False)]


def test_momentum_0_until_somebody_sets_the_statistics() -> None:
    net = network()
    net[1].momentum = 0.0
    learned(net).eval()
    watched = Watched(net)
    watched.call(watched.models[0])
    assert watched.names == [("Sequential", "", ("1",), True)]
    assert watched.run.unmoved_norms["Sequential"].batches == 20
    net[1].running_var.fill_(2.0)
    watched.call(watched.models[0])
    assert watched.names == []


def test_a_new_call_is_looked_at_after_steps_and_ever_more_rarely() -> None:
    watched = Watched(network().eval())
    (model,) = watched.models
    due = []
    for step in [0, 0, *range(1, 20)]:
        watched.run.steps = step
        due.append(watched.unmoved.is_due(model, "eval"))
    assert [n for n, is_due in enumerate(due) if is_due] == [0, 2, 3, 4, 8, 16]


def test_a_network_without_batch_norm_is_never_due() -> None:
    watched = Watched(nn.Sequential(nn.Linear(4, 4)))
    assert not watched.unmoved.is_due(watched.models[0], "eval")


def test_shifts_that_were_learned_elsewhere() -> None:
    leader, other = learned(network()), learned(network())
    fresh, follower = network(), given(network(), leader)
    layers = {
        name: dict(norms(net)) for name, net in (("l", leader), ("f", follower), ("n", fresh), ("o", other))
    }
    assert were_copied(layers["f"], layers["l"])
    assert not were_copied(layers["n"], layers["l"])
    assert not were_copied(layers["o"], layers["l"])
    assert not were_copied({}, layers["l"])


def test_what_is_near_and_what_is_apart() -> None:
    a, b = torch.randn(8, 8), torch.randn(8, 8)
    assert near(a, a * 0.9)
    assert not near(a, b)
    layer = nn.BatchNorm1d(4)
    assert apart(layer, layer) == (0.0, 0.0)
    other = nn.BatchNorm1d(4, eps=0.0)
    other.running_mean.fill_(6.0)
    other.running_var.fill_(4.0)
    layer.eps = 0.0
    assert apart(layer, other) == pytest.approx((3.0, math.log(4)))


def test_shared_weights() -> None:
    net = network()
    assert shares_weights(net, nn.Sequential(net[0], nn.BatchNorm1d(16)))
    assert not shares_weights(net, network())


def test_only_layers_of_torch_with_statistics_count() -> None:
    class Own(nn.BatchNorm1d):
        pass

    parts = [Own(4), nn.BatchNorm1d(4, track_running_stats=False), nn.LazyBatchNorm1d(), nn.InstanceNorm1d(4)]
    assert [name for name, _ in norms(nn.Sequential(*parts, nn.BatchNorm1d(4)))] == ["4"]


def test_looking_changes_nothing() -> None:
    leader = learned(network())
    follower = given(network(), leader)
    before = [{k: v.clone() for k, v in net.state_dict().items()} for net in (leader, follower)]
    versions = [b._version for net in (leader, follower) for b in net.buffers()]
    state = torch.get_rng_state()
    watched = Watched(leader, follower)
    for model in watched.models * 3:
        watched.call(model)
    watched.unmoved.finish()
    assert torch.equal(state, torch.get_rng_state())
    assert versions == [b._version for net in (leader, follower) for b in net.buffers()]
    for net, old in zip((leader, follower), before, strict=True):
        assert all(torch.equal(value, old[key]) for key, value in net.state_dict().items())


def test_in_inference_mode() -> None:
    leader = learned(network())
    watched = Watched(leader, given(network(), leader))
    with torch.inference_mode():
        watched.call(watched.models[1])
    watched.call(watched.models[1])
    assert len(watched.names) == 1
