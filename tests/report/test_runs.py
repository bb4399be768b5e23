"""A list of runs, as a person and as a program reads it."""

import json
import math
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from osler.report.runs import as_json, as_table, duration, status, unread, when
from osler.store.digest import Digest
from osler.store.process import Status

HOME = Path("/work/.osler/runs")
GOOD = Digest(
    HOME / "20260102-030405-aaaaaaaa",
    Status.COMPLETE,
    "train.py",
    "2026-01-02T03:04:05+00:00",
    4.25,
    1_200,
    0.123456,
    (("warning", 1), ("error", 2), ("hint", 3)),
    0,
    "",
    2,
)
KILLED = replace(
    GOOD,
    path=HOME / "20260103-030405-bbbbbbbb",
    status=Status.CUT_SHORT,
    script="-m package.train",
    started="2026-01-03T03:04:05+00:00",
    seconds=7_500.0,
    loss=math.nan,
    findings=(("hint", 1),),
    exit_code=None,
    ended_by="kill",
    problems=("r00000/facts.jsonl: 1 damaged line left out",),
)
PREFLIGHT = replace(GOOD, path=HOME / "20260104-030405-cccccccc", steps=33, findings=(), command="preflight")
BROKEN = Digest(HOME / "broken", problems=("/work/.osler/runs/broken holds no recorded run",))


@pytest.fixture(autouse=True)
def in_utc(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_table(golden: Callable[[str, str], None]) -> None:
    golden("runs/table.txt", as_table([GOOD, KILLED, PREFLIGHT, BROKEN]))


def test_what_could_not_be_read() -> None:
    assert unread([GOOD, KILLED, BROKEN]) == (
        "osler: not read: 20260103-030405-bbbbbbbb: r00000/facts.jsonl: 1 damaged line left out\n"
        "osler: not read: broken: /work/.osler/runs/broken holds no recorded run\n"
    )


def test_json() -> None:
    content = json.loads(as_json([GOOD, KILLED, BROKEN, PREFLIGHT]))
    assert content["schema"] == "osler.runs/1"
    good, killed, broken, preflight = content["runs"]
    assert good == {
        "id": "20260102-030405-aaaaaaaa",
        "path": "/work/.osler/runs/20260102-030405-aaaaaaaa",
        "command": "run",
        "script": "train.py",
        "started": "2026-01-02T03:04:05+00:00",
        "seconds": 4.25,
        "steps": 1_200,
        "loss": 0.123456,
        "findings": {"error": 2, "warning": 1, "hint": 3},
        "status": "complete",
        "exit_code": 0,
        "ended_by": None,
        "processes": 2,
        "problems": [],
    }
    assert (killed["loss"], killed["status"], killed["ended_by"]) == ("nan", "cut short", "kill")
    assert (broken["status"], broken["script"], broken["loss"], broken["seconds"]) == (None,) * 4
    assert list(broken) == list(good)
    assert (preflight["command"], broken["command"]) == ("preflight", None)


def test_no_runs() -> None:
    assert json.loads(as_json([])) == {"schema": "osler.runs/1", "runs": []}


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0.0 s"),
        (9.94, "9.9 s"),
        (10.0, "10 s"),
        (59.9, "59 s"),
        (60.0, "1 min 0 s"),
        (200.0, "3 min 20 s"),
        (7_500.0, "2 h 5 min"),
        (86_400.0, "1 d 0 h"),
        (1e9, "11574 d 1 h"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({}, "complete"),
        ({"ended_by": "exception", "exit_code": 1}, "complete, exception"),
        ({"ended_by": "max-steps"}, "complete, max-steps"),
        ({"ended_by": "sys.exit", "exit_code": 3}, "complete, exit code 3"),
        ({"ended_by": "sys.exit"}, "complete"),
        ({"ended_by": "\x1b[2J"}, "complete, \\x1b[2J"),
        ({"status": Status.RECORDING, "ended_by": "running", "exit_code": None}, "still being written"),
        ({"status": Status.CUT_SHORT, "ended_by": "kill", "exit_code": None}, "cut short"),
    ],
)
def test_status(change: dict[str, object], text: str) -> None:
    assert status(replace(GOOD, **change)) == text


@pytest.mark.parametrize("started", ["", "yesterday", "9999-12-31T23:59:59-23:59"])
def test_times_that_are_none(started: str) -> None:
    assert when(started) == "-"


def test_hostile_names_steer_nothing() -> None:
    trap = "\x1b[31m\u202e\ud800\n"
    hostile = replace(GOOD, path=HOME / trap, script=trap, ended_by=trap, problems=(trap,))
    for text in (as_table([hostile]), as_json([hostile]), unread([hostile])):
        assert not set("\x1b\u202e\ud800") & set(text)
        text.encode()
    assert len(as_table([hostile]).splitlines()) == 2
