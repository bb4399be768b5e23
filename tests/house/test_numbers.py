"""Numbers that the README states are those of the code, of the tests and of what was measured."""

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

from stage import healthy

from osler.engine.catalogue import catalogue

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")


def test_how_many_checks_there_are() -> None:
    (stated,) = re.findall(r"`osler checks` lists all (\d+)", README)
    assert int(stated) == len(catalogue())


def test_what_watching_costs() -> None:
    rows = json.loads((ROOT / "benchmarks/overhead/results/overhead.json").read_text("utf-8"))["rows"]
    names = {
        "small_resnet": "a small ResNet",
        "gpt_4_layers": "a GPT of four layers",
        "digits_mlp": "an MLP",
        "digits_mlp_long": "the MLP",
    }
    text = " ".join(README.split())
    for name, spoken in names.items():
        (stated,) = re.findall(rf"(\d+\.\d) % on {spoken}", text)
        assert stated == f"{100 * rows[name]['measured']:.1f}"
        assert rows[name]["sampled"] < 0.01
    assert "less than 1 % in each" in text


def test_how_it_compares() -> None:
    table = (ROOT / "benchmarks/accuracy/results/rivals.md").read_text("utf-8").splitlines()
    cells = [[c.strip() for c in line.strip("|").split("|")] for line in table if line.startswith("| ")]
    (osler,) = (row for row in cells if row[0] == "osler run")
    others = [row for row in cells[1:8] if not row[0].startswith("osler")]
    best = max(others, key=lambda row: int(row[2]))
    text = " ".join(README.split())
    assert f"names {osler[2]} of {osler[1]} and alarms {osler[6]} of {osler[5]}" in text
    assert f"the best of the others names {best[2]} and alarms {best[6]} of {best[5]}" in text


def test_what_strangers_programs_show() -> None:
    programs = tomllib.loads((ROOT / "tests/programs/strangers/answers.toml").read_text("utf-8"))["program"]
    faulty, fine = ([p for p in programs if ("fault" in p) is wanted] for wanted in (True, False))
    text = " ".join(README.split())
    assert f"made {len(programs)} programs, {len(faulty)} of them with one fault" in text
    named, alarmed = sum(p["unseen"] for p in faulty), sum(not p["unseen"] for p in fine)
    assert f"At first sight {named} faults were named, and {alarmed} of the {len(fine)} healthy" in text
    assert f"general terms: {sum('check' in p for p in faulty)} and 0 today" in text


def test_how_many_healthy_programs_there_are() -> None:
    (stated,) = re.findall(r"The (\d+) programs there look like faults", README)
    assert int(stated) == len(healthy())


def test_the_diagnosis_that_is_shown() -> None:
    command = [sys.executable, "-m", "osler", "run", "--no-store", "examples/digits/train.py"]
    plain = os.environ | {"COLUMNS": "100", "PYTHONPATH": str(ROOT / "src")}
    told = subprocess.run(command, cwd=ROOT, env=plain, capture_output=True, text=True, check=False).stderr
    told = told[told.index("osler: 1 error in") :]  # a live line may stand before it
    diagnosis, summary = told.split("\nosler: ", 1)
    assert f"```\n{diagnosis}\n" in README
    counts = summary[: summary.index(" modules")]
    assert f"\nosler: {counts} modules, " in README
    (steps, checks) = re.findall(r"(\d+) steps, (\d+) checks", counts)[0]
    (idle,) = re.findall(r"not applicable (\d+):", summary)
    assert f"\nosler: not applicable {idle}: " in README
    assert f"no problem found in {steps} steps ({checks} checks, {idle} not applicable; " in README
