"""What is learned of the training data, and then anew of held-out data."""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from osler.model import RefitFact
from osler.static.data_parts import Part, described, is_mixed, named
from osler.static.feeding import feeds, is_fed
from osler.static.learning import ENCODERS, LABEL, LEARNS, Learned, is_label
from osler.static.machine import Modules
from osler.static.part_events import COMMENT, Event, Within, bound
from osler.static.part_lines import DEEPEST, Lines
from osler.static.regions import statements
from osler.static.sources import Source, dotted
from osler.static.walking import walk

TRAINS = re.compile(r"\.backward\(|\btraining_step\b")
HOLDS_OUT = re.compile(
    r"(?<![A-Za-z])[xyXY]?(?:test|testing|te|tst|val|va|valid|validation|dev|holdout|heldout|held)"
    r"(?:sets?|data|dataset|df|rows|x|y|idx)?(?![a-z])"
    r"|(?:Test|Te|Val|Valid|Validation|Dev|Held)(?:[sS]ets?|[dD]ata|[rR]ows|ing)?(?![a-z])"
    r"|(?<![A-Z])(?:TEST|VAL|DEV|HELD)(?![A-Z])"
)
"""A name of held-out data as a word: neither ``value`` nor ``device``."""

TRAINING = re.compile(
    r"(?<![A-Za-z])[xyXY]?(?:train|training|tr|trn)(?:sets?|data|dataset|df|rows|x|y|idx)?(?![a-z])"
    r"|(?:Train|Tr|Trn)(?:[sS]ets?|[dD]ata|[rR]ows|ing)?(?![a-z])|(?<![A-Z])TRAIN(?![A-Z])"
)
WORD = re.compile(r"[A-Za-z_]\w*")

TABLES = re.compile(r"Embedding|\bembedding\(|one_hot")
"""What turns a code into a row of weights."""

CLASS_LOSSES = re.compile(r"[cC]ross_?[eE]ntropy|NLLLoss|nll_loss|MultiMargin")
GROUPS = re.compile(r"edge|graph|adjacen|\badj\b|sparse|scatter|index_add|voxel|cluster|group", re.IGNORECASE)
"""Numbers inside a graph or a group mean something there alone."""

FOLDERS = re.compile(r"\b(listdir|iterdir|r?glob|scandir|walk)\(")
DRAWS = re.compile(
    r"\b(randn\w*|rand|normal|uniform|randint|poisson|default_rng|make_\w+|multivariate_\w+)\("
)
"""Data that are made up: their scale belongs to how they are made."""

OWN = re.compile(
    r"domain|source|subject|user|sensor|site|patient|speaker|session|device|station|person|recording"
)
"""Who has a scale of its own: it is often taken away on purpose, for each."""

SIZES = re.compile(r"(^|_)(n|num|count|size|seed|len|length|total|start|end|offset)(_|$)")
SHOWN = 30
"""Letters of data that are named as they are written."""


@dataclass(slots=True)
class Definitions:
    """Functions and classes by the names under which a file knows them.

    Attributes:
        modules: finds what is imported.
        teaching: files in which something is learned; no other is looked into.
        found: those known so far, by file.
    """

    modules: Modules
    teaching: frozenset[str]
    found: dict[str, dict[str, Within]] = field(default_factory=dict[str, dict[str, Within]])

    def of(self, source: Source) -> dict[str, Within]:
        """Those that the file itself defines, then those that it imports."""
        if source.file not in self.found:
            names = self.found[source.file] = dict(_defined(source))
            for node in source.survey.imports:
                if isinstance(node, ast.ImportFrom):
                    other = self.modules.find(source, node.module or "", node.level)
                    teaches = other is not None and other.file in self.teaching
                    theirs = dict(_defined(other)) if other is not None and teaches else {}
                    for alias in node.names:
                        if alias.name in theirs:
                            names.setdefault(alias.asname or alias.name, theirs[alias.name])
        return self.found[source.file]

    def find(self, within: Within, call: ast.Call) -> Within | None:
        """What a call enters."""
        match call.func:
            case ast.Name(id=name):
                return self.of(within.source).get(name)
            case ast.Attribute(value=ast.Name(id="self"), attr=name) if within.cls is not None:
                return _method(within.source, within.cls, name)
            case _:
                return None


def _defined(source: Source) -> Iterator[tuple[str, Within]]:
    if source.tree is None:
        return
    for node in source.tree.body:
        if isinstance(node, ast.FunctionDef):
            yield node.name, Within(source, node)
        elif isinstance(node, ast.ClassDef) and (made := _method(source, node, "__init__")):
            yield node.name, made


def _method(source: Source, cls: ast.ClassDef, name: str) -> Within | None:
    for node in cls.body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return Within(source, node, cls)
    return None


def refits(sources: Sequence[Source], modules: Modules) -> Iterator[RefitFact]:
    """Each place once."""
    teaching = frozenset(s.file for s in sources if LEARNS.search(s.text))
    if not teaching or not any(TRAINS.search(s.text) for s in sources):
        return
    reader = Reader(Definitions(modules, teaching), "\n".join(s.text for s in sources))
    told: set[tuple[str, int]] = set()
    for source in sources:
        is_near = source.file in teaching or any(o.file in teaching for o in modules.imported(source))
        if not is_near or not names_both(source.text) or source.tree is None:
            continue
        for fact in reader.read(source):
            if (fact.place.file, fact.place.line) not in told:
                told.add((fact.place.file, fact.place.line))
                yield fact


def names_both(text: str) -> bool:
    """Whether a text has a pair of names such as ``x_train`` and ``x_test``, or a split of scikit-learn."""
    if not HOLDS_OUT.search(text):
        return False
    words = set(WORD.findall(COMMENT.sub("", text)))
    held = {HOLDS_OUT.sub("", w) for w in words if HOLDS_OUT.search(w)}
    trained = {TRAINING.sub("", w) for w in words if TRAINING.search(w)}
    return "train_test_split" in words or not held.isdisjoint(trained)


@dataclass(slots=True)
class Reader:
    """Reads files that belong together."""

    definitions: Definitions
    text: str
    taught: dict[int, list[Event]] = field(default_factory=dict[int, list[Event]])

    def read(self, source: Source) -> Iterator[RefitFact]:
        """What one file learns anew, or lets others learn."""
        teaching = self.definitions.teaching
        names = _teachers(self.definitions.of(source), teaching)
        if source.tree is None or (source.file not in teaching and not names):
            return
        teaches = re.compile(rf"{LEARNS.pattern}|\b(?:{'|'.join(names) or '-'})\b")
        calls: dict[int, list[Event]] = {}
        for within in _owners(source, source.tree):
            text = within.own_text
            if not teaches.search(text) or not (HOLDS_OUT.search(text) or TRAINING.search(text)):
                continue
            lines = Lines(within, self.definitions.find, depth=DEEPEST)
            lines.follow(within.node.body)
            yield from self._written_out(lines)
            for event in lines.events:
                entered = self.definitions.find(within, event.call) if event.call is not None else None
                if entered is not None and not event.is_each and entered.source.file in teaching:
                    calls.setdefault(id(entered.node), []).append(event)
        for events in calls.values():
            yield from self._called(events)

    def _written_out(self, lines: Lines) -> Iterator[RefitFact]:
        """`fit_transform(x_train)`, and then `fit_transform(x_test)`."""
        taught: dict[tuple[str, str, str], Event] = {}
        for event in lines.events:
            what = event.what
            if what is None or event.is_each or event.part is None:
                continue
            key = (what.kind, what.by, event.rest)
            if event.part is Part.TRAIN:
                taught.setdefault(key, event)
            elif (first := taught.get(key)) is not None and event.rest not in lines.transformed:
                before = first.what or what
                if not self._matters(what, event, event.rest) or not _goes_on(event, what.node, what.into):
                    continue
                yield RefitFact(
                    what.by,
                    what.kind,
                    event.within.place(what.node),
                    first.within.place(before.node),
                    _shown(before.data, "the training part"),
                    _shown(what.data, "the held-out part"),
                    is_slight=what.is_slight,
                )

    def _matters(self, what: Learned, event: Event, words: str) -> bool:
        """It is not learned of each part on purpose, as far as one can tell."""
        if what.kind == "codes":
            text = event.within.text
            if isinstance(event.within.node, ast.Module):
                text = ast.unparse(event.statement)
            is_class = is_label(what.data) or any(LABEL.search(t) for t in what.into)
            is_used = TABLES.search(self.text) or (is_class and CLASS_LOSSES.search(self.text))
            return bool(is_used) and not GROUPS.search(text) and not FOLDERS.search(text)
        return what.by in ENCODERS or not OWN.search(words)

    def _called(self, events: Sequence[Event]) -> Iterator[RefitFact]:
        """A function or class that learns of what it is given, and is given both parts."""
        parts = [(self._part(event), event) for event in events]
        for part, held in parts:
            if part is not Part.HELD_OUT:
                continue
            for other, train in parts:
                fact = self._pair(train, held) if other is Part.TRAIN else None
                if fact is not None:
                    yield fact
                    return

    def _part(self, event: Event) -> Part | None:
        call = event.call
        if call is None or any(isinstance(a, ast.Starred) for a in call.args):
            return None
        given = ast.Call(ast.Name("_", ast.Load()), call.args, call.keywords)
        part, _ = described(given, event.parts)
        if part is not None or is_mixed(given, event.parts):
            return part
        parts = {named(name) for name in event.targets}
        return parts.pop() if len(parts) == 1 else None

    def _pair(self, train: Event, held: Event) -> RefitFact | None:
        entered = self.definitions.find(held.within, held.call) if held.call is not None else None
        if entered is None or held.call is None or train.call is None:
            return None
        if not isinstance(entered.node, ast.FunctionDef):
            return None
        one, other = bound(entered.node, train.call), bound(entered.node, held.call)
        apart = {n for n in one.keys() | other.keys() if _text(one.get(n)) != _text(other.get(n))}
        data = [n for n in sorted(apart) if n in one and n in other and not _is_size(n, other[n])]
        if not data or DRAWS.search(entered.text) or _is_given(held, train):
            return None
        if entered.cls is None and not _goes_on(held, held.call, held.targets):
            return None
        for event in self._learns(entered):
            what = event.what
            if what is None or not self._counts(what, event, set(data), set(other), held):
                continue
            place = event.within.place(what.node)
            return RefitFact(
                what.by,
                what.kind,
                place,
                place,
                _named(train, one[data[0]], "the training part"),
                _named(held, other[data[0]], "the held-out part"),
                entered.name,
                (train.within.place(train.call), held.within.place(held.call)),
                what.is_slight,
            )
        return None

    def _counts(self, what: Learned, event: Event, data: set[str], given: set[str], held: Event) -> bool:
        """It is learned in each call, of what both calls are given differently, and matters."""
        if not event.origins & data or event.is_each or event.part is Part.TRAIN:
            return False
        if event.unless & {"", *given} or DRAWS.search(event.within.text):
            return False
        if what.kind == "scale" and self._passes_a_network(held):
            return False
        words = " ".join((_text(held.call), *held.targets)).lower()
        return self._matters(what, event, words) and _goes_on(event, what.node, what.into)

    def _learns(self, entered: Within) -> list[Event]:
        key = id(entered.node)
        if key not in self.taught:
            lines = Lines(entered, self.definitions.find)
            lines.origins = {n: frozenset({n}) for n in entered.parameters}
            lines.parts = {n: (None, n) for n in entered.parameters}
            lines.follow(entered.node.body)
            self.taught[key] = [e for e in lines.events if e.what is not None]
        return self.taught[key]

    def _passes_a_network(self, event: Event) -> bool:
        """`standardised(model(x_test))` compares outputs; it prepares no data."""
        known = self.definitions.of(event.within.source)
        return event.call is not None and any(
            isinstance(inner, ast.Call)
            and isinstance(inner.func, ast.Name)
            and inner.func.id not in known
            and not hasattr(builtins, inner.func.id)
            for argument in event.call.args
            for inner in walk(argument)
        )


def _teachers(known: dict[str, Within], teaching: frozenset[str]) -> list[str]:
    """Names of functions and classes that learn something of data, or call one that does."""
    found: list[str] = []
    while True:
        words = re.compile(rf"{LEARNS.pattern}|\b(?:{'|'.join(found) or '-'})\b")
        more = [n for n, w in known.items() if w.source.file in teaching and words.search(w.whole_text)]
        if len(more) == len(found):
            return found
        found = more


def _owners(source: Source, tree: ast.Module) -> Iterator[Within]:
    yield Within(source, tree)
    for node in statements(tree):
        if isinstance(node, ast.FunctionDef):
            yield Within(source, node)


def _goes_on(event: Event, node: ast.AST, into: tuple[str, ...]) -> bool:
    """What is learned goes to a network, out of the function, or into an object."""
    if isinstance(event.statement, ast.Return):
        return True
    for call in walk(event.statement):
        is_around = isinstance(call, ast.Call) and call is not node and feeds(call)
        if is_around and any(below is node for below in walk(call)):
            return True
    names = tuple(name for name in into if name)
    line = event.statement.end_lineno or event.statement.lineno
    return bool(names) and is_fed(event.within.node, names, line)


def _is_given(held: Event, train: Event) -> bool:
    """Afterwards the held-out data get something of the training data: `test.vocab = train.vocab`."""
    names, taught = set(held.targets) - {""}, set(train.targets) - {""}
    for node in walk(held.within.node):
        match node:
            case ast.Assign(targets=[ast.Attribute(value=ast.Name(id=name))]) if name in names:
                return True
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name)), args=args) if name in names:
                if any(isinstance(n, ast.Name) and n.id in taught for a in args for n in walk(a)):
                    return True
            case _:
                pass
    return False


def _is_size(name: str, value: ast.expr) -> bool:
    """A number of samples or a seed, by which made-up data differ."""
    if isinstance(value, ast.Constant) and not isinstance(value.value, str | bool):
        return True
    return bool(SIZES.search(name)) or bool(SIZES.search(dotted(value).lower()))


def _text(node: ast.expr | None) -> str:
    return "" if node is None else ast.unparse(node)


def _shown(node: ast.expr, otherwise: str) -> str:
    text = ast.unparse(node)
    return f"`{text}`" if len(text) <= SHOWN else otherwise


def _named(event: Event, value: ast.expr, otherwise: str) -> str:
    names = [name for name in event.targets if named(name) is not None]
    return f"`{names[0]}`" if len(event.targets) == 1 and names else _shown(value, otherwise)
