"""Pre-flight on whole programs: healthy ones silent and asked enough, edits of them found by experiment."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest
from stage import HERE, Program, healthy

from osler import __version__
from osler.engine.stored import examined
from osler.report.frame import Frame
from osler.report.json import render as as_json
from osler.report.source import Sources
from osler.store.reader import open_run

pytestmark = pytest.mark.slow
ENOUGH = 5
NOT_STEERED = {
    "by_hand": "it has neither loader nor module",
    "evolution_policy": "its steps need no `backward()`",
    "gradient_surgery": "its gradients come from `autograd.grad`",
    "private_gradients": "its gradients come from `torch.func`",
    "prototypes_digits": "it has neither loader nor module",
    "lbfgs_regression": "15 turns by a hand-written loss",
}
"""Programs that can be asked less, and why."""

SAMPLED = ("gan_rings", "tied_lm_tbptt")
"""Programs that CI tries, half a minute each, as unlike each other as can be; `make exhaustive` tries all."""

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Report:
    """What a pre-flight said."""

    headlines: list[str]
    hints: list[str]
    asked: dict[str, str]
    refused: dict[str, str]
    out: str
    err: str


def flown(program: Program) -> Report:
    """Run `osler preflight` on a copy of a program in a folder of its own; its record says the same."""
    with tempfile.TemporaryDirectory() as folder:
        script = program.copy_to(Path(folder))
        before = sorted(p.name for p in Path(folder).iterdir())
        report = Path(folder).parent / f"{Path(folder).name}.json"
        record = Path(folder).parent / f"{Path(folder).name}.run"
        options = ["--output", str(report), "--run-dir", str(record)]
        command = [sys.executable, "-m", "osler", "preflight", *options, str(script)]
        env = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT / "src")}
        env["PYTHONDONTWRITEBYTECODE"] = "1"
        ran = subprocess.run(
            command, cwd=folder, env=env, capture_output=True, text=True, timeout=600, check=False
        )
        assert sorted(p.name for p in Path(folder).iterdir()) == before
        told = json.loads(report.read_text())
        again = as_json(examined(open_run(record)), Frame(__version__, Path(folder), Sources()))
        assert json.loads(again) == told, "the stored verdict is the live one"
        report.unlink()
        shutil.rmtree(record)
    causes = [told["findings"][d["cause"]] for d in told["diagnoses"]]
    return Report(
        [f["check"] for f in causes if f["severity"] != "hint"],
        [f["check"] for f in causes if f["severity"] == "hint"],
        {e["name"]: e["answer"] for e in told["experiments"] if not e["skipped"]},
        {e["name"]: e["skipped"] for e in told["experiments"] if e["skipped"]},
        ran.stdout,
        ran.stderr,
    )


def sampled(program: Program) -> object:
    """The program as a parameter, left to `make exhaustive` unless it is one of the few."""
    marks = () if program.path.stem in SAMPLED else pytest.mark.exhaustive
    return pytest.param(program, marks=marks, id=f"{program.path.parent.name}-{program.path.stem}")


@pytest.mark.parametrize("program", [sampled(p) for p in healthy()])
def test_a_healthy_program_is_silent_and_asked_enough(program: Program) -> None:
    report = flown(program)
    assert report.headlines == [], report.err
    assert report.out == ""
    assert len(report.asked) >= ENOUGH or program.path.stem in NOT_STEERED, report.refused
    assert all(report.refused.values())


def edits() -> list[tuple[str, str, bool, Program]]:
    """Edits of healthy programs that only experiments show, with the check that must come first."""
    rows = tomllib.loads((HERE / "faults" / "preflight" / "edits.toml").read_text())["fault"]
    return [
        (
            row["name"],
            row["check"],
            row.get("hint", False),
            Program(HERE / row["file"], ((Path(row["file"]).name, row["replace"], row["with"]),)),
        )
        for row in rows
    ]


def one_each() -> list[object]:
    """The edits as parameters: of the first for each check every other one; the rest is exhaustive."""
    checks = [check for _, check, _, _ in edits()]
    return [
        pytest.param(
            *rest, id=name, marks=pytest.mark.exhaustive if rest[0] in checks[:place] or place % 2 else ()
        )
        for place, (name, *rest) in enumerate(edits())
    ]


@pytest.mark.parametrize(("check", "hint", "program"), one_each())
def test_an_edit_is_found_first(check: str, hint: bool, program: Program) -> None:
    report = flown(program)
    if hint:
        assert report.headlines == [], report.err
        assert check in report.hints, report.err
    else:
        assert report.headlines[:1] == [check], report.err
