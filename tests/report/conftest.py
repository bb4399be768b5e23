"""A faulty script with its diagnoses, and a recorded run of one that works out what the pages must show."""

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from osler import __version__
from osler.engine.verdict import diagnose
from osler.model import (
    CALLED_HERE,
    Check,
    Confidence,
    Cost,
    Coverage,
    Diagnosis,
    Evidence,
    Finding,
    Group,
    Place,
    Related,
    Severity,
    Subject,
)
from osler.report.frame import Frame
from osler.report.json import render
from osler.report.page.content import content
from osler.report.source import Sources
from osler.session import Session
from osler.settings import Settings
from osler.store.logbook import Plan
from osler.store.reader import StoredRun, open_run

SCRIPT = """\
import torch
from torch import nn

model = nn.Sequential(nn.Linear(8, 16), nn.Dropout(0.1), nn.Linear(16, 4))
loss_fn = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters())


def train(loader):
    for xb, yb in loader:
        optimizer.zero_grad()
        loss = loss_fn(model(xb), yb)
        loss.backward()
        optimizer.step()


def validate(loader):
    model.eval()  # never undone
    with torch.no_grad():
        for xb, yb in loader:
            print("loss", loss_fn(model(xb), yb).item())


for epoch in range(10):
    train(train_loader)

    validate(val_loader)
"""
EVAL_LINE, FORWARD_LINE, BACKWARD_LINE, CALL_LINE = 18, 12, 13, 25

At = Callable[..., Place]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The folder where Osler was started, with the script in it."""
    (tmp_path / "train.py").write_text(SCRIPT)
    return tmp_path


@pytest.fixture
def at(root: Path) -> At:
    """A line of the script, with whatever else is known of the place."""
    return lambda line, **known: Place(str(root / "train.py"), line, **known)


@pytest.fixture
def eval_mode(at: At) -> Finding:
    """An error with everything a finding can have."""
    return Finding(
        check="training-in-eval-mode",
        place=at(EVAL_LINE, step=22, subject="Sequential"),
        message="198 of 220 steps were taken in eval mode: `eval()` was never undone",
        expected="the model is in train mode when it is trained",
        why="Dropout drops nothing: the model overfits.",
        fix="Call `model.train()` at the start of every epoch, and again after each evaluation inside one.",
        severity=Severity.ERROR,
        related=(
            Related(at(FORWARD_LINE), "the forward that is trained"),
            Related(at(CALL_LINE), CALLED_HERE),
        ),
        evidence=(
            Evidence("steps in eval mode", 198, "0", step=22),
            Evidence("share of the units that Dropout drops", 0.0, "0.1", "ratio"),
        ),
    )


@pytest.fixture
def nan_loss(at: At) -> Finding:
    """An error that follows from another."""
    return Finding(
        "loss-not-finite",
        at(BACKWARD_LINE, step=40),
        "the loss is nan since step 40, after 0.0312",
        "a finite loss",
        "Every weight becomes NaN.",
        "Lower the learning rate.",
        Severity.ERROR,
        evidence=(Evidence("loss", float("nan"), "finite", step=40),),
    )


@pytest.fixture
def placeless() -> Finding:
    """A warning for which no line of the user is known."""
    return Finding(
        "parameters-without-gradient",
        Place(subject="head.weight", step=1),
        "`head.weight` never received a gradient in 220 backwards",
        "every trainable parameter receives a gradient",
        "It keeps its random values.",
        "Use the module in the forward, or remove it.",
        Severity.WARNING,
        Confidence.LIKELY,
    )


@pytest.fixture
def hint(at: At) -> Finding:
    """Something worth knowing."""
    return Finding(
        "last-batch-small", at(10), "the last batch holds 3 samples", "", "", "Set drop_last.", Severity.HINT
    )


@pytest.fixture
def healthy() -> Diagnosis:
    """Nothing is wrong, and everything was seen."""
    return Diagnosis(
        subject=Subject(script="train.py", steps=220, backwards=220, forwards=250, batches=250, optimizers=1),
        checked=("training-in-eval-mode", "loss-not-finite", "parameters-without-gradient"),
        not_applicable={
            "evaluating-in-train-mode": "no evaluation was seen",
            "probabilities-passed-to-nll-loss": "nll_loss was not called",
            "logits-passed-to-nll-loss": "nll_loss was not called",
        },
        coverage=Coverage(models_seen=1, modules_seen=4, modules_total=4),
        cost=Cost(limit=0.01, seconds=0.012, training_seconds=2.0),
    )


@pytest.fixture
def groups(eval_mode: Finding, nan_loss: Finding, placeless: Finding, hint: Finding) -> tuple[Group, ...]:
    """One cause with a symptom, one without a line, one hint."""
    return (Group(eval_mode, (nan_loss,)), Group(placeless), Group(hint))


HOSTILE = (
    "\x1b[31mred\x1b[0m \x00\x07\x9b\u202e\ud800\ufffe line\r\nbreak ::error file=x::no ##[error]no %0A"
    " ]]> <script>alert(1)</script> <!-- --> &lt; | `tick | tock` ``` **bold** [a](http://b) {0} @user #1"
)
"""What a module, a message or a file may be called by someone who means harm."""


@pytest.fixture
def hostile(root: Path) -> Diagnosis:
    """Everything that a user can name is a trap, and half of what is known is missing."""
    trap = Finding(
        check=HOSTILE,
        place=Place(str(root / HOSTILE.replace("/", "")), 3, HOSTILE, None, HOSTILE),
        message=HOSTILE,
        expected=HOSTILE,
        why=HOSTILE,
        fix=HOSTILE,
        severity=Severity.ERROR,
        related=(Related(Place("<string>", 1), HOSTILE), Related(Place(subject="x"), HOSTILE)),
        evidence=(
            Evidence(HOSTILE, float("nan"), HOSTILE, HOSTILE),
            Evidence("loss", float("-inf"), "", step=0),
        ),
    )
    nowhere = replace(trap, place=Place(), related=(), evidence=(), severity=Severity.WARNING)
    return Diagnosis(
        subject=Subject(script=HOSTILE, steps=3, backwards=3, exit_code=1, ended_by="exception"),
        groups=(
            Group(trap, (nowhere,)),
            Group(replace(nowhere, check="x")),
            Group(replace(nowhere, suppressed=True)),
            Group(replace(nowhere, severity=Severity.HINT)),
        ),
        checked=("x",),
        not_applicable={f"{HOSTILE}1": HOSTILE},
        failed={f"{HOSTILE}2": HOSTILE},
        coverage=Coverage(blind=(HOSTILE,)),
        cost=Cost(failures=(HOSTILE,)),
    )


@pytest.fixture
def cases(healthy: Diagnosis, groups: tuple[Group, ...], hostile: Diagnosis) -> dict[str, Diagnosis]:
    """One diagnosis of each kind, by name."""
    sick = replace(healthy, groups=groups)
    intended = tuple(replace(g, cause=replace(g.cause, suppressed=True)) for g in groups)
    return {
        "sick": sick,
        "healthy": healthy,
        "crash": replace(
            sick,
            subject=replace(sick.subject, exit_code=1, ended_by="exception"),
            failed={"broken": "it failed"},
        ),
        "intended": replace(sick, groups=intended),
        "hostile": hostile,
    }


@pytest.fixture
def frame(root: Path, monkeypatch: pytest.MonkeyPatch) -> Frame:
    """A frame whose catalogue knows one check, so that no golden file changes with the real one."""
    page = ModuleType("stub.modules.training_in_eval_mode")
    monkeypatch.setitem(sys.modules, page.__name__, page)
    page.__doc__ = """The model is trained in eval mode.\n\n## Bad\n\n```python\nmodel = {0: eval()}\n```\n"""
    check = Check(
        page.__name__, Severity.ERROR, "train mode", "Dropout drops nothing.", "Call `model.train()`."
    )
    return Frame("1.2.3", root, Sources(), checks={check.name: check})


@pytest.fixture
def compare_golden(golden: Callable[[str, str], None], root: Path) -> Callable[[str, str], None]:
    """Compare with a golden file; the folder of the test has the same name in all of them."""
    return lambda name, text: golden(name, text.replace(str(root), "/home/me/project"))


TRUTH = """\
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
truth = {"loss": [], "norms": [], "ratios": [], "labels": [], "logits": [], "evaluations": []}
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
        before = {n: p.detach().clone() for n, p in net.named_parameters()}
        optimizer.step()
        moved = {n: (p.detach() - before[n]).norm() / before[n].norm() for n, p in net.named_parameters()}
        truth["ratios"].append({n: ratio.item() for n, ratio in moved.items()})
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
    script.write_text(TRUTH)
    plan = Plan(root, script=script.name, argv=("osler", "run", script.name))
    session = Session(Settings(overhead=1.0), plan=plan)  # more than one sample, however slow the machine
    session.attach()
    try:
        exec(compile(TRUTH, str(script), "exec"), scope)
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
