"""What is shown while training: never more than one line, never over the script's own text."""

import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from osler.model import Finding
from osler.report.live import ERASE, Live, line
from osler.report.screen import Screen


@dataclass(frozen=True)
class Progress:
    steps: int
    loss: float | None = None
    findings: int = 0


class Paper:
    """A screen whose text can be read back."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "screen"
        self.descriptor = os.open(self.file, os.O_WRONLY | os.O_CREAT)

    def terminal(self, *, color: bool = False, width: int = 100) -> Screen:
        return Screen(self.descriptor, is_terminal=True, has_color=color, width=width)

    def log(self) -> Screen:
        return Screen(self.descriptor)

    @property
    def text(self) -> str:
        return self.file.read_text()


@pytest.fixture
def paper(tmp_path: Path) -> Iterator[Paper]:
    paper = Paper(tmp_path)
    yield paper
    os.close(paper.descriptor)


def drawn(text: str) -> str:
    return f"\x1b7\x1b[?7l{text}\x1b[K\x1b[?7h\x1b8"


@pytest.mark.parametrize(
    ("progress", "text"),
    [
        (Progress(3), "step 3"),
        (Progress(412, 0.312049), "step 412  loss 0.312"),
        (Progress(412, float("nan"), 1), "step 412  loss nan  1 finding"),
        (Progress(412, 2.0, 2), "step 412  loss 2  2 findings"),
    ],
)
def test_line(progress: Progress, text: str) -> None:
    assert line(progress) == text


def test_the_cursor_stays_where_the_script_left_it(paper: Paper, root: Path) -> None:
    Live(paper.terminal(), root).show(Progress(3, 0.5))
    assert paper.text == drawn("step 3  loss 0.5")


def test_before_the_first_step_nothing_is_shown(paper: Paper, root: Path) -> None:
    Live(paper.terminal(), root).show(Progress(0))
    assert paper.text == ""


def test_a_debugger_is_left_alone_while_training_stands_still(paper: Paper, root: Path) -> None:
    live = Live(paper.terminal(), root)
    live.show(Progress(3))
    live.show(Progress(3))
    assert paper.text == drawn("step 3")


def test_a_narrow_terminal_gets_a_short_line(paper: Paper, root: Path) -> None:
    Live(paper.terminal(width=8), root).show(Progress(123456))
    assert paper.text == drawn("step 12")


def test_a_finding_is_announced_at_once(paper: Paper, root: Path, placeless: Finding) -> None:
    Live(paper.log(), root).announce(placeless)
    assert paper.text == (
        "osler: head.weight  warning  parameters-without-gradient: "
        "`head.weight` never received a gradient in 220 backwards\n"
    )


def test_a_finding_takes_the_place_of_the_line(paper: Paper, root: Path, eval_mode: Finding) -> None:
    live = Live(paper.terminal(color=True), root)
    live.show(Progress(3))
    live.announce(eval_mode)
    live.show(Progress(3))
    before, after = drawn("step 3"), drawn("step 3")
    announced = paper.text.removeprefix(before).removesuffix(after)
    assert announced.startswith(
        f"{ERASE}osler: train.py:18  \x1b[31merror\x1b[0m  training-in-eval-mode: 198 of"
    )
    assert announced.endswith("never undone\n")


def test_the_line_is_gone_at_the_end(paper: Paper, root: Path) -> None:
    live = Live(paper.terminal(), root)
    live.show(Progress(3))
    live.stop()
    live.show(Progress(4))
    live.stop()
    assert paper.text == drawn("step 3") + ERASE


def test_nothing_shown_nothing_erased(paper: Paper, root: Path) -> None:
    Live(paper.terminal(), root).stop()
    assert paper.text == ""


def test_it_renews_itself_and_hides_from_the_script(paper: Paper, root: Path) -> None:
    threads = threading.active_count()
    live = Live(paper.terminal(), root)
    asked = threading.Event()
    live.start(lambda: asked.set() or Progress(3))
    assert asked.wait(timeout=10)
    assert threading.active_count() == threads
    deadline = time.monotonic() + 10
    while not paper.text and time.monotonic() < deadline:
        pass
    live.stop()
    assert paper.text == drawn("step 3") + ERASE


def test_a_log_file_gets_no_line(paper: Paper, root: Path) -> None:
    live = Live(paper.log(), root)
    live.start(lambda: pytest.fail("nobody looks"))
    live.stop()
    assert paper.text == ""
