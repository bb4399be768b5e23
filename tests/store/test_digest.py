"""A run in a few numbers: what it said at its end, or nothing, so that somebody looks closer."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from osler.errors import StoreError
from osler.store.digest import Digest, causes, digest
from osler.store.layout import process_folder
from osler.store.manifest import Manifest, begin, to_json
from osler.store.process import Status
from osler.store.recorder import Recorder
from osler.store.records import Ending, Standing

REPORT = {
    "schema": "osler.report/1",
    "diagnoses": [{"cause": 0, "symptoms": [1]}, {"cause": 2}, {"cause": 3}, {"cause": 4}],
    "findings": [
        {"severity": "error", "message": "counts"},
        {"severity": "error", "message": "is a symptom"},
        {"severity": "warning"},
        {"severity": "error"},
        {"severity": "warning", "suppressed": True},
    ],
}


def record(run: Path, *, report: str = json.dumps(REPORT), loss: float | None = 0.25) -> Path:
    folder = process_folder(run)
    recorder = Recorder(folder, begin(["train.py"], "train.py", {}, os.environ))
    recorder.start()
    recorder.note("standing", Standing(120, loss))
    recorder.document("report.json", report)
    recorder.close(Ending(3, "exception"))
    return folder


def test_what_it_said(run: Path) -> None:
    folder = record(run)
    told = digest(run)
    assert told is not None
    manifest = json.loads((folder / "manifest.json").read_text())
    assert told == Digest(
        run,
        Status.COMPLETE,
        "train.py",
        manifest["started"],
        told.seconds,
        120,
        0.25,
        (("error", 2), ("warning", 1)),
        3,
        "exception",
        1,
    )
    assert told.seconds is not None
    assert 0 <= told.seconds < 60


@pytest.mark.parametrize("loss", [None, float("inf"), -0.0])
def test_losses(run: Path, loss: float | None) -> None:
    record(run, loss=loss)
    told = digest(run)
    assert told is not None
    assert repr(told.loss) == repr(loss)


def test_several_processes(run: Path) -> None:
    record(run)
    (run / "r00001").mkdir()
    told = digest(run)
    assert told is not None
    assert told.processes == 2


Break = Callable[[Path], object]


def cut(name: str) -> Break:
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:-20])


@pytest.mark.parametrize(
    "damage",
    [
        cut("report.json"),
        cut("manifest.json"),
        cut("facts.jsonl"),
        lambda folder: (folder / "report.json").unlink(),
        lambda folder: (folder / "report.json").write_text("[" * 100_000),
        lambda folder: (folder / "report.json").write_text('{"schema": "osler.report/2"}'),
        lambda folder: (folder / "manifest.json").write_text(to_json(Manifest(schema=2))),
        lambda folder: (folder / "facts.jsonl").write_bytes(b""),
        lambda folder: (folder / "facts.jsonl").rename(folder / "elsewhere"),
    ],
)
def test_somebody_has_to_look_closer(run: Path, damage: Break) -> None:
    damage(record(run))
    assert digest(run) is None


def test_a_link_is_not_followed(run: Path, tmp_path: Path) -> None:
    folder = record(run)
    (folder / "report.json").rename(tmp_path / "report.json")
    (folder / "report.json").symlink_to(tmp_path / "report.json")
    assert digest(run) is None


@pytest.mark.parametrize("make", ["nothing", "folder", "file"])
def test_no_run(tmp_path: Path, make: str) -> None:
    path = tmp_path / "run"
    if make != "nothing":
        path.mkdir() if make == "folder" else path.write_text("")
    with pytest.raises(StoreError, match=str(path)):
        digest(path)


@pytest.mark.parametrize(
    "report",
    [
        "",
        "null",
        "{}",
        '{"schema": "osler.report/1", "diagnoses": [{"cause": 0}], "findings": []}',
        '{"schema": "osler.report/1", "diagnoses": [{"cause": -1}], "findings": [{"severity": "error"}]}',
        '{"schema": "osler.report/1", "diagnoses": [{}], "findings": [{"severity": "error"}]}',
        '{"schema": "osler.report/1", "diagnoses": [], "findings": [{"severity": 3}]}',
    ],
)
def test_no_report(report: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - of the many kinds of it every one is caught
        causes(report)
