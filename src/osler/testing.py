"""Write tests of checks: build runs by hand, examine examples for real, assert silence."""

from __future__ import annotations

import contextlib
import tempfile
import warnings
from collections.abc import Callable, Iterable
from operator import attrgetter
from pathlib import Path
from typing import Any, cast

from osler.engine.catalogue import catalogue
from osler.engine.context import derive
from osler.engine.judge import judge
from osler.engine.linting import lint_sources
from osler.model import Check, Diagnosis, Event, Finding, Kind, Pattern, Place, Run, Severity
from osler.static.sources import parse

FILE = "/home/user/train.py"
"""Where the lines of runs built by hand are."""

EXAMPLE = "/home/user/example.py"
"""Where the lines of examples that are only read are."""

PRELUDE = '''\
"""What the examples of the catalogue take for granted."""

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(8, 16)
        self.head = nn.Linear(16, 4)

    def forward(self, x):
        return self.head(torch.relu(self.body(x)))


def rows(count):
    x = torch.randn(count, 8)
    return TensorDataset(x, x[:, :4].argmax(dim=1))


torch.manual_seed(0)
model = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.1), nn.Linear(16, 4))
loader = DataLoader(rows(192), batch_size=16, shuffle=True)
val_loader = DataLoader(rows(64), batch_size=16)
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
loss_fn = nn.CrossEntropyLoss()
epochs = 3
'''
"""The start of every example: 12 training batches an epoch, 8 features, 4 classes."""


def place(line: int) -> Place:
    """A line of the user's script."""
    return Place(FILE, line, "main")


def event(kind: Kind, subject: str = "", line: int = 0, *traits: str) -> Event:
    """An event at a line of the user's script, nowhere if the line is 0. Use one object for what recurs."""
    return Event(kind, subject, (place(line),) if line else (), frozenset(traits))


def run_of(turns: Iterable[Iterable[Event]] = (), **facts: object) -> Run:
    """A run as the ledger would have recorded it.

    Args:
        turns: the events of each turn of the loop; turns of the same objects are one pattern.
        facts: other fields of `Run`; a mapping of facts may be given as a list of them.
    """
    run = Run()
    for name, value in facts.items():
        setattr(run, name, keyed(name, value))
    patterns: dict[tuple[int, ...], Pattern] = {}
    for turn in turns:
        events = tuple(turn)
        run.steps += sum(e.kind is Kind.STEP for e in events)
        run.backwards += sum(e.kind is Kind.BACKWARD for e in events)
        run.passes += sum(e.kind is Kind.PASS_END for e in events)
        key = tuple(id(e) for e in events)
        if key not in patterns:
            patterns[key] = Pattern(events, first=run.turns, step=run.steps)
            run.patterns.append(patterns[key])
        patterns[key].seen(run.turns)
        run.turns += 1
    if run.parameters and "parameters_step" not in facts:
        run.parameters_step = run.steps
    run.context = derive(run)
    return run


def keyed(name: str, value: object) -> object:
    """Facts given as a list, under the keys that `Run` uses."""
    if name not in KEYS or not isinstance(value, list):
        return value
    return {KEYS[name](fact): fact for fact in cast("list[object]", value)}


KEYS: dict[str, Callable[[Any], object]] = {
    "models": attrgetter("name"),
    "frozen_norms": attrgetter("model", "name"),
    "unmoved_norms": attrgetter("name"),
    "idle_norms": attrgetter("backward"),
    "outside": attrgetter("full_name"),
    "comparisons": attrgetter("site"),
    "precisions": attrgetter("backward"),
    "optimizers": attrgetter("name"),
    "parameters": attrgetter("full_name"),
    "modules": lambda fact: f"{fact.model}.{fact.name}" if fact.name else fact.model,
    "graphs": attrgetter("site"),
    "schedules": attrgetter("name"),
    "aliases": attrgetter("site"),
    "updates": attrgetter("optimizer"),
    "losses": attrgetter("function", "site"),
    "retained": attrgetter("site"),
    "growing": attrgetter("site"),
    "resumes": attrgetter("name"),
    "loads": attrgetter("site"),
    "redrawn": attrgetter("name"),
    "rebinds": attrgetter("site"),
    "self_loads": attrgetter("site"),
    "follows": lambda fact: f"{fact.name} after {fact.leader_name}",
    "misspelt": lambda fact: f"{fact.model}.{fact.name}",
    "idle": lambda fact: f"{fact.model}.{fact.name}",
    "restored_rates": attrgetter("optimizer"),
    "detached_states": attrgetter("name"),
    "sequence_axes": attrgetter("name"),
    "leaks": attrgetter("optimizer", "source"),
    "loss_calls": attrgetter("function", "site"),
    "label_rows": attrgetter("function", "site"),
    "reaches": attrgetter("function", "site"),
    "broadcasts": attrgetter("operation", "site"),
    "indices": attrgetter("function", "site"),
    "samples": attrgetter("model"),
    "batch_means": attrgetter("site"),
    "underflows": attrgetter("site"),
    "inputs": attrgetter("name"),
    "signs": attrgetter("site"),
    "loaders": attrgetter("name"),
    "overwrites": lambda fact: fact.loaders[0],
    "not_finite": attrgetter("measure"),
}
"""How `Run` keys its facts."""


def read(code: str, checks: Iterable[Check] | None = None) -> Diagnosis:
    """Read an example after the prelude as `osler lint` would.

    Args:
        code: the example.
        checks: what to look for, by default all of the catalogue.
    """
    source = parse(Path(EXAMPLE), f"{PRELUDE}\n\n{code}".encode())
    assert not source.problem, source.problem
    return lint_sources([source], catalogue().values() if checks is None else checks).diagnosis


def findings(run: Run, checks: Iterable[Check] | None = None) -> tuple[Finding, ...]:
    """What the checks say about a run, by default all of the catalogue."""
    return judge(run, catalogue().values() if checks is None else checks).findings


def assert_silent(run: Run, checks: Iterable[Check] | None = None) -> None:
    """Nothing above a hint is found.

    Raises:
        AssertionError: something is; the message holds the findings.
    """
    loud = [f for f in findings(run, checks) if f.severity > Severity.HINT]
    assert not loud, "\n".join(f"{f.check} at line {f.place.line}: {f.message}" for f in loud)


def examine(code: str) -> Diagnosis:
    """Run an example after the prelude under the real watcher.

    Args:
        code: the example; it may end in the error that it explains.
    """
    from osler.session import watch  # loads torch: reading runs must work without it

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "example.py")
        path.write_text(f"{PRELUDE}\n\n{code}", "utf-8")
        program = compile(path.read_text("utf-8"), str(path), "exec")
        warned = warnings.catch_warnings(action="ignore", category=UserWarning)  # torch sees some too
        raised = contextlib.suppress(RuntimeError, IndexError, AttributeError, TypeError, ValueError)
        with warned, raised, watch(quiet=True) as session:
            exec(program, {"__name__": "__main__", "__file__": str(path)})
        return session.diagnosis


def try_out(code: str, *only: str, prelude: str = PRELUDE) -> Diagnosis:
    """Run an example after the prelude as `osler preflight` would, in this process and without fences.

    Args:
        code: the example.
        only: names of the experiments to make; all if none is given.
        prelude: what comes before.
    """
    from osler.preflight.helm import Helm  # loads torch
    from osler.runtime.stopping import StopTraining
    from osler.session import Session

    def stop() -> None:
        raise StopTraining("all was seen")

    failures: list[str] = []
    session = Session(warn=failures.append)
    watcher = session.watcher
    helm = Helm(
        watcher.lines,
        600.0,
        failures.append,
        on_take=watcher.suspend,
        on_return=watcher.resume,
        on_end=stop,
        only=only,
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "example.py")
        path.write_text(f"{prelude}\n\n{code}", "utf-8")
        program = compile(path.read_text("utf-8"), str(path), "exec")
        helm.take_hold()
        session.attach()
        helm.guard_the_door()
        try:
            with (
                warnings.catch_warnings(action="ignore", category=UserWarning),
                contextlib.suppress(StopTraining),
            ):
                exec(program, {"__name__": "__main__", "__file__": str(path)})
        finally:
            helm.leave_the_door()
            session.detach()
            helm.let_go()
        session.setup = helm.notebook.setup
        diagnosis = session.finish(files=[path])
    assert not failures, failures
    return diagnosis
