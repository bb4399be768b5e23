"""What the source speaks about: which modules are below which, and what an optimizer holds."""

import pytest

from osler.model import Place
from osler.model.values import (
    Const,
    Cut,
    External,
    Maybe,
    Network,
    Optimizer,
    Parameters,
    Series,
    Table,
    Tensor,
    Unknown,
    Value,
)


def net(name: str, /, **parts: Value) -> Network:
    return Network(name, parts=parts)


def names(network: Network) -> list[str]:
    return sorted(n.name for n in network.walk())


LEAF = net("fc")


@pytest.mark.parametrize(
    ("part", "found"),
    [
        (LEAF, ["fc"]),
        (Maybe(LEAF), ["fc"]),
        (Tensor(leaf=LEAF), ["fc"]),
        (Maybe(Tensor(leaf=LEAF)), ["fc"]),
    ],
    ids=["a module", "perhaps a module", "a parameter", "perhaps a parameter"],
)
def test_what_is_registered_is_below(part: Value, found: list[str]) -> None:
    assert [child.name for _, child in net("model", fc=part).children()] == found


@pytest.mark.parametrize(
    "part",
    [Unknown("fc"), Const(3), Series([LEAF]), Table({"fc": LEAF}), Tensor(), External("torch.nn.Linear")],
    ids=["unknown", "a number", "a plain list", "a plain dict", "a tensor", "a class"],
)
def test_what_is_only_kept_is_not_below(part: Value) -> None:
    """A plain list of layers is just what `parameters()` does not see."""
    assert list(net("model", fc=part).children()) == []


def test_parts_keep_their_names_and_order() -> None:
    first, second = net("a"), net("b")
    assert [name for name, _ in net("model", body=first, head=second).children()] == ["body", "head"]


def test_walking_goes_all_the_way_down() -> None:
    assert names(net("model", body=net("body", fc=LEAF), head=net("head"))) == ["body", "fc", "head", "model"]


def test_a_shared_part_is_walked_once() -> None:
    assert names(net("model", encoder=LEAF, decoder=LEAF)) == ["fc", "model"]


def test_two_modules_of_one_name_are_two() -> None:
    assert names(net("model", a=net("fc"), b=net("fc"))) == ["fc", "fc", "model"]


def test_a_module_that_holds_itself_ends() -> None:
    model = net("model")
    model.parts["self"] = model
    assert names(model) == ["model"]


def test_each_module_that_it_may_be_is_below() -> None:
    model = Network("model", variants=(net("resnet", fc=LEAF), net("vit")))
    assert names(model) == ["fc", "model", "resnet", "vit"]


@pytest.mark.parametrize(
    ("layer", "kind"), [("torch.nn.Linear", "Linear"), ("Linear", "Linear"), ("", ""), ("a.b.", "")]
)
def test_the_kind_of_a_layer(layer: str, kind: str) -> None:
    assert Network("fc", layer).kind == kind


@pytest.mark.parametrize(
    ("name", "last", "is_torch"),
    [
        ("torch.nn.Linear", "Linear", True),
        ("torch", "torch", True),
        ("torchvision.models.resnet18", "resnet18", False),
        ("torch_geometric.nn.GCNConv", "GCNConv", False),
        ("my.torch.Linear", "Linear", False),
        ("", "", False),
    ],
)
def test_what_belongs_to_torch_itself(name: str, last: str, is_torch: bool) -> None:
    assert (External(name).last, External(name).is_torch) == (last, is_torch)


HEAD = net("head")
BODY = net("body", fc=LEAF)
MODEL = net("model", body=BODY, head=HEAD)
OTHER = net("other")


@pytest.mark.parametrize(
    ("held", "asked", "answer"),
    [
        ((MODEL,), MODEL, True),
        ((MODEL,), LEAF, True),
        ((LEAF,), MODEL, True),
        ((HEAD,), MODEL, True),
        ((HEAD, OTHER), OTHER, True),
        ((HEAD,), BODY, False),
        ((OTHER,), MODEL, False),
        ((), MODEL, False),
        ((Unknown("x"),), MODEL, False),
        (None, MODEL, None),
    ],
    ids=[
        "itself",
        "a part of what it holds",
        "the whole of which it holds a part",
        "another part of it",
        "the second that it holds",
        "a part beside the one that it holds",
        "another model",
        "it holds nothing",
        "it holds what is unknown",
        "not known",
    ],
)
def test_whether_an_optimizer_steps_on_a_module(
    held: tuple[Value, ...] | None, asked: Network, answer: bool | None
) -> None:
    assert Optimizer("optimizer", held=held).holds(asked) is answer


def test_what_it_held_when_it_was_built_counts_after_parts_were_exchanged() -> None:
    """`model.head = nn.Linear(…)` after the optimizer was built: it still holds the old head."""
    model = net("model", head=HEAD)
    optimizer = Optimizer("optimizer", held=(model,), seen=frozenset(model.walk()))
    model.parts["head"] = net("new head")
    assert optimizer.holds(HEAD) is True
    assert Optimizer("optimizer", held=(model,)).holds(HEAD) is False


def test_only_a_tensor_behind_layers_certainly_has_a_graph() -> None:
    cut = Cut("detach", Place("train.py", 3), frozenset({LEAF}))
    assert Tensor(networks=frozenset({LEAF})).has_graph
    assert not Tensor().has_graph
    assert not Tensor(cuts=frozenset({cut})).has_graph


def test_things_are_themselves_and_constants_are_what_they_say() -> None:
    """Two layers built alike are two layers; two threes are one number."""
    assert Network("fc") != Network("fc")
    assert Tensor() != Tensor()
    assert Optimizer("optimizer") != Optimizer("optimizer")
    assert Const(3) == Const(3)
    assert External("torch.nn") == External("torch.nn")
    assert len({Network("fc"), Network("fc"), Const(1), Const(1)}) == 3


def test_what_is_not_read_yet_is_believed_to_be_whole_and_unshared() -> None:
    first, second = Unknown("a"), Unknown("b")
    first.parts["x"] = LEAF
    assert second.parts == {}
    assert all(thing.whole for thing in (Series([]), Table({}), Parameters(())))
    fresh = Network("fc")
    assert (fresh.frozen, fresh.pretrained, fresh.loaded, fresh.handed) == (False,) * 4
