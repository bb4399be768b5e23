"""Reports of small real runs, and a browser to look at them: Debian's Chromium, offline."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from osler import __version__
from osler.engine.verdict import diagnose
from osler.model import Diagnosis
from osler.report.frame import Frame
from osler.report.html import render
from osler.report.json import render as as_json
from osler.report.source import Sources
from osler.session import Session
from osler.settings import Settings
from osler.store.logbook import Plan
from osler.store.reader import StoredRun, open_run

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
AXE = Path(__file__).parents[2] / "web/node_modules/axe-core/axe.min.js"

VIOLATIONS = """
axe.run().then(({violations}) => violations.map(
  ({id, nodes}) => `${id}: ${nodes.map(({html}) => html.slice(0, 160)).join(" | ")}`
))
"""

PAINTED = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"

TALLEST = 6_000
"""Pixels of a page that are drawn for its picture."""

SCRIPT = """\
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
torch.manual_seed(0)

def block():
    return nn.Sequential(nn.Linear(8, 8), nn.Dropout(0.1), nn.ReLU())

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem, self.head = nn.Linear(4, 8), nn.Linear(8, 3)
        self.blocks = nn.Sequential(*[block() for _ in range(4)])

    def forward(self, x):
        h = self.stem(x)
        h = self.blocks(h)
        return self.head(h)

net = Net()
loss_fn = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
x = torch.randn(96, 4)
y = x[:, :3].argmax(1)
training = DataLoader(TensorDataset(x, y), batch_size=8, shuffle=True)
testing = DataLoader(TensorDataset(x, y), batch_size=48)
for epoch in range(4):
    net.train()
    for inputs, labels in training:
        optimizer.zero_grad()
        loss = loss_fn(net(inputs), labels)
        loss.backward()
        optimizer.step()
    net.eval()
    with torch.no_grad():
        for inputs, labels in testing:
            loss_fn(net(inputs), labels)
"""


@dataclass(frozen=True)
class Watched:
    """A run of the script, perhaps with a fault, and its diagnosis."""

    script: Path
    stored: StoredRun
    diagnosis: Diagnosis

    def report(self, diagnosis: Diagnosis | None = None) -> str:
        """The HTML file, of another diagnosis if one is given."""
        frame = Frame(__version__, self.script.parent, Sources(), record=self.stored)
        return render(diagnosis or self.diagnosis, frame)


@pytest.fixture(scope="session")
def watch(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Watched]:
    """Run the script with one text replaced, watched and recorded, in this process."""

    def watch(old: str = "", new: str = "", keep: str = "nothing") -> Watched:
        assert not old or SCRIPT.count(old) == 1
        root = tmp_path_factory.mktemp("project")
        script = root / "train.py"
        script.write_text(SCRIPT.replace(old, new) if old else SCRIPT)
        session = Session(
            Settings(keep=keep), plan=Plan(root, script=script.name, argv=("osler", "run", script.name))
        )
        session.attach()
        try:
            exec(compile(script.read_text(), str(script), "exec"), {"__name__": "__main__"})
        finally:
            session.detach()
        files = session.sources(script)
        done = session.finish(script.name, 0, files=files)
        session.close(as_json(done, Frame(__version__, root, Sources())))
        assert session.logbook is not None
        assert session.logbook.path is not None
        stored = open_run(session.logbook.path)
        return Watched(script, stored, diagnose(stored))

    return watch


@dataclass
class Tab:
    """A page of the browser, and what it complained of or asked the network for."""

    page: Any
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def show(self, file: Path, name: str = "verdict") -> None:
        """Open a page of a report, and wait until it is drawn."""
        self.page.goto(f"{file.as_uri()}#{name}")
        self.page.wait_for_selector("main h1")
        if name == "graph":  # not every run has one
            self.page.wait_for_selector(".canvas svg, main:not(:has(.canvas)) .sheet > p")
        self.page.evaluate(PAINTED)

    def picture(self, path: Path) -> None:
        """A screenshot of the whole page, for which all charts are drawn: those out of sight are not."""
        seen = self.page.viewport_size
        height = self.page.evaluate("document.documentElement.scrollHeight")
        self.page.set_viewport_size({"width": seen["width"], "height": min(height, TALLEST)})
        self.page.evaluate(PAINTED)
        path.parent.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=path, full_page=True)
        self.page.set_viewport_size(seen)

    def until(self, expression: str) -> None:
        """Wait until something is true; the policy of the file forbids the browser's own way to do so."""
        for _ in range(200):
            if self.page.evaluate(expression):
                return
            self.page.wait_for_timeout(50)
        pytest.fail(f"never true: {expression}")

    def violations(self) -> list[str]:
        """What axe finds against WCAG 2.2 AA and its good practice."""
        self.page.evaluate(AXE.read_text())
        found = self.page.evaluate(VIOLATIONS)
        return list(found)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """One browser for all tests."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("no Chromium: apt-get install chromium")
    with api.sync_playwright() as running:
        chromium = running.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def tab(browser: Any) -> Callable[..., Any]:
    """Open a tab of a width and a colour scheme, without a network."""

    @contextmanager
    def tab(width: int = 1280, scheme: str = "light") -> Iterator[Tab]:
        context = browser.new_context(
            viewport={"width": width, "height": 800}, color_scheme=scheme, offline=True
        )
        made = Tab(context.new_page())
        made.page.on(
            "console", lambda m: made.complaints.append(m.text) if m.type in ("error", "warning") else None
        )
        made.page.on("pageerror", lambda error: made.complaints.append(str(error)))
        made.page.on("dialog", lambda dialog: made.complaints.append(f"dialog: {dialog.message}"))
        made.page.on("request", lambda request: made.requests.append(request.url))
        yield made
        context.close()

    return tab
