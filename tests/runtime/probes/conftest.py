"""A session for each test of a probe, and what it recorded as lines of text."""

import inspect
from collections.abc import Callable, Iterator

import pytest
import torch
from torch import nn

from osler.model import Event, Kind
from osler.session import Session, watch

Turns = Callable[[], list[str]]
Events = Callable[[Kind], list[Event]]
LineOf = Callable[[str], int]


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


@pytest.fixture
def session() -> Iterator[Session]:
    """Use it in a `with` block; no gate may close and no check may fail in any test of a probe."""
    session = watch(quiet=True)
    yield session
    assert session.watcher.guard.failures == []
    assert session.diagnosis.failed == {}


@pytest.fixture
def turns(session: Session) -> Turns:
    """Every pattern of the run, as `count: kind subject traits, …`."""
    return lambda: [f"{p.count}: {', '.join(map(spelled, p.events))}" for p in session.run.patterns]


@pytest.fixture
def events(session: Session) -> Events:
    """The distinct events of a kind in the order in which they were first seen."""
    return lambda kind: list(dict.fromkeys(e for p in session.run.patterns for e in p.of(kind)))


@pytest.fixture
def line_of(request: pytest.FixtureRequest) -> LineOf:
    """The one line of the test function that contains this text."""
    lines, first = inspect.getsourcelines(request.function)

    def find(text: str) -> int:
        (number,) = (first + n for n, line in enumerate(lines) if text in line and "line_of(" not in line)
        return number

    return find


@pytest.fixture
def net() -> nn.Module:
    """Something with a mode and two layers."""
    return nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3))


def spelled(event: Event) -> str:
    return " ".join([event.kind.value, *filter(None, [event.subject]), *sorted(event.traits)])
