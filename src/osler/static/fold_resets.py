"""Whether a loop may put a network back to its beginning, or exchange it; when in doubt, it may."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from osler.model import CallFact, Code, Helper, Kind, Network, Optimizer, Place
from osler.static.sources import Source, dotted
from osler.static.walking import walk

RESETS = re.compile(
    r"reset|re_?init|init_(weight|param)|(weight|param)s?_init|restore|load_(weight|model|check)|^apply$"
)
"""Names of what may put weights back, unless its lines can be read."""

HARMLESS = frozenset({"reset_peak_memory_stats", "reset_index", "reset_max_memory_allocated"})
FILLS = re.compile(r"(normal|uniform|orthogonal|constant|zeros|ones|eye|dirac|sparse|copy|fill|zero|set)_$")
MOVES = frozenset("to cuda cpu half double float bfloat16 type".split())
WRITES = frozenset({"setattr", "vector_to_parameters", "__setattr__", "swap_tensors"})

Def = ast.FunctionDef | ast.AsyncFunctionDef
DISPLAYS = (ast.List, ast.ListComp, ast.DictComp, ast.Dict, ast.GeneratorExp, ast.SetComp)


@dataclass(frozen=True, slots=True)
class Found:
    """A node with the file that it is in."""

    source: Source
    node: ast.AST


@dataclass(frozen=True, slots=True)
class Undone:
    """Weights that are loaded into the network whose memory they are."""

    kept: Place
    loaded: Place


class Reach:
    """What a piece of code comes to: its own lines, and those of all functions whose names it calls."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self._sources = sources
        self._defined: dict[str, list[tuple[Source, ast.AST]]] = {}
        for source in sources:
            for node in walk(source.tree) if source.tree is not None else ():
                if isinstance(node, Def | ast.ClassDef):
                    self._defined.setdefault(node.name, []).append((source, node))

    def is_defined(self, name: str) -> bool:
        """Its lines can be read."""
        return name in self._defined

    def below(self, source: Source, roots: Sequence[ast.AST]) -> list[Found]:
        """All nodes."""
        found: list[Found] = []
        todo: list[tuple[Source, ast.AST]] = [(source, root) for root in roots]
        seen: set[str] = set()
        for where, root in todo:
            for node in walk(root):
                found.append(Found(where, node))
                name = dotted(node).rpartition(".")[2] if isinstance(node, ast.Name | ast.Attribute) else ""
                if name in self._defined and name not in seen:
                    seen.add(name)
                    todo += self._defined[name]
        return found

    def in_display(self, place: Place) -> bool:
        """What is built here is built for a list, a dict or the like, so that there may be one for each fold."""
        return any(
            self._leads_to(source, node, place)
            for source in self._sources
            for node in (walk(source.tree) if source.tree is not None else ())
            if isinstance(node, DISPLAYS)
        )

    def _leads_to(self, source: Source, node: ast.AST, place: Place) -> bool:
        calls = [n for n in walk(node) if isinstance(n, ast.Call)]
        if any(source.file == place.file and c.lineno <= place.line <= (c.end_lineno or 0) for c in calls):
            return True
        built = [c.func for c in calls if dotted(c.func).rpartition(".")[2] in self._defined]
        return is_built(self.below(source, built), place)


def is_built(found: Sequence[Found], place: Place) -> bool:
    """The line that builds the network is among them."""
    return any(
        isinstance(f.node, ast.Call) and f.source.file == place.file and f.node.lineno == place.line
        for f in found
    )


def may_be_anew(reach: Reach, found: Sequence[Found], network: Network) -> bool:
    """Something among the nodes may exchange the network, or what it has learned; loading is not asked for."""
    last = network.name.rpartition(".")[2]
    return any(_changes(reach, f.node, last) for f in found)


def _changes(reach: Reach, node: ast.AST, last: str) -> bool:
    match node:
        case ast.Call(func=function):
            name = dotted(function).rpartition(".")[2] or getattr(function, "attr", "")
            if name == "load_state_dict" or name in HARMLESS:
                return False
            if FILLS.search(name):
                return not (isinstance(function, ast.Attribute) and "grad" in ast.unparse(function.value))
            return name in WRITES or (bool(RESETS.search(name.lower())) and not reach.is_defined(name))
        case ast.Assign(targets=targets, value=value):
            return any(_exchanges(t, value, last) for t in targets)
        case ast.AnnAssign(target=target, value=value) | ast.NamedExpr(target=target, value=value):
            return _exchanges(target, value, last)
        case ast.For(target=target) | ast.comprehension(target=target):
            return any(isinstance(n, ast.Name) and n.id == last for n in walk(target))
        case ast.withitem(optional_vars=ast.Name(id=name)):
            return name == last
        case _:
            return False


def _exchanges(target: ast.expr, value: ast.expr | None, last: str) -> bool:
    """A name, an attribute or an item is given, that the network has or that belongs to it."""
    if isinstance(target, ast.Tuple | ast.List):
        return any(_exchanges(t, value, last) for t in target.elts)
    if isinstance(target, ast.Attribute) and target.attr == "data":
        return True
    owners = dotted(target.value).split(".") if isinstance(target, ast.Attribute) else []
    if isinstance(target, ast.Subscript):
        owners = dotted(target.value).split(".")
    if last in owners and not _is_plain(value):
        return True
    if dotted(target).rpartition(".")[2] != last:
        return False
    names = [n for n in walk(value) if isinstance(n, ast.Name | ast.Attribute)] if value is not None else []
    is_call = isinstance(value, ast.Call) and dotted(value.func).rpartition(".")[2] not in {
        "deepcopy",
        "copy",
    }
    same = [n for n in names if dotted(n).rpartition(".")[2] == last]
    return not (same and (is_call or isinstance(value, ast.Name | ast.Attribute)))


def _is_plain(value: ast.expr | None) -> bool:
    return isinstance(value, ast.Constant)


def loads(
    sources: Sequence[Source], code: Code, found: Sequence[Found], network: Network
) -> tuple[bool, Undone | None]:
    """Whether some loading may put other weights into the network; a loading that changes nothing."""
    undone: Undone | None = None
    facts = {(c.place.file, c.place.line): c for c in code.calls_of("Module.load_state_dict")}
    helpers = {h.name.rpartition(".")[2] for h in _others(code)}
    for each in found:
        if not (isinstance(each.node, ast.Call) and _last(each.node) == "load_state_dict"):
            continue
        fact = facts.get((each.source.file, each.node.lineno))
        owner = each.node.func.value if isinstance(each.node.func, ast.Attribute) else each.node
        if fact is None:
            if dotted(owner).rpartition(".")[2] not in helpers:
                return True, None
            continue
        if fact.arguments.get(0) is not network:
            continue
        weights = fact.arguments.get(1)
        if isinstance(weights, Helper) and weights.role == "weights" and weights.about is network:
            kept = next((c.place for c in _kept(code, weights)), None)
            if kept is None or _moved_later(sources, network, kept):
                return True, None
            undone = undone or Undone(kept, fact.place)
        elif not _is_of_this_fold(each.node, found):
            return True, None
    return False, undone


def _others(code: Code) -> Iterator[Optimizer | Helper]:
    """What else has a state that can be loaded."""
    yield from code.optimizers
    for kind in (Kind.BUILD, Kind.SCHEDULE, Kind.STEP):
        for action in code.actions(kind):
            if isinstance(action.subject, Optimizer | Helper):
                yield action.subject


def _kept(code: Code, weights: Helper) -> Iterator[CallFact]:
    for call in code.calls_of("Module.state_dict"):
        if call.arguments.get(0) is weights.about and call.place == weights.place:
            yield call


def _moved_later(sources: Sequence[Source], network: Network, kept: Place) -> bool:
    """The network is moved to a device or another type behind this line: what was kept stays behind."""
    last = network.name.rpartition(".")[2]
    for source in sources:
        for node in walk(source.tree) if source.tree is not None else ():
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in MOVES
            ):
                owner = dotted(node.func.value).rpartition(".")[2]
                if owner == last and not (source.file == kept.file and node.lineno < kept.line):
                    return True
    return False


def _last(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else dotted(call.func)


def _is_of_this_fold(load: ast.Call, found: Sequence[Found]) -> bool:
    """The best weights of this fold, taken in a loop inside it, where training is under way."""
    name = dotted(load.args[0]) if load.args else ""
    if not name:
        return False
    within = [
        n
        for f in found
        if isinstance(f.node, ast.For | ast.While)
        for s in f.node.body
        for n in walk(s)
        if isinstance(n, ast.Assign)
    ]
    inner = {id(n) for n in within}
    given = [
        (f.node, v)
        for f in found
        if isinstance(f.node, ast.Assign)
        for t, v in _pairs(f.node)
        if dotted(t) == name
    ]
    taken = [(n, v) for n, v in given if not (isinstance(v, ast.Constant) and v.value is None)]
    return bool(taken) and all(id(n) in inner and "state_dict" in ast.unparse(v) for n, v in taken)


def _pairs(node: ast.Assign) -> Iterator[tuple[ast.expr, ast.expr]]:
    for target in node.targets:
        if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
            yield from zip(target.elts, node.value.elts, strict=False)
        else:
            yield target, node.value
