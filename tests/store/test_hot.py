"""A segment that may still grow: only batches whose checksum fits, each of them once."""

from array import array
from pathlib import Path

import numpy as np
import pytest

from osler.store.arrow import scalars
from osler.store.frames import HISTOGRAMS, SCALARS, Columns
from osler.store.hot import HotSegment, by_series, joined
from osler.store.segment import Segments
from osler.store.sums import SIZE, to_entry

NAME = "scalars-000000"


@pytest.fixture
def writer(tmp_path: Path) -> Segments:
    return Segments(tmp_path, "scalars", scalars)


def write(writer: Segments, *steps: int) -> None:
    columns = array("I", [3] * len(steps)), array("q", steps), array("d", map(float, steps))
    writer.append(len(steps), columns)


def steps(parts: list[Columns]) -> list[list[int]]:
    return [columns[1].tolist() for columns in parts]


@pytest.fixture
def segment(tmp_path: Path) -> HotSegment:
    return HotSegment(tmp_path, NAME)


def change(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


def test_batches_are_told_once(writer: Segments, segment: HotSegment) -> None:
    write(writer, 0, 1)
    write(writer, 2)
    assert steps(segment.refresh()) == [[0, 1], [2]]
    assert segment.refresh() == []
    write(writer, 3)
    assert steps(segment.refresh()) == [[3]]
    assert (segment.rows, segment.damaged, segment.tail()) == (4, 0, 0)


@pytest.mark.parametrize("released", [False, True])
def test_all_that_was_seen_can_be_asked_for(writer: Segments, segment: HotSegment, released: bool) -> None:
    write(writer, 0, 1)
    segment.refresh()
    if released:
        segment.release()
    write(writer, 2)
    segment.refresh()
    assert [c.tolist() for c in segment.columns()] == [[3] * 3, [0, 1, 2], [0.0, 1.0, 2.0]]
    assert bool(segment._kept) is not released


def test_a_segment_that_has_not_begun_is_empty(segment: HotSegment) -> None:
    assert segment.refresh() == []
    assert [len(column) for column in segment.columns()] == [0, 0, 0]
    assert segment.tail() == 0


@pytest.mark.parametrize("at", [0, 30, -20])
def test_a_damaged_batch_spoils_no_other(
    writer: Segments, segment: HotSegment, tmp_path: Path, at: int
) -> None:
    write(writer, 0)
    write(writer, 1)
    size = (tmp_path / f"{NAME}.arrows").stat().st_size
    write(writer, 2)
    change(tmp_path / f"{NAME}.arrows", at if at >= 0 else size + at)
    assert steps(segment.refresh()) in ([[1], [2]], [[0], [2]])
    assert (segment.rows, segment.damaged) == (2, 1)


def test_a_damaged_sum_spoils_no_other(writer: Segments, segment: HotSegment, tmp_path: Path) -> None:
    for step in range(3):
        write(writer, step)
    change(tmp_path / f"{NAME}.sums", SIZE + 2)
    assert steps(segment.refresh()) == [[0], [2]]
    assert segment.damaged == 1


def test_nothing_but_damaged_sums(writer: Segments, segment: HotSegment, tmp_path: Path) -> None:
    write(writer, 0)
    change(tmp_path / f"{NAME}.sums", 2)
    assert segment.refresh() == []
    assert segment.refresh() == []
    assert segment.damaged == 1


def test_a_sum_that_is_half_written_waits(writer: Segments, segment: HotSegment, tmp_path: Path) -> None:
    write(writer, 0)
    sums = tmp_path / f"{NAME}.sums"
    whole = sums.read_bytes()
    sums.write_bytes(whole[:-3])
    assert (segment.refresh(), segment.damaged) == ([], 0)
    sums.write_bytes(whole)
    assert steps(segment.refresh()) == [[0]]


def test_other_rows_than_its_sum_says_are_none(writer: Segments, segment: HotSegment, tmp_path: Path) -> None:
    write(writer, 0, 1)
    data = (tmp_path / f"{NAME}.arrows").read_bytes()
    (tmp_path / f"{NAME}.sums").write_bytes(to_entry(0, data, 3))
    assert (segment.refresh(), segment.damaged) == ([], 1)


def test_what_was_written_and_never_acknowledged(
    writer: Segments, segment: HotSegment, tmp_path: Path
) -> None:
    write(writer, 0)
    with (tmp_path / f"{NAME}.arrows").open("ab") as file:
        file.write(b"x" * 17)
    assert steps(segment.refresh()) == [[0]]
    assert (segment.tail(), segment.damaged) == (17, 0)


def test_what_cannot_be_read_now_is_read_later(writer: Segments, segment: HotSegment, tmp_path: Path) -> None:
    """A network drive that was away for a moment."""
    write(writer, 0)
    segment.refresh()
    write(writer, 1)
    data = tmp_path / f"{NAME}.arrows"
    data.rename(tmp_path / "away")
    with pytest.raises(FileNotFoundError):
        segment.refresh()
    (tmp_path / "away").rename(data)
    assert steps(segment.refresh()) == [[1]]
    assert (segment.rows, segment.damaged) == (2, 0)


def test_released_records_that_are_gone_are_not_taken_for_none(
    writer: Segments, segment: HotSegment, tmp_path: Path
) -> None:
    """Sealed by somebody else since."""
    write(writer, 0)
    segment.refresh()
    segment.release()
    for path in tmp_path.iterdir():
        path.unlink()
    with pytest.raises(FileNotFoundError, match="sealed or damaged"):
        segment.columns()


def test_a_link_is_not_followed(tmp_path: Path, segment: HotSegment, writer: Segments) -> None:
    write(writer, 0)
    data = tmp_path / f"{NAME}.arrows"
    data.rename(tmp_path / "elsewhere")
    data.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match=r"[Ss]ymbolic"):
        segment.refresh()


@pytest.mark.parametrize("schema", [SCALARS, HISTOGRAMS])
def test_nothing_has_the_shape_of_something(schema: tuple) -> None:  # pyright: ignore
    shapes = [column.shape for column in joined([], schema)]
    assert shapes == [(0,) if field.width == 1 else (0, field.width) for field in schema]


def test_records_of_each_series_in_their_order() -> None:
    columns = (
        np.array([2, 0, 2, 7, 0], "u4"),
        np.array([5, 1, 4, 0, 1]),
        np.array([0.5, 1.0, 1.5, 2.0, 2.5]),
    )
    found = by_series(columns)
    assert {n: [c.tolist() for c in part] for n, part in found.items()} == {
        0: [[1, 1], [1.0, 2.5]],
        2: [[5, 4], [0.5, 1.5]],
        7: [[0], [2.0]],
    }
    assert by_series(joined([], SCALARS)) == {}
