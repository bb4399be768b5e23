"""Which modules the parameters given to an optimizer or a clipping function belong to."""

from __future__ import annotations

from osler.model import Maybe, Network, Parameters, Series, Table, Tensor, Value
from osler.static.values import Doing


def held_by(value: Value | None) -> tuple[Value, ...] | None:
    """The owners of parameters; None if some of them are not known."""
    match value:
        case Parameters():
            return value.owners if value.known else None
        case Tensor(leaf=leaf) if leaf is not None:
            return (leaf,)
        case Network():
            return (value,)
        case Series():
            return _together(value.items) if value.items else None
        case Table():
            return held_by(value.items.get("params"))
        case Maybe():
            return held_by(value.value)
        case Doing(receiver=Parameters() as parameters):
            return held_by(parameters)
        case _:
            return None


def below(held: tuple[Value, ...] | None) -> frozenset[Network]:
    """All modules in what is held."""
    return frozenset(n for h in held or () if isinstance(h, Network) for n in h.walk())


def _together(items: list[Value]) -> tuple[Value, ...] | None:
    found: list[Value] = []
    for item in items:
        owners = held_by(item)
        if owners is None:
            return None
        found.extend(owners)
    return tuple(found)


def joined(values: list[Value]) -> Parameters:
    """The parameters of several owners as one."""
    owners: list[Value] = []
    known = True
    for value in values:
        held = held_by(value)
        known &= held is not None
        owners.extend(held or ())
    return Parameters(tuple(owners), known=known)
