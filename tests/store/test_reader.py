"""Whatever happened to the files: the sound part is read, the rest is named, nothing outside is touched."""

import json
import os
import shutil
import struct
from array import array
from binascii import crc32
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from osler.errors import StoreError
from osler.model import Column, Histogram, Kind, OptimizerFact
from osler.store.layout import new_run, process_folder
from osler.store.lines import to_line
from osler.store.manifest import Manifest, begin, to_json
from osler.store.process import Status
from osler.store.reader import StoredRun, open_run
from osler.store.recorder import Options, Recorder
from osler.store.records import Ending
from osler.store.seal import seal
from osler.store.sums import SIZE, entries, to_entry
from osler.testing import event, place, run_of

BATCH = event(Kind.BATCH, "DataLoader", 10)
STEP = event(Kind.STEP, "SGD", 14, "fresh")
BATCHES = 4
ROWS = 5


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small complete run: four batches of five values of two series."""
    run = new_run(tmp_path_factory.mktemp("original"))
    manifest = begin(["train.py", "--lr", "0.1"], "train.py", {"osler": "0.1"}, {"RANK": "0"})
    recorder = Recorder(process_folder(run), manifest, Options(period=60))
    loss, rate = Column(), Column()
    recorder.watch("loss", loss)
    recorder.watch("rate", rate)
    recorder.start()
    for part in range(BATCHES):
        for step in range(part * ROWS, part * ROWS + ROWS):
            loss.add(step, step + 0.5)
        rate.add(part, 0.1)
        assert recorder.flush()
    recorder.histogram("fc1", 0, Histogram(array("I", range(64))))
    recorder.put(run_of([[BATCH, STEP]] * 20, optimizers=[OptimizerFact("SGD", (place(5),), 2, 9)]))
    recorder.close(Ending(0))
    return run


@pytest.fixture
def copy(original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(original, tmp_path / original.name))


@pytest.fixture
def folder(copy: Path) -> Path:
    return copy / "r00000"


def text(stored: StoredRun) -> str:
    """Everything that was read."""
    columns = {name: column.history() for name, column in stored.run.columns.items()}
    series = {name: [c.tolist() for c in stored.series(name)] for name in columns}
    facts = (
        stored.run.patterns,
        stored.run.optimizers,
        stored.run.turns,
        stored.main.ending,
        stored.manifest,
    )
    return repr((columns, series, facts, [c.tolist() for c in stored.main.histogram("fc1")]))


def losses(stored: StoredRun) -> list[tuple[int, float]]:
    steps, values = stored.series("loss")
    return list(zip(steps.tolist(), values.tolist(), strict=True))


WRITTEN = [(step, step + 0.5) for step in range(BATCHES * ROWS)]


def variants(run: Path, change: Callable[[bytes, int], bytes], every: int) -> Iterator[tuple[str, int]]:
    """Change each file at every so many bytes, one after the other."""
    for path in sorted(run.rglob("*.*")):
        if path.is_file() and path.parent.name.startswith("r0"):
            data = path.read_bytes()
            for at in range(0, len(data), every):
                path.write_bytes(change(data, at))
                yield path.name, at
            path.write_bytes(data)


def truncated(data: bytes, at: int) -> bytes:
    return data[:at]


def flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ (1 << at % 8)]) + data[at + 1 :]


def check_every(run: Path, change: Callable[[bytes, int], bytes], every: int) -> None:
    whole = text(open_run(run))
    for name, at in variants(run, change, every):
        stored = open_run(run)
        read = text(stored)
        assert set(losses(stored)) <= set(WRITTEN), (name, at)
        assert read == whole or stored.problems or stored.status is not Status.COMPLETE, (name, at)


@pytest.mark.parametrize("change", [truncated, flipped])
def test_changed_at_many_bytes(copy: Path, change: Callable[[bytes, int], bytes]) -> None:
    check_every(copy, change, 11)


@pytest.mark.exhaustive
@pytest.mark.parametrize("change", [truncated, flipped])
def test_changed_at_every_byte(copy: Path, change: Callable[[bytes, int], bytes]) -> None:
    check_every(copy, change, 1)


@pytest.mark.parametrize("change", [truncated, flipped])
def test_sealed_and_changed_at_many_bytes(copy: Path, change: Callable[[bytes, int], bytes]) -> None:
    assert seal(open_run(copy).main) == 1
    check_every(copy, change, 37)


@pytest.mark.exhaustive
@pytest.mark.parametrize("change", [truncated, flipped])
def test_sealed_and_changed_at_every_byte(copy: Path, change: Callable[[bytes, int], bytes]) -> None:
    assert seal(open_run(copy).main) == 1
    check_every(copy, change, 1)


@pytest.mark.parametrize("every", [17, pytest.param(1, marks=pytest.mark.exhaustive)])
def test_forged_batches_with_the_right_checksum(folder: Path, every: int) -> None:
    path, sums = folder / "scalars-000000.arrows", folder / "scalars-000000.sums"
    data, known = path.read_bytes(), list(entries(sums.read_bytes()))
    for at in range(0, len(data), every):
        for value in (0, 127, 128, 255):
            forged = data[:at] + bytes([value]) + data[at + 1 :]
            path.write_bytes(forged)
            sums.write_bytes(
                b"".join(to_entry(s.start, forged[s.start : s.start + s.length], s.rows) for s in known if s)
            )
            stored = open_run(folder.parent)
            text(stored)


@pytest.mark.parametrize("start", [0, 7, 1 << 40, (1 << 64) - 1])
@pytest.mark.parametrize("length", [0, 1, 100, (1 << 32) - 1])
@pytest.mark.parametrize("rows", [0, 5, (1 << 32) - 1])
def test_forged_checksums_that_point_anywhere(folder: Path, start: int, length: int, rows: int) -> None:
    entry = struct.pack("<QIII", start, length, rows, crc32(b""))
    path = folder / "scalars-000000.sums"
    path.write_bytes(path.read_bytes() + entry + struct.pack("<I", crc32(entry)))
    stored = open_run(folder.parent)
    assert losses(stored) == WRITTEN
    text(stored)


def test_an_unfinished_batch_and_line_at_the_end(folder: Path) -> None:
    with (folder / "scalars-000000.arrows").open("ab") as file:
        file.write(b"\xff" * 50)
    facts = folder / "facts.jsonl"
    facts.write_bytes(facts.read_bytes().rpartition(b'{"t":"end"')[0] + b'{"t":"end","val')
    manifest = folder / "manifest.json"
    manifest.write_text(to_json(replace(begin(["train.py"], "train.py", {}, {}), birth="1")))
    stored = open_run(folder.parent)
    assert losses(stored) == WRITTEN
    assert stored.status is Status.CUT_SHORT
    assert set(stored.problems) == {
        "r00000/facts.jsonl: 15 bytes of an unfinished line left out",
        "r00000/scalars-000000.arrows: 50 bytes of an unfinished batch left out",
    }


def test_one_damaged_batch_costs_only_itself(folder: Path) -> None:
    path = folder / "scalars-000000.arrows"
    second = list(entries((folder / "scalars-000000.sums").read_bytes()))[1]
    assert second is not None
    data = bytearray(path.read_bytes())
    data[second.start + second.length - 3] ^= 4
    path.write_bytes(data)
    stored = open_run(folder.parent)
    assert losses(stored) == [*WRITTEN[:ROWS], *WRITTEN[2 * ROWS :]]
    assert stored.problems == ("r00000/scalars-000000.arrows: 1 damaged batch left out",)


def test_one_damaged_checksum_costs_only_its_batch(folder: Path) -> None:
    path = folder / "scalars-000000.sums"
    data = bytearray(path.read_bytes())
    data[SIZE + 3] ^= 4
    path.write_bytes(data)
    stored = open_run(folder.parent)
    assert losses(stored) == [*WRITTEN[:ROWS], *WRITTEN[2 * ROWS :]]
    assert stored.problems == ("r00000/scalars-000000.arrows: 1 damaged batch left out",)


def test_one_damaged_line_is_named(folder: Path) -> None:
    path = folder / "facts.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"turns":20', b'"turns":21'))
    stored = open_run(folder.parent)
    assert stored.problems == ("r00000/facts.jsonl: 1 damaged line left out",)
    assert stored.run.turns == 0
    assert stored.run.patterns[0].count == 20


@pytest.mark.parametrize("sid", [-1, (1 << 32) - 1, 1 << 64, "0", None, True])
def test_a_series_with_an_impossible_number(folder: Path, sid: object) -> None:
    with (folder / "facts.jsonl").open("a") as file:
        file.write(to_line({"t": "series", "sid": sid, "value": {"name": "other"}}))
    stored = open_run(folder.parent)
    assert stored.problems == ("r00000/facts.jsonl: 1 damaged line left out",)
    assert list(stored.run.columns) == ["loss", "rate"]
    assert len(stored.overview("other").start) == 0


@pytest.mark.parametrize(
    "name", ["facts.jsonl", "manifest.json", "scalars-000000.arrows", "scalars-000000.sums"]
)
def test_empty_files(folder: Path, name: str) -> None:
    (folder / name).write_bytes(b"")
    stored = open_run(folder.parent)
    text(stored)
    assert stored.problems or stored.status is not Status.COMPLETE


@pytest.mark.parametrize("name", ["facts.jsonl", "scalars-000000.arrows", "scalars-000000.sums"])
@pytest.mark.parametrize("kind", ["link", "folder", "pipe"])
def test_what_is_no_plain_file_is_not_opened(folder: Path, name: str, kind: str, tmp_path: Path) -> None:
    outside = shutil.move(folder / name, tmp_path / "outside")
    match kind:
        case "link":
            (folder / name).symlink_to(outside)
        case "folder":
            (folder / name).mkdir()
        case _:
            os.mkfifo(folder / name)
    stored = open_run(folder.parent)
    text(stored)
    assert losses(stored) == [] or name == "facts.jsonl"
    assert stored.run.turns == 0 or name != "facts.jsonl"
    assert len(stored.problems) == 1
    assert name.partition(".")[0] in stored.problems[0]


@pytest.mark.parametrize(
    "name", ["scalars-000000.parquet", "scalars-000000.sealed", "scalars-000000.rollup.parquet"]
)
def test_links_in_place_of_sealed_files(folder: Path, name: str, tmp_path: Path) -> None:
    seal(open_run(folder.parent).main)
    outside = shutil.move(folder / name, tmp_path / "outside")
    (folder / name).symlink_to(outside)
    stored = open_run(folder.parent)
    stored.overview("loss", 5)
    text(stored)
    assert stored.problems


def test_a_link_in_place_of_a_process(folder: Path, tmp_path: Path) -> None:
    (folder.parent / "r00001").symlink_to(folder)
    stored = open_run(folder.parent)
    assert [process.name for process in stored.processes] == ["r00000"]
    assert stored.problems == ("r00001 was left out: it is a link or no folder",)


def test_a_link_to_the_run_itself_is_followed(copy: Path, tmp_path: Path) -> None:
    (tmp_path / "latest").symlink_to(copy)
    assert losses(open_run(tmp_path / "latest")) == WRITTEN


@pytest.mark.parametrize(
    "name", ["../manifest.json", "/etc/passwd", "..", "a/../manifest.json", "", "no\0body"]
)
def test_documents_are_in_the_folder_itself(copy: Path, name: str) -> None:
    assert open_run(copy).main.document(name) is None


def test_a_newer_format(folder: Path) -> None:
    manifest = folder / "manifest.json"
    content = json.loads(manifest.read_text())
    assert content["schema"] == 1
    manifest.write_text(to_json(Manifest(schema=2)))
    with pytest.raises(StoreError, match="written in format 2, this version reads up to 1") as caught:
        open_run(folder.parent)
    assert caught.value.fix == "Upgrade with `pip install -U osler`."


@pytest.mark.parametrize("path", ["missing", "empty", "file"])
def test_no_run_directory(tmp_path: Path, path: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError, match=path):
        open_run(tmp_path / path)


def test_names_of_ten_thousand_letters(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    recorder = Recorder(process_folder(run), begin(["x" * 10_000], "y" * 10_000, {}, {}))
    column = Column()
    recorder.watch("z" * 10_000, column)
    recorder.start()
    column.add(0, 1.0)
    recorder.close()
    stored = open_run(run)
    assert all(len(name) <= 4_096 for name in stored.run.columns)
    assert len(stored.manifest.script) <= 4_096


def test_a_directory_whose_name_has_special_letters(original: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(original, tmp_path / "[a]*?'b" / "run"))
    assert seal(open_run(run).main) == 1
    assert losses(open_run(run)) == WRITTEN
