"""`osler run` from outside: whole processes, the script's own behaviour kept, the diagnosis beside it."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

ROOT = Path(__file__).parents[2]
DIGITS = ROOT / "examples/digits/train.py"

PRELUDE = """\
import os, sys, threading
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
torch.manual_seed(0)
model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
x = torch.randn(96, 4)
loader = DataLoader(TensorDataset(x, x[:, :3].argmax(1)), batch_size=8, shuffle=True)
def train(steps=24):
    done = 0
    while done < steps:
        for inputs, labels in loader:
            optimizer.zero_grad()
            loss = F.cross_entropy(model(inputs), labels)
            loss.backward()
            optimizer.step()
            done += 1
"""
LINES = PRELUDE.count("\n")


@dataclass(frozen=True)
class Process:
    code: int
    out: str
    err: str


def process(folder: Path, *words: str | Path, **env: str) -> Process:
    ours = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT / "src"), "COLUMNS": "100"} | env
    command = [sys.executable, "-m", "osler", "run", *map(str, words)]
    done = subprocess.run(
        command, cwd=folder, env=ours, capture_output=True, text=True, timeout=120, check=False
    )
    return Process(done.returncode, done.stdout, done.stderr)


def script(folder: Path, body: str, name: str = "train.py") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(PRELUDE + dedent(body))
    return path


def line_of(path: Path, text: str) -> int:
    (number,) = (n for n, line in enumerate(path.read_text().splitlines(), 1) if text in line)
    return number


def described(path: Path) -> dict[str, object]:
    return json.loads(path.read_text())


FINDING = {
    "check", "severity", "confidence", "message", "expected", "why", "fix", "place", "related", "evidence",
    "seen_by", "fingerprint", "patch", "proof", "suppressed",
}  # fmt: skip
PLACE = {"file", "line", "column", "end_line", "end_column", "step", "subject", "rank", "cell"}


def test_the_example(tmp_path):
    ran = process(tmp_path, "--format", "json", "--output", "report.json", DIGITS, "--epochs", "4")
    assert ran.code == 0
    assert [line.split()[:2] for line in ran.out.splitlines()] == [["epoch", str(n)] for n in (1, 2, 3, 4)]
    line = line_of(DIGITS, "model.eval()")
    assert f"train.py:{line}  error  training-in-eval-mode" in ran.err
    report = described(tmp_path / "report.json")
    assert set(report) == {
        "schema", "tool", "subject", "coverage", "overhead", "diagnoses", "findings", "experiments",
        "checked", "not_applicable", "failed",
    }  # fmt: skip
    assert report["schema"] == "osler.report/1"
    (kept,) = (tmp_path / ".osler" / "runs").iterdir()
    assert report["subject"] == {
        "command": "run", "script": str(DIGITS), "steps": 92, "exit_code": 0, "run": str(kept)
    }  # fmt: skip
    assert json.loads((kept / "r00000" / "report.json").read_text()) == report
    assert (report["coverage"], report["failed"]) == (
        {"modules_seen": 8, "modules_total": 8, "blind": []},
        [],
    )
    first = report["findings"][report["diagnoses"][0]["cause"]]
    assert set(first) == FINDING
    assert set(first["place"]) == PLACE
    assert (first["check"], first["place"]["line"], first["severity"]) == (
        "training-in-eval-mode", line, "error",
    )  # fmt: skip
    assert set(report["checked"]) | {n["check"] for n in report["not_applicable"]} >= {first["check"]}


FAULTY = """
model.eval()
try:
    train(48)
finally:
    print("finally", flush=True)
"""


def test_a_finding_can_decide_the_exit_code(tmp_path):
    script(tmp_path, FAULTY)
    failed = process(tmp_path, "--fail-on", "error", "train.py")
    assert (failed.code, failed.out) == (10, "finally\n")
    assert "training-in-eval-mode" in failed.err


def test_stopping_as_soon_as_it_is_certain(tmp_path):
    script(tmp_path, FAULTY)
    report = tmp_path / "report.json"
    words = ("--select", "training-in-eval-mode", "--format", "json", "--output", report)
    ran = process(tmp_path, "--stop-on", "error", *words, "train.py")
    assert (ran.code, ran.out) == (10, "finally\n")
    assert "was stopped by --stop-on" in ran.err
    assert described(report)["subject"]["steps"] < 48
    assert described(report)["checked"] == ["training-in-eval-mode"]


def test_a_number_of_steps(tmp_path):
    script(
        tmp_path,
        """
        done = []
        optimizer.register_step_post_hook(lambda *_: done.append(1))
        try:
            train(1000)
        except Exception:
            print("caught")
        finally:
            print("finally", len(done))
        print("never")
        """,
    )
    ran = process(tmp_path, "--max-steps", "7", "train.py")
    assert (ran.code, ran.out) == (0, "finally 7\n")
    assert "train.py was stopped by --max-steps after 7 steps" in ran.err
    assert "Traceback" not in ran.err


def test_scripts_that_never_train(tmp_path):
    script(
        tmp_path,
        """
        empty = DataLoader(TensorDataset(torch.zeros(0, 4)), batch_size=8)
        for batch in empty:
            optimizer.step()
        model.eval()(x)
        print("done")
        """,
    )
    ran = process(tmp_path, "train.py")
    assert (ran.code, ran.out) == (0, "done\n")
    assert ran.err.startswith(
        "osler: no training seen: no backward, no optimizer step; 0 batches, 1 forward call, 1 optimizer\n"
    )


def test_a_script_that_raises(tmp_path):
    path = script(
        tmp_path,
        """
        model.eval()
        train(30)
        F.cross_entropy(model(x), torch.zeros(5, dtype=torch.long))
        """,
    )
    ran = process(tmp_path, "train.py")
    assert ran.code == 1
    own, _, report = ran.err[ran.err.index("Traceback") :].partition("\n\n")
    line = line_of(path, "torch.zeros(5")
    assert own.startswith(f'Traceback (most recent call last):\n  File "{path}", line {line}, in <module>\n')
    assert own.count("File ") == 2  # the script's line and torch's
    assert str(ROOT / "src") not in own
    assert "ValueError: Expected input batch_size" in own
    assert "training-in-eval-mode" in report


def test_forks_and_a_sudden_end(tmp_path):
    script(
        tmp_path,
        """
        train()
        sys.stdout.flush()
        child = os.fork()
        if child == 0:
            train()
            print("child", flush=True)
            sys.exit(3)
        print("parent", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
        train()
        os._exit(5)
        """,
    )
    ran = process(tmp_path, "train.py")
    assert (ran.code, ran.out) == (5, "child\nparent 3\n")
    first, second = ran.err.splitlines()
    assert first == "osler: train.py was ended by os._exit after 48 steps"
    assert second.startswith("osler: no problem found in 48 steps")


def test_a_script_that_changes_its_surroundings(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    path = script(
        tmp_path,
        """
        os.chdir("elsewhere")
        original = F.cross_entropy
        def mine(scores, labels):
            return original(scores, labels) * 1.0
        F.cross_entropy = torch.nn.functional.cross_entropy = mine
        inner = nn.Module.__call__
        nn.Module.__call__ = lambda self, *args: inner(self, *args)
        sys.path.insert(0, "/nowhere")
        sys.stderr.close()
        os.close(2)
        model.eval()
        train(30)
        open("own.txt", "w").write(f"{__name__} {__file__} {sys.argv}")
        """,
    )
    ran = process(tmp_path, "--format", "json", "--output", "report.json", "train.py", "--lr", "1")
    assert ran.code == 0
    assert (tmp_path / "elsewhere/own.txt").read_text() == f"__main__ {path} ['train.py', '--lr', '1']"
    report = described(tmp_path / "report.json")
    assert report["findings"][0]["check"] == "training-in-eval-mode"
    assert report["findings"][0]["place"]["file"] == "train.py"
    assert report["findings"][0]["place"]["line"] == line_of(path, "model.eval()")
    assert (report["failed"], report["coverage"]["blind"]) == ([], [])


def test_training_in_a_thread(tmp_path):
    path = script(
        tmp_path,
        """
        model.eval()
        worker = threading.Thread(target=train, args=(48,))
        worker.start()
        print("main", flush=True)
        """,
    )
    ran = process(tmp_path, "--max-steps", "30", "train.py")
    assert (ran.code, ran.out) == (0, "main\n")
    assert f"train.py:{line_of(path, 'model.eval()')}  error  training-in-eval-mode" in ran.err
    assert "was stopped by --max-steps after 30 steps" in ran.err
    assert "Traceback" not in ran.err


def test_a_module_of_a_package(tmp_path):
    script(tmp_path, "model.eval()\ntrain()\nprint(__name__, __package__, sys.argv[1:])", "package/fit.py")
    (tmp_path / "package/__init__.py").touch()
    words = ("--ignore", "training-in-eval-mode", "--fail-on", "warning")
    ran = process(tmp_path, *words, "-m", "package.fit", "--epochs", "3")
    assert (ran.code, ran.out) == (0, "__main__ package ['--epochs', '3']\n")
    assert "no problem found in 24 steps" in ran.err


def test_watching_a_part_of_a_plain_script(tmp_path):
    path = script(
        tmp_path,
        """
        import osler
        with osler.watch(model, optimizer) as session:
            train()
            session.log(accuracy=0.5, f1=0.25)
        print(session.diagnosis.worst, session.diagnosis.measures["f1"], session.run.steps)
        columns = session.run.columns
        print(list(columns["f1"].history()[0]), 0.5 in columns["accuracy"].history()[1])
        model.eval()
        with osler.watch() as session:
            train()
        print(session.diagnosis.worst.name, "osler" in nn.Module.__call__.__code__.co_filename)
        """,
    )
    done = subprocess.run(
        [sys.executable, str(path)], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout == "None 0.25 24\n[24] True\nERROR False\n"
    first, *rest = done.stderr.splitlines()
    assert first.startswith("osler: no problem found in 24 steps")
    assert rest[0].startswith("osler: 1 error")
    assert any(line.startswith("train.py:") and "training-in-eval-mode" in line for line in rest)
    assert done.returncode == 0
