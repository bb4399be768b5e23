"""The four loss mistakes can be seen: what a loss wants, what it was given, and how that is distributed."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from osler import __version__
from osler.report.frame import Frame
from osler.report.json import render
from osler.report.plots.drawing import plot
from osler.report.source import Sources
from osler.session import Session
from osler.store.logbook import Plan
from osler.store.reader import StoredRun, open_run

pytest.importorskip("matplotlib")

SCRIPT = """\
import torch
from torch import nn
torch.manual_seed(0)
F = nn.functional
net = nn.Linear(5, {classes})
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
x, y = torch.randn(64, 5) * 3, {target}
given = []
for turn in range(6):
    optimizer.zero_grad()
    scores = {scores}
    given.append(scores.detach())
    loss = F.{loss}(scores, y)
    loss.backward()
    optimizer.step()
"""

BINARY = {"classes": 1, "target": "torch.randint(2, (64, 1)).float()"}
CLASSES = {"classes": 4, "target": "torch.randint(4, (64,))"}

WITH_LOGITS = "binary_cross_entropy_with_logits"

LOSSES: list[tuple[str, str, dict[str, Any], str, bool]] = [
    (
        "cross_entropy",
        "net(x).softmax(1)",
        CLASSES,
        "wants logits, was given probabilities from softmax",
        True,
    ),
    ("nll_loss", "net(x)", CLASSES, "wants log-probabilities, was given logits", True),
    (
        "nll_loss",
        "net(x).softmax(1)",
        CLASSES,
        "wants log-probabilities, was given probabilities from softmax",
        True,
    ),
    (WITH_LOGITS, "net(x).sigmoid()", BINARY, "wants logits, was given probabilities from sigmoid", True),
    ("cross_entropy", "net(x)", CLASSES, "wants logits, was given logits", False),
    ("cross_entropy", "net(x).log_softmax(1)", CLASSES, "wants logits, was given log-probabilities", False),
    (
        "nll_loss",
        "net(x).log_softmax(1)",
        CLASSES,
        "wants log-probabilities, was given log-probabilities",
        False,
    ),
    (WITH_LOGITS, "net(x)", BINARY, "wants logits, was given logits", False),
    (
        "binary_cross_entropy",
        "net(x).sigmoid()",
        BINARY,
        "wants probabilities, was given probabilities",
        False,
    ),
    ("mse_loss", "net(x)", BINARY, "was given logits", False),
]

WRONG, GOOD = "#b3261e", "black"


@pytest.fixture
def trained(tmp_path: Path) -> Callable[[str], tuple[StoredRun, dict[str, Any]]]:
    """Run a script, watched and recorded in this process; the run, and its variables."""

    def trained(text: str) -> tuple[StoredRun, dict[str, Any]]:
        script = tmp_path / "train.py"
        script.write_text(text)
        session = Session(plan=Plan(tmp_path, script=script.name, argv=("osler", "run", script.name)))
        scope: dict[str, Any] = {"__name__": "__main__"}
        session.attach()
        try:
            exec(compile(text, str(script), "exec"), scope)
        finally:
            session.detach()
        frame = Frame(__version__, tmp_path, Sources())
        session.close(render(session.finish(script.name, 0), frame))
        assert session.logbook is not None
        assert session.logbook.path is not None
        return open_run(session.logbook.path), scope

    return trained


@pytest.mark.parametrize(("loss", "scores", "data", "words", "is_wrong"), LOSSES)
def test_a_mistake_is_seen_and_what_is_right_is_not_called_one(
    trained: Any,
    monkeypatch: Any,
    tmp_path: Path,
    *,
    loss: str,
    scores: str,
    data: Any,
    words: str,
    is_wrong: bool,
) -> None:
    stored, scope = trained(SCRIPT.format(loss=loss, scores=scores, **data))
    monkeypatch.chdir(tmp_path)
    (axes,) = plot(stored, "logits").axes
    title = axes.title.get_text()
    assert title.startswith(f"{loss} at train.py:13: {words}")
    assert axes.title.get_color() == (WRONG if is_wrong else GOOD)
    first = next(p for p in axes.patches if p.get_label() == "step 0")
    assert first.get_data().values.tolist() == pytest.approx(shares(axes, scope["given"][0]))


def shares(axes: Any, given: torch.Tensor) -> list[float]:
    """The distribution by another way: each number between two marks of the axis, which name their values."""
    edges = [float(text.get_text()) for text in axes.get_xticklabels()]
    exact = [math.copysign(2.0 ** round(math.log2(abs(e))), e) for e in edges]
    counts = [0] * (len(edges) - 1)
    for value in given.flatten().double().tolist():
        inside = [n for n in range(len(counts)) if exact[n] <= value < exact[n + 1]]
        if value < 0:  # a power of two belongs to the numbers that are larger in size
            inside = [n for n in range(len(counts)) if exact[n] < value <= exact[n + 1]]
        counts[inside[0]] += 1
    return (np.array(counts) / max(1, given.numel())).tolist()


def test_each_loss_has_a_panel_of_its_own(trained: Any, monkeypatch: Any, tmp_path: Path) -> None:
    text = SCRIPT.format(loss="cross_entropy", scores="net(x)", **CLASSES)
    more = "    loss = loss + F.nll_loss(net(x).softmax(1), y)\n    loss.backward()"
    stored, _ = trained(text.replace("    loss.backward()", more))
    monkeypatch.chdir(tmp_path)
    assert [axes.title.get_text() for axes in plot(stored, "logits").axes] == [
        "cross_entropy at train.py:13: wants logits, was given logits",
        "nll_loss at train.py:14: wants log-probabilities, was given probabilities from softmax",
    ]
