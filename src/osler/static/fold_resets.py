"""Whether a loop may put a network back to its beginning, or exchange it; when in doubt, it may."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from osler.model import CallFact, Code, Helper, Kind, Network, Optimizer, Place
from osler.static.fold_loops import FoldLoop
from osler.static.sources import Source, dotted
from osler.static.walking import walk

RESETS = re.compile(
    r"reset|re_?init|init_(weight|param)|(weight|param)s?_init|restore|load_(weight|model|check)|^apply$"
)
"""Names of what may put weights back, unless its lines can be read."""

HARMLESS = frozenset({"reset_peak_memory_stats", "reset_index", "reset_max_memory_allocated"})
FILLS = re.compile(r"(normal|uniform|orthogonal|constant|zeros|ones|eye|dirac|sparse|copy|fill|zero|set)_$")
MOVES = frozenset("to cuda cpu half double float bfloat16 type".split())
KEEPS = frozenset(
    "train eval forward parameters named_parameters buffers named_buffers modules named_modules children "
    "named_children state_dict load_state_dict zero_grad requires_grad_ share_memory compile append split "
    "register_forward_hook register_forward_pre_hook register_full_backward_hook get_parameter "
    "get_submodule predict save save_model save_pretrained no_sync".split()
)
"""Methods that leave a module what it has learned; of those of unread classes nobody knows."""

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
        """What is built here is put into a list, a dict or the like: there may be one for each fold."""
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
    here = (f.node for f in found if f.source.file == place.file)
    return any(isinstance(node, ast.Call) and node.lineno == place.line for node in here)


def may_be_anew(reach: Reach, found: Sequence[Found], network: Network) -> bool:
    """Something among the nodes may exchange the network, or its weights by other means than loading."""
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
            if name in WRITES or (RESETS.search(name.lower()) and not reach.is_defined(name)):
                return True
            owner = dotted(function.value) if isinstance(function, ast.Attribute) else ""
            is_known = name in KEEPS | MOVES or reach.is_defined(name)
            return owner.rpartition(".")[2] == last and not is_known
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
    names = {dotted(n).rpartition(".")[2] for n in walk(value)} if value is not None else set[str]()
    if isinstance(value, ast.Call):
        return last not in names or _last(value) in {"deepcopy", "copy"}
    return last not in names or not isinstance(value, ast.Name | ast.Attribute)


def _is_plain(value: ast.expr | None) -> bool:
    return isinstance(value, ast.Constant)


@dataclass(frozen=True, slots=True)
class Within:
    """What a turn of a loop over folds comes to.

    Attributes:
        sources: all files.
        folds: the loop.
        found: nodes of its body, and of the functions that it calls.
    """

    sources: Sequence[Source]
    folds: FoldLoop
    found: Sequence[Found]

    def repeated(self) -> frozenset[int]:
        """Nodes that a loop inside the turn repeats, such as the loop over epochs."""
        loops = [f for f in self.found if isinstance(f.node, ast.For | ast.While)]
        inner = (f.node for f in loops if not self._holds_folds(f))
        return frozenset(id(n) for loop in inner for s in getattr(loop, "body", ()) for n in walk(s))

    def _holds_folds(self, found: Found) -> bool:
        first, last = getattr(found.node, "lineno", 0), getattr(found.node, "end_lineno", 0)
        return found.source.file == self.folds.source.file and first <= self.folds.node.lineno <= last


def loads(within: Within, code: Code, network: Network) -> tuple[bool, Undone | None]:
    """Whether some loading may put other weights into the network; a loading that changes nothing."""
    undone: Undone | None = None
    facts = {(c.place.file, c.place.line): c for c in code.calls_of("Module.load_state_dict")}
    helpers = {h.name.rpartition(".")[2] for h in _others(code)}
    for each in within.found:
        if not (isinstance(each.node, ast.Call) and _last(each.node) == "load_state_dict"):
            continue
        fact = facts.get((each.source.file, each.node.lineno))
        owner = each.node.func.value if isinstance(each.node.func, ast.Attribute) else each.node
        if fact is None:
            if dotted(owner).rpartition(".")[2] not in helpers:
                return True, None
            continue
        loaded = fact.arguments.get(0)
        if loaded is not network:
            if isinstance(loaded, Network) and (loaded in network.walk() or network in loaded.walk()):
                return True, None
            continue
        weights = fact.arguments.get(1)
        if isinstance(weights, Helper) and weights.role == "weights" and weights.about is network:
            kept = next((c.place for c in _kept(code, weights)), None)
            if kept is None or _moved_later(within.sources, network, kept):
                return True, None
            undone = undone or Undone(kept, fact.place)
        elif not (_is_of_this_fold(each.node, within) or _is_file_of_this_fold(each.node, within)):
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
            match node:
                case ast.Call(func=ast.Attribute(value=owner, attr=attr)) if attr in MOVES:
                    is_before = source.file == kept.file and node.lineno < kept.line
                    if dotted(owner).rpartition(".")[2] == last and not is_before:
                        return True
                case _:
                    pass
    return False


def _last(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else dotted(call.func)


def _is_of_this_fold(load: ast.Call, within: Within) -> bool:
    """The best weights of this fold, taken in a loop inside it, where training is under way."""
    name = dotted(load.args[0]) if load.args else ""
    if not name:
        return False
    inner = within.repeated()
    given = [
        (f.node, v)
        for f in within.found
        if isinstance(f.node, ast.Assign)
        for t, v in _pairs(f.node)
        if dotted(t) == name
    ]
    taken = [(n, v) for n, v in given if not (isinstance(v, ast.Constant) and v.value is None)]
    return bool(taken) and all(id(n) in inner and "state_dict" in ast.unparse(v) for n, v in taken)


def _is_file_of_this_fold(load: ast.Call, within: Within) -> bool:
    """The file with the best weights of this fold, which nothing writes but a loop inside it."""
    match load.args:
        case [ast.Call(func=ast.Attribute(value=ast.Name(id="torch"), attr="load"), args=[path, *_]), *_]:
            text = ast.unparse(path)
        case _:
            return False
    writing = [
        n
        for source in within.sources
        for n in (walk(source.tree) if source.tree is not None else ())
        if isinstance(n, ast.Call) and dotted(n.func) == "torch.save" and len(n.args) > 1
    ]
    inner = within.repeated()
    return bool(writing) and all(ast.unparse(n.args[1]) == text and id(n) in inner for n in writing)


def _pairs(node: ast.Assign) -> Iterator[tuple[ast.expr, ast.expr]]:
    for target in node.targets:
        if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
            yield from zip(target.elts, node.value.elts, strict=False)
        else:
            yield target, node.value
