"""Frozen dataclasses to plain JSON values and back, by their type hints; what is unknown is left out."""

from __future__ import annotations

import math
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import IntEnum, StrEnum
from functools import cache
from typing import Any, TypeVar, cast, get_args, get_origin

LONGEST = 4_096
"""Characters of a text that are kept; a name of ten thousand is cut, and still tells what it names."""

ELLIPSIS = "…"

Decoded = TypeVar("Decoded")


class Damaged(ValueError):
    """A stored value does not have the type that its field asks for."""


def encode(value: object) -> object:
    """A value as JSON has it; numbers that are not finite become texts, sets become sorted lists.

    Fields that have their default are left out.
    """
    kind = type(value)
    if kind is int or kind is bool or value is None:  # most are
        return value
    match value:
        case str() | float():
            stored: object = cut(value) if isinstance(value, str) else finite(value)
        case frozenset():
            stored = sorted(cut(item) for item in cast("frozenset[str]", value))
        case tuple() | list():
            stored = [encode(item) for item in cast("tuple[object, ...]", value)]
        case dict():
            stored = {cut(str(k)): encode(v) for k, v in cast("dict[object, object]", value).items()}
        case _ if is_dataclass(value):
            given = ((name, getattr(value, name), usual) for name, usual in usuals(kind))
            stored = {
                n: encode(item) for n, item, usual in given if item is not usual and differ(item, usual)
            }
        case _:
            stored = value
    return stored


def differ(value: object, usual: object) -> bool:
    """Whether a value is another than its default: -0.0 equals 0.0 and is not the same."""
    return value != usual or (isinstance(value, float) and repr(value) != repr(usual))


def finite(value: float) -> float | str:
    """A number that JSON has, or its name."""
    return value if math.isfinite(value) else repr(value)


def decode(kind: type[Decoded], stored: object) -> Decoded:
    """The dataclass of a kind from plain values. Unknown fields are ignored, missing ones take their default.

    Raises:
        Damaged: a value has the wrong type, or a field without default is missing.
    """
    return cast("Decoded", decoder(kind)(stored))


@cache
def hints(kind: type) -> dict[str, Any]:
    """Names and types of a dataclass's fields."""
    resolved = typing.get_type_hints(kind)
    return {f.name: resolved[f.name] for f in fields(kind)}


@cache
def usuals(kind: type) -> tuple[tuple[str, object], ...]:
    """Names and defaults of the fields; `MISSING` for those that have none."""
    made = {f.name: f.default_factory() for f in fields(kind) if f.default_factory is not MISSING}
    return tuple((f.name, made.get(f.name, f.default)) for f in fields(kind))


@cache
def decoder(kind: Any) -> Callable[[object], object]:
    """The function that reads values of one type."""
    if is_dataclass(kind):
        return dataclass_reader(cast("type", kind))
    if isinstance(kind, type) and issubclass(kind, StrEnum | IntEnum):
        return lambda stored: member(kind, stored)
    return READERS[kind] if kind in READERS else generic_reader(get_origin(kind), get_args(kind))


def generic_reader(origin: Any, inner: tuple[Any, ...]) -> Callable[[object], object]:
    """The function that reads an optional value, a mapping or a sequence."""
    if origin in (types.UnionType, typing.Union):
        read = decoder(next(kind for kind in inner if kind is not type(None)))
        return lambda stored: None if stored is None else read(stored)
    if origin in (dict, Mapping):
        return mapping_reader(decoder(inner[1]))
    if origin is tuple and inner[-1] is not ...:
        return fixed_reader([decoder(kind) for kind in inner])
    return sequence_reader(origin, decoder(inner[0]))


def dataclass_reader(kind: type) -> Callable[[object], object]:
    """Reads a mapping of fields."""
    readers = {name: decoder(hint) for name, hint in hints(kind).items()}
    required = {name for name, usual in usuals(kind) if usual is MISSING}

    def read(stored: object) -> object:
        given = mapping(stored)
        missing = required - given.keys()
        if missing:
            raise Damaged(f"{kind.__name__} without {', '.join(sorted(missing))}")
        return kind(**{name: reader(given[name]) for name, reader in readers.items() if name in given})

    return read


def sequence_reader(origin: Any, read: Callable[[object], object]) -> Callable[[object], object]:
    """Reads a list."""

    return lambda stored: origin(read(item) for item in items(stored))


def fixed_reader(readers: list[Callable[[object], object]]) -> Callable[[object], object]:
    """Reads a tuple of one length whose items have different types."""

    def read(stored: object) -> object:
        given = items(stored)
        if len(given) != len(readers):
            raise Damaged(f"expected {len(readers)} items")
        return tuple(reader(item) for reader, item in zip(readers, given, strict=True))

    return read


def mapping_reader(read: Callable[[object], object]) -> Callable[[object], object]:
    """Reads a mapping with texts as keys."""
    return lambda stored: {cut(key): read(value) for key, value in mapping(stored).items()}


def items(stored: object) -> list[object]:
    """The stored value if it is a list."""
    if not isinstance(stored, list):
        raise Damaged("expected a list")
    return cast("list[object]", stored)


def mapping(stored: object) -> dict[str, object]:
    """The stored value if it is a mapping."""
    if not isinstance(stored, dict):
        raise Damaged("expected a mapping")
    return cast("dict[str, object]", stored)


def member(kind: type[StrEnum] | type[IntEnum], stored: object) -> StrEnum | IntEnum:
    """The member of an enumeration."""
    found = next((m for m in kind if type(stored) in (str, int) and m.value == stored), None)
    if found is None:
        raise Damaged(f"unknown {kind.__name__.lower()}")
    return found


def cut(text: str) -> str:
    """A text of bounded length."""
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + ELLIPSIS


def text(stored: object) -> str:
    """The stored value if it is a text."""
    if not isinstance(stored, str):
        raise Damaged("expected a text")
    return cut(stored)


def truth(stored: object) -> bool:
    """The stored value if it is true or false."""
    if not isinstance(stored, bool):
        raise Damaged("expected true or false")
    return stored


def whole(stored: object) -> int:
    """The stored value if it is a whole number."""
    if not isinstance(stored, int) or isinstance(stored, bool):
        raise Damaged("expected a whole number")
    return stored


def number(stored: object) -> float:
    """The stored value if it is a number, ``"nan"`` and ``"inf"`` included."""
    if stored in ("nan", "inf", "-inf"):
        return float(cast("str", stored))
    if not isinstance(stored, int | float) or isinstance(stored, bool):
        raise Damaged("expected a number")
    if abs(stored) > MOST:
        raise Damaged("expected a number that a float can hold")
    return float(stored)


MOST = float.fromhex("0x1.fffffffffffffp+1023")
READERS: dict[Any, Callable[[object], object]] = {str: text, bool: truth, int: whole, float: number}
