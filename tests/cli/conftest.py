"""Recorded runs of a small real script: one with a fault, one without, and what can happen to their files."""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from osler import __version__
from osler.report import json
from osler.report.frame import Frame
from osler.report.source import Sources
from osler.session import Session
from osler.store.logbook import Plan
from osler.store.manifest import to_json
from osler.store.reader import open_run

SCRIPT = """\
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
torch.manual_seed(0)
model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
x = torch.randn(96, 4)
loader = DataLoader(TensorDataset(x, x[:, :3].argmax(1)), batch_size=8, shuffle=True)
{first}
for epoch in range({epochs}):
    for inputs, labels in loader:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(inputs), labels)
        loss.backward()
        optimizer.step()
"""
STEPS_PER_EPOCH = 12


def written(folder: Path, name: str, *, first: str = "", epochs: int = 4) -> Path:
    path = folder / name
    path.write_text(SCRIPT.format(first=first, epochs=epochs))
    os.utime(path, (1, 1))  # long before it runs
    return path


def record(script: Path, root: Path) -> Path:
    """Run a script as `osler run` would, in this process; the run directory."""
    session = Session(plan=Plan(root, script=script.name, argv=("osler", "run", script.name)))
    session.attach()
    try:
        exec(compile(script.read_text(), str(script), "exec"), {"__name__": "__main__"})
    finally:
        session.detach()
    diagnosis = session.finish(script.name, 0)
    session.close(json.render(diagnosis, Frame(__version__, root, Sources())))
    assert session.logbook is not None
    assert session.logbook.path is not None
    return session.logbook.path


@pytest.fixture(scope="session")
def originals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with two runs."""
    project = tmp_path_factory.mktemp("project")
    runs = project / ".osler/runs"
    for name, options in {"healthy": {}, "faulty": {"first": "model.eval()", "epochs": 5}}.items():
        record(written(project, f"{name}.py", **options), project).rename(runs / RUNS[name])
    return project


RUNS = {"healthy": "20260101-120000-aaaaaaaa", "faulty": "20260102-120000-bbbbbbbb"}


@pytest.fixture
def project(originals: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The project as the current folder; its runs are as they were when the test began."""
    kept = originals.with_name(f"{originals.name}-kept")
    shutil.copytree(originals, kept, symlinks=True)
    monkeypatch.chdir(originals)
    yield originals
    shutil.rmtree(originals)
    kept.rename(originals)


@pytest.fixture
def home(project: Path) -> Path:
    return project / ".osler/runs"


@pytest.fixture
def healthy(home: Path) -> Path:
    return home / RUNS["healthy"]


@pytest.fixture
def faulty(home: Path) -> Path:
    return home / RUNS["faulty"]


@pytest.fixture
def write_script() -> Callable[..., Path]:
    return written


@pytest.fixture
def unfinish() -> Callable[..., None]:
    """Make a run one that was killed, or that goes on."""

    def unfinish(run: Path, *, alive: bool = False) -> None:
        folder = run / "r00000"
        facts = (folder / "facts.jsonl").read_bytes()
        cut = facts.index(b'{"t":"note","kind":"cost"')
        (folder / "facts.jsonl").write_bytes(facts[:cut])
        known = replace(open_run(run).manifest, pid=os.getpid(), birth="" if alive else "1")
        (folder / "manifest.json").write_text(to_json(known))
        (folder / "report.json").unlink()

    return unfinish
