"""A recorded run of a script that works out for itself what the pages must show."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from osler import __version__
from osler.engine.verdict import diagnose
from osler.model import Diagnosis
from osler.report.frame import Frame
from osler.report.json import render
from osler.report.page.content import content
from osler.report.source import Sources
from osler.session import Session
from osler.store.logbook import Plan
from osler.store.reader import StoredRun, open_run

SCRIPT = """\
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
torch.manual_seed(0)

class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(6, 6), nn.Linear(6, 6)

    def forward(self, x):
        return x + self.second(torch.relu(self.first(x)))

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem, self.side, self.head = nn.Linear(4, 6), nn.Linear(4, 6), nn.Linear(6, 3)
        self.blocks = nn.Sequential(*[Block() for _ in range(4)])

    def forward(self, x):
        beside = self.side(x).detach()  # the cut
        return self.head(self.blocks(self.stem(x)) + beside)

net = Net()
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
x = torch.randn(96, 4)
training = DataLoader(TensorDataset(x, x[:, :3].argmax(1)), batch_size=8, shuffle=True)
testing = DataLoader(TensorDataset(x, x[:, :3].argmax(1)), batch_size=48)
truth = {"loss": [], "norms": [], "labels": [], "logits": [], "evaluations": []}
for epoch in range(3):
    for inputs, labels in training:
        optimizer.zero_grad()
        logits = net(inputs)
        loss = nn.functional.cross_entropy(logits, labels)
        loss.backward()
        truth["loss"].append(loss.item())
        truth["labels"].append(torch.bincount(labels, minlength=3).tolist())
        truth["logits"].append(logits.detach().flatten().tolist())
        reached = [(n, p.grad) for n, p in net.named_parameters() if p.grad is not None]
        truth["norms"].append({n: grad.norm().item() for n, grad in reached})
        optimizer.step()
    truth["evaluations"].append(len(truth["loss"]))
    net.eval()
    with torch.no_grad():
        for inputs, labels in testing:
            nn.functional.cross_entropy(net(inputs), labels)
    net.train()
"""


@dataclass(frozen=True)
class Shown:
    """A run with its pages.

    Attributes:
        truth: what the script found out by itself.
        page: what the page is told.
        script: the script.
        stored: the run.
        diagnosis: its diagnosis.
        frame: of its report.
    """

    truth: dict[str, Any]
    page: dict[str, Any]
    script: Path
    stored: StoredRun
    diagnosis: Diagnosis
    frame: Frame

    def line(self, text: str) -> str:
        """Where a text stands in the script, as pages write it."""
        lines = self.script.read_text().splitlines()
        return f"{self.script.name}:{next(n for n, line in enumerate(lines, 1) if text in line)}"

    def series(self, name: str) -> dict[str, Any]:
        """A series of the page."""
        return next(s for s in self.page["series"] if s["name"] == name)


@pytest.fixture(scope="session")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Shown:
    """The run, watched and recorded in this process."""
    root = tmp_path_factory.mktemp("project")
    script = root / "train.py"
    scope: dict[str, Any] = {"__name__": "__main__"}
    script.write_text(SCRIPT)
    session = Session(plan=Plan(root, script=script.name, argv=("osler", "run", script.name)))
    session.attach()
    try:
        exec(compile(SCRIPT, str(script), "exec"), scope)
    finally:
        session.detach()
    frame = Frame(__version__, root, Sources())
    session.close(render(session.finish(script.name, 0), frame))
    assert session.logbook is not None
    assert session.logbook.path is not None
    stored = open_run(session.logbook.path)
    diagnosis = diagnose(stored)
    page: dict[str, Any] = content(diagnosis, Frame(__version__, root, Sources(), record=stored))
    return Shown(scope["truth"], page, script, stored, diagnosis, frame)
