"""Methods of modules: modes, parameters, weights, containers."""

import pytest

from osler.model import Const, Helper, Network, Parameters, Series, Unknown


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("model.train()", ["mode model train"]),
        ("model.train(True)", ["mode model train"]),
        ("model.train(False)", ["mode model eval"]),
        ("model.train(mode=False)", ["mode model eval"]),
        ("model.train(what)", ["mode model unknown"]),
        ("model.eval()", ["mode model eval"]),
        ("model.eval", []),
        ("model.zero_grad()", ["clear model"]),
        ("model.state_dict()", []),
        ("model.buffers()", []),
        ("model.register_forward_hook(hook)", []),
        ("model.something(x)", []),
    ],
)
def test_what_methods_do(trained, text, told) -> None:
    assert trained(text).told == told


@pytest.mark.parametrize(
    "method",
    ["to(device)", "cuda()", "half()", "train()", "eval()", "requires_grad_()", "apply(init)", "compile()"],
)
def test_what_returns_the_module_itself(trained, method) -> None:
    read = trained(f"x = model.{method}")
    assert read["x"] is read["model"]


@pytest.mark.parametrize(
    ("text", "is_frozen"),
    [
        ("net.requires_grad_(False)", True),
        ("net.requires_grad_(requires_grad=False)", True),
        ("net.requires_grad_(what)", True),
        ("net.requires_grad_()", False),
        ("net.requires_grad_(True)", False),
        ("net.eval()", False),
    ],
)
def test_freezing_a_module_freezes_what_is_in_it(script, text, is_frozen) -> None:
    read = script(f"net = nn.Sequential(nn.Linear(1, 1))\nother = nn.Linear(1, 1)\n{text}")
    assert read["net"].frozen is read["net.0"].frozen is is_frozen
    assert not read["other"].frozen


@pytest.mark.parametrize(("method", "named"), [("parameters()", False), ("named_parameters()", True)])
def test_parameters(trained, method, named) -> None:
    read = trained(f"x = model.{method}")
    assert isinstance(read["x"], Parameters)
    assert (read["x"].owners, read["x"].named) == ((read["model"],), named)


@pytest.mark.parametrize(
    ("text", "is_loaded"),
    [
        ("net.load_state_dict(torch.load('a'))", True),
        ("net.load_state_dict(other.state_dict())", True),
        ("net.load_state_dict(state_dict=what)", True),
        ("net.load_state_dict(net.state_dict())", False),
        ("best = net.state_dict()\nnet.load_state_dict(best)", False),
        ("torch.load('a')", False),
    ],
)
def test_weights_that_are_loaded_come_from_elsewhere_unless_they_are_its_own(script, text, is_loaded) -> None:
    read = script(f"net, other = nn.Linear(1, 1), nn.Linear(1, 1)\n{text}")
    assert read["net"].loaded is is_loaded
    assert not read["other"].loaded


def test_weights_know_whose_they_are(trained) -> None:
    read = trained("w = model.state_dict()")
    assert isinstance(read["w"], Helper)
    assert (read["w"].role, read["w"].about) == ("weights", read["model"])


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("net.append(nn.ReLU())", ["Linear", "ReLU"]),
        ("net.append(nn.ReLU()).append(nn.Tanh())", ["Linear", "ReLU", "Tanh"]),
        ("net.extend([nn.ReLU(), nn.Tanh()])", ["Linear", "ReLU", "Tanh"]),
        ("net.add_module('act', nn.ReLU())", ["Linear", "ReLU"]),
        ("net.add_module(name='act', module=nn.ReLU())", ["Linear", "ReLU"]),
    ],
)
def test_containers_that_grow(script, text, kinds) -> None:
    read = script(f"net = nn.Sequential(nn.Linear(1, 1))\n{text}")
    assert [p.kind for p in read["net"].parts.values()] == kinds


def test_modules_added_under_a_computed_name(script) -> None:
    read = script(
        "net = nn.Sequential()\nnet.add_module('fc', nn.Linear(1, 1))\nnet.add_module(f'a{n}', nn.ReLU())"
    )
    assert [p.kind for p in read["net"].parts.values()] == ["Linear", "ReLU"]
    assert "fc" in read["net"].parts


def test_a_container_extended_by_something_unknown_is_not_known(script) -> None:
    assert not script("net = nn.ModuleList()\nnet.extend(what)")["net"].known


def test_a_dict_of_modules(script) -> None:
    read = script(
        """
        net = nn.ModuleDict({"a": nn.Linear(1, 1)})
        net["b"] = nn.ReLU()
        x, y = net["a"], net["b"]
        names = [k for k, v in net.items()]
        """
    )
    assert (read["x"].kind, read["y"].kind) == ("Linear", "ReLU")
    assert isinstance(read["names"], Series)


@pytest.mark.parametrize("method", ["children()", "values()"])
def test_what_is_directly_below(script, method) -> None:
    read = script(f"net = nn.Sequential(nn.Linear(1, 1))\nfor m in net.{method}: pass")
    assert read["m"] is read["net.0"]


def test_a_tensor_added_as_parameter_is_reached_through_the_module(script) -> None:
    read = script(
        """
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.register_parameter("scale", nn.Parameter(torch.ones(1)))
        net = Net()
        """
    )
    assert [n.kind for n in read["net"].walk()] == ["", "Parameter"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("engine.backward(model(x))", ["forward model", "backward engine_model managed"]),
        ("engine.step()", ["handed engine_model managed"]),
    ],
)
def test_an_engine_clears_and_steps_by_itself(trained, text, told) -> None:
    read = trained(
        f"import deepspeed\nengine_model = deepspeed.from_pretrained(model)\nengine = engine_model\n{text}"
    )
    assert read.told[-len(told) :] == told


def test_a_method_of_a_model_that_was_not_read_may_be_a_forward(script) -> None:
    read = script("import timm\nnet = timm.create_model('a')\nx = net.forward_features(img)\ny = net.eval()")
    assert read.told == ["forward net method", "mode net eval"]
    assert read["x"].networks == {read["net"]}


def test_one_of_a_layer_of_torch_is_none(trained) -> None:
    read = trained("x = model.reset_parameters()\ny = model.extra(x)\nz = model.get_submodule('a')")
    assert all(isinstance(read[n], Unknown) for n in "xyz")
    assert read.told == []


def test_zero_grad_returns_nothing(trained) -> None:
    assert trained("x = model.zero_grad()")["x"] == Const(None)


def test_a_module_registered_twice_is_one(script) -> None:
    read = script("fc = nn.Linear(1, 1)\nnet = nn.Sequential(fc, fc)")
    assert isinstance(read["net"], Network)
    assert len(list(read["net"].walk())) == 2
