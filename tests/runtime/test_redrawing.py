"""Passes that draw what an earlier one drew are seen by the state of torch's generator."""

from collections.abc import Callable

import pytest
import torch
from torch import nn

from osler.model import Place, Run
from osler.runtime.redrawing import MOST, Redrawing
from osler.testing import examine

SITE = (Place("/home/user/train.py", 7, "evaluate"),)


class Iterator:
    """Stands for that of a loader."""


class Program:
    """Epochs that draw some numbers, with a step in each."""

    def __init__(self) -> None:
        self.run = Run(steps=1)
        self.optimizers = [self.optimizer()]
        self.redrawing = Redrawing(self.run, self.optimizers)

    def optimizer(self) -> torch.optim.Optimizer:
        return torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.1)

    def seed(self, number: int) -> None:
        torch.manual_seed(number)
        self.redrawing.seeded(number, SITE)

    def epoch(self, draws: int = 3, steps: int = 1) -> None:
        iterator = Iterator()
        self.redrawing.begun(iterator, "loader")
        torch.rand(draws)
        self.run.steps += steps
        self.redrawing.ended(iterator)

    @property
    def times(self) -> int:
        fact = self.run.redrawn.get("loader")
        return fact.times if fact is not None else 0


@pytest.fixture
def program() -> Program:
    return Program()


def test_passes_behind_the_same_seed(program: Program) -> None:
    for _ in range(4):
        program.seed(5)
        program.epoch()
        program.epoch()
    fact = program.run.redrawn["loader"]
    assert (fact.site, fact.seed, fact.times, fact.step) == (SITE, "5", 4, 7 + 1)


@pytest.mark.parametrize(
    "epoch",
    [
        lambda p, i: (p.seed(i), p.epoch()),
        lambda p, i: p.epoch(),
        lambda p, i: (p.seed(0), p.epoch(draws=i + 1)),
        lambda p, i: (p.seed(0), p.epoch(draws=0)),
        lambda p, i: (p.seed(0), p.epoch(steps=0)),
        lambda p, i: (p.seed(0), p.optimizers.append(p.optimizer()), p.epoch()),
        lambda p, i: (p.seed(0), p.optimizers.__setitem__(0, p.optimizer()), p.epoch()),
    ],
    ids=[
        "other seeds",
        "no seed",
        "other numbers",
        "nothing drawn",
        "no step",
        "one more",
        "another optimizer",
    ],
)
def test_none(program: Program, epoch: Callable[[Program, int], object]) -> None:
    for number in range(4):
        epoch(program, number)
    assert program.times == 0


def test_a_state_that_is_put_back_without_a_seed_is_wanted(program: Program) -> None:
    state = torch.get_rng_state()
    for _ in range(3):
        torch.set_rng_state(state)
        program.epoch()
    assert program.times == 0


def test_a_seed_arms_behind_the_first_step(program: Program) -> None:
    program.run.steps = 0
    program.seed(0)
    assert not program.redrawing.armed
    program.run.steps = 1
    program.seed(0)
    assert program.redrawing.armed


def test_only_so_many_passes_are_remembered(program: Program) -> None:
    for number in range(MOST + 5):
        program.seed(number)
        program.epoch()
    assert len(program.redrawing.drawn) == MOST


def test_a_pass_that_was_not_seen_to_begin(program: Program) -> None:
    program.redrawing.ended(Iterator())
    assert program.times == 0


EPOCHS = """
from torch import manual_seed as fix
still = nn.Linear(8, 4)
optimizer = torch.optim.SGD(still.parameters(), lr=0.1)
for epoch in range(5):
    loader = DataLoader(rows(16), 8, shuffle=True)
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(still(x), y).backward()
        optimizer.step()
    with {context}:
        fix(0)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("context", "messages"),
    [
        (
            "torch.no_grad()",
            [
                "4 passes over `DataLoader` drew the same random numbers: `torch` is seeded with 0 before "
                "each of them."
            ],
        ),
        ("torch.random.fork_rng()", []),
    ],
)
def test_in_a_program(context: str, messages: list[str]) -> None:
    found = examine(EPOCHS.format(context=context)).findings
    assert [f.message for f in found if f.check == "random-numbers-repeat"] == messages
