"""Facts about a network as it ran come back from a file as they were, down to the last handover."""

import json
from dataclasses import FrozenInstanceError, fields, is_dataclass, replace
from types import ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from osler.model import setupfacts, setupnetwork, setupsamples, setupterms
from osler.model.setupnetwork import HandoverFact, LayerFact, NetworkFact, PartFact, PartsFact
from osler.store.codec import Damaged, decode, encode
from osler.testing import place

MODULES: list[ModuleType] = [setupfacts, setupnetwork, setupsamples, setupterms]
KINDS = [
    kind
    for module in MODULES
    for kind in vars(module).values()
    if is_dataclass(kind) and isinstance(kind, type) and kind.__module__ == module.__name__
]
calm = settings(max_examples=6, deadline=None, database=None, suppress_health_check=list(HealthCheck))


def through_json(value: Any) -> Any:
    return json.loads(json.dumps(encode(value), allow_nan=False))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_what_an_experiment_yields_comes_back(kind: type) -> None:
    @given(st.from_type(kind))
    @calm
    def comes_back(fact: Any) -> None:
        again = decode(kind, through_json(fact))
        assert again == fact or repr(again) == repr(fact)  # not a number is unequal to itself
        assert hash(again) == hash(fact) or "nan" in repr(fact)

    comes_back()


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_field_is_explained(kind: type) -> None:
    assert kind.__doc__ is not None
    assert [f.name for f in fields(kind) if f"\n        {f.name}: " not in kind.__doc__] == []


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_what_lacks_a_field_or_is_no_fact_is_refused(kind: type) -> None:
    for stored in ({}, [], "text", 3, None):
        with pytest.raises(Damaged):
            decode(kind, stored)


FC = PartFact("fc", "Linear", (16, 8), (16, 4), 36)
ACT = PartFact("act", "ReLU", (16, 4), (16, 4))
PARTS = PartsFact("Net", (FC, ACT), (HandoverFact(FC, ACT, alone=True),), pretrained=False)


def test_a_handover_names_the_very_parts() -> None:
    again = decode(PartsFact, through_json(PARTS))
    assert again == PARTS
    assert (again.handovers[0].giver, again.handovers[0].taker) == again.parts


def test_two_parts_built_alike_under_two_names_are_two() -> None:
    assert len({FC, replace(FC, name="fc2"), replace(FC)}) == 2


def test_what_is_usual_takes_no_room() -> None:
    assert sorted(encode(ACT)) == ["inputs", "kind", "name", "outputs"]  # pyright: ignore[reportArgumentType]
    assert "again" in encode(replace(ACT, again=("act2",)))  # pyright: ignore[reportOperatorIssue]


def test_a_network_without_layers() -> None:
    empty = NetworkFact("Identity", 0, 0, 0.0, (), ())
    assert decode(NetworkFact, through_json(empty)) == empty


def test_layers_keep_the_order_of_their_calls() -> None:
    layers = tuple(LayerFact(f"l{n}", "Linear", (place(n),), ((1, n),), n, n, 0, 1, 0.1) for n in (3, 1, 2))
    again = decode(NetworkFact, through_json(NetworkFact("Net", 6, 6, 0.1, layers, ())))
    assert [layer.name for layer in again.layers] == ["l3", "l1", "l2"]
    assert again.layers[0].outputs == ((1, 3),)


def test_a_fact_stays_what_it_is() -> None:
    with pytest.raises(FrozenInstanceError):
        FC.elements = 0  # pyright: ignore[reportAttributeAccessIssue]
