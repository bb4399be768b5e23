"""The files of one process: made at once, appended to, and there when the call returns."""

import json
from array import array
from collections.abc import Iterator
from pathlib import Path

import pytest

from osler.model import Column, Histogram
from osler.store import writer as writing
from osler.store.disk import unwatched
from osler.store.frames import HISTOGRAMS
from osler.store.git import asked
from osler.store.hot import HotSegment
from osler.store.layout import new_run, process_folder
from osler.store.lines import from_line
from osler.store.manifest import Manifest, from_json
from osler.store.outbox import Chunk
from osler.store.reader import open_run
from osler.store.recorder import Options, Recorder
from osler.store.records import Series
from osler.store.segment import ROWS
from osler.store.writer import Writer, repeated

MANIFEST = Manifest(argv=("train.py",), script="train.py", pid=7)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return process_folder(new_run(tmp_path))


def begin(folder: Path, source: Path | None = None, rows: int = ROWS) -> Writer:
    return Writer(folder, MANIFEST, asked(source) if source else None, rows=rows, checkpoint=unwatched)


@pytest.fixture
def writer(folder: Path) -> Iterator[Writer]:
    writer = begin(folder)
    yield writer
    writer.close()


def facts(folder: Path) -> list[dict[str, object] | None]:
    return [from_line(line) for line in (folder / "facts.jsonl").read_bytes().splitlines()]


def chunk(sids: list[int], steps: list[int], values: list[float]) -> Chunk:
    return array("I", sids), array("q", steps), array("d", values)


def records(folder: Path) -> list[tuple[int, int, float]]:
    columns = HotSegment(folder, "scalars-000000")
    return [record for part in columns.refresh() for record in zip(*(c.tolist() for c in part), strict=True)]


def test_what_a_reader_needs_first_is_there_at_once(writer: Writer, folder: Path) -> None:
    assert sorted(path.name for path in folder.iterdir()) == ["facts.jsonl", "manifest.json"]
    assert from_json((folder / "manifest.json").read_text()) == MANIFEST


def test_rank_0_speaks_for_the_run(writer: Writer, folder: Path) -> None:
    assert (folder.parent / "manifest.json").read_text() == (folder / "manifest.json").read_text()


def test_other_ranks_speak_for_themselves(folder: Path) -> None:
    begin(process_folder(folder.parent, 3)).close()
    assert not (folder.parent / "manifest.json").exists()


def test_two_writers_do_not_share_a_folder(writer: Writer, folder: Path) -> None:
    with pytest.raises(FileExistsError):
        begin(folder)


def test_series_and_histograms_are_numbered_each_from_0(writer: Writer) -> None:
    assert not writer.knows("series", "loss")
    lines = [
        writer.introduce(kind, Series(name))
        for kind, name in (("series", "loss"), ("series", "rate"), ("histogram", "fc"))
    ]
    assert lines == [
        {"t": "series", "sid": 0, "value": {"name": "loss"}},
        {"t": "series", "sid": 1, "value": {"name": "rate"}},
        {"t": "histogram", "sid": 0, "value": {"name": "fc"}},
    ]
    assert (writer.sid("series", "rate"), writer.sid("histogram", "fc")) == (1, 0)
    assert writer.knows("series", "loss")
    assert not writer.knows("series", "fc")


def test_facts_are_appended_as_they_come(writer: Writer, folder: Path) -> None:
    writer.lines([{"t": "a"}, {"t": "b"}])
    writer.lines([])
    writer.lines(iter([{"t": "c"}]))
    assert facts(folder) == [{"t": "a"}, {"t": "b"}, {"t": "c"}]


def test_values_of_one_series(writer: Writer, folder: Path) -> None:
    writer.scalars([chunk([0], [0, 1], [0.5, 0.25]), chunk([4], [1], [9.0])])
    assert records(folder) == [(0, 0, 0.5), (0, 1, 0.25), (4, 1, 9.0)]


def test_values_of_series_that_grow_together(writer: Writer, folder: Path) -> None:
    """For each step one value of each of them."""
    writer.scalars([chunk([2, 5], [10, 20], [1.0, 2.0, 3.0, 4.0])])
    assert records(folder) == [(2, 10, 1.0), (5, 10, 2.0), (2, 20, 3.0), (5, 20, 4.0)]


def test_nothing_makes_no_file(writer: Writer, folder: Path) -> None:
    writer.scalars([])
    writer.scalars([chunk([0], [], [])])
    writer.histograms([])
    assert not list(folder.glob("*.arrows"))


def test_much_at_once_is_several_batches(
    writer: Writer, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "BATCH", 3)
    writer.scalars(chunk([0], [2 * n, 2 * n + 1], [0.0, 0.0]) for n in range(3))
    segment = HotSegment(folder, "scalars-000000")
    assert [part[1].tolist() for part in segment.refresh()] == [[0, 1, 2, 3], [4, 5]]


def test_histograms_with_all_their_counts(writer: Writer, folder: Path) -> None:
    first, second = array("I", range(64)), array("I", range(64, 128))
    writer.histograms([(0, 10, Histogram(first, 1, 2, 3, 4)), (1, 10, Histogram(second, 5))])
    (columns,) = HotSegment(folder, "hist-000000", HISTOGRAMS).refresh()
    sids, steps, bins, *others = (c.tolist() for c in columns)
    assert (sids, steps, bins) == ([0, 1], [10, 10], [first.tolist(), second.tolist()])
    assert others == [[1, 5], [2, 0], [3, 0], [4, 0]]


def test_a_document_is_replaced_whole(writer: Writer, folder: Path) -> None:
    writer.document("report.json", "{}")
    writer.document("report.json", "é")
    assert (folder / "report.json").read_text("utf-8") == "é"


def test_files_that_were_deleted_are_noticed(writer: Writer, folder: Path) -> None:
    writer.look_after()
    (folder / "facts.jsonl").unlink()
    with pytest.raises(FileNotFoundError):
        writer.look_after()


def test_closing_twice_does_nothing(folder: Path) -> None:
    writer = begin(folder)
    writer.close()
    writer.close()


# --- git


def test_git_is_waited_for_at_the_end(folder: Path, tmp_path: Path) -> None:
    """A run of a second is told its commit too; here there is no repository."""
    writer = begin(folder, tmp_path)
    writer.close()
    assert from_json((folder / "manifest.json").read_text()) == MANIFEST


def test_what_git_says_later_is_added(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("osler.store.git.COMMAND", ["sh", "-c", "sleep 0.3; echo '# branch.oid 1a2b3c'"])
    monkeypatch.setattr("osler.store.git.AT_ONCE", 0)
    writer = begin(folder, tmp_path)
    assert json.loads((folder / "manifest.json").read_text()).get("commit") is None
    writer.close()
    assert from_json((folder / "manifest.json").read_text()).commit == "1a2b3c"


def test_what_git_says_at_once_is_there_from_the_start(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("osler.store.git.COMMAND", ["echo", "# branch.oid 1a2b3c\n1 .M train.py"])
    begin(folder, tmp_path).close()
    known = from_json((folder / "manifest.json").read_text())
    assert (known.commit, known.dirty, known.pid) == ("1a2b3c", True, 7)


@pytest.mark.parametrize("missing", ["git", "folder"])
def test_without_git_everything_else_is_recorded(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    """Most containers have none."""
    if missing == "git":
        monkeypatch.setenv("PATH", str(tmp_path))
    loss = Column()
    recorder = Recorder(
        folder, MANIFEST, Options(git=asked(tmp_path if missing == "git" else tmp_path / "gone"))
    )
    recorder.watch("loss", loss)
    recorder.start()
    loss.add(0, 0.5)
    assert recorder.close()
    stored = open_run(folder.parent)
    assert stored.series("loss")[1].tolist() == [0.5]
    assert (stored.manifest.commit, stored.manifest.dirty, stored.problems) == ("", None, ())


@pytest.mark.parametrize(
    ("steps", "times", "expected"), [([3, 7], 2, [3, 3, 7, 7]), ([3], 1, [3]), ([], 4, []), ([3], 0, [])]
)
def test_steps_are_repeated_in_place(steps: list[int], times: int, expected: list[int]) -> None:
    assert repeated(array("q", steps), times).tolist() == expected
