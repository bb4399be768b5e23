"""A recorded run is judged as the live one was."""

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from osler.engine.diagnose import Terms
from osler.engine.stored import examined
from osler.model import Diagnosis
from osler.session import Session
from osler.settings import Settings
from osler.store.logbook import Plan
from osler.store.reader import open_run

torch.set_num_threads(1)


def train(steps: int = 20, *, clear: bool = True, scale: Callable[[int], float] = lambda _: 1.0) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.5), nn.Linear(8, 3))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for step in range(steps):
        if clear:
            optimizer.zero_grad()
        loss = F.cross_entropy(model(torch.randn(8, 4)), torch.randint(3, (8,))) * scale(step)
        loss.backward()
        optimizer.step()


def record(root: Path, work: Callable[[], None], settings: Settings | None = None) -> Diagnosis:
    with Session(settings, plan=Plan(root, script="train.py")) as session:
        work()
    return session.diagnosis


WORKS: dict[str, Callable[[], None]] = {
    "healthy": train,
    "never cleared": lambda: train(clear=False),
    "the loss becomes NaN": lambda: train(scale=lambda step: float("nan") if step > 9 else 1.0),
    "the loss becomes infinite": lambda: train(scale=lambda step: float("inf") if step > 9 else 1.0),
    "one step": lambda: train(1),
}


@pytest.mark.parametrize("name", WORKS)
def test_the_same_verdict(name: str, tmp_path: Path) -> None:
    live = record(tmp_path, WORKS[name])
    stored = examined(open_run(live.subject.run))
    assert repr(stored) == repr(live)


def test_acknowledged_and_ignored_stay_so(tmp_path: Path) -> None:
    settings = Settings(ignore=("monitor-blind",), intended={"gradients-not-cleared": ("*",)})
    live = record(tmp_path, WORKS["never cleared"], settings)
    stored = examined(open_run(live.subject.run))
    assert [f.suppressed for f in stored.findings] == [True]
    assert stored.checked == live.checked
    now = examined(open_run(live.subject.run), Terms("train.py"))
    assert [f.check for f in now.headlines] == ["gradients-not-cleared"]


SCRIPT = """
    import os, signal, sys
    sys.path.insert(0, {tests!r})
    from pathlib import Path
    from test_stored import train
    from osler.session import Session
    from osler.store.logbook import Plan
    with Session(plan=Plan(Path({root!r}), script="train.py")) as session:
        train(30, clear=False)
        session.logbook._recorder.put(session.run)
        session.logbook._recorder.flush()
        os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_run_says_so_and_is_judged_by_what_is_there(tmp_path: Path) -> None:
    script = textwrap.dedent(SCRIPT.format(tests=str(Path(__file__).parent), root=str(tmp_path)))
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, timeout=120, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    (path,) = (tmp_path / ".osler" / "runs").iterdir()
    stored = examined(open_run(path))
    assert (stored.subject.ended_by, stored.subject.exit_code) == ("kill", None)
    assert stored.subject.steps == 30
    assert [f.check for f in stored.headlines] == ["gradients-not-cleared"]


def test_a_run_that_goes_on_says_so(tmp_path: Path) -> None:
    with Session(plan=Plan(tmp_path, script="train.py")) as session:
        train()
        book = session.logbook
        assert book is not None
        assert book.path is not None
        assert book._recorder is not None
        book._recorder.put(session.run)
        book._recorder.flush()
        assert examined(open_run(book.path)).subject.ended_by == "running"
    assert examined(open_run(book.path)).subject.ended_by == ""


def test_what_could_not_be_read_is_named(tmp_path: Path) -> None:
    live = record(tmp_path, train)
    facts = Path(live.subject.run) / "r00000" / "facts.jsonl"
    with facts.open("ab") as file:
        file.write(b"what is this")
        os.fsync(file.fileno())
    (sentence,) = examined(open_run(live.subject.run)).coverage.blind
    assert sentence.startswith("the record: r00000/facts.jsonl: 12 bytes of an unfinished line left out")


def test_a_program_that_never_trains_leaves_nothing(tmp_path: Path) -> None:
    live = record(tmp_path, lambda: None)
    assert live.subject.run == ""
    assert not (tmp_path / ".osler").exists()
