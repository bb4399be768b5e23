"""The page of the graph: the flow between modules, the operations behind the loss, and where it is cut."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import pairwise
from pathlib import Path

from osler.model import CutFact, Diagnosis, Run, Severity, Site
from osler.model.architecture import GraphFact, ModuleFact
from osler.report.page.layers import owner_of
from osler.report.page.texts import spot
from osler.report.page.wiring import Wiring, flow, wiring

MOST_OPERATIONS = 5_000
"""Operations of one graph that are kept."""

ENOUGH_BLOCKS = 3
"""Equal blocks in a row from which on one stands for all."""

Block = tuple[str, int]
"""A block that stands for others that are built alike, and for how many."""

Shape = tuple[str, str, int]
"""A part of a block: its name inside, its class, and how many numbers it owns."""

INDEX = re.compile(r"[0-9]+")


def graph(run: Run, diagnosis: Diagnosis, root: Path) -> dict[str, object]:
    """Both graphs.

    Keys: ``modules`` with ``nodes``, ``edges`` and ``order``; ``autograd``: for each line that calls backward
    its operations with ``edges``; ``cuts``: operations that stopped the gradient.
    """
    drawn = {site: wiring(fact) for site, fact in run.graphs.items()}
    return {
        "modules": modules(run, drawn, root),
        "autograd": [autograd(run.graphs[site], drawn[site], root) for site in run.graphs],
        "cuts": [cut(each, run, diagnosis, root) for each in run.cuts],
    }


def modules(run: Run, drawn: Mapping[Site, Wiring], root: Path) -> dict[str, object]:
    """Innermost modules with parameters, and places where their outputs meet, as nodes.

    ``edges``: from what makes something to what uses it, as the gradient sees it; ``calls``: from a module to
    the one that was called next, where no gradient flows.
    """
    whole = containers(run.modules)
    order = {name: m.order for name, m in run.modules.items() if name not in whole}
    flows = [flow(each, order) for each in drawn.values()]
    joins = {name: operation for each in flows for name, operation in each.joins.items()}
    wired = {owner for each in drawn.values() for owner in each.owners.values()}
    owners = {owner_of(p, run.modules) for p in run.parameters.values()} - {""}
    known = {name: position for each in flows for name, position in each.positions.items()}
    positions = {name: known.get(name, float(order.get(name, -1))) for name in wired | owners | joins.keys()}
    ordered = sorted(positions, key=lambda name: (name.partition(".")[0], positions[name], name))
    numbers = {name: number for number, name in enumerate(ordered)}
    unwired = [name for name in ordered if name not in wired | joins.keys() and positions[name] >= 0]
    calls = [(a, b) for a, b in pairwise(unwired) if a.partition(".")[0] == b.partition(".")[0]]
    blocks = folded(run.modules)
    return {
        "nodes": [
            {
                **node(name, run.modules.get(name), blocks, root),
                "join": joins.get(name, ""),
                "own": name in whole,
            }
            for name in ordered
        ],
        "edges": [[numbers[a], numbers[b]] for a, b in sorted({e for each in flows for e in each.edges})],
        "calls": [[numbers[a], numbers[b]] for a, b in calls],
    }


def node(
    name: str, module: ModuleFact | None, blocks: Mapping[str, tuple[str, int]], root: Path
) -> dict[str, object]:
    """One module; ``fold`` is the name of the one that stands for it, ``times`` for how many."""
    fold, times = folded_name(name, blocks)
    return {
        "name": name,
        "kind": module.kind if module else "",
        "elements": module.elements if module else 0,
        "outputs": module.outputs if module else (),
        "place": spot(module.site[0], root) if module and module.site else "",
        "fold": fold,
        "times": times,
    }


def containers(known: Iterable[str]) -> set[str]:
    """Modules that have parts."""
    return {name.rpartition(".")[0] for name in known}


def folded(known: Mapping[str, ModuleFact]) -> dict[str, Block]:
    """Numbered parts that are built alike, with the first of them and how many they are."""
    shapes: dict[str, list[Shape]] = {}
    for name, module in known.items():
        pieces = name.split(".")
        for depth in (n for n in range(1, len(pieces)) if INDEX.fullmatch(pieces[n])):
            inside = ".".join(pieces[depth + 1 :])
            block = ".".join(pieces[: depth + 1])
            shapes.setdefault(block, []).append((inside, module.kind, module.elements))
    alike: dict[tuple[str, tuple[Shape, ...]], list[str]] = {}
    for block, shape in shapes.items():
        if len(shape) > 1:  # a layer without parts is drawn as itself
            alike.setdefault((block.rpartition(".")[0], tuple(sorted(shape))), []).append(block)
    groups = (blocks for blocks in alike.values() if len(blocks) >= ENOUGH_BLOCKS)
    return {block: (blocks[0], len(blocks)) for blocks in groups for block in blocks}


def folded_name(name: str, blocks: Mapping[str, Block]) -> tuple[str, int]:
    """The name in which each block is replaced by the one that stands for it, and how many it stands for."""
    times, pieces = 1, name.split(".")
    for depth in range(1, len(pieces) + 1):
        block = ".".join(pieces[:depth])
        if block in blocks:
            first, alike = blocks[block]
            pieces[:depth] = first.split(".")
            times *= alike
    return ".".join(pieces), times


def autograd(fact: GraphFact, drawn: Wiring, root: Path) -> dict[str, object]:
    """The operations of one graph, nearest to the loss first."""
    kept = sorted(drawn.operations)[:MOST_OPERATIONS]
    numbers = {number: position for position, number in enumerate(kept)}
    places = {number: spot(fact.places[place], root) for number, place in fact.called}
    return {
        "place": spot(fact.site[0], root) if fact.site else "",
        "complete": fact.complete and len(kept) == len(drawn.operations),
        "nodes": [
            {
                "name": drawn.operations[n],
                "module": drawn.owners.get(n, ""),
                "parameters": drawn.parameters.get(n, []),
                "place": places.get(n, ""),
            }
            for n in kept
        ],
        "edges": [[numbers[a], numbers[b]] for a, b in drawn.edges if a in numbers and b in numbers],
    }


def cut(fact: CutFact, run: Run, diagnosis: Diagnosis, root: Path) -> dict[str, object]:
    """One cut; ``wrong`` says whether it is to blame: a cut that leaves everything reached is deliberate."""
    behind = [p for p in run.parameters.values() if fact.is_behind(p)]
    unreached = [p.full_name for p in behind if p.trainable and not p.reached]
    return {
        "operation": fact.spelled,
        "place": spot(fact.site[0], root) if fact.site else "",
        "backward": spot(fact.root[0], root) if fact.root else "",
        "parameters": [p.full_name for p in behind] or list(fact.parameters),
        "unreached": unreached,
        "wrong": is_blamed(fact, run, diagnosis) if unreached else False,
    }


def is_blamed(fact: CutFact, run: Run, diagnosis: Diagnosis) -> bool:
    """Whether a finding above hint points at the line of this cut, or none points at the line of any."""
    blamed = {(f.place.file, f.place.line) for f in diagnosis.findings if f.severity > Severity.HINT}
    return line(fact) in blamed or not any(line(c) in blamed for c in run.cuts)


def line(fact: CutFact) -> tuple[str, int]:
    """File and line of a cut."""
    return (fact.site[0].file, fact.site[0].line) if fact.site else ("", 0)
