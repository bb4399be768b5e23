"""Every fix, on the page of its check and on the faults of `tests/programs/reading`.

What must hold of all: the finding is gone, no other has come, a second time nothing changes, and everything
that is not edited stays as it was.
"""

import re
import sys
from difflib import unified_diff
from pathlib import Path

import pytest

from osler.engine.catalogue import catalogue
from osler.engine.fixing import Mended, mend
from osler.engine.linting import lint_sources, parts_of
from osler.static.sources import parse
from osler.testing import EXAMPLE, PRELUDE

CHECKS = [c for c in catalogue().values() if c.code_detector]
FIXED = [c.name for c in CHECKS if c.code_fix]
FOLDER = Path(__file__).parents[1] / "programs" / "reading"

EDITS = {
    "accumulated-loss-not-averaged": ["-    loss.backward()", "+    (loss / 4).backward()"],
    "activation-on-residual-in-place": [
        "-        self.body = nn.Sequential(nn.ReLU(inplace=True), nn.Linear(8, 8))",
        "+        self.body = nn.Sequential(nn.ReLU(inplace=False), nn.Linear(8, 8))",
    ],
    "batch-means-averaged-unweighted": [
        "-            total += loss_fn(model(x), y).item()",
        "-    test_loss = total / len(test_loader)",
        "+            total += loss_fn(model(x), y).item() * len(x)",
        "+    test_loss = total / len(test_loader.dataset)",
    ],
    "best-weights-aliased": [
        "+import copy",
        "-        best = model.state_dict()",
        "+        best = copy.deepcopy(model.state_dict())",
    ],
    "buffer-not-registered": [
        "-        self.directions = torch.randn(8, 16)",
        '+        self.register_buffer("directions", torch.randn(8, 16))',
    ],
    "clipping-after-step": [
        "+        nn.utils.clip_grad_norm_(model.parameters(), 1.0)",
        "-        nn.utils.clip_grad_norm_(model.parameters(), 1.0)",
    ],
    "clipping-before-backward": ["+        loss.backward()", "-        loss.backward()"],
    "clipping-before-unscale": ["+        scaler.unscale_(optimizer)"],
    "dropout-always-active": [
        "-        x = F.dropout(torch.relu(self.body(x)), p=0.5)",
        "+        x = F.dropout(torch.relu(self.body(x)), p=0.5, training=self.training)",
    ],
    "evaluating-in-train-mode": ["+    model.eval()"],
    "evaluation-tracks-gradients": [
        "-    val_loss = sum(loss_fn(model(x), y).item() for x, y in val_loader) / len(val_loader)",
        "+    with torch.no_grad():",
        "+        val_loss = sum(loss_fn(model(x), y).item() for x, y in val_loader) / len(val_loader)",
    ],
    "gradients-cleared-before-step": ["+        optimizer.step()", "-        optimizer.step()"],
    "gradients-not-cleared": ["+        optimizer.zero_grad()"],
    "graph-kept-in-accumulator": ["-        total += loss", "+        total += loss.detach()"],
    "kl-div-input-not-log": [
        '-        loss = F.kl_div(F.softmax(model(x), dim=1), target, reduction="batchmean")',
        '+        loss = F.kl_div(F.log_softmax(model(x), dim=1), target, reduction="batchmean")',
    ],
    "kl-div-reduction": [
        '-        loss = F.kl_div(F.log_softmax(model(x), dim=1), target, reduction="mean")',
        '+        loss = F.kl_div(F.log_softmax(model(x), dim=1), target, reduction="batchmean")',
    ],
    "loader-indexed": ["-x, y = list(loader)[0]", "+x, y = next(iter(loader))"],
    "log-of-softmax": [
        "-        loss = F.nll_loss(torch.log(F.softmax(model(x), dim=1)), y)",
        "+        loss = F.nll_loss(F.log_softmax(model(x), dim=1), y)",
    ],
    "logits-passed-to-bce-loss": [
        "-        loss = F.binary_cross_entropy(judge(x).squeeze(1), (y > 1).float())",
        "+        loss = F.binary_cross_entropy_with_logits(judge(x).squeeze(1), (y > 1).float())",
    ],
    "logits-passed-to-nll-loss": [
        "-        loss = F.nll_loss(model(x), y)",
        "+        loss = F.cross_entropy(model(x), y)",
    ],
    "optimizer-never-steps": ["+        optimizer.step()"],
    "parameters-frozen-unintentionally": ["-    p.require_grad = False", "+    p.requires_grad = False"],
    "parameters-not-registered": [
        "-        self.layers = [nn.Linear(8, 8) for _ in range(3)]",
        "+        self.layers = nn.ModuleList([nn.Linear(8, 8) for _ in range(3)])",
    ],
    "parameters-used-up": [
        "-params = filter(lambda p: p.requires_grad, model.parameters())",
        "+params = list(filter(lambda p: p.requires_grad, model.parameters()))",
    ],
    "probabilities-passed-to-nll-loss": [
        "-model = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 4), nn.Softmax(dim=1))",
        "+model = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 4), nn.LogSoftmax(dim=1))",
    ],
    "sampler-epoch-not-set": ["+    sampler.set_epoch(epoch)"],
    "schedule-stepped-before-optimizer": ["-    schedule.step()", "+    schedule.step()"],
    "sigmoid-before-bce-with-logits": [
        "-judge = nn.Sequential(nn.Linear(8, 1), nn.Sigmoid())",
        "+judge = nn.Sequential(nn.Linear(8, 1))",
    ],
    "softmax-before-cross-entropy": [
        "-model = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 4), nn.Softmax(dim=1))",
        "+model = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 4))",
    ],
    "step-before-backward": ["+        loss.backward()", "-        loss.backward()"],
    "target-requires-grad": [
        "-        loss = F.cross_entropy(model(x), F.softmax(teacher(x), dim=1))",
        "+        loss = F.cross_entropy(model(x), F.softmax(teacher(x), dim=1).detach())",
    ],
    "training-in-eval-mode": ["+    model.train()"],
}
"""What changes in the example of each page."""

SAFE = {"evaluation-tracks-gradients", "graph-kept-in-accumulator"}
"""Checks whose fix changes no number of the training."""


def mended(text: str, *, unsafe: bool = True) -> Mended:
    source = parse(Path(EXAMPLE), text.encode())
    found = lint_sources([source], CHECKS).diagnosis.findings
    return mend(parts_of([source], [source]), CHECKS, found, unsafe=unsafe)


def names(text: str) -> list[str]:
    found = lint_sources([parse(Path(EXAMPLE), text.encode())], CHECKS).diagnosis.findings
    return sorted(f.check for f in found)


def bad(name: str) -> str:
    page = sys.modules[catalogue()[name].module].__doc__ or ""
    example = re.search(r"## Bad\n\n```python\n(.*?)```", page, re.DOTALL)
    assert example is not None
    return f"{PRELUDE}\n\n{example[1]}"


def faults(name: str) -> list[str]:
    text = (FOLDER / f"{name}.py").read_text("utf-8")
    parts = re.split(r"^# (fault|near): .*\n", text, flags=re.MULTILINE)[1:]
    kinds = zip(parts[::2], parts[1::2], strict=True)
    return [f"{PRELUDE}\n\n{code}" for kind, code in kinds if kind == "fault"]


@pytest.mark.parametrize("name", EDITS)
def test_only_what_is_wrong_is_edited(name: str) -> None:
    before = bad(name)
    after = mended(before).texts[EXAMPLE]
    diff = unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=0)
    assert [line for line in list(diff)[2:] if not line.startswith("@@")] == EDITS[name]


@pytest.mark.parametrize("name", FIXED)
def test_a_second_time_changes_nothing(name: str) -> None:
    for before in [bad(name), *faults(name)]:
        done = mended(before)
        after = done.texts.get(EXAMPLE, before)
        assert after.count("\n") - before.count("\n") in range(-1, 4)
        assert mended(after).texts == {}
        there, left = names(before), names(after)
        assert all(left.count(n) == there.count(n) - done.fixed[n] for n in {*there, *left})


@pytest.mark.parametrize("name", FIXED)
def test_what_changes_the_training_is_not_done_unasked(name: str) -> None:
    done = mended(bad(name), unsafe=False)
    assert catalogue()[name].is_safe_to_fix == (name in SAFE)
    assert bool(done.fixed[name]) == (name in SAFE)
    assert bool(done.unsafe[name]) == (name not in SAFE)


NOT_EDITED = {
    "two statements on a line": (
        "for x, y in loader:\n    loss_fn(model(x), y).backward(); optimizer.step()\n"
    ),
    "a body on the line of its head": (
        "for x, y in loader:\n    loss_fn(model(x), y).backward()\n    if x.sum(): optimizer.step()\n"
    ),
    "a closure": "for x, y in loader:\n    optimizer.step(lambda: loss_fn(model(x), y).backward())\n",
}


@pytest.mark.parametrize("title", NOT_EDITED)
def test_what_is_not_clear_is_left_alone(title: str) -> None:
    assert mended(f"{PRELUDE}\n{NOT_EDITED[title]}").texts == {}


@pytest.mark.parametrize(
    ("line", "after"),
    [
        ("loss = F.cross_entropy(F.softmax(model(x) * 2, dim=1), y)", "F.cross_entropy((model(x) * 2), y)"),
        ("loss = F.cross_entropy(model(x).softmax(1), y)", "F.cross_entropy(model(x), y)"),
        (
            "loss = F.cross_entropy(torch.softmax(\n        model(x),\n        1), y)",
            "F.cross_entropy(model(x), y)",
        ),
        ("é = 'ü'; loss = F.cross_entropy(F.softmax(model(x), 1), y)", "F.cross_entropy(model(x), y)"),
    ],
)
def test_a_call_is_unwrapped(line: str, after: str) -> None:
    rest = "    loss.backward()\n    optimizer.step()\n"
    program = f"{PRELUDE}\nfor x, y in loader:\n    optimizer.zero_grad()\n    {line}\n{rest}"
    assert after in mended(program).texts[EXAMPLE]


def test_an_acknowledged_finding_is_left_alone() -> None:
    comment = "  # osler: ignore[gradients-not-cleared] momentum on purpose"
    program = f"{PRELUDE}\nfor x, y in loader:\n    loss_fn(model(x), y).backward()\n    optimizer.step()"
    assert mended(f"{program}{comment}\n").texts == {}
    assert mended(f"{program}\n").fixed == {"gradients-not-cleared": 1}
