"""All records of one process, in files that grow, are sealed or damaged meanwhile."""

import os
from array import array
from errno import EIO, ELOOP
from pathlib import Path

import numpy as np
import pytest

from osler.store.arrow import scalars
from osler.store.rollup import COLUMNS, of_records
from osler.store.scalars import Scalars, names, why
from osler.store.seal import seal_segment
from osler.store.segment import Segments


@pytest.fixture
def writer(tmp_path: Path) -> Segments:
    """Three batches to a segment, of series 0 and 1."""
    return Segments(tmp_path, "scalars", scalars, rows=6)


def write(writer: Segments, *steps: int) -> None:
    for step in steps:
        writer.append(2, (array("I", [0, 1]), array("q", [step, step]), array("d", [step, -step])))


def seal(folder: Path, number: int) -> None:
    assert seal_segment(folder, f"scalars-{number:06d}", lambda place: None)


def steps(records: Scalars, sid: int = 0) -> list[int]:
    found, values = records.series(sid)
    assert values.tolist() == [float(-step if sid else step) for step in found.tolist()]
    return found.tolist()


def told(parts: list[tuple[np.ndarray, ...]] | None) -> list[int] | None:  # pyright: ignore
    return None if parts is None else [step for part in parts for step in part[1][part[0] == 0].tolist()]


def test_new_batches_are_told_once(tmp_path: Path, writer: Segments) -> None:
    records = Scalars(tmp_path)
    assert told(records.refresh()) == []
    write(writer, 0, 1)
    assert told(records.refresh()) == [0, 1]
    write(writer, 2, 3, 4)
    assert told(records.refresh()) == [2, 3, 4]
    assert told(records.refresh()) == []
    assert (list(records.hot), records.rows) == (["scalars-000000", "scalars-000001"], 10)


@pytest.mark.parametrize("which", [(), (0,), (1,), (0, 1), (0, 1, 2)], ids=lambda w: f"sealed {list(w)}")
def test_sealed_or_not_the_records_are_the_same(
    tmp_path: Path, writer: Segments, which: tuple[int, ...]
) -> None:
    write(writer, *range(9))
    for number in which:
        seal(tmp_path, number)
    records = Scalars(tmp_path)
    records.refresh()
    assert steps(records, 0) == steps(records, 1) == list(range(9))
    assert steps(records, 2) == []
    assert records.rows == 18
    assert told(list(records.everything())) == list(range(9))
    assert records.failed == {}


def test_oldest_first_even_if_the_oldest_cannot_be_sealed(tmp_path: Path, writer: Segments) -> None:
    """A damaged segment stays as it is while those after it are sealed."""
    write(writer, *range(9))
    data = tmp_path / "scalars-000000.arrows"
    data.write_bytes(data.read_bytes()[:-1] + b"x")
    seal(tmp_path, 1)
    records = Scalars(tmp_path)
    records.refresh()
    assert steps(records) == told(list(records.everything())) == [0, 1, *range(3, 9)]


def test_who_counts_is_told_to_begin_again_when_records_moved(tmp_path: Path, writer: Segments) -> None:
    write(writer, *range(6))
    records = Scalars(tmp_path)
    records.refresh()
    seal(tmp_path, 0)
    assert records.refresh() is None
    assert told(records.refresh()) == []
    assert steps(records) == list(range(6))


def test_what_was_sealed_before_it_was_seen_has_not_moved(tmp_path: Path, writer: Segments) -> None:
    records = Scalars(tmp_path)
    write(writer, *range(3))
    seal(tmp_path, 0)
    write(writer, 3)
    assert told(records.refresh()) == [3]
    assert steps(records) == [0, 1, 2, 3]


def test_a_roll_up_of_sealed_and_growing_segments_is_that_of_all_records(
    tmp_path: Path, writer: Segments
) -> None:
    write(writer, *range(0, 1_600, 200))
    seal(tmp_path, 0)
    seal(tmp_path, 1)
    records = Scalars(tmp_path)
    records.refresh()
    found, values = records.series(1)
    expected = of_records((np.ones(len(found), np.uint32), found, values))
    rollup = records.rollup(1)
    for name in COLUMNS:
        np.testing.assert_array_equal(getattr(rollup, name), getattr(expected, name))


def test_without_its_roll_up_the_records_are_rolled_up(tmp_path: Path, writer: Segments) -> None:
    write(writer, *range(3))
    seal(tmp_path, 0)
    (tmp_path / "scalars-000000.rollup.parquet").unlink()
    records = Scalars(tmp_path)
    records.refresh()
    assert (records.rollup(0).count.tolist(), records.rollup(0).high.tolist()) == ([3], [2.0])
    assert list(records.failed) == ["scalars-000000.rollup.parquet"]


def test_a_damaged_sealed_segment_is_named_and_left_out(tmp_path: Path, writer: Segments) -> None:
    write(writer, *range(6))
    seal(tmp_path, 0)
    (tmp_path / "scalars-000000.parquet").write_bytes(b"PAR1")
    records = Scalars(tmp_path)
    records.refresh()
    assert steps(records) == [3, 4, 5]
    assert records.failed == {"scalars-000000.parquet": "it is damaged"}


def test_a_damaged_marker_leaves_the_growing_file_to_be_read(tmp_path: Path, writer: Segments) -> None:
    """Killed between the marker and the deletion, and then the marker was damaged."""
    write(writer, *range(3))
    (tmp_path / "scalars-000000.sealed").write_text("{}")
    records = Scalars(tmp_path)
    records.refresh()
    assert steps(records) == [0, 1, 2]
    assert records.failed == {"scalars-000000.sealed": "it is damaged"}


def test_a_file_that_can_be_read_again_is_no_problem_any_more(tmp_path: Path, writer: Segments) -> None:
    write(writer, 0)
    data = tmp_path / "scalars-000000.arrows"
    records = Scalars(tmp_path)
    records.refresh()
    write(writer, 1)
    data.rename(tmp_path / "away")
    data.mkdir()
    assert told(records.refresh()) == []
    assert list(records.failed) == ["scalars-000000.arrows"]
    data.rmdir()
    (tmp_path / "away").rename(data)
    assert told(records.refresh()) == [1]
    assert records.failed == {}


def test_other_files_are_none_of_ours(tmp_path: Path) -> None:
    for name in ("scalars-0.arrows", "scalars-000000.tmp", "hist-000000.arrows", "xscalars-000000.sealed"):
        (tmp_path / name).touch()
    records = Scalars(tmp_path)
    assert told(records.refresh()) == []
    assert (records.hot, records.sealed, records.failed) == ({}, {}, {})


def test_a_folder_that_is_not_there_holds_nothing(tmp_path: Path) -> None:
    assert names(tmp_path / "gone") == []
    assert told(Scalars(tmp_path / "gone").refresh()) == []


def test_only_the_growing_segment_is_kept_in_memory(tmp_path: Path, writer: Segments) -> None:
    write(writer, *range(7))
    records = Scalars(tmp_path)
    records.refresh()
    assert [bool(segment._kept) for segment in records.hot.values()] == [False, False, True]
    assert steps(records) == list(range(7))


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError(ELOOP, os.strerror(ELOOP)), "it is a link"),
        (OSError(EIO, os.strerror(EIO)), os.strerror(EIO)),
        (OSError(None, "it is damaged"), "it is damaged"),
        (OSError(), "it cannot be read"),
    ],
)
def test_why_in_words(error: OSError, reason: str) -> None:
    assert why(error) == reason
