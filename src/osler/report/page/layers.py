"""The page of the layers: the tree of modules and parameters, and where each has its series."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from osler.model import ParameterFact, Run
from osler.model.architecture import ModuleFact
from osler.report.page.curves import Curves
from osler.report.page.texts import spot

MOST_ROWS = 5_000
"""Modules and parameters that are listed."""

FIRST = ("gradient_norm", "update_ratio", "parameter_norm")
"""Measures in the order in which they are offered; others come later."""

Row = dict[str, object]

Owned = dict[str, int]
"""Positions of series in the file, by measure."""


def layers(run: Run, curves: Curves, root: Path) -> dict[str, object]:
    """The rows of the tree, parents before their parts, and the measures that there are.

    Keys of a row: ``name``, ``label``, ``depth``, ``kind``, ``elements``, ``series`` by measure; of a module
    ``inputs``, ``outputs``, ``place``, ``calls``; of a parameter ``trainable``, ``reached``, ``optimizers``.
    """
    found = by_owner(run, curves)
    rows = list(tree(run, found, root))
    titles = {c.measure: c.title for c in curves.all}
    seen = dict.fromkeys(measure for owned in found.values() for measure in owned)
    measures = sorted(seen, key=lambda name: FIRST.index(name) if name in FIRST else len(FIRST))
    return {
        "measures": [{"name": name, "title": titles[name]} for name in measures],
        "rows": rows[:MOST_ROWS],
        "left_out": max(0, len(rows) - MOST_ROWS),
    }


def by_owner(run: Run, curves: Curves) -> dict[str, Owned]:
    """The curves of each parameter and module, by its full name: their positions by measure."""
    owners = {name: name for name in run.modules}
    for key, parameter in run.parameters.items():
        owners.setdefault(parameter.series or parameter.name, key)
        owners.setdefault(parameter.full_name, key)
    found: dict[str, Owned] = {}
    for number, curve in enumerate(curves.all):
        if curve.subject and curve.subject in owners:
            found.setdefault(owners[curve.subject], {})[curve.measure] = number
    return found


def tree(run: Run, found: Mapping[str, Owned], root: Path) -> Iterator[Row]:
    """Each module, then its own parameters, then its parts."""
    parts = children(run.modules)
    own: dict[str, list[tuple[str, ParameterFact]]] = {}
    for key, parameter in parameters(run).items():
        own.setdefault(owner_of(parameter, run.modules), []).append((key, parameter))

    def walk(names: Iterable[str], depth: int) -> Iterator[Row]:
        for name in names:
            yield module_row(name, run.modules[name], depth, found.get(name, {}), root)
            for key, parameter in own.pop(name, ()):
                yield parameter_row(key, parameter, depth + 1, found.get(key, {}))
            yield from walk(parts.get(name, ()), depth + 1)

    yield from walk(parts.get("", ()), 0)
    for key, parameter in (each for strays in own.values() for each in strays):
        yield {**parameter_row(key, parameter, 0, found.get(key, {})), "label": key}


def parameters(run: Run) -> dict[str, ParameterFact]:
    """The parameters that are shown: without those outside every model that have the name of one inside."""
    inside = {p.name for p in run.parameters.values() if p.model}
    return {key: p for key, p in run.parameters.items() if p.model or p.name not in inside}


def children(modules: Mapping[str, ModuleFact]) -> dict[str, list[str]]:
    """Full names of the direct parts of each module, and of the models under an empty name."""
    parts: dict[str, list[str]] = {}
    for name in modules:
        above = name.rpartition(".")[0]
        while above and above not in modules:
            above = above.rpartition(".")[0]
        parts.setdefault(above, []).append(name)
    return parts


def owner_of(parameter: ParameterFact, modules: Mapping[str, ModuleFact]) -> str:
    """Full name of the module that holds a parameter; empty if none is known."""
    above = parameter.full_name.rpartition(".")[0]
    while above and above not in modules:
        above = above.rpartition(".")[0]
    return above


def module_row(name: str, module: ModuleFact, depth: int, owned: Owned, root: Path) -> Row:
    """One module."""
    return {
        "name": name,
        "label": name.rpartition(".")[2] if module.name else name,
        "depth": depth,
        "kind": module.kind,
        "elements": module.elements,
        "inputs": module.inputs,
        "outputs": module.outputs,
        "place": spot(module.site[0], root) if module.site else "",
        "called": module.order >= 0,
        "series": owned,
    }


def parameter_row(name: str, parameter: ParameterFact, depth: int, owned: Owned) -> Row:
    """One parameter."""
    return {
        "name": name,
        "label": parameter.name.rpartition(".")[2],
        "depth": depth,
        "kind": "",
        "elements": parameter.elements,
        "trainable": parameter.trainable,
        "reached": parameter.reached,
        "optimizers": parameter.optimizers,
        "series": owned,
    }
