"""Real loops, watched with as many rests as possible and without: the same is counted, nothing is missed."""

import copy
from collections import Counter
from functools import cache
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from osler.model import Kind, Run
from osler.runtime.thinning import STEADY, STRANGERS
from osler.session import Session
from osler.settings import Settings

torch.set_num_threads(1)


def train(epochs: int, evaluates: bool = False) -> None:
    torch.manual_seed(0)
    x = torch.randn(160, 4)
    loader = DataLoader(TensorDataset(x, (x[:, 0] > 0).long()), batch_size=4)
    model = nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.1), nn.Linear(4, 2))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    loss_fn = nn.CrossEntropyLoss()
    for _ in range(epochs):
        model.train()
        for inputs, targets in loader:
            optimizer.zero_grad()
            loss_fn(model(inputs), targets).backward()
            optimizer.step()
        if evaluates:
            model.eval()
            with torch.no_grad():
                for inputs, _targets in loader:
                    model(inputs)


def train_then_leave_eval_on(batches: int) -> None:
    """`train()` once, ahead of the loop; an evaluation of so many batches after every epoch."""
    torch.manual_seed(0)
    x = torch.randn(160, 4)
    data = TensorDataset(x, (x[:, 0] > 0).long())
    loader, val_loader = DataLoader(data, batch_size=4), DataLoader(data, batch_size=-(-160 // batches))
    model = nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.1), nn.Linear(4, 2))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    for _ in range(3):
        for inputs, targets in loader:
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(inputs), targets).backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():
            for inputs, _targets in val_loader:
                model(inputs)


def train_and_evaluate_copies(batches: int) -> None:
    """A network is first called when a known turn of evaluation comes: before the loop another had it."""
    torch.manual_seed(0)
    x = torch.randn(160, 4)
    data = TensorDataset(x, (x[:, 0] > 0).long())
    loader, val_loader = DataLoader(data, batch_size=4), DataLoader(data, batch_size=-(-160 // batches))
    model = nn.Linear(4, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    for network in (model, nn.Linear(4, 2)):
        for inputs, _targets in val_loader:
            network(inputs).detach()
        for inputs, targets in loader:
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(inputs), targets).backward()
            optimizer.step()


def train_without_loader(steps: int) -> None:
    torch.manual_seed(0)
    model, x = nn.Linear(4, 1), torch.randn(8, 4)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    for _ in range(steps):
        optimizer.zero_grad()
        model(x).square().mean().backward()
        optimizer.step()


PROGRAMS: dict[str, Any] = {
    "epochs": lambda: train(4),
    "epochs with evaluation": lambda: train(3, evaluates=True),
    "no loader": lambda: train_without_loader(150),
}


def watched(budget: float, program: Any, max_steps: int | None = None) -> tuple[Run, int]:
    """What was seen of a program, and how often the watcher went to rest."""
    session = Session(Settings(overhead=budget, max_steps=max_steps), warn=pytest.fail)
    awakenings: list[int] = []
    woken = session.watcher.thinning.woken
    session.watcher.thinning.woken = lambda: (awakenings.append(session.run.steps), woken())[1]
    with session:
        program()
    return session.run, len(awakenings)


@cache
def closely_and_rarely(name: str) -> tuple[tuple[Run, int], tuple[Run, int]]:
    """The same program watched without rests and with as many as possible."""
    return watched(1e9, PROGRAMS[name]), watched(1e-9, PROGRAMS[name])


def shape(run: Run) -> dict[tuple[str, ...], int]:
    """How often turns of each order of kinds were seen."""
    counts = Counter[tuple[str, ...]]()
    for pattern in run.patterns:
        events = [e for e in pattern.events if e.kind is not Kind.USED]
        counts[tuple(f"{e.kind} {'eval' * ('eval' in e.traits)}" for e in events)] += pattern.count
    return counts


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_run_with_rests_is_counted_like_one_without(program: str) -> None:
    (closely, never), (rarely, rests) = closely_and_rarely(program)
    assert never == 0 < rests
    assert (rarely.turns, rarely.steps) == (closely.turns, closely.steps)
    assert (rarely.backwards, rarely.passes) == (closely.backwards, closely.passes)


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_turn_that_comes_back_is_known_with_rests_too(program: str) -> None:
    """The first of its kind may fall into a rest: it wakes the watcher, and the next is seen."""
    closely, rarely = (shape(run) for run, _ in closely_and_rarely(program))
    assert {kinds for kinds, count in closely.items() if count > 1} <= set(rarely) <= set(closely)
    assert all(closely[kinds] - 1 <= count <= closely[kinds] for kinds, count in rarely.items())


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("name", ["loss", "learning_rate"])
def test_every_loss_and_rate_is_recorded_at_rest_too(program: str, name: str) -> None:
    closely, rarely = (run.columns[name] for run, _ in closely_and_rarely(program))
    assert rarely.history() == closely.history()


@pytest.mark.parametrize("batches", [*range(1, 2 * STEADY), 32, 40])
def test_training_after_an_evaluation_of_any_length_is_looked_at(batches: int) -> None:
    """However short or long the evaluation is in which the watcher goes to rest."""
    run, rests = watched(1e-9, lambda: train_then_leave_eval_on(batches))
    trained = [p.events for p in run.patterns if any(e.kind is Kind.STEP for e in p.events)]
    assert rests
    assert any(e.kind is Kind.FORWARD and "eval" in e.traits for events in trained for e in events)


@pytest.mark.parametrize("batches", [*range(2, 2 * STEADY), 32, 40])
def test_a_network_that_is_first_called_at_rest_is_looked_at(batches: int) -> None:
    run, rests = watched(1e-9, lambda: train_and_evaluate_copies(batches))
    assert rests
    assert len(run.models) == 2


def test_networks_that_are_copied_anew_do_not_keep_it_awake() -> None:
    model, x = nn.Linear(4, 1), torch.randn(8, 4)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    kept: list[nn.Module] = []

    def program() -> None:
        for step in range(1_000):
            optimizer.zero_grad()
            model(x).square().mean().backward()
            if step % 10 == 0:
                kept.append(copy.deepcopy(model))
            kept[-1](x)
            optimizer.step()

    run, _ = watched(1e-9, program)
    assert STRANGERS < len(run.models) < 2 * STRANGERS


@pytest.mark.parametrize("budget", [1e9, 1e-9], ids=["closely", "rarely"])
@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
@pytest.mark.parametrize("steps", [1, 5, 77])
def test_training_stops_at_the_very_step(budget: float, program: Any, steps: int) -> None:
    run, _ = watched(budget, program, max_steps=steps)
    assert run.steps == steps
