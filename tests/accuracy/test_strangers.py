"""Programs of writers who had never seen Osler: faults that are found come first, healthy ones are silent."""

import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parents[1] / "programs" / "strangers"
PROGRAMS: list[dict[str, Any]] = tomllib.loads((FOLDER / "answers.toml").read_text("utf-8"))["program"]
SAMPLE = 3
"""CI runs every third program; the others are left to `make exhaustive`."""


def headlines(path: str, command: str, folder: Path) -> list[tuple[str, int]]:
    """Checks and lines of what is said of a copy of a program, hints aside."""
    start, _, rest = path.partition("/")
    if rest:
        shutil.copytree(FOLDER / start, folder / start)
    else:
        shutil.copy(FOLDER / start, folder)
    words = [command, "--no-store", "--quiet", "--format", "json", "--output", "said.json", path]
    env = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "osler", *words],
        cwd=folder, env=env, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert "Traceback" not in done.stderr, done.stderr
    said = json.loads((folder / "said.json").read_text("utf-8"))
    assert said["failed"] == []
    return [(f["check"], f["place"]["line"]) for f in said["findings"] if f["severity"] != "hint"]


def sampled() -> list[object]:
    """The programs as parameters."""
    return [
        pytest.param(p, marks=pytest.mark.exhaustive if n % SAMPLE else (), id=p["path"].partition(".")[0])
        for n, p in enumerate(PROGRAMS)
    ]


@pytest.mark.slow
@pytest.mark.parametrize("program", sampled())
def test_the_fault_comes_first_or_nothing_is_said(program: dict[str, Any], tmp_path: Path) -> None:
    said = headlines(program["path"], program.get("command", "run"), tmp_path)
    if "check" in program:
        assert said[:1] == [(program["check"], program["line"])]
    else:
        assert said == []


@pytest.mark.exhaustive
@pytest.mark.parametrize("program", [p for p in PROGRAMS if "fault" not in p], ids=lambda p: p["path"])
def test_healthy_ones_are_silent_under_pre_flight(program: dict[str, Any], tmp_path: Path) -> None:
    assert headlines(program["path"], "preflight", tmp_path) == []
