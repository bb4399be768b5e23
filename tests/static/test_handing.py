"""Models and optimizers that are given to code that cannot be read: it may do anything to them."""

import pytest

from osler.model import Const, Maybe, Network, Optimizer, Parameters, Series, Table, Tensor, Unknown, Value
from osler.static.handing import things_in

NET, OPT = Network("net"), Optimizer("opt")


@pytest.mark.parametrize(
    "call",
    [
        "other.fit(model)",
        "fit(model)",
        "fit(net=model)",
        "fit([model])",
        "fit({'a': (model,)})",
        "fit(*[model])",
    ],
)
def test_unknown_code_is_given_a_model(trained, call) -> None:
    read = trained(f"import other\nfrom other import fit\n{call}")
    assert read.told == ["handed model"]
    assert read["model"].handed


@pytest.mark.parametrize(
    "call",
    [
        "print(model)",
        "len(model)",
        "isinstance(model, nn.Module)",
        "torch.save(model, 'a')",
        "logging.info(model)",
        "wandb.watch(model)",
        "names.append(model)",
        "f(model)",
        "fit('model')",
        "fit(model.training)",
    ],
)
def test_what_does_it_no_harm(trained, call) -> None:
    read = trained(f"import logging, wandb\nfrom other import fit\nnames = []\ndef f(m): pass\n{call}")
    assert read.told == []
    assert not read["model"].handed


def test_an_optimizer_too(trained) -> None:
    assert trained("import other\nother.fit(model, optimizer)").told == ["handed model", "handed optimizer"]


def test_a_function_that_is_given_away_may_be_called_there(trained) -> None:
    read = trained(
        "import other\n"
        "def step(): optimizer.step()\n"
        "other.every(10, step)\n"
        "other.once(lambda: optimizer.zero_grad())"
    )
    assert read.told == ["step optimizer", "clear optimizer"]


def test_a_function_given_away_from_inside_itself_is_not_followed_again(trained) -> None:
    read = trained("import other\ndef step():\n    optimizer.step()\n    other.later(step)\nstep()")
    assert read.told == ["step optimizer"]


@pytest.mark.parametrize(
    ("value", "things"),
    [
        (NET, [NET]),
        (Maybe(NET), [NET]),
        (Series([NET, Const(1), OPT]), [NET, OPT]),
        (Table({"a": NET, "b": Series([OPT])}), [NET, OPT]),
        (Parameters((NET,)), [NET]),
        (Const(1), []),
        (Unknown("x", {"net": NET}), []),
        (Tensor(leaf=NET), []),
    ],
)
def test_what_is_found_in_a_value(value: Value, things: list[Value]) -> None:
    assert list(things_in(value)) == things


def test_a_list_that_contains_itself_has_an_end() -> None:
    endless = Series([NET])
    endless.items.append(endless)
    assert set(things_in(endless)) == {NET}


def test_an_object_is_given_away_with_what_it_holds(trained) -> None:
    read = trained("import other\nclass T:\n    def __init__(self, m): self.m = m\nother.fit(T(model))")
    assert read.told == ["handed model"]
