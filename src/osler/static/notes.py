"""Remember single calls for checks that look at nothing else."""

from __future__ import annotations

import ast

from osler.model import CallFact, Network
from osler.static.machine import Machine
from osler.static.random_numbers import note_random
from osler.static.values import Arguments, Def

MOST_VARIANTS = 6
"""Different sets of arguments remembered for one call."""


def note_call(machine: Machine, name: str, arguments: Arguments, node: ast.expr | ast.stmt | Def) -> CallFact:
    """Remember a call for checks that look at single calls."""
    place = machine.place(node)
    fact = CallFact(
        name,
        place,
        arguments.options(),
        guards(machine),
        arguments.spread,
        machine.target,
        machine.recording,
        machine.frame.owner if isinstance(machine.frame.owner, Network) else None,
        tuple(machine.frame.loops),
    )
    seen = machine.facts.setdefault((place.file, node.lineno, node.col_offset, name), [])
    if len(seen) < MOST_VARIANTS:
        seen.append(fact)
    note_random(machine, name, arguments, node)
    return fact


def guards(machine: Machine) -> tuple[str, ...]:
    """Conditions around the current line, from the outermost method of a module on."""
    frames = machine.frames
    first = next((i for i, f in enumerate(frames) if isinstance(f.owner, Network)), len(frames) - 1)
    return tuple(g for f in frames[first:] for g in (*f.guards, *f.assumed) if g)
