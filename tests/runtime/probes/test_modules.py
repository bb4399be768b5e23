"""Root forwards: whose they are, in which mode, and whether their graph is used."""

from dataclasses import dataclass

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils.checkpoint import checkpoint

from osler.model import Kind


def test_a_training_forward_with_its_line(session, turns, events, line_of, net):
    with session:
        loss = net(torch.randn(6, 4)).sum()
        loss.backward()
    assert turns() == ["1: forward Sequential grad train, backward, used Sequential grad train"]
    (forward,) = events(Kind.FORWARD)
    assert forward.place.line == line_of("loss = net(torch.randn(6, 4)).sum()")
    assert forward.place.file == __file__
    fact = session.run.models["Sequential"]
    assert (fact.parameters, fact.modules, fact.mode_sensitive) == (83, 5, ("1",))


def test_modes_and_recording(session, turns, net):
    x = torch.randn(6, 4)
    with session:
        net.eval()
        net(x)
        with torch.no_grad():
            net(x)
            net[1].train()
            net(x)
        with torch.inference_mode():
            net(x)
    assert [t for turn in turns() for t in turn.split(", ") if "forward" in t] == [
        "forward Sequential eval grad",
        "forward Sequential eval no-grad",
        "forward Sequential mixed no-grad",
        "forward Sequential mixed no-grad repeat",
    ]


def test_a_frozen_batchnorm_has_no_say_in_the_mode(session, turns, net):
    net[1].requires_grad_(False).eval()
    with session:
        net(torch.randn(6, 4))
    assert turns() == ["1: forward Sequential grad"]


def test_several_models_have_their_own_names(session, events):
    first, second = nn.Linear(2, 2), nn.Linear(2, 2)
    with session:
        first(torch.zeros(1, 2))
        second(first(torch.zeros(1, 2)))
    assert [e.subject for e in events(Kind.FORWARD)] == ["Linear", "Linear", "Linear 2"]


def test_a_dead_model_leaves_its_name_to_the_next(session, events):
    with session:
        for _ in range(3):
            nn.Linear(2, 2)(torch.zeros(1, 2))
    assert [e.subject for e in events(Kind.FORWARD)] == ["Linear"]


def test_losses_and_activations_are_no_models(session, turns):
    with session:
        nn.CrossEntropyLoss()(nn.Softmax(1)(torch.randn(2, 3)), torch.tensor([0, 1]))
    assert turns() == ["1: loss cross_entropy no-grad"]


class ByForward(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = nn.Linear(4, 3)

    def forward(self, x):
        return self.inner(x)


def test_forward_called_directly_is_a_call_of_the_model(session, turns, events, line_of):
    model = ByForward()
    with session:
        F.cross_entropy(model.forward(torch.randn(5, 4)), torch.zeros(5, dtype=torch.long)).backward()
    assert turns() == ["1: forward ByForward grad, loss cross_entropy grad, backward, used ByForward grad"]
    sites = [place.line for place in events(Kind.FORWARD)[0].site]
    assert line_of("model.forward(torch") in sites


class OwnCall(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = nn.Linear(4, 3)

    def __call__(self, x, scale):
        return self.inner(x) * scale


def test_a_model_with_its_own_call(session, turns):
    model = OwnCall()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with session:
        for _ in range(3):
            optimizer.zero_grad()
            model(torch.randn(5, 4), 2.0).pow(2).mean().backward()
            optimizer.step()
    assert turns() == ["3: clear SGD, forward OwnCall grad, backward, used OwnCall grad, step SGD fresh"]
    assert all(fact.reached and fact.used for fact in session.run.parameters.values())


@dataclass
class Answer:
    logits: Tensor
    note: str = "extra"


class Returning(nn.Module):
    def __init__(self, pack):
        super().__init__()
        self.layer = nn.Linear(4, 3)
        self.pack = pack

    def forward(self, x):
        return self.pack(self.layer(x))


@pytest.mark.parametrize(
    "pack",
    [
        lambda y: (y, None),
        lambda y: [{"hidden": [1, y]}],
        lambda y: {"logits": y, "aux": torch.zeros(1)},
        Answer,
        lambda y: (torch.zeros(1), Answer(y)),
    ],
)
def test_outputs_that_are_packed(session, turns, pack):
    model = Returning(pack)
    seen = []
    model.register_forward_hook(lambda module, args, output: seen.append(output))
    with session:
        packed = model(torch.randn(2, 4))
        tensor = unpacked(packed)
        tensor.sum().backward()
    assert seen == [packed]
    assert turns() == ["1: forward Returning grad, backward, used Returning grad"]


def unpacked(value):
    match value:
        case Tensor():
            return value if value.requires_grad else None
        case Answer():
            return value.logits
        case dict():
            value = list(value.values())
        case list() | tuple():
            pass
        case _:
            return None
    return next((t for t in map(unpacked, value) if t is not None), None)


def test_the_output_itself_is_handed_on(session, net):
    holder = object()
    model = Returning(lambda _: holder)
    with session:
        assert model(torch.randn(2, 4)) is holder


def test_functional_call_grad_and_vmap(session, net):
    net.eval()
    parameters = dict(net.named_parameters())
    x, y = torch.randn(5, 4), torch.tensor([0, 1, 2, 0, 1])

    def loss(weights, row, label):
        return F.cross_entropy(torch.func.functional_call(net, weights, (row[None],)), label[None])

    with session:
        plain = torch.func.grad(loss)(parameters, x[0], y[0])
        per_sample = torch.func.vmap(torch.func.grad(loss), in_dims=(None, 0, 0))(parameters, x, y)
        jacobian = torch.func.jacrev(lambda w: torch.func.functional_call(net, w, (x,)))(parameters)
        torch.func.jvp(lambda row: net(row), (x,), (x,))
        torch.func.hessian(lambda row: net(row[None]).sum())(x[0])
    assert torch.allclose(plain["0.weight"], per_sample["0.weight"][0])
    assert jacobian["3.bias"].shape == (5, 3, 3)
    assert session.run.models


def test_functional_training_by_hand(session, turns):
    model = nn.Linear(4, 3)
    weights = {k: v.detach().requires_grad_() for k, v in model.named_parameters()}
    with session:
        for _ in range(4):
            loss = torch.func.functional_call(model, weights, (torch.randn(5, 4),)).pow(2).mean()
            grads = torch.autograd.grad(loss, list(weights.values()))
            weights = {
                k: (v - 0.1 * g).detach().requires_grad_()
                for (k, v), g in zip(weights.items(), grads, strict=True)
            }
    assert "forward Linear grad" in turns()[0]


@pytest.mark.parametrize("reentrant", [False, True])
def test_checkpointed_blocks_are_one_forward(session, turns, reentrant):
    class Deep(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = nn.Linear(4, 4), nn.Linear(4, 3)

        def forward(self, x):
            hidden = checkpoint(lambda v: torch.relu(self.first(v)), x, use_reentrant=reentrant)
            return self.second(hidden)

    model = Deep()
    with session:
        for _ in range(2):
            model(torch.randn(5, 4, requires_grad=True)).sum().backward()
            model.zero_grad()
    forwards = [t for turn in turns() for t in turn.split(", ") if "forward" in t]
    assert all(t.endswith("forward Deep grad") for t in forwards)
    assert len(session.run.models) == 1
    assert all(fact.reached for fact in session.run.parameters.values())


def test_data_parallel_wrappers_stand_for_their_model(session, events):
    class Wrapper(nn.Module):
        def __init__(self, module):
            super().__init__()
            self.module = module

        def forward(self, *args):
            return self.module(*args)

    parallel = nn.DataParallel(nn.Linear(4, 3))
    own = Wrapper(nn.Linear(4, 3))
    with session:
        parallel(torch.randn(2, 4)).sum().backward()
        own(torch.randn(2, 4)).sum().backward()
    assert [e.subject for e in events(Kind.FORWARD)] == ["Linear", "Wrapper"]


def test_meta_tensors(session, turns):
    with session, torch.device("meta"):
        model = nn.Linear(4, 3)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(3):
            optimizer.zero_grad()
            F.cross_entropy(model(torch.empty(2, 4)), torch.zeros(2, dtype=torch.long)).backward()
            optimizer.step()
    assert turns() == [
        "3: clear SGD, forward Linear grad, loss cross_entropy grad, backward, "
        "used Linear grad, step SGD fresh"
    ]
    assert "loss" not in session.run.columns


def simulated(model):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(3):
        F.cross_entropy(model(torch.empty(2, 4)), torch.zeros(2, dtype=torch.long)).backward()
        optimizer.step()


def test_a_simulated_training_is_none(session, turns):
    with session, FakeTensorMode():
        simulated(nn.Linear(4, 3))
    assert turns() == []


def test_fake_tensors_outside_their_mode(session, turns):
    with FakeTensorMode():
        model = nn.Linear(4, 3)
        x, y = torch.empty(2, 4), torch.zeros(2, dtype=torch.long)
    with session:
        F.cross_entropy(model(x), y).backward()
        torch.optim.SGD(model.parameters(), lr=0.1).step()
    assert turns()


def test_tensors_of_a_subclass(session, events):
    class Marked(Tensor):
        pass

    model = nn.Linear(4, 3)
    with session:
        out = model(torch.randn(2, 4).as_subclass(Marked))
        F.cross_entropy(out, torch.tensor([0, 1])).backward()
    assert type(out) is Marked
    assert [e.subject for e in events(Kind.FORWARD)] == ["Linear"]


def test_an_unregistered_layer_is_met_where_it_is_called(session, line_of):
    class Lists(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = [nn.Linear(4, 4)]
            self.head = nn.Linear(4, 3)

        def forward(self, x):
            for layer in self.layers:
                x = layer(x)
            return self.head(x)

    model = Lists()
    with session:
        model(torch.randn(2, 4)).sum().backward()
    hidden = {f.name: f for f in session.run.parameters.values() if not f.registered}
    assert set(hidden) == {"layers[0].weight", "layers[0].bias"}
    assert {f.site[0].line for f in hidden.values()} == {line_of("x = layer(x)")}


def test_an_exception_in_forward_leaves_nothing_behind(session, turns, net):
    with session:
        with pytest.raises(RuntimeError):
            net(torch.randn(6, 5))
        net(torch.randn(6, 4))
    assert turns() == ["1: forward Sequential grad train"]


def test_a_recomputing_batchnorm_is_told_apart(session, events, net):
    from torch.optim.swa_utils import update_bn

    with session:
        update_bn([torch.randn(6, 4)], net)
    (forward,) = events(Kind.FORWARD)
    assert {"recalibrating", "train", "no-grad"} <= forward.traits
