"""`osler preflight` from outside: nothing of the user's is touched, and it always comes to an end."""

import json
import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

import osler
from osler import __version__
from osler.cli import Parser, preflight
from osler.cli.preflight.room import carried
from osler.engine.stored import examined
from osler.report.frame import Frame
from osler.report.json import render as as_json
from osler.report.source import Sources
from osler.store.process import Status
from osler.store.reader import StoredRun, open_run

ROOT = Path(__file__).parents[3]
PRELUDE = """\
import csv, os, sys, time
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
torch.manual_seed(0)
print("begin")
log = csv.writer(open("log.csv", "w"))
os.makedirs("runs", exist_ok=True)
model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 4))
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
x = torch.randn(192, 8)
loader = DataLoader(TensorDataset(x, x[:, :4].argmax(1)), batch_size=16, shuffle=True)
"""
LOOP = """
try:
    for epoch in range(3):
        model.train()
        for inputs, labels in loader:
            optimizer.zero_grad()
            loss = F.cross_entropy(model(inputs), labels)
            loss.backward()
            optimizer.step()
            log.writerow([epoch, loss.item()])
            print(epoch, loss.item())
            torch.save(model.state_dict(), "runs/last.pt")
        model.eval()
        with torch.no_grad():
            print("accuracy", (model(x).argmax(1) == x[:, :4].argmax(1)).float().mean().item())
finally:
    open("finished.txt", "w").write("yes")
    print("end")
"""
FAST = ("--budget", "6s")


def process(
    folder: Path, *words: str | Path, code: str = "pass", command: str = "preflight"
) -> subprocess.CompletedProcess[str]:
    env = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT / "src"), "COLUMNS": "100"}
    imported = "import sys; from osler.cli import main; from osler.cli.preflight import room"
    start = ["-c", f"{imported}; {code}; sys.exit(main())"]
    whole = [sys.executable, *start, command, *map(str, words)]
    return subprocess.run(
        whole, cwd=folder, env=env, capture_output=True, text=True, timeout=300, check=False
    )


def script(folder: Path, body: str = LOOP) -> Path:
    path = folder / "train.py"
    path.write_text(PRELUDE + dedent(body))
    return path


def listing(folder: Path) -> dict[str, tuple[int, bytes]]:
    files = [p for p in folder.rglob("*") if "__pycache__" not in p.parts]
    return {str(p): (p.stat().st_mtime_ns, p.read_bytes() if p.is_file() else b"") for p in files}


def recorded(folder: Path) -> StoredRun:
    """The only run below a folder."""
    (run,) = (folder / ".osler" / "runs").iterdir()
    return open_run(run)


def test_nothing_of_the_users_is_touched(tmp_path: Path) -> None:
    path = script(tmp_path)
    (tmp_path / "log.csv").write_text("precious\n")
    before = listing(tmp_path)
    report = tmp_path.parent / f"{tmp_path.name}.json"
    ran = process(tmp_path, *FAST, "--output", report, path)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout == ""
    ours = str(tmp_path / ".osler")
    assert {p: c for p, c in listing(tmp_path).items() if not p.startswith(ours)} == before
    told = json.loads(report.read_text())
    report.unlink()
    stored = recorded(tmp_path)
    assert (stored.status, stored.problems) == (Status.COMPLETE, ())
    again = as_json(examined(stored), Frame(__version__, tmp_path, Sources()))
    assert json.loads(again) == told, "the stored verdict is the live one"
    assert stored.main.document("report.json") == again
    asked = [e["name"] for e in told["experiments"] if not e["skipped"]]
    assert {"connectivity", "initial-loss", "replay-exactly", "evaluate-twice", "exchange-one-sample"} <= set(
        asked
    )
    assert told["subject"]["command"] == "preflight"
    assert told["findings"] == []
    assert told["coverage"]["blind"] == []
    question = "does a gradient reach every parameter, and is every one of them trained?"
    assert f"osler: {question} yes: 4 parameters reached, all held by an optimizer" in ran.stderr
    assert "osler: no problem found in" in ran.stderr
    assert f"recorded as {stored.path.name}" in ran.stderr
    shown = process(tmp_path, command="report")
    assert shown.stdout == ran.stderr, "the answers, then the verdict"
    assert " complete  preflight  " in process(tmp_path, command="runs").stdout


def test_a_fault_fails_and_the_training_does_not_begin(tmp_path: Path) -> None:
    path = script(tmp_path, LOOP.replace("            optimizer.step()\n", ""))
    ran = process(tmp_path, *FAST, "--continue", path)
    assert ran.returncode == 1
    assert "error  optimizer-never-steps" in ran.stderr
    assert not (tmp_path / "finished.txt").exists()
    again = osler.diagnose(recorded(tmp_path))
    assert [f.check for f in again.headlines] == ["optimizer-never-steps"]
    assert again.subject.command == "preflight"


def test_continue_begins_the_training_anew(tmp_path: Path) -> None:
    ran = process(tmp_path, "--budget", "2s", "--no-store", "--continue", script(tmp_path))
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith("begin\n0 ")
    assert ran.stdout.endswith("end\n")
    assert ran.stdout.count("\n") == 1 + 3 * 13 + 1
    assert (tmp_path / "finished.txt").read_text() == "yes"
    assert len((tmp_path / "log.csv").read_text().splitlines()) == 36
    assert not (tmp_path / ".osler").exists()


def test_what_was_ignored_is_ignored_in_the_training_as_well(tmp_path: Path) -> None:
    path = script(tmp_path, LOOP.replace("            optimizer.step()\n", ""))
    options = ["--no-store", "--ignore=optimizer-never-steps,cannot-overfit-one-batch", "--keep", "samples"]
    ran = process(tmp_path, *FAST, *options, "--continue", path)
    assert ran.returncode == 0, ran.stderr
    assert "optimizer-never-steps" not in ran.stderr
    text = " ".join(ran.stderr.split())
    told = "osler: samples are kept in the record, and with --no-store there is none"
    assert text.count(told) == 2, "by the pre-flight, and by the training"


@pytest.mark.parametrize(
    ("words", "held"),
    [
        ([], []),
        (["--budget", "5s", "--format", "json", "--output", "a.json", "--run-dir", "here"], []),
        (["--quiet", "--no-store"], ["--no-store", "--quiet"]),
        (["--select", "a, b", "--fail-on", "never"], ["--fail-on=never", "--select=a,b"]),
    ],
)
def test_options_that_hold_for_the_training(words: list[str], held: list[str]) -> None:
    parser = Parser("osler preflight", "")
    preflight.configure(parser)
    assert carried(parser.read([*words, "train.py"])) == held


def test_a_crash_of_the_script_is_its_own(tmp_path: Path) -> None:
    ran = process(tmp_path, *FAST, "--run-dir", "mine", script(tmp_path, "print(model(x[:, :3]))"))
    assert ran.returncode == 1
    assert "RuntimeError: mat1 and mat2 shapes cannot be multiplied" in ran.stderr
    assert not list((tmp_path / "mine").iterdir()), "a program that never trains leaves nothing"


def test_what_a_script_says_before_it_leaves_with_an_error_is_shown(tmp_path: Path) -> None:
    body = 'print("begin")\nimport argparse\nargparse.ArgumentParser().parse_args()\n'
    (tmp_path / "train.py").write_text(body)
    done = process(tmp_path, "train.py", "--epocs", "3")
    assert done.returncode == 2
    assert "train.py: error: unrecognized arguments: --epocs 3" in done.stderr


def test_what_a_script_says_before_it_leaves_in_peace_is_not(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text('print("nothing to do")\n')
    done = process(tmp_path, "train.py")
    assert done.returncode == 0
    assert "nothing to do" not in done.stdout + done.stderr


def test_what_hangs_is_ended(tmp_path: Path) -> None:
    hanging = LOOP.replace(
        "            log.writerow", "            time.sleep(1000 * (model.calls > 20)); log.writerow"
    )
    counting = (
        "model.calls = 0\nmodel.register_forward_hook(lambda *_: setattr(model, 'calls', model.calls + 1))\n"
    )
    ran = process(tmp_path, *FAST, script(tmp_path, counting + hanging), code="room.PATIENCE = -2.0")
    assert ran.returncode == 0, ran.stderr
    assert "nothing happened for" in ran.stderr.replace("\n", " ")
    stored = recorded(tmp_path)
    assert (stored.status, stored.problems) == (Status.COMPLETE, ()), "whole before the process leaves"
    assert any("nothing happened for" in reason for reason in examined(stored).coverage.blind)


def test_no_training(tmp_path: Path) -> None:
    ran = process(tmp_path, *FAST, script(tmp_path, "print(1)"))
    assert ran.returncode == 0
    assert "no training seen" in ran.stderr
    assert not (tmp_path / ".osler").exists()


def test_usage(tmp_path: Path) -> None:
    assert process(tmp_path).returncode == 2
    ran = process(tmp_path, "--budget", "soon", script(tmp_path))
    assert ran.returncode == 2
    assert "--budget is 'soon', expected a time such as 60s, 5m or 1h" in ran.stderr
