"""Ten faults: whoever opens the report sees at once which line, what happens, how it is known, what to do."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

FOLD = 800
"""Pixels of a page that are seen on a window 1280 wide before anybody scrolls."""

STEP = """\
        optimizer.zero_grad()
        loss = loss_fn(net(inputs), labels)
        loss.backward()
        optimizer.step()
"""


def step(*lines: str) -> tuple[str, str]:
    """Another order of the lines of a step."""
    return STEP, "".join(f"        {line}\n" for line in lines)


CLEAR, LOSS, BACKWARD = "optimizer.zero_grad()", "loss = loss_fn(net(inputs), labels)", "loss.backward()"

FAULTS = {
    "cut": ("h = self.stem(x)", "h = self.stem(x).detach()  # wrong"),
    "never cleared": step(LOSS, BACKWARD, "optimizer.step()"),
    "cleared too late": step(LOSS, BACKWARD, f"{CLEAR}  # wrong", "optimizer.step()"),
    "step too early": step(CLEAR, LOSS, "optimizer.step()  # wrong", BACKWARD),
    "never steps": step(CLEAR, LOSS, BACKWARD),
    "eval mode": ("    net.train()\n", ""),
    "train mode in evaluation": ("    net.eval()\n", ""),
    "softmax twice": ("return self.head(h)", "return self.head(h).softmax(1)"),
    "logits to nll_loss": ("nn.CrossEntropyLoss()", "nn.NLLLoss()"),
    "parts not optimised": ("SGD(net.parameters(), lr=0.1)", "SGD(net.head.parameters(), lr=0.1)  # wrong"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_the_five_answers_are_above_the_fold(
    watch: Callable[..., Any], tab: Any, tmp_path: Path, name: str
) -> None:
    watched = watch(*FAULTS[name])
    found = watched.diagnosis.headlines[0]
    file = tmp_path / "report.html"
    file.write_text(watched.report())
    line = watched.script.read_text().splitlines()[found.place.line - 1]
    with tab() as opened:
        opened.show(file)
        assert answer(opened, "details.problem > summary .where") == f"train.py:{found.place.line}"
        assert line.strip() in answer(opened, ".source .guilty")
        assert answer(opened, ".happens") == found.message.replace("`", "")
        assert str(round(found.evidence[0].value)) in answer(opened, ".numbers tbody")
        assert answer(opened, ".fix") == f"What to change: {found.fix.replace('`', '')}"
        assert "Not checked:" in answer(opened, ".silence")
        assert opened.complaints == []
    if "# wrong" in watched.script.read_text():
        assert "# wrong" in line


def answer(opened: Any, selector: str) -> str:
    """The text of the first such element, which is seen without scrolling."""
    element = opened.page.locator(selector).first
    box = element.bounding_box()
    assert box is not None, selector
    assert box["y"] + box["height"] <= FOLD, selector
    return element.inner_text()
