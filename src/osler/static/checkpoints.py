"""Files that a program writes to go on from: dicts with the state of a model and of what trains it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from osler.model import Place
from osler.static.knowledge import OPTIMIZERS, SCHEDULES
from osler.static.regions import Region, own, regions, statements
from osler.static.roles import OPTIMIZER, SCALER, SCHEDULE
from osler.static.sources import Source, dotted

WRITTEN = re.compile(r"""["']\s*:\s*(?:\w+\.)*(\w+)\.state_dict\(\)""")
"""An entry of a dict that holds a state."""

KINDS = ("optimizer", "schedule", "scaler")
"""What has a state that training needs to go on."""


@dataclass(frozen=True, slots=True)
class State:
    """An entry `key: owner.state_dict()` of what is written to a file; ``kind`` is empty for a model."""

    key: str
    owner: str
    kind: str
    place: Place


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A dict of states and plain values."""

    states: tuple[State, ...]
    others: frozenset[str]

    def holds(self, key: str, *kinds: str) -> bool:
        """The state of something of these kinds stands under this key."""
        return any(s.key == key and s.kind in kinds for s in self.states)


def makers_of(sources: Sequence[Source], names: set[str]) -> dict[str, ast.Call]:
    """What has a state and is given to these names; by the last part of the name."""
    made: dict[str, ast.Call] = {}
    given = re.compile(rf"\b(?:{'|'.join(sorted(names))})\s*=\s*(?:\w+\.)*(\w+)\(")
    for source in sources if names else ():
        if not any(map(_has_state, given.findall(source.text))):  # nearly always: its tree is not needed
            continue
        for node in statements(source.tree or ast.Module([], [])):
            match node:
                case ast.Assign(targets=[target], value=ast.Call() as call) if (
                    name := dotted(target).rpartition(".")[2]
                ) in names:
                    made[name] = call
                case _:
                    pass
    return made


def checkpoints_of(source: Source, makers: dict[str, ast.Call]) -> Iterator[Checkpoint]:
    """Dicts with the state of a model and of something that trains it."""
    if ".state_dict()" not in source.text:
        return
    for region in regions(source):
        for line in region.lines:
            for node in own(line.node):
                if isinstance(node, ast.Dict):
                    found = _checkpoint(region, node, makers)
                    kinds = {s.kind for s in found.states}
                    if "" in kinds and kinds & set(KINDS):
                        yield found


def _checkpoint(region: Region, node: ast.Dict, makers: dict[str, ast.Call]) -> Checkpoint:
    states: list[State] = []
    others: set[str] = set()
    for key, value in zip(node.keys, node.values, strict=True):
        match key, value.body if isinstance(value, ast.IfExp) else value:
            case ast.Constant(value=str() as name), ast.Call(
                func=ast.Attribute(value=owner, attr="state_dict")
            ):
                states.append(State(name, dotted(owner), _kind(dotted(owner), makers), region.place(value)))
            case ast.Constant(value=str() as name), _:
                others.add(name)
            case _:
                pass
    return Checkpoint(tuple(states), frozenset(others))


def _kind(owner: str, makers: dict[str, ast.Call]) -> str:
    last = owner.rpartition(".")[2]
    made = dotted(makers[last].func).rpartition(".")[2] if last in makers else ""
    if SCHEDULES.search(made) or SCHEDULE.search(last):
        return "schedule"
    if made in OPTIMIZERS or OPTIMIZER.search(last):
        return "optimizer"
    return "scaler" if made == "GradScaler" or SCALER.search(last) else ""


def _has_state(function: str) -> bool:
    """A function of this name makes something that has a state besides weights."""
    return bool(SCHEDULES.search(function)) or function in OPTIMIZERS or function == "GradScaler"
