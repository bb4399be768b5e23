"""Names for models, optimizers and loaders; layers that depend on the mode; tensors in an output."""

import copy
import gc
import weakref
from collections import OrderedDict, namedtuple
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from osler.runtime.registry import (
    Registry,
    held,
    is_sensitive,
    live_sensitive,
    plain,
    recalibrating,
    tensors_in,
    unwrapped,
)

torch.set_num_threads(1)


class Net(nn.Module):
    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.body = nn.Sequential(*layers)
        self.head = nn.Linear(2, 2)


# --- names


def test_a_model_is_named_after_its_class() -> None:
    assert Registry().model(Net()).name == "Net"


def test_models_that_live_at_once_are_numbered() -> None:
    registry, nets = Registry(), [Net(), Net(), Net()]
    assert [registry.model(n).name for n in nets] == ["Net", "Net 2", "Net 3"]


def test_a_model_keeps_its_name_and_entry() -> None:
    registry, net = Registry(), Net()
    assert registry.model(net) is registry.model(net)
    assert registry.known(net) is registry.model(net)
    assert len(registry.models) == 1


def test_a_model_that_was_never_called_is_not_known() -> None:
    assert Registry().known(Net()) is None


def test_a_dead_model_frees_its_name() -> None:
    registry = Registry()
    for _ in range(3):
        net = Net()
        assert registry.model(net).name == "Net"
        del net
        gc.collect()


def test_being_known_keeps_nothing_alive() -> None:
    registry = Registry()
    net = Net()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    registry.model(net)
    registry.optimizer(optimizer)
    references = weakref.ref(net), weakref.ref(optimizer)
    del net, optimizer
    gc.collect()
    assert [r() for r in references] == [None, None]
    assert list(registry.optimizers()) == []


def test_optimizers_and_loaders_are_named_in_the_same_way() -> None:
    registry, net = Registry(), Net()
    optimizers = [torch.optim.SGD(net.parameters(), lr=0.1) for _ in range(2)]
    loaders = [torch.utils.data.DataLoader([1]) for _ in range(2)]
    assert [registry.optimizer(o) for o in [*optimizers, optimizers[0]]] == ["SGD", "SGD 2", "SGD"]
    assert [registry.loader(x, lambda: "random") for x in [*loaders, loaders[0]]] == [
        "DataLoader",
        "DataLoader 2",
        "DataLoader",
    ]
    assert [name for name, _ in registry.optimizers()] == ["SGD", "SGD 2"]


@pytest.mark.parametrize(
    "wrap",
    [lambda m: m, nn.DataParallel, lambda m: nn.DataParallel(nn.DataParallel(m))],
    ids=["bare", "data parallel", "twice"],
)
def test_a_wrapped_model_is_called_by_its_own_name(wrap: Callable[[nn.Module], nn.Module]) -> None:
    net = Net()
    model = Registry().model(wrap(net))
    assert (model.name, model.module(), model.compiled) == ("Net", net, False)


def test_a_users_own_wrapper_is_a_model_itself() -> None:
    class Wrapper(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.module = Net()

    wrapper = Wrapper()
    assert unwrapped(wrapper) is wrapper


def test_parameters_of_an_optimizer_come_in_order_of_its_groups() -> None:
    a, b, c = (nn.Parameter(torch.ones(n)) for n in (1, 2, 3))
    optimizer = torch.optim.SGD([{"params": [b, a]}, {"params": [c]}], lr=0.1)
    assert [p.numel() for p in held(optimizer)] == [2, 1, 3]


# --- layers that depend on the mode


SENSITIVE: dict[str, nn.Module] = {
    "dropout": nn.Dropout(0.1),
    "dropout of channels": nn.Dropout2d(0.5),
    "alpha dropout": nn.AlphaDropout(0.1),
    "batch norm": nn.BatchNorm1d(2),
    "synchronised batch norm": nn.SyncBatchNorm(2),
    "batch norm without affine": nn.BatchNorm2d(2, affine=False),
    "recurrent with dropout": nn.LSTM(2, 2, num_layers=2, dropout=0.1),
    "attention with dropout": nn.MultiheadAttention(2, 1, dropout=0.1),
}

INDIFFERENT: dict[str, nn.Module] = {
    "no dropout at all": nn.Dropout(0.0),
    "batch norm without statistics": nn.BatchNorm1d(2, track_running_stats=False),
    "layer norm": nn.LayerNorm(2),
    "group norm": nn.GroupNorm(1, 2),
    "recurrent": nn.GRU(2, 2),
    "attention": nn.MultiheadAttention(2, 1),
    "linear": nn.Linear(2, 2),
    "relu": nn.ReLU(),
    "container": nn.Sequential(),
}


@pytest.mark.parametrize("layer", SENSITIVE.values(), ids=SENSITIVE)
def test_layers_that_compute_something_else_in_training(layer: nn.Module) -> None:
    assert is_sensitive(layer)


@pytest.mark.parametrize("layer", INDIFFERENT.values(), ids=INDIFFERENT)
def test_layers_that_compute_the_same_in_both_modes(layer: nn.Module) -> None:
    assert not is_sensitive(layer)


def frozen(module: nn.Module) -> nn.Module:
    return module.requires_grad_(False)


@pytest.mark.parametrize(
    ("model", "names"),
    [
        (lambda: Net(nn.Dropout(0.1), nn.Linear(2, 2), nn.BatchNorm1d(2)), ["body.0", "body.2"]),
        (lambda: Net(frozen(nn.BatchNorm1d(2)), nn.Linear(2, 2)), []),
        (lambda: Net(nn.BatchNorm1d(2, affine=False), frozen(nn.Linear(2, 2))), []),
        (lambda: Net(nn.Dropout(0.1), frozen(nn.Linear(2, 2))), []),
        (lambda: Net(nn.Dropout(0.1)), ["body.0"]),
        (lambda: Net(nn.Dropout(0.1), frozen(nn.Linear(2, 2)), nn.Linear(2, 2)), ["body.0"]),
        (lambda: frozen(Net(nn.Dropout(0.1), nn.Linear(2, 2), nn.BatchNorm1d(2))), []),
        (lambda: Net(nn.Linear(2, 2), nn.LayerNorm(2)), []),
        (lambda: nn.BatchNorm1d(2), [""]),
    ],
    ids=[
        "both kinds",
        "frozen itself",
        "among frozen layers",
        "dropout among frozen layers",
        "dropout alone",
        "among partly frozen layers",
        "all frozen",
        "none",
        "the model itself",
    ],
)
def test_layers_in_frozen_parts_do_not_count(model: Callable[[], nn.Module], names: list[str]) -> None:
    assert [name for name, _ in live_sensitive(model())] == names


@pytest.mark.parametrize(
    ("switch", "mode"),
    [
        (lambda m: m, "train"),
        (lambda m: m.eval(), "eval"),
        (lambda m: m.eval().train(), "train"),
        (lambda m: m.body.eval(), "mixed"),
        (lambda m: m.body[0].eval(), "mixed"),
        (lambda m: (m.eval(), m.body[0].train()), "mixed"),
        (lambda m: m.head.eval(), "train"),
    ],
    ids=["new", "eval", "and back", "a part", "one layer", "one layer back", "a layer that does not care"],
)
def test_the_mode_is_that_of_the_layers_that_care(switch: Callable[[Any], Any], mode: str) -> None:
    net = Net(nn.Dropout(0.1), nn.BatchNorm1d(2))
    model = Registry().model(net)
    switch(net)
    assert model.mode() == mode


def test_a_model_without_such_layers_has_no_mode() -> None:
    net = Net(nn.Linear(2, 2)).eval()
    assert Registry().model(net).mode() == ""


def test_a_look_again_finds_what_was_added() -> None:
    net = Net(nn.Linear(2, 2))
    model = Registry().model(net)
    net.extra = nn.Dropout(0.5)
    assert model.mode() == ""
    model.refresh()
    assert model.mode() == "train"
    assert id(net.extra) in model.registered


def test_a_look_at_a_dead_model_does_no_harm() -> None:
    net = Net()
    model = Registry().model(net)
    del net
    gc.collect()
    model.refresh()
    assert model.mode() == ""


@pytest.mark.parametrize(("momentum", "expected"), [(None, True), (0.1, False), (0.0, False), (1.0, False)])
def test_cumulative_statistics_are_a_recalibration(momentum: float | None, expected: bool) -> None:
    net = Net(nn.BatchNorm1d(2, momentum=momentum))  # pyright: ignore
    assert recalibrating(Registry().model(net)) is expected


# --- tensors in outputs


Pair = namedtuple("Pair", "first second")


@dataclass
class Output:
    scores: Tensor
    hidden: list[Tensor] = field(default_factory=list)
    name: str = "x"


@dataclass(slots=True)
class Slotted:
    scores: Tensor


@dataclass
class Tree:
    value: Tensor
    parent: "Tree | None" = None


def t(n: int) -> Tensor:
    return torch.zeros(n)


def endless_list() -> list[Any]:
    values: list[Any] = []
    values += [values, values]
    return values


def endless_tree() -> Tree:
    tree = Tree(t(1))
    tree.parent = tree
    return tree


@pytest.mark.parametrize(
    ("value", "sizes"),
    [
        (t(1), [1]),
        ([t(1), t(2)], [1, 2]),
        ((t(1), [t(2), (t(3),)]), [1, 2, 3]),
        ({"a": t(1), "b": {"c": t(2)}}, [1, 2]),
        (OrderedDict(a=t(1)), [1]),
        (Pair(t(1), t(2)), [1, 2]),
        (Output(t(1), [t(2)]), [1, 2]),
        ([t(n) for n in range(1, 9)], [1, 2, 3, 4]),
        ([1, "a", None, t(1)], [1]),
        (None, []),
        (3.5, []),
        ("text", []),
        ([], []),
        ([[], {}, ()], []),
        (object(), []),
        (Tensor, []),
        (endless_list(), []),
        (endless_tree(), [1, 1, 1, 1]),
    ],
    ids=lambda v: "" if isinstance(v, Tensor) else type(v).__name__,
)
def test_the_first_tensors_of_any_output_are_found(value: object, sizes: list[int]) -> None:
    assert [x.numel() for x in tensors_in(value)] == sizes


def test_as_many_tensors_as_asked_for_are_found() -> None:
    assert [x.numel() for x in tensors_in([t(1), t(2), t(3)], 2)] == [1, 2]


class Subclass(Tensor):
    pass


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (t(1), True),
        (nn.Parameter(t(1)), True),
        (t(1).requires_grad_() * 2, True),
        (t(1).as_subclass(Subclass), False),
        (torch.empty(1, device="meta"), False),
        (nn.Buffer(t(1)), True),
        ([t(1)], False),
        (None, False),
        (1.0, False),
    ],
    ids=["tensor", "parameter", "with a graph", "subclass", "meta", "buffer", "list", "none", "number"],
)
def test_which_values_may_be_read(value: object, expected: bool) -> None:
    assert plain(value) is expected


def test_inside_a_function_transform_nothing_may_be_read() -> None:
    seen: list[bool] = []
    torch.func.grad(lambda x: (seen.append(plain(x)), x.sum())[1])(t(1))
    assert seen == [False]


def test_layers_of_a_model_that_is_gone_are_not_kept_alive() -> None:
    registry = Registry()
    model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2), nn.Dropout())
    registry.model(model)
    layers = [weakref.ref(layer) for layer in model]
    del model
    gc.collect()
    assert [layer() for layer in layers] == [None, None, None]


def test_a_dead_loader_leaves_its_name_to_one_of_the_same_order() -> None:
    registry = Registry()

    def named(order: str) -> str:
        return registry.loader(torch.utils.data.DataLoader([1]), lambda: order)

    assert [named(order) for order in ("random", "sequential", "random", "sequential", "custom")] == [
        "DataLoader", "DataLoader 2", "DataLoader", "DataLoader 2", "DataLoader 3",
    ]  # fmt: skip


def test_optimizers_of_before_are_found_unless_the_program_began_after() -> None:
    weight = torch.zeros(2, requires_grad=True)
    optimizer = torch.optim.SGD([weight])
    registry, late = Registry(), Registry()
    late.from_start = True
    assert registry.earlier_owners([weight]) == [optimizer]
    assert late.earlier_owners([weight]) == []


def test_a_copy_of_an_optimizer_is_found_although_the_program_began_after() -> None:
    weight = torch.zeros(2, requires_grad=True)
    first = torch.optim.SGD([weight])
    registry = Registry()
    registry.from_start = True
    registry.optimizer(first)
    copied = copy.copy(first)
    assert registry.earlier_owners([weight]) == [copied]
