"""Whatever a run knows comes back from plain JSON as it was; what has another type is refused."""

import json
import math
from dataclasses import dataclass, fields, is_dataclass, replace
from enum import IntEnum, StrEnum
from typing import Any, get_args, get_type_hints

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from osler.model import Event, Kind, OptimizerFact, Place, Run
from osler.store.codec import ELLIPSIS, LONGEST, Damaged, cut, decode, decoder, encode, finite
from osler.store.manifest import Manifest
from osler.store.records import Ending, Series
from osler.store.sealed import Marker


def through_json(value: Any) -> Any:
    return json.loads(json.dumps(encode(value), allow_nan=False))


def fact_kinds() -> list[type]:
    """Every dataclass that a run keeps."""
    hints = {name: hint for name, hint in get_type_hints(Run).items() if name not in ("columns", "context")}
    inner = {kind for hint in hints.values() for kind in (hint, *get_args(hint)) if is_dataclass(kind)}
    return sorted((kind for kind in inner if isinstance(kind, type)), key=lambda kind: kind.__name__)


STORED = [
    *(k for k in fact_kinds() if k.__name__ != "Pattern"),
    Event,
    Place,
    Manifest,
    Ending,
    Series,
    Marker,
]

st.register_type_strategy(float, st.floats(allow_nan=False))


@pytest.mark.parametrize("kind", STORED, ids=lambda kind: kind.__name__)
def test_every_kind_of_fact_comes_back(kind: type) -> None:
    """Found by its types: a new fact is tested as soon as a run keeps it."""

    @given(st.builds(kind, **{f.name: st.from_type(get_type_hints(kind)[f.name]) for f in fields(kind)}))
    @settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    def comes_back(fact: Any) -> None:
        again = decode(kind, through_json(fact))
        assert [getattr(again, f.name) for f in fields(kind)] == [getattr(fact, f.name) for f in fields(kind)]

    comes_back()


SGD = OptimizerFact("SGD", (Place("train.py", 5),), 2, 9)


def test_what_has_its_default_takes_no_room() -> None:
    assert encode(SGD) == {
        "name": "SGD",
        "site": [{"file": "train.py", "line": 5}],
        "tensors": 2,
        "elements": 9,
    }
    assert encode(replace(SGD, born=3)) == {**encode(SGD), "born": 3}  # pyright: ignore


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 0.1, -0.0, 5e-324, 1e308, 3.0])
def test_numbers_that_json_lacks_have_names(value: float) -> None:
    again = decode(Measured, through_json(Measured(value)))
    assert repr(again.value) == repr(value)


def test_the_names_are_python_s() -> None:
    assert [finite(v) for v in (math.nan, math.inf, -math.inf, 1.5)] == ["nan", "inf", "-inf", 1.5]


def test_sets_have_one_order() -> None:
    event = Event(Kind.STEP, "SGD", (), frozenset({"fresh", "amp", "clipped"}))
    assert through_json(event)["traits"] == ["amp", "clipped", "fresh"]


@pytest.mark.parametrize(
    ("length", "kept"), [(0, 0), (LONGEST, LONGEST), (LONGEST + 1, LONGEST), (10 * LONGEST, LONGEST)]
)
def test_a_name_without_end_is_cut(length: int, kept: int) -> None:
    text = cut("x" * length)
    assert len(text) == kept
    assert text.endswith(ELLIPSIS) is (length > LONGEST)


def test_names_are_cut_on_both_sides() -> None:
    """A file that somebody else wrote is read with the same limits."""
    long = "x" * (LONGEST + 9)
    assert decode(Series, {"name": long}).name == cut(long) == through_json(Series(long))["name"]
    assert list(decode(Manifest, {"versions": {long: "1"}}).versions) == [cut(long)]
    assert through_json(Manifest(argv=(long,)))["argv"] == [cut(long)]


# --- reading what others wrote


class Colour(StrEnum):
    RED = "red"


class Level(IntEnum):
    LOW = 1


@dataclass(frozen=True)
class Measured:
    value: float


@dataclass(frozen=True)
class Every:
    """One field of each type that facts have."""

    text: str = ""
    whole: int = 0
    number: float = 0.0
    truth: bool = False
    perhaps: int | None = None
    many: tuple[int, ...] = ()
    pair: tuple[int, str] = (0, "")
    names: frozenset[str] = frozenset()
    table: dict[str, float] | None = None
    colour: Colour = Colour.RED
    level: Level = Level.LOW
    inner: Measured | None = None


@pytest.mark.parametrize(
    ("field", "stored", "value"),
    [
        ("number", 3, 3.0),
        ("number", "nan", math.nan),
        ("number", "-inf", -math.inf),
        ("perhaps", None, None),
        ("perhaps", 3, 3),
        ("many", [1, 2], (1, 2)),
        ("pair", [1, "a"], (1, "a")),
        ("names", ["a", "b", "a"], frozenset("ab")),
        ("table", {"a": 1}, {"a": 1.0}),
        ("colour", "red", Colour.RED),
        ("level", 1, Level.LOW),
        ("inner", {"value": 2, "unknown": []}, Measured(2.0)),
    ],
)
def test_what_fits_is_taken(field: str, stored: object, value: object) -> None:
    assert repr(getattr(decode(Every, {field: stored}), field)) == repr(value)


@pytest.mark.parametrize(
    ("field", "stored"),
    [
        *(("text", v) for v in (None, 1, ["a"], {})),
        *(("whole", v) for v in (None, 1.0, True, "1", [])),
        *(("number", v) for v in (None, True, "1", "NaN", "infinity", [], 10**400, 2**1024)),
        *(("truth", v) for v in (None, 0, 1, "true")),
        *(("perhaps", v) for v in ("", 1.5, False)),
        *(("many", v) for v in (None, "12", {}, 3, ["1"], [None], {"0": 1})),
        *(("pair", v) for v in ([], [1], [1, "a", 2], ["a", 1])),
        *(("names", v) for v in ("ab", [1], [["a"]])),
        *(("table", v) for v in ([], {"a": "b"}, "a")),
        *(("colour", v) for v in ("blue", 1, None, ["red"])),
        *(("level", v) for v in (2, "1", True, 1.0)),
        *(("inner", v) for v in ([], {}, {"value": None}, 3)),
    ],
)
def test_what_has_another_type_is_damaged(field: str, stored: object) -> None:
    with pytest.raises(Damaged):
        decode(Every, {field: stored})


@pytest.mark.parametrize("stored", [None, [], "text", 3, {}])
def test_a_fact_needs_what_has_no_default(stored: object) -> None:
    with pytest.raises(Damaged):
        decode(OptimizerFact, stored)


def test_what_is_missing_is_named() -> None:
    with pytest.raises(Damaged, match=r"^OptimizerFact without elements, site$"):
        decode(OptimizerFact, {"name": "SGD", "tensors": 2})


def test_fields_of_a_later_version_are_left_out() -> None:
    assert decode(OptimizerFact, {**through_json(SGD), "colour": "red"}) == SGD


def test_nothing_that_is_stored_becomes_a_default_of_others() -> None:
    first = decode(Manifest, {})
    first.versions["torch"] = "2"
    assert decode(Manifest, {}).versions == {}


def test_a_reader_is_made_once() -> None:
    assert decoder(OptimizerFact) is decoder(OptimizerFact)


def test_a_zero_keeps_its_sign_where_the_default_has_another() -> None:
    assert str(decode(Every, encode(Every(number=-0.0))).number) == "-0.0"
