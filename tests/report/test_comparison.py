"""What tells two runs apart."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from osler.model import Column, Diagnosis, Finding, Group, Place, Run, Severity
from osler.report.comparison import Parting, Side, compare

MANIFEST = {
    "schema": 1,
    "argv": ["train.py", "--lr", "0.1"],
    "script": "train.py",
    "started": "2026-11-21T10:00:00",
    "versions": {"python": "3.11.2", "torch": "2.12.0"},
    "host": "one",
    "pid": 7,
    "world_size": 1,
    "environment": {"OMP_NUM_THREADS": "1"},
    "commit": "a" * 40,
    "dirty": False,
}

Points = Sequence[tuple[int, float]]


def column(points: Points) -> Column:
    made = Column()
    for step, value in points:
        made.add(step, value)
    return made


def side(
    name: str = "a", diagnosis: Diagnosis | None = None, manifest: Any = MANIFEST, **columns: Points
) -> Side:
    run = Run(columns={measure: column(points) for measure, points in columns.items()})
    return Side(name, manifest, run, diagnosis or Diagnosis())


def losses(first: Points, second: Points) -> Parting:
    return compare(side(loss=first), side(loss=second)).parting


def test_a_run_does_not_differ_from_itself(cases: dict[str, Diagnosis]) -> None:
    sick = side("a", cases["sick"], loss=[(1, 0.5), (2, math.nan)])
    found = compare(sick, replace(sick, name="b"))
    assert (found.settings, found.gained, found.lost, found.is_dirty) == ((), (), (), False)
    assert found.parting == Parting(2)
    assert found.worst_gained is None


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"argv": ["train.py", "--lr", "1"]}, [("argv", "train.py --lr 0.1", "train.py --lr 1")]),
        ({"versions": {"python": "3.11.2", "torch": "2.13.0"}}, [("versions torch", "2.12.0", "2.13.0")]),
        ({"environment": {}}, [("environment OMP_NUM_THREADS", "1", None)]),
        ({"environment": {"OMP_NUM_THREADS": "1", "A": "x"}}, [("environment A", None, "x")]),
        ({"commit": "b" * 40}, [("commit", "a" * 40, "b" * 40)]),
        ({"commit": ""}, [("commit", "a" * 40, None)]),
        ({"world_size": 2}, [("world_size", "1", "2")]),
        ({"dirty": None}, [("dirty", "False", None)]),
        ({"argv": ("train.py", "--lr", "0.1")}, []),
        ({"started": "later", "host": "two", "pid": 8, "schema": 2, "rank": 3, "unheard-of": 1}, []),
    ],
)
def test_settings(change: dict[str, object], expected: list[tuple[object, ...]]) -> None:
    found = compare(side(), side(manifest=MANIFEST | change)).settings
    assert [(d.name, d.first, d.second) for d in found] == expected


@pytest.mark.parametrize(("first", "second"), [(True, False), (False, True), (True, True)])
def test_code_that_is_in_no_commit(first: bool, second: bool) -> None:
    found = compare(
        side(manifest=MANIFEST | {"dirty": first}), side("b", manifest=MANIFEST | {"dirty": second})
    )
    assert found.is_dirty


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ([], [], Parting(0)),
        ([(1, 0.5)], [], Parting(0)),
        ([(1, 0.5)], [(2, 0.5)], Parting(0)),
        ([(1, 0.5), (2, 0.4)], [(1, 0.5), (2, 0.4)], Parting(2)),
        ([(1, 0.5), (2, 0.4)], [(1, 0.5)], Parting(1)),
        ([(1, 0.5), (2, 0.4)], [(1, 0.5), (2, 0.4000000000000001)], Parting(2, 2, 0.4, 0.4000000000000001)),
        ([(1, 0.0)], [(1, -0.0)], Parting(1, 1, 0.0, -0.0)),
        ([(1, math.nan)], [(1, math.nan)], Parting(1)),
        ([(1, math.inf)], [(1, -math.inf)], Parting(1, 1, math.inf, -math.inf)),
        # accumulation: the second micro-step of step 1 differs, though each value occurs in both
        ([(1, 0.5), (1, 0.4)], [(1, 0.5), (1, 0.5)], Parting(2, 1, 0.4, 0.5)),
        # accumulation, thinned: one run has kept the first micro-step alone
        ([(1, 0.5), (1, 0.4), (2, 0.3)], [(1, 0.4), (2, 0.3)], Parting(1)),
        # thinned: only what both have kept can be compared
        ([(1, 0.5), (2, 0.4), (4, 0.2)], [(1, 0.5), (3, 0.3), (4, 0.1)], Parting(2, 4, 0.2, 0.1)),
    ],
)
def test_where_the_losses_part(first: Points, second: Points, expected: Parting) -> None:
    assert losses(first, second) == expected


def test_long_columns_are_compared_where_both_have_kept_values() -> None:
    long, longer = [(s, 1 / (s + 1)) for s in range(5_002)], [(s, 1 / (s + 1)) for s in range(20_001)]
    found = compare(side(loss=long), side("b", loss=longer))
    assert found.parting == Parting(626)  # every 8th of the first 5 002
    (curve,) = found.curves
    assert curve.last == (long[-1][1], longer[-1][1])
    assert (curve.step, curve.there) == (5_000, (1 / 5_001, 1 / 5_001))


def test_the_newest_value_of_a_thinned_column_may_stand_where_the_other_has_kept_nothing() -> None:
    steps = [step // 2 for step in range(5_000)]  # accumulation: two values per step
    first = [(s, float(i)) for i, s in enumerate(steps)]
    second = [(s, float(i)) for i, s in enumerate([*steps, 2_500, 2_500, 2_501])]
    found = compare(side(loss=first), side("b", loss=second))
    assert found.parting == Parting(2_500)
    assert found.curves[0].last == (4_999.0, 5_002.0)


@settings(deadline=None)  # machines are shared
@given(st.lists(st.floats(), min_size=1), st.data())
def test_one_changed_value_is_the_parting(series: list[float], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(series) - 1))
    other = [*series]
    other[at] = 1.0 if series[at] != 1.0 else 2.0
    found = losses(list(enumerate(series)), list(enumerate(other)))
    assert (found.step, found.second) == (at, other[at])


def found_by(finding: Finding, checked: tuple[str, ...] = ("x", "training-in-eval-mode")) -> Diagnosis:
    return Diagnosis(groups=(Group(finding),), checked=checked)


@pytest.mark.parametrize(
    "change",
    [
        {"message": "other words"},
        {"place": Place("/elsewhere/checkout/train.py", 99, step=3, subject="Sequential")},
        {"severity": Severity.WARNING},
        {"suppressed": True},
    ],
)
def test_the_same_finding(change: dict[str, Any], eval_mode: Finding) -> None:
    found = compare(
        side(diagnosis=found_by(eval_mode)), side(diagnosis=found_by(replace(eval_mode, **change)))
    )
    assert (found.gained, found.lost) == ((), ())


@pytest.mark.parametrize(
    "change",
    [
        {"check": "x"},
        {"place": Place("/work/model.py", 18, subject="Sequential")},
        {"place": Place("/work/train.py", 18, subject="head")},
    ],
)
def test_another_finding(change: dict[str, Any], eval_mode: Finding) -> None:
    other = replace(eval_mode, **change)
    found = compare(side(diagnosis=found_by(eval_mode)), side(diagnosis=found_by(other)))
    assert [c.finding for c in found.gained] == [other]
    assert [c.finding for c in found.lost] == [eval_mode]
    assert found.worst_gained is Severity.ERROR


def test_a_second_one_of_the_same_kind_is_gained(eval_mode: Finding) -> None:
    twice = Diagnosis(groups=(Group(eval_mode), Group(eval_mode)), checked=(eval_mode.check,))
    found = compare(side(diagnosis=found_by(eval_mode)), side(diagnosis=twice))
    assert len(found.gained) == 1
    assert found.lost == ()


def test_what_was_not_looked_for_is_no_progress_and_no_relapse(eval_mode: Finding) -> None:
    blind = Diagnosis(not_applicable={eval_mode.check: "no model was called"})
    better = compare(side("a", found_by(eval_mode)), side("b", blind))
    worse = compare(side("a", blind), side("b", found_by(eval_mode)))
    assert [c.is_comparable for c in (*better.lost, *worse.gained)] == [False, False]
    assert worse.worst_gained is None


def test_what_is_intended_is_not_gained(eval_mode: Finding) -> None:
    intended = found_by(replace(eval_mode, suppressed=True))
    assert compare(side(), side(diagnosis=intended)).gained == ()


def test_curves() -> None:
    first = side(loss=[(1, 0.5), (2, 0.1), (3, 0.3)], lr=[(1, 0.1)])
    second = side(loss=[(1, 0.5), (2, math.nan), (2, 0.7)], accuracy=[])
    loss, lr, accuracy = compare(first, second).curves
    assert (loss.last, loss.lowest, loss.step) == ((0.3, 0.7), (0.1, 0.5), 2)
    assert loss.there == (0.1, 0.7)
    assert (lr.last, lr.lowest, lr.step, lr.there) == ((0.1, None), (0.1, None), None, (None, None))
    assert (accuracy.measure, accuracy.last) == ("accuracy", (None, None))
