"""A person at a terminal: the live line while it trains, the findings at once, Ctrl-C and the verdict."""

import os
import pty
import re
import select
import subprocess
import sys
import time
from pathlib import Path
from textwrap import dedent

TRAINS_FOREVER = dedent(
    """
    import torch
    model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Dropout(), torch.nn.Linear(8, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-4)
    data = torch.utils.data.TensorDataset(torch.randn(64, 4), torch.randn(64, 1))
    loader = torch.utils.data.DataLoader(data, batch_size=8, shuffle=True)
    while True:
        for x, y in loader:
            torch.nn.functional.mse_loss(model(x), y).backward()
            optimizer.step()
    """
)

PATIENCE = 60
"""Seconds that a slow machine may take."""


class Terminal:
    """A program with a terminal of its own, which remembers what was shown."""

    def __init__(self, command: list[str], folder: Path) -> None:
        self.keyboard, inner = pty.openpty()
        environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "100", "LINES": "40"}
        self.process = subprocess.Popen(
            command, stdin=inner, stdout=inner, stderr=inner, cwd=folder, env=environment, close_fds=True,
            preexec_fn=own_terminal,
        )  # fmt: skip
        os.close(inner)
        self.shown = ""

    def wait_for(self, text: str) -> None:
        """Read until the text was shown."""
        until = time.monotonic() + PATIENCE
        while text not in self.shown and time.monotonic() < until and self.read():
            pass
        assert text in self.shown, self.shown

    def read(self) -> bool:
        """Take what the program wrote; false once it has closed the terminal."""
        if select.select([self.keyboard], [], [], 0.2)[0]:
            try:
                self.shown += os.read(self.keyboard, 65536).decode(errors="replace")
            except OSError:
                return False
        return True

    def press(self, key: bytes) -> None:
        os.write(self.keyboard, key)

    def end(self) -> int:
        """Wait for the end; what it returned."""
        until = time.monotonic() + PATIENCE
        while self.process.poll() is None and time.monotonic() < until:
            self.read()
        while self.read() and select.select([self.keyboard], [], [], 0.2)[0]:
            pass
        self.process.kill()
        os.close(self.keyboard)
        return self.process.wait()


def own_terminal() -> None:
    """Make the terminal the one that sends Ctrl-C to this process, and keeps what was not yet read then."""
    import fcntl
    import termios

    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    settings = termios.tcgetattr(0)
    settings[3] |= termios.NOFLSH
    termios.tcsetattr(0, termios.TCSANOW, settings)


def plain(shown: str) -> str:
    """Without colours and movements of the cursor."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown).replace("\r", "\n")


def test_ctrl_c_ends_training_and_tells_what_was_seen(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(TRAINS_FOREVER)
    terminal = Terminal([sys.executable, "-m", "osler", "run", "train.py"], tmp_path)
    terminal.wait_for("gradients-not-cleared")
    terminal.press(b"\x03")
    code = terminal.end()
    shown = plain(terminal.shown)
    assert code in (130, -2)
    assert "KeyboardInterrupt" in shown
    assert re.search(r"osler: train\.py was interrupted after \d+ steps", shown)
    assert shown.rindex("why ") > shown.index("KeyboardInterrupt")
    assert "step " in shown
    assert "\x1b[" in terminal.shown


def test_a_second_ctrl_c_does_not_lose_the_first_ones_report(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(
        TRAINS_FOREVER.replace(
            "while True:", "import atexit, time\natexit.register(time.sleep, 3)\nwhile True:"
        )
    )
    terminal = Terminal([sys.executable, "-m", "osler", "run", "train.py"], tmp_path)
    terminal.wait_for("gradients-not-cleared")
    terminal.press(b"\x03")
    terminal.wait_for("KeyboardInterrupt")
    terminal.press(b"\x03")
    terminal.end()
    assert "more      osler explain gradients-not-cleared" in plain(terminal.shown)
