"""Does a seed stay the same from pass to pass: as `__init__` has made it, or as a function is given it?"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence

from osler.model import Code
from osler.static.random_numbers import counts_on
from osler.static.seeded_draws import Steady
from osler.static.sources import Source
from osler.static.values import Function
from osler.static.walking import walk

ARITHMETIC = (ast.BinOp, ast.Tuple, ast.List, ast.Constant, ast.operator, ast.Attribute, ast.Name)
"""What a seed may be computed with."""


def steady_in_methods(sources: Sequence[Source], code: Code, methods: dict[str, Function]) -> Steady:
    """Tells whether a seed stays what `__init__` has made it."""

    def steady(seed: ast.expr) -> bool:
        attributes = {n.attr for n in walk(seed) if isinstance(n, ast.Attribute)}
        return _is_plain(seed, {"self"}) and all(_stays(sources, code, methods, a) for a in attributes)

    return steady


def steady_in_function(source: Source, function: ast.FunctionDef, call: ast.Call) -> Steady:
    """Tells whether a seed is a number that each such call of the function gives it."""
    bound = _bound(function, call)

    def steady(seed: ast.expr) -> bool:
        if isinstance(seed, ast.Name):
            known = seed.id in bound and not counts_on(seed.id, source.text)
            return known and _is_plain(bound[seed.id], set())
        return isinstance(seed, ast.Constant) and seed.value is not None

    return steady


def _is_plain(seed: ast.expr, roots: set[str]) -> bool:
    """Numbers and attributes of these names, perhaps added up."""
    parts = list(walk(seed))
    if any(isinstance(p, ast.Constant) and p.value is None for p in parts):
        return False
    known = all(isinstance(p, ARITHMETIC) for p in parts)
    return known and all(p.id in roots for p in parts if isinstance(p, ast.Name))


def _stays(sources: Sequence[Source], code: Code, methods: dict[str, Function], name: str) -> bool:
    """Nothing that is called changes the attribute after `__init__`."""
    given = re.compile(rf"(?<!\bself)\.{name}\b\s*(?::[^=\n]+)?=[^=]|setattr\([^)]*[\"']{name}[\"']")
    if any(given.search(s.text) or counts_on(name, s.text) for s in sources):
        return False
    storing = {
        method
        for method, function in methods.items()
        for node in walk(function.node)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and node.attr == name
    }
    later = storing - {"__init__"}
    if "__init__" not in storing or (later and code.frameworks):
        return False
    return not any(m in code.methods or m.startswith("__") for m in later)


def _bound(function: ast.FunctionDef, call: ast.Call) -> dict[str, ast.expr]:
    """What the parameters are given."""
    spec = function.args
    names = [a.arg for a in (*spec.posonlyargs, *spec.args)]
    bound = dict(zip(names[::-1], spec.defaults[::-1], strict=False))
    bound |= {a.arg: d for a, d in zip(spec.kwonlyargs, spec.kw_defaults, strict=True) if d is not None}
    if any(isinstance(a, ast.Starred) for a in call.args) or any(k.arg is None for k in call.keywords):
        return {}
    bound |= dict(zip(names, call.args, strict=False))
    return bound | {k.arg: k.value for k in call.keywords if k.arg}
