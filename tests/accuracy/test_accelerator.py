"""On a GPU, in fp16 with a gradient scaler: silent, bit for bit the same, and the faults are found."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

PROGRAM = Path(__file__).parents[1] / "programs" / "accelerator" / "fp16_scaler.py"

pytestmark = [pytest.mark.gpu, pytest.mark.slow]

CLEAR = "        optimizer.zero_grad(set_to_none=True)\n"
FAULTS = [
    ("gradients-not-cleared", CLEAR, "", "scaler.step(optimizer)"),
    ("training-in-eval-mode", "    model.train()\n", "    model.eval()\n", "model.eval()"),
    ("evaluating-in-train-mode", "    model.eval()\n", "", "model(images.to(DEVICE))"),
    (
        "softmax-before-cross-entropy",
        "return self.head(self.drop(self.body(x).flatten(1)))",
        "return self.head(self.drop(self.body(x).flatten(1))).softmax(1)",
        "criterion(logits, labels)",
    ),
    (
        "loss-not-finite",
        "            loss = criterion(logits, labels)\n",
        "            loss = criterion(logits, labels) * (float('nan') if step == 20 else 1)\n",
        "scaler.scale(loss).backward()",
    ),
]


def start(script: Path, *before: str) -> subprocess.CompletedProcess[str]:
    """Run the script in this Python, plain or behind a command."""
    environment = {**os.environ, "CUBLAS_WORKSPACE_CONFIG": ":4096:8"}
    command = [sys.executable, *before, str(script)]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300, check=False)


@pytest.fixture(autouse=True)
def needs_gpu() -> None:
    if not torch.cuda.is_available():
        pytest.skip("no GPU here")


def test_is_silent_and_unchanged(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    plain = start(PROGRAM)
    watched = start(PROGRAM, "-m", "osler", "run", "--format", "json", "--output", str(report))
    assert plain.returncode == watched.returncode == 0, plain.stderr + watched.stderr
    assert watched.stdout == plain.stdout
    told = json.loads(report.read_text())
    assert told["findings"] == []
    assert told["coverage"]["blind"] == []
    assert len(told["checked"]) >= 10


@pytest.mark.parametrize(("check", "old", "new", "guilty"), FAULTS, ids=[f[0] for f in FAULTS])
def test_is_found(check: str, old: str, new: str, guilty: str, tmp_path: Path) -> None:
    text = PROGRAM.read_text()
    assert text.count(old) == 1
    script, report = tmp_path / "faulty.py", tmp_path / "report.json"
    script.write_text(text.replace(old, new))
    start(script, "-m", "osler", "run", "--format", "json", "--output", str(report))
    first = json.loads(report.read_text())["findings"][0]
    assert first["check"] == check, first["message"]
    lines = script.read_text().splitlines()
    named = [lines[p["line"] - 1] for p in (first["place"], *first["related"]) if p["line"]]
    assert any(guilty in line for line in named), named
