"""A faulty script, and what a diagnosis of it may look like."""

from collections.abc import Callable
from pathlib import Path

import pytest

from osler.model import (
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
            Related(at(CALL_LINE), "called here"),
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
