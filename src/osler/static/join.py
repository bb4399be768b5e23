"""What a name stands for where two branches meet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from osler.model import (
    Changing,
    Const,
    Helper,
    Loader,
    Loss,
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
from osler.static.unions import NOTHING, united

NONE = Const(None)


@dataclass(slots=True)
class Joiner:
    """Joins values; the join of the same two objects is always the same object."""

    joined: dict[frozenset[int], Value] = field(default_factory=dict[frozenset[int], Value])
    kept: list[Value] = field(default_factory=list[Value])

    def join(self, one: Value, other: Value) -> Value:
        """A value that stands for both."""
        if one is other or (isinstance(one, Const) and one == other):
            return one
        if one == NONE or other == NONE or isinstance(one, Maybe) or isinstance(other, Maybe):
            return self._maybe(one, other)
        match one, other:
            case Tensor(), _:
                return tensors(one, other)
            case _, Tensor():
                return tensors(other, one)
            case Network(), Network():
                return self._objects(one, other)
            case Optimizer(), Optimizer():
                return self._objects(one, other)
            case _:
                return self._others(one, other)

    def _maybe(self, one: Value, other: Value) -> Value:
        bare = [v.value if isinstance(v, Maybe) else v for v in (one, other)]
        values = [v for v in bare if v != NONE]
        joined = self.join(*values) if len(values) > 1 else values[0]
        same = next((v for v in (one, other) if isinstance(v, Maybe) and v.value is joined), None)
        return same or (joined if isinstance(joined, Unknown) else Maybe(joined))

    def _objects(self, one: Network | Optimizer, other: Network | Optimizer) -> Value:
        parts = {id(v): v for o in (one, other) for v in (o.variants or (o,))}
        for whole in (one, other):
            if {id(v) for v in whole.variants} == set(parts):
                return whole
        key = frozenset(parts)
        if key not in self.joined:
            self.kept.extend(parts.values())
            self.joined[key] = merged(list(parts.values()))
        return self.joined[key]

    def _others(self, one: Value, other: Value) -> Value:
        match one, other:
            case (Helper(role="recording"), _) | (_, Helper(role="recording")):
                return Helper("recording", options={0: Unknown()})
            case Series(), Series() if len(one.items) == len(other.items) and one.kind == other.kind:
                items = [self.join(a, b) for a, b in zip(one.items, other.items, strict=True)]
                return Series(items, one.kind, one.whole and other.whole, one.place)
            case Series(), Series():
                longer = max((one, other), key=lambda s: len(s.items))
                return Series(longer.items, longer.kind, whole=False, place=longer.place)
            case Parameters(), Parameters() if one.owners == other.owners and one.named is other.named:
                return Parameters(one.owners, one.whole and other.whole, one.known and other.known, one.named)
            case Table(), Table():
                return Table(one.items | other.items, whole=False, place=one.place)
            case Helper(), Helper() if (one.role, one.place) == (other.role, other.place):
                return one
            case Loader(), Loader() if one.place == other.place:
                return one
            case Loader(), Loader():
                return Loader(one.name, one.made, one.place)
            case Loss(), Loss() if one.made == other.made:
                return Loss(one.made, one.place, shared(one.options, other.options))
            case _:
                return Unknown()


def shared(one: Mapping[object, Value], other: Mapping[object, Value]) -> dict[object, Value]:
    """Options of both; what differs may be anything."""
    return {
        key: one[key] if key in one and key in other and one[key] == other[key] else Unknown()
        for key in {**one, **other}
    }


def merged(parts: list[Value]) -> Value:
    """One object that stands for several, built in different branches."""
    networks = [p for p in parts if isinstance(p, Network)]
    if networks:
        return Network(
            networks[0].name,
            place=networks[0].place,
            known=False,
            pretrained=any(n.pretrained for n in networks),
            variants=tuple(networks),
        )
    optimizers = [p for p in parts if isinstance(p, Optimizer)]
    held = [o.held for o in optimizers]
    known = [h for h in held if h is not None]
    return Optimizer(
        optimizers[0].name,
        optimizers[0].made,
        optimizers[0].place,
        tuple(v for h in known for v in h) if len(known) == len(held) else None,
        handed=any(o.handed for o in optimizers),
        variants=tuple(optimizers),
        seen=frozenset[Network]().union(*(o.seen for o in optimizers)),
        clears=any(o.clears for o in optimizers),
    )


def tensors(one: Tensor, other: Value) -> Tensor:
    """A tensor that stands for a tensor and something else."""
    if not isinstance(other, Tensor):
        known = isinstance(other, Const)
        return replace(
            one,
            activation=None,
            certain=known and one.certain,
            number=known and one.number,
            leaf=None,
            rows=False,
            carried=NOTHING,
            gauge=one.gauge if isinstance(other, Const | Changing) else "",
            graphless=one.graphless if known else None,
            shuffled=None,
        )
    return Tensor(
        united((one.networks, other.networks)),
        united((one.cuts, other.cuts)),
        one.activation if one.activation == other.activation else None,
        one.certain and other.certain,
        one.batch or other.batch,
        one.reduced if one.reduced == other.reduced else "",
        one.leaf if one.leaf is other.leaf else None,
        united((one.models, other.models)),
        one.number and other.number,
        one.place,
        united((one.sites, other.sites)),
        one.rows and other.rows,
        one.gauge if one.gauge == other.gauge else "",
        united((one.loaders, other.loaders)),
        one.carried & other.carried or NOTHING,
        one.graphless if one.graphless == other.graphless else None,
        one.shuffled if one.shuffled == other.shuffled else None,
    )
