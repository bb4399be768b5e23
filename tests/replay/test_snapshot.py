"""Everything that training can change is put back in place, bit for bit."""

import random
from collections import deque

import numpy as np
import torch
from torch import nn

from osler.replay.loop import LoopState
from osler.replay.snapshot import Snapshot, alive


class Memory(nn.Module):
    """Holds state in every place a module can hold it."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(4, 6)
        self.norm = nn.BatchNorm1d(6)
        self.second = nn.Linear(6, 4)
        self.tied = self.first.weight
        self.register_buffer("kept", torch.zeros(3))
        self.register_buffer("dropped", torch.zeros(2), persistent=False)
        self.plain = torch.zeros(5)
        self.queue = deque([torch.zeros(2)], maxlen=4)
        self.table = {"mean": torch.zeros(2), "count": 0}
        self.calls = 0

    def forward(self, x):
        self.calls += 1
        self.kept += 1
        self.dropped += x.mean().detach()
        self.plain = self.plain + 1
        self.queue.append(x[0, :2].detach())
        self.table["mean"] = x.mean(0)[:2].detach()
        self.table["count"] += len(x)
        return self.second(torch.relu(self.norm(self.first(x))))


def everything(model, optimizer):
    """All numbers of a training, as one list."""
    tensors = [*model.parameters(), *model.buffers(), model.plain, *model.queue, model.table["mean"]]
    tensors += [p.grad for p in model.parameters() if p.grad is not None]
    tensors += [v for s in optimizer.state.values() for v in s.values() if torch.is_tensor(v)]
    numbers = [model.calls, model.table["count"], optimizer.param_groups[0]["lr"], model.training]
    return [t.tolist() for t in tensors], numbers, [torch.rand(2).tolist(), random.random(), np.random.rand()]


def train(model, optimizer, schedule, steps=3):
    for _ in range(steps):
        optimizer.zero_grad(set_to_none=False)
        nn.functional.cross_entropy(model(torch.randn(8, 4)), torch.randint(0, 4, (8,))).backward()
        optimizer.step()
        schedule.step()


def built():
    torch.manual_seed(0)
    model = Memory()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)
    return model, optimizer, torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.5)


def test_the_same_steps_follow_after_a_restore():
    model, optimizer, schedule = built()
    train(model, optimizer, schedule)
    snapshot = Snapshot([model, optimizer, schedule])
    train(model, optimizer, schedule)
    once = everything(model, optimizer)
    for _ in range(2):
        snapshot.restore()
        train(model, optimizer, schedule)
        assert everything(model, optimizer) == once


def test_identities_stay():
    model, optimizer, schedule = built()
    weight, storage = model.first.weight, model.first.weight.data_ptr()
    snapshot = Snapshot([model, optimizer, schedule])
    train(model, optimizer, schedule)
    model.eval()
    model.second.weight.requires_grad_(False)
    snapshot.restore()
    assert model.first.weight is weight is model.tied
    assert weight.data_ptr() == storage
    assert weight.grad is None
    assert model.training
    assert model.second.weight.requires_grad
    assert not optimizer.state
    assert schedule.last_epoch == 0


def test_a_gradient_that_was_there_is_the_same_tensor_again():
    model, optimizer, schedule = built()
    train(model, optimizer, schedule, 1)
    gradient = model.first.weight.grad
    before = gradient.clone()
    snapshot = Snapshot([model])
    gradient.mul_(3)
    model.zero_grad(set_to_none=True)
    snapshot.restore()
    assert model.first.weight.grad is gradient
    assert torch.equal(gradient, before)


def test_exchanged_data_is_put_back():
    model, _, _ = built()
    before = model.first.weight.detach().clone()
    snapshot = Snapshot([model])
    model.first.weight.data = torch.ones(6, 4)
    model.first.bias.data = torch.ones(9)
    snapshot.restore()
    assert torch.equal(model.first.weight, before)
    assert model.first.bias.shape == (6,)


def test_expanded_buffers_are_left_alone():
    model = nn.Module()
    model.register_buffer("one", torch.ones(1).expand(5))
    Snapshot([model]).restore()
    assert model.one.tolist() == [1.0] * 5


class Average:
    """A user's object around tensors: neither module nor optimizer."""

    def __init__(self, model):
        self.shadow = {n: p.detach().clone() for n, p in model.named_parameters()}
        self.updates = 0


def test_objects_and_containers_in_the_users_variables():
    model, _, _ = built()
    average = Average(model)
    generator = torch.Generator().manual_seed(3)
    drawn, losses, data = np.random.default_rng(1), [1.0], torch.zeros(100_000)

    def loop():
        import sys

        held = average, generator, drawn, losses, data
        state = LoopState(sys._getframe(0), lambda f: f.f_code.co_name == "loop")
        assert held
        return Snapshot([model], state, lambda kind: kind is Average)

    snapshot = loop()
    first = torch.rand(2, generator=generator).tolist(), drawn.random()
    average.shadow["tied"].add_(1)
    average.updates = 7
    losses.append(2.0)
    data.add_(1)
    snapshot.restore()
    assert (torch.rand(2, generator=generator).tolist(), drawn.random()) == first
    assert average.updates == 0
    assert torch.equal(average.shadow["tied"], model.first.weight)
    assert losses == [1.0]
    assert data[0] == 1, "data is no state, and too large to be kept"


def test_one_extra_copy_is_kept():
    model, optimizer, schedule = built()
    train(model, optimizer, schedule)
    of_parameters = sum(p.numel() for p in model.parameters())
    gradients_apart = Snapshot([model, optimizer, schedule]).elements
    assert gradients_apart < 4 * of_parameters  # weights and two moments; buffers are small


def test_parameters_without_a_shape_are_left_alone():
    model = nn.Sequential(nn.Linear(4, 3), nn.LazyLinear(2))
    snapshot = Snapshot([model])
    assert snapshot.is_lazy
    model(torch.ones(1, 4))
    assert not Snapshot([model]).is_lazy


def test_alive_finds_inherited_classes():
    model, optimizer, _ = built()
    found = alive(torch.optim.Optimizer, Memory)
    assert any(o is optimizer for o in found)
    assert any(o is model for o in found)
