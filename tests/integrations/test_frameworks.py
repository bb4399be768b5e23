"""Scripts that train with frameworks: silent, bit for bit the same, asked enough, and their faults found.

They need the extra `frameworks`; without a framework its programs are left out.
"""

import ast
import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from stage import Program, run, text_of

from osler.model import Place

HERE = Path(__file__).parents[1] / "programs" / "frameworks"
ROOT = Path(__file__).parents[2]
FRAMEWORKS = ("lightning", "transformers", "accelerate", "ignite", "skorch", "torchmetrics")
ENOUGH = {"lightning_gan": 8}
"""Questions that are asked at least, where it is not `MOST`: of two optimizers there are fewer."""

MOST = 12

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


def needed(script: Path) -> list[str]:
    """The frameworks that a script imports."""
    tree = ast.parse(script.read_text())
    names = [n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)]
    names += [a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names]
    return [f for f in FRAMEWORKS if any(n.partition(".")[0] == f for n in names)]


def programs() -> list[object]:
    return [pytest.param(p, id=p.stem) for p in sorted(HERE.glob("*.py"))]


def edits(found: str) -> list[object]:
    rows = tomllib.loads((HERE / "edits.toml").read_text())["fault"]
    chosen = [r for r in rows if found in r.get("found", ("run", "preflight"))]
    return [pytest.param(row, id=row["name"], marks=pytest.mark.exhaustive) for row in chosen]


@pytest.fixture(autouse=True)
def needs_frameworks(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = request.node.callspec.params
    script = given["script"] if "script" in given else HERE / given["row"]["file"]
    for name in needed(script):
        pytest.importorskip(name)
    monkeypatch.chdir(tmp_path)  # they write logs
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


def flown(script: Path, folder: Path) -> dict[str, object]:
    """What `osler preflight` says about a script in a folder of its own, which it leaves as it was."""
    report = folder.parent / f"{folder.name}.json"
    command = [sys.executable, "-m", "osler", "preflight", "--no-store", "--output", str(report), str(script)]
    env = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT / "src")}
    env["PYTHONDONTWRITEBYTECODE"] = "1"
    before = sorted(folder.rglob("*"))
    subprocess.run(command, cwd=folder, env=env, capture_output=True, timeout=600, check=False)
    assert sorted(folder.rglob("*")) == before
    return json.loads(report.read_text())


@pytest.mark.parametrize("script", programs())
def test_a_healthy_program_is_silent_and_unchanged(script: Path) -> None:
    plain, watched = run(Program(script), watched=False), run(Program(script), watched=True)
    assert (plain.crash, watched.crash) == ("", "")
    assert watched.headlines == ()
    assert (watched.failures, watched.as_stored) == ((), ())
    assert watched.state == plain.state
    assert watched.steps >= 50


@pytest.mark.parametrize("script", programs())
def test_a_healthy_program_passes_its_preflight(script: Path, tmp_path: Path) -> None:
    told = flown(Program(script).copy_to(tmp_path), tmp_path)
    causes = [told["findings"][d["cause"]] for d in told["diagnoses"]]
    assert [f["message"] for f in causes if f["severity"] != "hint"] == []
    assert told["coverage"]["blind"] == []
    asked = [e["name"] for e in told["experiments"] if not e["skipped"]]
    assert len(asked) >= ENOUGH.get(script.stem, MOST), told["experiments"]


def edited(row: dict[str, object]) -> Program:
    return Program(HERE / row["file"], ((row["file"], row["replace"], row["with"]),))


def is_named(row: dict[str, object], lines: list[str]) -> bool:
    return any(piece in line for piece in row["guilty"] for line in lines)


@pytest.mark.parametrize("row", edits("run"))
def test_a_fault_is_found(row: dict[str, object]) -> None:
    outcome = run(edited(row), watched=True)
    assert bool(outcome.crash) == row.get("crashes", False)
    first = (outcome.hints if row.get("hint") else outcome.headlines)[0]
    assert first.check == row["check"], first.message
    assert is_named(row, [text for _, _, text in first.lines]), first.lines


@pytest.mark.parametrize("row", edits("preflight"))
def test_a_fault_is_found_by_the_preflight(row: dict[str, object], tmp_path: Path) -> None:
    told = flown(edited(row).copy_to(tmp_path), tmp_path)
    causes = [told["findings"][d["cause"]] for d in told["diagnoses"]]
    first = next(f for f in causes if (f["severity"] == "hint") == row.get("hint", False))
    assert first["check"] == row["check"], first["message"]
    places = [first["place"], *first["related"]]
    lines = [text_of(Place(p["file"], p["line"], "")) for p in places if p["line"]]
    assert is_named(row, lines), lines
