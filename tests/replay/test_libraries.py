"""Loops that a library makes: counted, read ahead, in windows; steered as the script's own are."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from osler.replay.observer import Observer
from osler.runtime.patches import Patches
from osler.testing import try_out

LIBRARY = '''
import torch


class Progress:
    """What a trainer counts."""

    def __init__(self):
        self.ready = 0
        self.stop = False


class Fetcher:
    """Knows the length of a pass, and ends it by counting."""

    def __init__(self, loader):
        self.loader, self.fetched = loader, 0

    def __iter__(self):
        self.batches, self.fetched = iter(self.loader), 0
        return self

    def __next__(self):
        if self.fetched >= len(self.loader):
            raise StopIteration
        batch = next(self.batches)
        self.fetched += 1
        return batch


class Trainer:
    """A loop whose end is counted in attributes."""

    def __init__(self, epochs, accumulate=1):
        self.epochs, self.accumulate, self.progress, self.seen = epochs, accumulate, Progress(), []

    def fit(self, module, loader):
        for self.epoch in range(self.epochs):
            self.progress.ready = 0
            for batch in (fetcher := Fetcher(loader)):
                self.one(module, batch)
                if self.progress.stop:
                    return

    def one(self, module, batch):
        self.progress.ready += 1
        loss = module.training_step(batch) / self.accumulate
        self.seen.append(loss.item() * self.accumulate)
        loss.backward()
        if self.progress.ready % self.accumulate == 0:
            module.optimizer.step()
            module.optimizer.zero_grad()


class Counting:
    """Counts in variables, in a generator that both asks for batches and trains on them."""

    def fit(self, module, loader, turns):
        self.seen = []
        for _ in self.turns(module, loader, turns):
            pass

    def turns(self, module, loader, turns):
        batches, count = iter(loader), 0
        while count < turns:
            try:
                batch = next(batches)
            except StopIteration:
                batches = iter(loader)
                continue
            count += 1
            module.optimizer.zero_grad()
            loss = module.training_step(batch)
            self.seen.append(loss.item())
            loss.backward()
            module.optimizer.step()
        yield count


class Shard:
    """One batch ahead, to know which is the last."""

    def __init__(self, loader, copies=False):
        self.loader, self.copies = loader, copies

    def __len__(self):
        return len(self.loader)

    def __iter__(self):
        batches = iter(self.loader)
        current = next(batches)
        while True:
            try:
                following = next(batches)
            except StopIteration:
                yield current
                return
            yield current
            current = following


class Queue:
    """Several batches ahead, in a list of its own."""

    def __init__(self, loader, ahead):
        self.loader, self.ahead, self.held = loader, ahead, []

    def __iter__(self):
        self.batches = iter(self.loader)
        self.held = [(next(self.batches), number) for number in range(self.ahead)]
        return self

    def __next__(self):
        if not self.held:
            raise StopIteration
        batch, _ = self.held.pop(0)
        try:
            self.held.append((next(self.batches), 0))
        except StopIteration:
            pass
        return batch


class Hidden(Queue):
    """Where nobody looks."""

    def __next__(self):
        batch, _ = self.held.pop(0)
        rest, self.held = self.held, []
        self.vault, rest = Vault(rest), None
        following = next(self.batches)
        self.held = [*self.vault.rest(), (following, 0)]
        return batch


class Vault:
    def __init__(self, rest):
        self.rest = lambda: rest


class Windows:
    """All batches of an accumulation window first, then a backward for each, then a step."""

    def __init__(self, epochs, window):
        self.epochs, self.window, self.seen, self.done = epochs, window, [], 0

    def window_of(self, batches, count):
        found = []
        for _ in range(count):
            try:
                found.append(next(batches))
            except StopIteration:
                break
        return found

    def fit(self, module, loader):
        for epoch in range(self.epochs):
            self.epoch(module, loader)

    def epoch(self, module, loader):
        batches, updates = iter(loader), len(loader) // self.window
        for update in range(updates):
            found = self.window_of(batches, self.window)
            for inputs in found:
                loss = module.training_step(inputs)
                self.seen.append(loss.item())
                (loss / len(found)).backward()
            module.optimizer.step()
            module.optimizer.zero_grad()
            self.done += 1
'''

SCRIPT = """
import trainerlib

class Module(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = Net()
        self.optimizer = torch.optim.Adam(self.net.parameters(), lr=0.05)

    def training_step(self, batch):
        x, y = batch
        loss = loss_fn(self.net(x), y)
        NOTE((x[0, 0].item(), loss.item()))
        return loss

module = Module()
loader = DataLoader(rows(640), batch_size=16)
"""


Noted = Callable[[], list[tuple[float, float]]]


@pytest.fixture
def given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Noted]:
    """The library is installed; what each training step was given is noted where no snapshot reaches it."""
    import builtins

    folder = tmp_path / "site-packages"
    folder.mkdir()
    (folder / "trainerlib.py").write_text(LIBRARY)
    monkeypatch.syspath_prepend(str(folder))
    noted: list[tuple[float, float]] = []
    builtins.NOTE = noted.append
    yield noted.copy
    del builtins.NOTE
    sys.modules.pop("trainerlib", None)


@pytest.mark.parametrize(
    "fit",
    [
        "trainerlib.Trainer(1).fit(module, loader)",
        "trainerlib.Trainer(1, accumulate=4).fit(module, loader)",
        "trainerlib.Counting().fit(module, loader, 40)",
        "trainerlib.Trainer(1).fit(module, trainerlib.Shard(loader))",
        "trainerlib.Counting().fit(module, trainerlib.Queue(loader, 3), 40)",
        "trainerlib.Windows(9, 2).fit(module, loader)",
        "trainerlib.Windows(12, 3).fit(module, trainerlib.Shard(loader))",
    ],
)
def test_a_library_repeats_its_turns_and_memorises_a_batch(given: Noted, fit: str) -> None:
    diagnosis = try_out(SCRIPT + fit, "replay-exactly", "overfit-one-batch")
    replayed, overfit = diagnosis.experiments
    assert replayed.answer == "yes, 10 turns bit for bit"
    assert overfit.answer.startswith("yes"), overfit
    assert not diagnosis.headlines


@pytest.mark.parametrize(
    "fit",
    [
        "trainerlib.Trainer(1).fit(module, loader)",
        "trainerlib.Trainer(1, accumulate=2).fit(module, trainerlib.Shard(loader))",
        "trainerlib.Counting().fit(module, trainerlib.Queue(loader, 2), 40)",
        "trainerlib.Windows(9, 2).fit(module, trainerlib.Shard(DataLoader(rows(960), batch_size=16)))",
    ],
)
def test_afterwards_the_library_goes_on_where_it_was(given: Noted, fit: str) -> None:
    """The losses of the first pass are those without a pre-flight, bit for bit."""
    from osler.testing import PRELUDE

    exec(PRELUDE + SCRIPT + fit, {"__name__": "__main__"})
    before = len(given())
    alone = given()[:12]
    try_out(SCRIPT + fit, "replay-exactly")
    steered = given()[before + 1 :]
    assert any(steered[at : at + 12] == alone for at in range(len(steered))), (alone, steered)


def test_each_turn_is_made_of_the_batch_that_was_planned(given: Noted) -> None:
    """However many wait: while one batch is memorised the loop sees nothing else."""
    fit = "trainerlib.Counting().fit(module, trainerlib.Queue(loader, 3), 40)"
    diagnosis = try_out(SCRIPT + fit, "overfit-one-batch")
    turns = int(diagnosis.experiments[0].values["turns"])
    firsts = [first for first, _ in given()]
    assert max(len(run) for run in stretches(firsts)) >= turns


def stretches(values: list[float]) -> Iterator[list[float]]:
    """Equal values in a row."""
    run: list[float] = []
    for value in values:
        if run and run[-1] != value:
            yield run
            run = []
        run.append(value)
    yield run


def test_what_waits_where_nobody_looks_is_not_steered(given: Noted) -> None:
    fit = "trainerlib.Counting().fit(module, trainerlib.Hidden(loader, 2), 40)"
    diagnosis = try_out(SCRIPT + fit, "overfit-one-batch", "connectivity")
    answers = {a.name: a for a in diagnosis.experiments}
    assert answers["overfit-one-batch"].skipped == (
        "the loop reads batches ahead, and it is not known where it keeps them"
    )
    assert answers["connectivity"].answer.startswith("yes")
    assert not diagnosis.headlines


def test_the_ranges_of_a_library_are_respected(given: Noted) -> None:
    fit = "trainerlib.Windows(1, 2).fit(module, loader)"
    diagnosis = try_out(SCRIPT + fit, "overfit-one-batch")
    (answer,) = diagnosis.experiments
    assert answer.skipped == "it needs 30 turns, and the loop makes only 3 more"


def test_a_loop_around_a_library_is_no_limit(given: Noted) -> None:
    fit = "for rate in (0.1, 0.01):\n    trainerlib.Trainer(1).fit(module, loader)"
    (answer,) = try_out(SCRIPT + fit, "overfit-one-batch").experiments
    assert answer.answer.startswith("yes")


def roots(loss_and_backward: Callable[[Callable[[Tensor], None]], None]) -> list[int]:
    """The line that is told of each backward call; a library's function calls backward."""
    observer, patches = Observer(), Patches()
    observer.install(patches)
    space: dict[str, Callable[[Tensor], None]] = {}
    exec(compile("def go(loss):\n    loss.backward()\n", "/site-packages/lib.py", "exec"), space)
    try:
        loss_and_backward(space["go"])
    finally:
        patches.undo()
    return [root.site[0].line for root in observer.take().roots]


def test_where_a_library_goes_backward_the_line_of_the_loss_is_told() -> None:
    weight, target = torch.zeros(3, 4, requires_grad=True), torch.tensor([0, 1, 2])
    lines: list[int] = []

    def step(go: Callable[[Tensor], None]) -> None:
        lines.append(sys._getframe().f_lineno + 1)
        loss = F.cross_entropy(weight, target)
        go(loss)
        lines.append(sys._getframe().f_lineno + 1)
        F.cross_entropy(weight, target).backward()
        lines.append(sys._getframe().f_lineno + 1)
        torch.autograd.backward(F.cross_entropy(weight, target))

    assert roots(step) == lines


def test_without_a_loss_of_torch_it_is_the_line_that_calls_the_library() -> None:
    weight = torch.zeros(3, requires_grad=True)
    lines: list[int] = []

    def step(go: Callable[[Tensor], None]) -> None:
        loss = weight.square().sum()
        lines.append(sys._getframe().f_lineno + 1)
        go(loss)

    assert roots(step) == lines
