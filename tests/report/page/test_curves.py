"""Long series become short ones in which nothing that matters is lost, and numbers become text and back."""

import base64
import os
from array import array
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from osler.model import Column
from osler.report.page.curves import COARSEST, FINEST, Curve, Curves, curves, encoded, packed, steps
from osler.store.layout import new_run, process_folder
from osler.store.manifest import begin
from osler.store.overview import Overview, of_series
from osler.store.process import StoredProcess
from osler.store.recorder import Recorder
from osler.store.seal import seal


def unpacked(text: str) -> list[float]:
    """As the page reads it."""
    kind, _, body = text.partition(":")
    if kind == "every":
        first, distance, amount = map(int, body.split(","))
        return [float(first + n * distance) for n in range(amount)]
    return np.frombuffer(base64.b64decode(body), f"<{kind}").astype(float).tolist()


def recorded(root: Path, series: dict[str, tuple[list[int], list[float]]]) -> StoredProcess:
    folder = process_folder(new_run(root))
    recorder = Recorder(folder, begin(["t.py"], "t.py", {}, os.environ))
    recorder.start()
    for name, (at, values) in series.items():
        column = Column()
        recorder.watch(name, column)
        column.extend(array("q", at), array("d", values))
    recorder.flush()
    recorder.close()
    return StoredProcess(folder)


def curve(values: list[float], buckets: int = FINEST) -> Curve:
    columns = (np.arange(len(values)), np.array(values, float))
    return Curve("loss", "loss", "", "", "", of_series(columns, buckets))


def test_a_spike_of_one_step_in_a_million_is_there() -> None:
    values = np.sin(np.arange(1_000_000) / 1e4)
    values[637_201] = 50.0
    shown = of_series((np.arange(1_000_000), values), FINEST)
    assert len(shown.start) <= FINEST
    assert shown.high.max() == 50.0
    at = int(shown.high.argmax())
    assert shown.start[at] <= 637_201 < shown.start[at] + shown.width


def test_few_values_are_kept_one_by_one_however_far_apart() -> None:
    shown = of_series((np.array([0, 999_999]), np.array([1.0, 2.0])), FINEST)
    assert (shown.width, shown.start.tolist(), shown.mean.tolist()) == (1, [0, 999_999], [1.0, 2.0])


@pytest.mark.parametrize("first", [0, 1, 599, 12_345])
def test_never_more_stretches_than_asked_for(first: int) -> None:
    at = np.arange(first, first + 5_000)
    assert len(of_series((at, at.astype(float)), 100).start) <= 100


def test_what_is_no_number_is_marked() -> None:
    plain = encoded(curve([1.0, float("nan"), 3.0, float("inf"), float("-inf")]))
    assert (plain["nan"], plain["up"], plain["down"], plain["count"]) == ([1], [3], [4], 5)
    assert unpacked(str(plain["mean"]))[::2] == [1.0, 3.0, float("-inf")]


def test_one_nan_among_many_values_is_marked_and_does_not_hide_them() -> None:
    values = [float(n) for n in range(10_000)]
    values[5_000] = float("nan")
    course = curve(values, 100).course
    (place,) = np.flatnonzero(course.nans)
    first = int(course.start[place])
    assert first <= 5_000 < first + course.width
    assert course.low[place] == min(n for n in values[first : first + course.width] if n == n)


def test_single_values_need_no_band() -> None:
    assert not {"low", "high"} & set(encoded(curve([1.0, 2.0])))
    assert {"low", "high"} <= set(encoded(curve([1.0, 2.0, 3.0, 4.0], buckets=2)))


@pytest.mark.parametrize(
    "at", [[], [7], [0, 1, 2], [3, 13, 23], [0, 1, 5], [1 << 40, (1 << 40) + 1, (1 << 40) + 3]]
)
def test_steps_come_back(at: list[int]) -> None:
    assert unpacked(steps(np.array(at, np.int64))) == at


@pytest.mark.parametrize("values", [[0.1, 2.5], [1e300, 1.0], [1e-42, 1.0], [float("nan"), float("inf")], []])
def test_numbers_come_back(values: list[float]) -> None:
    got = unpacked(packed(np.array(values, float)))
    assert got == pytest.approx(values, rel=1e-6, abs=0, nan_ok=True)


@pytest.mark.parametrize(("values", "kind"), [([0.1], "f4"), ([1e39], "f8"), ([1e-45], "f8"), ([0.0], "f4")])
def test_numbers_take_no_more_room_than_they_need(values: list[float], kind: str) -> None:
    assert packed(np.array(values)).startswith(f"{kind}:")


@pytest.mark.parametrize("sealed", [False, True])
def test_a_recorded_run_is_what_was_recorded(tmp_path: Path, sealed: bool) -> None:
    at, values = list(range(3_000)), [float(n % 7) for n in range(3_000)]
    process = recorded(tmp_path, {"loss": (at, values), "few": ([1, 5], [2.0, 3.0])})
    if sealed:
        seal(process)
        process = StoredProcess(process.folder)
    found = curves(process)
    loss, few = (found.all[place_of(found, n)].course for n in ("loss", "few"))
    assert (few.start.tolist(), few.mean.tolist()) == ([1, 5], [2.0, 3.0])
    assert same(loss, np.array(values))


def place_of(found: Curves, name: str) -> int:
    place = found.place(name)
    assert place is not None
    return place


def same(course: Overview, values: NDArray[np.float64]) -> bool:
    """The stretches, computed in the plainest way."""
    parts = [values[s : s + course.width] for s in course.start.tolist()]
    return (
        course.low.tolist() == [p.min() for p in parts]
        and course.high.tolist() == [p.max() for p in parts]
        and np.allclose(course.mean, [p.mean() for p in parts])
        and course.count.tolist() == [len(p) for p in parts]
    )


def test_many_series_are_coarser_and_fingerprints_are_left_out(tmp_path: Path) -> None:
    at, values = list(range(1_000)), [0.5] * 1_000
    names = [f"x:{n}" for n in range(400)]
    found = curves(recorded(tmp_path, dict.fromkeys([*names, "batch_fingerprint"], (at, values))))
    assert len(found.all) == 400
    assert {len(c.course.start) <= 150 for c in found.all} == {True}
    assert min(len(c.course.start) for c in found.all) >= COARSEST
