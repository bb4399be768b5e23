"""What an unknown name stands for, judged by what is done with it and by how it is called."""

import ast
from pathlib import Path

import pytest

from osler.model import Const, Helper, Loader, Network, Optimizer, Place, Unknown, Value
from osler.static.roles import baptized, guess
from osler.static.sources import parse

PLACE = Place("/home/user/train.py", 1)


def role(name: str, uses: str = "") -> str:
    """The role guessed for a name in a file where these things are done with it; `x` stands for the name."""
    tree = ast.parse(uses)
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id == "x":
            node.id = name
    value = guess(name, parse(Path("/home/user/train.py"), ast.unparse(tree).encode()), PLACE)
    return value.role if isinstance(value, Helper) else type(value).__name__.lower()


@pytest.mark.parametrize(
    "name",
    [
        "optimizer",
        "optim",
        "opt",
        "optimizer_g",
        "opt_d",
        "d_opt",
        "self.optimizer",
        "trainer.optim_gen",
        "Optimizer",
        "my_optimizer",
    ],
)
def test_optimizers_by_name(name: str) -> None:
    assert role(name) == "optimizer"


@pytest.mark.parametrize(
    "name", ["option", "adopt", "opts", "optional", "opt_settings", "self.options", "adam"]
)
def test_names_that_only_sound_like_optimizers(name: str) -> None:
    assert role(name) == "unknown"


def test_what_is_cleared_and_stepped_is_an_optimizer_whatever_its_name() -> None:
    assert role("adam", "x.zero_grad(); x.step()") == "optimizer"


@pytest.mark.parametrize(
    "uses",
    [
        "x.step()",
        "x.zero_grad(); x.step(); x.backward()",
        "x.zero_grad(); x.step(); x()",
        "x.zero_grad(); x.step(); x.parameters()",
    ],
    ids=["only stepped", "an engine", "called", "has parameters"],
)
def test_what_is_used_like_one_but_also_otherwise_is_none(uses: str) -> None:
    assert role("thing", uses) == "unknown"


def test_an_optimizer_by_name_is_none_if_it_is_used_otherwise() -> None:
    assert role("opt", "x.step(); x.state_dict()") == "optimizer"
    assert role("opt", "x.parse_args()") == "unknown"


@pytest.mark.parametrize(
    "name",
    [
        "model",
        "net",
        "self.model",
        "encoder",
        "netG",
        "G",
        "D",
        "D1",
        "policy_net",
        "student_model",
        "model_2",
    ],
)
def test_models_by_name(name: str) -> None:
    assert role(name) == "network"
    assert role(name, "x(1)") == "network"


@pytest.mark.parametrize(
    "name", ["model_name", "modeling", "network_args", "internet", "Dataset", "models", "d"]
)
def test_names_that_only_sound_like_models(name: str) -> None:
    assert role(name) == "unknown"


def test_a_name_of_a_model_used_for_something_else_is_none() -> None:
    assert role("model", "x.fit(1)") == "unknown"
    assert role("net", "x.ping()") == "unknown"


@pytest.mark.parametrize("uses", ["x.train(); x.eval()", "x.parameters(); x(1)", "x.eval(); x(1)"])
def test_what_is_used_like_a_model_is_one_whatever_its_name(uses: str) -> None:
    assert role("thing", uses) == "network"


@pytest.mark.parametrize("uses", ["x(1)", "x.train()", "x.eval()", "x.parameters()"])
def test_one_use_alone_makes_no_model(uses: str) -> None:
    assert role("thing", uses) == "unknown"


def test_a_guessed_model_is_not_known_and_its_weights_may_come_from_elsewhere() -> None:
    value = guess("self.model", parse(Path("/a.py"), b""), PLACE)
    assert isinstance(value, Network)
    assert (value.name, value.known, value.pretrained, value.place) == ("model", False, True, PLACE)


@pytest.mark.parametrize(
    "name", ["loader", "train_loader", "trainloader", "dl", "val_dl", "data_iter", "DataLoader"]
)
def test_loaders_by_name(name: str) -> None:
    assert role(name) == "loader"


@pytest.mark.parametrize("name", ["load", "data", "dlib", "handler", "iterator", "batches"])
def test_names_that_only_sound_like_loaders(name: str) -> None:
    assert role(name) == "unknown"


def test_a_loader_that_is_called_makes_one() -> None:
    assert role("get_loader", "x(1)") == "unknown"


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("scheduler", "schedule"),
        ("lr_sched", "schedule"),
        ("self.schedule", "schedule"),
        ("scaler", "scaler"),
        ("grad_scaler", "scaler"),
        ("accelerator", "accelerator"),
        ("fabric", "accelerator"),
        ("minmax_scaler", "unknown"),
        ("accelerators", "unknown"),
    ],
)
def test_helpers_by_name(name: str, wanted: str) -> None:
    assert role(name) == wanted


def test_a_scaler_of_data_is_none_of_gradients() -> None:
    assert role("scaler", "x.scale(1)") == "scaler"
    assert role("scaler", "x.fit_transform(1)") == "unknown"


@pytest.mark.parametrize("value", [Const(None), Loader("a"), Unknown("a", {"b": Const(1)})])
def test_what_is_known_keeps_its_role(value: Value) -> None:
    assert baptized(value, "optimizer", parse(Path("/a.py"), b""), PLACE) is value


def test_what_is_unknown_gets_the_role_of_its_name() -> None:
    value = baptized(Unknown("make()"), "optimizer", parse(Path("/a.py"), b""), PLACE)
    assert isinstance(value, Optimizer)
    assert value.made == ""
