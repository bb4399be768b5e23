"""A look at all parameters: who owns them, who holds them, does a gradient reach them."""

import gc
import sys
from collections import OrderedDict
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from osler.model import ParameterFact
from osler.runtime.census import Census, assigned_at, concealed, within
from osler.runtime.registry import Registry
from osler.session import Session
from osler.settings import Settings

torch.set_num_threads(1)


def look(*models: nn.Module, optimizers: tuple[torch.optim.Optimizer, ...] = ()) -> dict[str, ParameterFact]:
    registry = Registry()
    for model in models:
        registry.model(model)
    for optimizer in optimizers:
        registry.optimizer(optimizer)
    return Census(registry).take()


def unregistered(model: nn.Module) -> list[str]:
    return sorted(f.name for f in look(model).values() if not f.registered)


# --- models


class Plain(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body, self.head = nn.Linear(2, 3), nn.Linear(3, 1)


def test_every_parameter_is_listed_under_its_models_name() -> None:
    facts = look(Plain())
    assert list(facts) == ["Plain.body.weight", "Plain.body.bias", "Plain.head.weight", "Plain.head.bias"]
    fact = facts["Plain.body.weight"]
    assert (fact.name, fact.model, fact.elements) == ("body.weight", "Plain", 6)
    assert (fact.trainable, fact.registered, fact.reached, fact.updated) == (True, True, False, False)


def test_two_models_of_one_class_are_told_apart() -> None:
    a, b = Plain(), Plain()
    assert {f.model for f in look(a, b).values()} == {"Plain", "Plain 2"}


def test_parameters_of_one_name_have_series_of_their_own_and_keep_them() -> None:
    a, b = Plain(), Plain()
    registry = Registry()
    registry.model(a)
    census = Census(registry)
    census.take()
    registry.model(b)
    facts = census.take()
    assert {f.full_name: f.series for f in facts.values() if f.name == "body.bias"} == {
        "Plain.body.bias": "",
        "Plain 2.body.bias": "Plain 2.body.bias",
    }
    assert [census.series_of(m.body.bias) for m in (a, b)] == ["body.bias", "Plain 2.body.bias"]
    assert census.series_of(nn.Parameter(torch.ones(1))) == ""
    whole = nn.Sequential(a, nn.Linear(1, 1))
    registry.model(whole)
    (fact,) = [f for f in census.take().values() if f.name == "0.body.bias"]
    assert (fact.full_name, fact.series) == ("Sequential.0.body.bias", "body.bias")
    assert census.series_of(a.body.bias) == "body.bias"


def test_a_shared_module_belongs_to_the_larger_model_alone() -> None:
    part = nn.Linear(2, 2)
    whole = nn.Sequential(part, nn.Linear(2, 1))
    facts = look(part, whole)
    assert {f.model for f in facts.values()} == {"Sequential"}
    assert len(facts) == 4


def test_a_module_that_is_used_twice_is_listed_once() -> None:
    layer = nn.Linear(2, 2)
    assert len(look(nn.Sequential(layer, nn.ReLU(), layer))) == 2


def test_tied_weights_are_listed_once() -> None:
    model = nn.Sequential(nn.Embedding(5, 3), nn.Linear(3, 5, bias=False))
    model[1].weight = model[0].weight
    facts = look(model)
    assert list(facts) == ["Sequential.0.weight"]
    assert facts["Sequential.0.weight"].aliases == ("1.weight",)


def test_a_fact_remembers_since_when_it_has_been_so() -> None:
    model = Plain()
    registry = Registry()
    registry.model(model)
    census = Census(registry)
    first = census.take(step=1)
    model.body.weight.grad = torch.zeros_like(model.body.weight)
    later = census.take(first, 5)
    assert {f.since for f in first.values()} == {1}
    assert [f.since for f in later.values() if f.reached] == [5]
    assert {f.since for f in later.values() if not f.reached} == {1}


def test_a_parameter_is_unfrozen_when_a_gradient_comes_to_it_again() -> None:
    model = Plain()
    registry = Registry()
    registry.model(model)
    census, weight = Census(registry), model.body.weight

    def unfrozen(turn: int) -> int:
        return next(f.unfrozen for f in census.take(turn=turn).values() if f.name == "body.weight")

    census.reach([weight])
    assert unfrozen(1) == -1
    weight.requires_grad_(False)
    assert unfrozen(2) == -1
    weight.requires_grad_(True)
    assert unfrozen(3) == -1
    census.reach([weight])
    assert [unfrozen(4), unfrozen(5)] == [4, 4]
    weight.requires_grad_(False)
    assert unfrozen(6) == -1


def test_frozen_parameters_are_listed_as_such() -> None:
    model = Plain()
    model.body.requires_grad_(False)
    facts = look(model)
    assert [f.trainable for f in facts.values()] == [False, False, True, True]


def test_optimizers_are_named_at_the_parameters_they_hold() -> None:
    model = Plain()
    sgd = torch.optim.SGD(model.body.parameters(), lr=0.1)
    adam = torch.optim.Adam([model.body.bias], lr=0.1)
    facts = look(model, optimizers=(sgd, adam))
    assert [f.optimizers for f in facts.values()] == [("SGD",), ("Adam", "SGD"), (), ()]


def test_what_an_optimizer_has_trained_that_is_gone_stays_held_by_it() -> None:
    model, registry = Plain(), Registry()
    registry.model(model)
    census = Census(registry)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    census.hold(registry.optimizer(optimizer), list(model.parameters()))
    del optimizer
    gc.collect()
    assert {f.optimizers for f in census.take().values()} == {("SGD",)}


def test_a_gradient_that_was_written_by_hand_reaches_too() -> None:
    model, registry = Plain(), Registry()
    registry.model(model)
    census = Census(registry)
    model.body.weight.grad = torch.ones(3, 2)
    census.hold("SGD", list(model.parameters()))
    model.head.weight.grad = torch.ones(1, 3)
    census.glance()
    model.zero_grad()
    assert sorted(f.name for f in census.take().values() if f.reached) == ["body.weight", "head.weight"]


def test_an_optimizer_that_has_taken_over_the_name_of_one_that_is_gone_speaks_for_itself() -> None:
    model, registry = Plain(), Registry()
    registry.model(model)
    census = Census(registry)
    census.hold("SGD", list(model.parameters()))
    second = torch.optim.SGD(model.head.parameters(), lr=0.1)
    registry.optimizer(second)
    facts = census.take()
    assert [facts[f"Plain.{name}"].optimizers for name in ("body.weight", "head.weight")] == [(), ("SGD",)]


def successor(later: Callable[[Plain], object]) -> dict[str, tuple[str, ...]]:
    """A network was trained by an optimizer that is gone; another one of its name trains the head alone."""
    model, registry = Plain(), Registry()
    registry.model(model)
    census = Census(registry)
    model.head(model.body(torch.randn(2, 2))).sum().backward()
    first = torch.optim.SGD(model.parameters(), lr=0.1)
    census.hold(registry.optimizer(first), list(model.parameters()))
    census.take()
    del first
    gc.collect()
    second = torch.optim.SGD(model.head.parameters(), lr=0.1)
    assert registry.optimizer(second) == "SGD"
    for _ in range(3):
        facts = census.take()
        later(model)
    facts = census.take()
    return {name: facts[f"Plain.{name}"].optimizers for name in ("body.weight", "head.weight")}


def test_what_gets_no_new_gradients_was_trained_and_is_left_as_it_is() -> None:
    trained = {"body.weight": ("SGD",), "head.weight": ("SGD",)}
    assert successor(lambda model: None) == trained
    assert successor(lambda model: model.head(model.body(torch.randn(2, 2))).detach()) == trained
    assert successor(lambda model: model.zero_grad()) == trained
    assert successor(lambda model: model.head(torch.randn(2, 3)).sum().backward()) == trained


def test_what_gets_new_gradients_is_missed() -> None:
    def adds_up(model: Plain) -> None:
        model.head(model.body(torch.randn(2, 2))).sum().backward()

    def anew(model: Plain) -> None:
        model.zero_grad()
        adds_up(model)

    for _ in range(20):  # new gradients often lie where the old ones were
        assert successor(anew) == {"body.weight": (), "head.weight": ("SGD",)}
    assert successor(adds_up) == {"body.weight": (), "head.weight": ("SGD",)}


def test_only_modules_that_were_called_are_used() -> None:
    registry, model = Registry(), Plain()
    registry.model(model).called.add(id(model.body))
    facts = Census(registry).take()
    assert [f.used for f in facts.values()] == [True, True, False, False]


def test_models_that_are_gone_are_not_looked_at() -> None:
    registry = Registry()
    model = Plain()
    registry.model(model)
    census = Census(registry)
    census.take()
    del model
    gc.collect()
    assert census.take() == {}
    assert census.known == {}


# --- parameters hidden in plain containers


class ListOfLayers(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers_count = 2
        self.layers = [nn.Linear(2, 2, bias=False) for _ in range(2)]
        self.head = nn.Linear(2, 1)


class DictOfLayers(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.heads = {"a": nn.Linear(2, 2, bias=False)}


class TupleOfParameters(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.scales = (nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(3)))


class DictOfParameters(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.scales = {"x": nn.Parameter(torch.ones(2)), "n": 3}


class HiddenInAPart(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.part = ListOfLayers()


class ListOfBlocks(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.blocks = [nn.Sequential(nn.Linear(2, 2, bias=False), nn.ReLU())]


HIDDEN: dict[str, tuple[type[nn.Module], list[str]]] = {
    "a list of layers": (ListOfLayers, ["layers[0].weight", "layers[1].weight"]),
    "a dict of layers": (DictOfLayers, ["heads['a'].weight"]),
    "a tuple of parameters": (TupleOfParameters, ["scales[0]", "scales[1]"]),
    "a dict of parameters": (DictOfParameters, ["scales['x']"]),
    "a list in a part": (HiddenInAPart, ["part.layers[0].weight", "part.layers[1].weight"]),
    "a list of blocks": (ListOfBlocks, ["blocks[0].0.weight"]),
}


@pytest.mark.parametrize(("kind", "names"), HIDDEN.values(), ids=HIDDEN)
def test_parameters_in_plain_containers_are_unregistered(kind: type[nn.Module], names: list[str]) -> None:
    assert unregistered(kind()) == names


class Proper(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(2, 2)])
        self.heads = nn.ModuleDict({"a": nn.Linear(2, 2)})
        self.scales = nn.ParameterList([nn.Parameter(torch.ones(2))])
        self.shifts = nn.ParameterDict({"a": nn.Parameter(torch.ones(2))})


class ListBesideModuleList(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.plain = [nn.Linear(2, 2)]
        self.layers = nn.ModuleList(self.plain)


class ListOfOwnParameters(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(2, 2)
        self.decayed = [self.layer.weight]


class ListOfTensors(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(2, 2)
        self.memory = [torch.ones(2), torch.ones(2, requires_grad=True)]
        self.names = ["a", "b"]
        self.sizes = {"a": 1}


class Registered(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.plain = [nn.Linear(2, 2)]
        self.add_module("layer", self.plain[0])


@pytest.mark.parametrize(
    "kind",
    [
        Proper,
        ListBesideModuleList,
        ListOfOwnParameters,
        ListOfTensors,
        Registered,
        lambda: nn.LSTM(2, 2),
        Plain,
    ],
    ids=lambda k: k.__name__,
)
def test_containers_of_what_is_registered_or_no_parameter_hide_nothing(kind: Callable[[], nn.Module]) -> None:
    assert unregistered(kind()) == []


def test_the_line_that_assigns_the_container_is_known() -> None:
    site = next(f.site for f in look(ListOfLayers()).values() if not f.registered)
    line = ListOfLayers.__init__.__code__.co_firstlineno + 3
    assert (site[0].file, site[0].line, site[0].function) == (__file__, line, "__init__")


class Heir(ListOfLayers):
    pass


@pytest.mark.parametrize(
    ("kind", "attribute", "offset"),
    [
        (ListOfLayers, "layers", 3),
        (ListOfLayers, "layers_count", 2),
        (ListOfLayers, "layer", None),
        (ListOfLayers, "weights", None),
        (Heir, "layers", 3),
        (nn.Linear, "layers", None),
        (int, "real", None),
    ],
)
def test_where_an_attribute_is_assigned(kind: type, attribute: str, offset: int | None) -> None:
    site = assigned_at(kind, attribute)
    first = ListOfLayers.__init__.__code__.co_firstlineno
    assert [p.line for p in site] == ([] if offset is None else [first + offset])


def test_what_was_called_without_being_registered_is_listed_with_the_line_of_the_call() -> None:
    registry, model = Registry(), ListOfLayers()
    entry = registry.model(model)
    site = assigned_at(ListOfLayers, "head")
    entry.strangers.append((model.layers[1], site))
    entry.registered.add(id(model.layers[1]))
    (fact,) = (f for f in Census(registry).take().values() if f.site == site)
    assert (fact.name, fact.registered, fact.used) == ("layers[1].weight", False, True)


def test_a_registered_module_in_a_container_conceals_nothing() -> None:
    model = ListOfLayers()
    assert list(concealed(model, {id(layer) for layer in model.layers})) == []


# --- does a gradient reach them


def test_leaves_that_a_walk_found_are_reached() -> None:
    registry, model = Registry(), Plain()
    registry.model(model)
    census = Census(registry)
    census.reach([model.body.weight])
    assert [f.reached for f in census.take().values()] == [True, False, False, False]


def test_a_gradient_that_is_there_at_a_look_is_a_reach_and_is_remembered() -> None:
    registry, model = Registry(), Plain()
    registry.model(model)
    census = Census(registry)
    model.head.bias.grad = torch.ones(1)
    assert [f.reached for f in census.take().values()] == [False, False, False, True]
    model.head.bias.grad = None
    assert [f.reached for f in census.take().values()] == [False, False, False, True]


def test_a_glance_notices_a_late_gradient() -> None:
    registry, model = Registry(), Plain()
    registry.model(model)
    census = Census(registry)
    census.take()
    model.body.weight.grad = torch.ones(3, 2)
    census.glance()
    model.body.weight.grad = None
    assert [f.reached for f in census.take().values()] == [True, False, False, False]


def test_a_glance_waits_for_what_is_trainable_and_unreached_only() -> None:
    registry, model = Registry(), Plain()
    registry.model(model)
    model.body.requires_grad_(False)
    census = Census(registry)
    census.reach([model.head.weight])
    census.take()
    assert [tuple(p.shape) for p in census.waiting] == [(1,)]


# --- parameters outside every module


def test_a_loose_tensor_counts_from_its_second_sighting() -> None:
    census, w = Census(Registry()), torch.ones(2, requires_grad=True)
    census.reach([w])
    assert census.take() == {}
    census.reach([w])
    (fact,) = census.take().values()
    assert (fact.name, fact.model, fact.reached, fact.registered) == ("tensor (2,)", "", True, True)


def test_loose_tensors_are_named_after_the_variables_that_hold_them() -> None:
    census = Census(Registry())
    w, layers = torch.ones(2, requires_grad=True), [torch.ones(3, requires_grad=True)]
    table = {"bias": torch.ones(1, requires_grad=True)}
    census.name_loose([w, layers[0], table["bias"]], sys._getframe())
    names = [census.name_of(t) for t in (w, layers[0], table["bias"])]
    assert names == ["w", "layers[0]", "table['bias']"]


def test_the_callers_variables_name_them_too() -> None:
    census, weights = Census(Registry()), torch.ones(2, requires_grad=True)

    def deeper(found: list[Tensor]) -> None:
        del found
        census.name_loose(waiting.pop(), sys._getframe())

    waiting = [[weights]]
    deeper([])
    assert census.name_of(weights) == "weights"


def test_what_nobody_holds_stays_nameless() -> None:
    census = Census(Registry())
    assert census.name_of(torch.ones(1)) == ""


def test_two_of_one_name_are_both_listed() -> None:
    census = Census(Registry())
    tensors = [torch.ones(2, requires_grad=True) for _ in range(2)]
    for _ in range(2):
        census.reach(tensors)
    assert list(census.take()) == ["tensor (2,)", "tensor (2,)'"]


def test_a_new_tensor_does_not_inherit_from_a_dead_one() -> None:
    census = Census(Registry())
    old = torch.ones(1, requires_grad=True)
    census.of(old).name = "old"
    entry = census.known[id(old)]
    new = torch.ones(1, requires_grad=True)
    census.known[id(new)] = entry
    assert census.name_of(new) == ""
    assert census.of(new).name == ""


@pytest.mark.parametrize(
    ("value", "paths"),
    [
        (torch.ones(1), ["v"]),
        ([torch.ones(1), 2, torch.ones(1)], ["v[0]", "v[2]"]),
        ((torch.ones(1),), ["v[0]"]),
        ({"a": torch.ones(1), 3: torch.ones(1), "n": 1}, ["v['a']", "v[3]"]),
        ([[torch.ones(1)]], []),
        ([torch.ones(1)] * 257, []),
        ("text", []),
        (nn.Linear(1, 1), []),
    ],
    ids=["tensor", "list", "tuple", "dict", "nested", "long", "text", "module"],
)
def test_tensors_within_a_variable(value: object, paths: list[str]) -> None:
    assert [path for path, _ in within("v", value)] == paths


# --- parts that are exchanged while training goes on


def fine_tune(*, late: bool, forever: bool = False) -> Session:
    """Trains, gives the model a new head, trains that alone; with an optimizer built before or after."""
    torch.manual_seed(0)
    with Session(Settings()) as session:
        model = nn.Sequential(OrderedDict(body=nn.Linear(2, 3), head=nn.Linear(3, 1)))
        kept = model.head

        def train(optimizer: torch.optim.Optimizer, steps: int) -> None:
            for _ in range(steps):
                optimizer.zero_grad()
                loss = model(torch.randn(4, 2)).square().mean()
                (loss + kept(torch.randn(4, 3)).square().mean() if forever else loss).backward()
                optimizer.step()

        train(torch.optim.SGD(model.parameters(), lr=0.1), 40)
        model.body.requires_grad_(False)
        if late:
            model.head = nn.Linear(3, 1)
        optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1)
        if not late:
            model.head = nn.Linear(3, 1)
        train(optimizer, 40)
    return session


@pytest.mark.parametrize(
    ("late", "forever", "found"),
    [
        (False, False, ["optimizer-holds-stale-parameters"]),
        (True, False, []),
        (True, True, []),  # the old head is used besides the model; it has no optimizer on purpose
    ],
)
def test_a_head_that_is_exchanged_between_two_phases(late: bool, forever: bool, found: list[str]) -> None:
    session = fine_tune(late=late, forever=forever)
    assert [f.check for f in session.diagnosis.headlines] == found
