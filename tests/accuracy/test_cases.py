"""The sixteen mistakes everyone makes, one in each script, and three healthy scripts."""

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "programs" / "cases"
EXPECTED = tomllib.loads((FOLDER / "expected.toml").read_text("utf-8"))
OPTIONS = {"lint": ["--no-cache"], "run": ["--no-store", "--quiet"], "preflight": ["--no-store", "--quiet"]}
SIGNALS = {"b12_sigmoid_vanish", "b14_unnormalised", "b15_misaligned_labels"}
"""Mistakes that show in no statement and break no rule: in the signals of a long run alone."""

BEYOND = {"lint": {"b11_lr_nan", *SIGNALS}, "run": SIGNALS, "preflight": SIGNALS}


def headline(command: str, name: str, folder: Path) -> tuple[str, set[int]]:
    """The first finding that is no hint: its check, and the lines that it shows."""
    words = [command, *OPTIONS[command], "--format", "json", "--output", "said.json"]
    done = subprocess.run(
        [sys.executable, "-m", "osler", *words, str(FOLDER / f"{name}.py")],
        cwd=folder, env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert (folder / "said.json").exists(), done.stderr
    said = json.loads((folder / "said.json").read_text("utf-8"))
    assert said["failed"] == []
    first = next((f for f in said["findings"] if f["severity"] != "hint"), None)
    if first is None:
        return "", set()
    return first["check"], {place["line"] for place in (first["place"], *first["related"])}


def pairs(healthy: bool) -> list[tuple[str, str]]:
    """Commands and the names of scripts that they have something, or nothing, to say about."""
    names = sorted(p.stem for p in FOLDER.glob("*.py") if p.stem.startswith("clean") is healthy)
    return [(command, name) for command in OPTIONS for name in names if name not in BEYOND[command]]


@pytest.mark.slow
@pytest.mark.parametrize(("command", "name"), pairs(healthy=False))
def test_the_mistake_is_the_first_headline(command: str, name: str, tmp_path: Path) -> None:
    check, lines = headline(command, name, tmp_path)
    assert check in EXPECTED[name]["checks"]
    assert lines & set(EXPECTED[name]["lines"])


@pytest.mark.slow
@pytest.mark.parametrize(("command", "name"), pairs(healthy=True))
def test_a_healthy_script_is_met_with_silence(command: str, name: str, tmp_path: Path) -> None:
    assert headline(command, name, tmp_path) == ("", set())
