"""What a name stands for where two branches meet: nothing is claimed that holds on one of them only."""

import pytest

from osler.model import (
    Activation,
    Const,
    Cut,
    Helper,
    Loader,
    Loss,
    Maybe,
    Network,
    Optimizer,
    Parameters,
    Place,
    Series,
    Table,
    Tensor,
    Unknown,
    Value,
)
from osler.static.join import Joiner

HERE, THERE = Place("/a.py", 1), Place("/a.py", 2)
NONE = Const(None)
NET, HEAD = Network("net", "torch.nn.Linear"), Network("head", "torch.nn.Linear")


def join(one: Value, other: Value) -> Value:
    return Joiner().join(one, other)


@pytest.mark.parametrize("value", [Const(1), NET, Unknown("x"), Series([])])
def test_a_value_with_itself(value: Value) -> None:
    assert join(value, value) is value


def test_equal_constants() -> None:
    assert join(Const("a"), Const("a")) == Const("a")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Const(1), Const(2)),
        (NET, Unknown("x")),
        (NET, Optimizer("o")),
        (Const(True), NET),
        (Helper("schedule", place=HERE), Helper("schedule", place=THERE)),
        (Loss("torch.nn.MSELoss", HERE), Loss("torch.nn.L1Loss", HERE)),
    ],
)
def test_what_has_nothing_in_common_is_unknown(one: Value, other: Value) -> None:
    assert isinstance(join(one, other), Unknown)
    assert isinstance(join(other, one), Unknown)


@pytest.mark.parametrize(("one", "other"), [(NET, NONE), (NONE, NET), (Maybe(NET), NET), (Maybe(NET), NONE)])
def test_something_or_none(one: Value, other: Value) -> None:
    joined = join(one, other)
    assert isinstance(joined, Maybe)
    assert joined.value is NET


def test_something_that_may_be_none_is_not_wrapped_again() -> None:
    maybe = Maybe(NET)
    assert join(maybe, NONE) is maybe
    assert join(NET, maybe) is maybe


def test_none_or_nothing_known() -> None:
    assert isinstance(join(Maybe(NET), Unknown()), Unknown)


def test_two_modules_are_one_that_may_be_either() -> None:
    joined = join(NET, HEAD)
    assert isinstance(joined, Network)
    assert joined.variants == (NET, HEAD)
    assert not joined.known


def test_the_join_of_the_same_two_is_always_the_same_object() -> None:
    joiner = Joiner()
    joined = joiner.join(NET, HEAD)
    assert joiner.join(HEAD, NET) is joined
    assert joiner.join(joined, NET) is joined
    assert joiner.join(joined, HEAD) is joined


def test_a_third_module() -> None:
    joiner, third = Joiner(), Network("third")
    joined = joiner.join(joiner.join(NET, HEAD), third)
    assert isinstance(joined, Network)
    assert set(joined.variants) == {NET, HEAD, third}


def test_weights_from_elsewhere_on_one_way_may_be_from_elsewhere() -> None:
    joined = join(NET, Network("other", pretrained=True))
    assert isinstance(joined, Network)
    assert joined.pretrained


def test_two_optimizers_hold_what_both_hold() -> None:
    joined = join(Optimizer("o", held=(NET,)), Optimizer("o", held=(HEAD,)))
    assert isinstance(joined, Optimizer)
    assert joined.held == (NET, HEAD)


def test_if_one_of_them_is_not_known_nothing_is() -> None:
    joined = join(Optimizer("o", held=(NET,)), Optimizer("o"))
    assert isinstance(joined, Optimizer)
    assert joined.held is None


@pytest.mark.parametrize(
    ("one", "other", "items", "whole"),
    [
        (Series([NET]), Series([NET]), [NET], True),
        (Series([NET]), Series([NET], whole=False), [NET], False),
        (Series([NET]), Series([NET, HEAD]), [NET, HEAD], False),
        (Series([]), Series([NET]), [NET], False),
    ],
)
def test_lists(one: Series, other: Series, items: list[Value], whole: bool) -> None:
    joined = join(one, other)
    assert isinstance(joined, Series)
    assert (joined.items, joined.whole) == (items, whole)


def test_dicts_may_hold_what_either_holds() -> None:
    joined = join(Table({"a": NET}), Table({"b": HEAD}))
    assert isinstance(joined, Table)
    assert (joined.items, joined.whole) == ({"a": NET, "b": HEAD}, False)


def test_two_loaders_are_a_loader_of_which_no_options_are_known() -> None:
    one, other = (Loader("l", "torch.utils.data.DataLoader", p, {0: Const(1)}) for p in (HERE, THERE))
    joined = join(one, other)
    assert isinstance(joined, Loader)
    assert joined.options == {}
    assert join(one, Loader("l", "", HERE)) is one


def test_a_loss_keeps_the_options_that_both_have() -> None:
    def loss(**options: Value) -> Loss:
        return Loss("torch.nn.CrossEntropyLoss", HERE, options)

    joined = join(loss(reduction=Const("sum"), weight=NET), loss(weight=NET))
    assert isinstance(joined, Loss)
    assert joined.options["weight"] is NET
    assert isinstance(joined.options["reduction"], Unknown)
    same = join(loss(reduction=Const("sum")), loss(reduction=Const("sum")))
    assert isinstance(same, Loss)
    assert same.options == {"reduction": Const("sum")}


CUT = Cut("detach", HERE, frozenset({NET}))
SOFTMAX = Activation("softmax", HERE)


def test_a_tensor_carries_what_either_carries() -> None:
    joined = join(
        Tensor(frozenset({NET}), sites=frozenset({HERE})), Tensor(frozenset({HEAD}), frozenset({CUT}))
    )
    assert isinstance(joined, Tensor)
    assert joined.networks == {NET, HEAD}
    assert (joined.cuts, joined.sites) == ({CUT}, {HERE})


@pytest.mark.parametrize(
    ("other", "activation", "reduced"),
    [
        (Tensor(activation=SOFTMAX, reduced="mean"), SOFTMAX, "mean"),
        (Tensor(activation=Activation("relu", HERE), reduced="sum"), None, ""),
        (Tensor(), None, ""),
    ],
)
def test_but_only_what_both_have_gone_through(other: Tensor, activation: object, reduced: str) -> None:
    joined = join(Tensor(activation=SOFTMAX, reduced="mean"), other)
    assert isinstance(joined, Tensor)
    assert (joined.activation, joined.reduced) == (activation, reduced)


@pytest.mark.parametrize(("other", "certain"), [(Const(0), True), (Unknown(), False), (NET, False)])
def test_a_tensor_or_something_else(other: Value, certain: bool) -> None:
    for joined in (join(Tensor(activation=SOFTMAX), other), join(other, Tensor(activation=SOFTMAX))):
        assert isinstance(joined, Tensor)
        assert (joined.activation, joined.certain) == (None, certain)


def test_parameters_of_the_same_modules_are_known_where_both_are() -> None:
    joined = join(Parameters((NET,)), Parameters((NET,), known=False))
    assert isinstance(joined, Parameters)
    assert (joined.owners, joined.whole, joined.known, joined.named) == ((NET,), True, False, False)
    assert isinstance(join(Parameters((NET,)), Parameters((HEAD,))), Unknown)
