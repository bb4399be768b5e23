"""A run as lines and back: every distinct event and pattern once, facts when they change, counts as updates.

The fields of `Run` are stored by their types, so that a new kind of fact needs no line here. When a key is
written twice the later line counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, fields, is_dataclass, replace
from functools import cache
from typing import Any, cast, get_args, get_origin, get_type_hints

from osler.model import Event, Pattern, Run
from osler.store.codec import Damaged, decode, decoder, encode, items, mapping, whole
from osler.store.lines import Line

APART = frozenset({"patterns", "columns", "context"})
"""Fields that are stored in another way, or derived again."""

COUNTS = ("count", "first", "last", "streak", "longest", "step")

Reader = Callable[[object], object]


@dataclass(frozen=True, slots=True)
class Keyed:
    """How one field of `Run` that holds many facts is read.

    Attributes:
        key: reads a key; None for a list, whose keys are positions.
        value: reads a fact.
    """

    key: Reader | None
    value: Reader


@cache
def kept_many() -> dict[str, Keyed]:
    """Fields of `Run` that are mappings or lists."""
    found: dict[str, Keyed] = {}
    for name, hint in run_hints().items():
        inner = get_args(hint)
        if get_origin(hint) is dict:
            found[name] = Keyed(decoder(inner[0]), decoder(inner[1]))
        elif get_origin(hint) is list:
            found[name] = Keyed(None, decoder(inner[0]))
    return found


@cache
def kept_single() -> dict[str, Reader]:
    """Fields of `Run` that are one value."""
    many = kept_many()
    return {name: decoder(hint) for name, hint in run_hints().items() if name not in many}


@cache
def run_hints() -> dict[str, Any]:
    """The types of the fields that are stored by their types."""
    hints = get_type_hints(Run)
    return {f.name: hints[f.name] for f in fields(Run) if f.name not in APART}


def snapshot(run: Run) -> Run:
    """The run as it is now, without its columns, cheap enough for the thread that trains."""
    many = {name: getattr(run, name).copy() for name in kept_many()}
    single = {name: getattr(run, name) for name in kept_single()}
    return Run(patterns=[replace(p) for p in run.patterns], **many, **single)


class FactWriter:
    """Remembers what was written, so that only what is new is written again."""

    def __init__(self) -> None:
        self._before = Run()
        self._events: dict[Event, int] = {}

    def lines(self, now: Run) -> Iterator[Line]:
        """What changed since the run was last given."""
        yield from self._patterns(now.patterns)
        for name in kept_many():
            yield from changes(name, entries(getattr(self._before, name)), entries(getattr(now, name)))
        single = {n: getattr(now, n) for n in kept_single() if getattr(now, n) != getattr(self._before, n)}
        if single:
            yield {"t": "run", "value": {name: encode(value) for name, value in single.items()}}
        self._before = now

    def _patterns(self, patterns: list[Pattern]) -> Iterator[Line]:
        known = self._before.patterns
        for number, pattern in enumerate(patterns):
            if number >= len(known):
                for event in pattern.events:
                    if event not in self._events:
                        self._events[event] = len(self._events)
                        yield {"t": "event", "id": self._events[event], "value": encode(event)}
                yield {"t": "pattern", "id": number, "events": [self._events[e] for e in pattern.events]}
            if number >= len(known) or counts(pattern) != counts(known[number]):
                yield {"t": "seen", "id": number, **counts(pattern)}


def counts(pattern: Pattern) -> dict[str, object]:
    """The numbers of a pattern, which change while its events stay."""
    return {name: getattr(pattern, name) for name in COUNTS}


def entries(held: Any) -> dict[object, object]:
    """The facts of a field under their keys; those of a list under their positions."""
    if isinstance(held, list):
        return dict(enumerate(cast("list[object]", held)))
    return cast("dict[object, object]", held)


def changes(name: str, before: dict[object, object], now: dict[object, object]) -> Iterator[Line]:
    """New, changed and vanished facts of one field."""
    new = [(k, v) for k, v in now.items() if k not in before or (before[k] is not v and before[k] != v)]
    if new and not is_dataclass(new[0][1]):
        yield {"t": name, "values": [[encode(key), encode(value)] for key, value in new]}
    else:
        yield from ({"t": name, "key": encode(key), "value": encode(value)} for key, value in new)
    yield from ({"t": name, "key": encode(key), "gone": True} for key in before if key not in now)


@dataclass(slots=True)
class FactReader:
    """Builds a run from lines.

    Attributes:
        run: what was read so far; without columns and context.
        damaged: lines that did not hold what their kind should.
    """

    run: Run = field(default_factory=Run)
    damaged: int = 0
    _events: dict[int, Event] = field(default_factory=dict[int, Event])
    _patterns: dict[int, Pattern] = field(default_factory=dict[int, Pattern])

    def read(self, line: Line) -> bool:
        """Take one line into the run; false if it is about something else."""
        try:
            return self._take(str(line.get("t")), line)
        except (Damaged, LookupError):
            self.damaged += 1
            return True

    def _take(self, kind: str, line: Line) -> bool:
        match kind:
            case "event":
                self._events[whole(line["id"])] = decode(Event, line["value"])
            case "pattern":
                self._add(whole(line["id"]), [whole(item) for item in items(line["events"])])
            case "seen":
                self._count(self._patterns[whole(line["id"])], line)
            case "run":
                self._set(mapping(line["value"]))
            case name if name in kept_many():
                self._change(getattr(self.run, name), kept_many()[name], line)
            case _:
                return False
        return True

    def _count(self, pattern: Pattern, line: Line) -> None:
        for name in COUNTS:
            setattr(pattern, name, whole(line[name]))

    def _set(self, values: dict[str, object]) -> None:
        known = kept_single()
        for name in values.keys() & known.keys():
            setattr(self.run, name, known[name](values[name]))

    def _add(self, number: int, events: Iterable[int]) -> None:
        pattern = Pattern(tuple(self._events[e] for e in events))
        if number not in self._patterns:
            self._patterns[number] = pattern
            self.run.patterns.append(pattern)

    def _change(self, held: Any, reader: Keyed, line: Line) -> None:
        key = reader.key
        if key is None:
            change_list(cast("list[object]", held), whole(line["key"]), line, reader)
        elif "values" in line:
            pairs = [items(pair) for pair in items(line["values"])]
            held.update({key(pair[0]): reader.value(pair[1]) for pair in pairs})
        elif line.get("gone") is True:
            held.pop(key(line["key"]), None)
        else:
            held[key(line["key"])] = reader.value(line["value"])


def change_list(held: list[object], position: int, line: Line, reader: Keyed) -> None:
    """Replace, append or remove an item; after a damaged line positions move up."""
    if line.get("gone") is True:
        del held[position:]
    elif 0 <= position < len(held):
        held[position] = reader.value(line["value"])
    else:
        held.append(reader.value(line["value"]))
