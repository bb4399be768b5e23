"""Batches are appended to numbered files, and their checksums beside them."""

from array import array
from pathlib import Path

import pytest

from osler.store import segment
from osler.store.arrow import scalars
from osler.store.frames import SCALARS, batches
from osler.store.segment import Segments
from osler.store.sums import entries


def batch(start: int, count: int) -> tuple[array, array, array]:  # pyright: ignore
    steps = range(start, start + count)
    return array("I", [0] * count), array("q", steps), array("d", map(float, steps))


def steps(folder: Path, number: int) -> list[list[int]]:
    """The steps of each batch of a segment, after its checksum was compared."""
    name = f"scalars-{number:06d}"
    data = (folder / f"{name}.arrows").read_bytes()
    found: list[list[int]] = []
    for entry in entries((folder / f"{name}.sums").read_bytes()):
        assert entry is not None
        part = data[entry.start : entry.start + entry.length]
        assert entry.fits(part)
        ((_, some, _),) = batches(part, SCALARS)
        assert len(some) == entry.rows
        found.append(some.tolist())
    return found


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_nothing_is_made_before_there_is_something_to_write(tmp_path: Path) -> None:
    segments = Segments(tmp_path, "scalars", scalars)
    segments.sync()
    segments.close()
    assert files(tmp_path) == []


def test_each_batch_is_there_when_it_was_appended(tmp_path: Path) -> None:
    segments = Segments(tmp_path, "scalars", scalars)
    for start in (0, 3, 6):
        segments.append(3, batch(start, 3))
        assert steps(tmp_path, 0)[-1] == list(range(start, start + 3))
    segments.close()
    assert files(tmp_path) == ["scalars-000000.arrows", "scalars-000000.sums"]


@pytest.mark.parametrize(
    ("rows", "sizes", "expected"),
    [
        (10, [4, 4, 4, 4], [3, 1]),
        (10, [10, 1], [1, 1]),
        (10, [99, 99], [1, 1]),
        (10, [9, 1], [2]),
        (10, [9], [1]),
        (1, [1, 1, 1], [1, 1, 1]),
    ],
    ids=["in the middle", "just full", "larger than full", "full at the end", "not full", "one each"],
)
def test_a_new_segment_begins_when_one_is_full(
    tmp_path: Path, rows: int, sizes: list[int], expected: list[int]
) -> None:
    segments = Segments(tmp_path, "scalars", scalars, rows=rows)
    for size in sizes:
        segments.append(size, batch(0, size))
    segments.close()
    assert [len(steps(tmp_path, n)) for n in range(len(files(tmp_path)) // 2)] == expected


def test_many_small_batches_fill_a_segment_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segment, "BATCHES", 2)
    segments = Segments(tmp_path, "scalars", scalars)
    for start in range(5):
        segments.append(1, batch(start, 1))
    segments.close()
    assert [steps(tmp_path, n) for n in range(3)] == [[[0], [1]], [[2], [3]], [[4]]]


def test_each_segment_can_be_read_without_the_others(tmp_path: Path) -> None:
    """The schema is in each of them."""
    segments = Segments(tmp_path, "scalars", scalars, rows=1)
    for start in range(2):
        segments.append(1, batch(start, 1))
    segments.close()
    sizes = {path.stat().st_size for path in tmp_path.glob("*.arrows")}
    assert len(sizes) == 1


def test_after_closing_the_next_batch_goes_into_the_same_numbered_file_no_more(tmp_path: Path) -> None:
    segments = Segments(tmp_path, "scalars", scalars)
    segments.append(1, batch(0, 1))
    segments.close()
    segments.close()
    with pytest.raises(FileExistsError):
        segments.append(1, batch(1, 1))


def test_the_places_where_being_killed_hurts(tmp_path: Path) -> None:
    places: list[str] = []
    segments = Segments(tmp_path, "scalars", scalars, rows=2, checkpoint=places.append)
    segments.append(2, batch(0, 2))
    assert places == ["write", "between", "write", "sync", "sync", "rotate"]


def test_a_batch_without_its_checksum_was_not_acknowledged(tmp_path: Path) -> None:
    class Killed(BaseException):
        pass

    def kill(place: str) -> None:
        if place == "between":
            raise Killed

    segments = Segments(tmp_path, "scalars", scalars, checkpoint=kill)
    with pytest.raises(Killed):
        segments.append(2, batch(0, 2))
    assert (tmp_path / "scalars-000000.arrows").stat().st_size > 0
    assert steps(tmp_path, 0) == []


def test_a_batch_after_one_that_failed_stands_where_it_says(tmp_path: Path) -> None:
    """The disk was full in the middle of a batch, and is no more."""
    fails = [True]

    def full(place: str) -> None:
        if place == "write" and fails.pop():
            raise OSError(28, "No space left on device")
        fails.append(False)

    segments = Segments(tmp_path, "scalars", scalars, checkpoint=full)
    with pytest.raises(OSError, match="No space"):
        segments.append(2, batch(0, 2))
    fails.append(False)
    segments.append(2, batch(2, 2))
    segments.close()
    assert steps(tmp_path, 0) == [[2, 3]]
