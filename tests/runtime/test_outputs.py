"""Is an output used by a backward, does its graph outlive its turn, and which variable keeps it?"""

import gc
import inspect
import sys
from collections import Counter, deque
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from osler.model import Event, Kind, Place, RetainedFact
from osler.runtime.outputs import (
    CALLS,
    LONG,
    REMEMBERED,
    Outputs,
    Pulse,
    additions,
    chain,
    holder,
    retained,
    turns_of,
)
from osler.testing import examine

torch.set_num_threads(1)

SITE = (Place("/me/train.py", 7, "main"),)
ELSEWHERE = (Place("/me/train.py", 8, "main"),)
STEPS = 6


def pulse(turn: int = 0, site: Any = SITE, record: Callable[[Pulse], None] = lambda _: None) -> Pulse:
    return Pulse(Event(Kind.FORWARD, "Net", site), turn, record)


LEAF = torch.ones(3, requires_grad=True)


def output() -> Tensor:
    return (LEAF * 2).sum()


# --- used by a backward


@pytest.mark.parametrize(
    "use",
    [
        lambda z: z.backward(),
        lambda z: (z * 2).backward(),
        lambda z: (z.backward(retain_graph=True), z.backward()),
        lambda z: torch.autograd.grad(z.square(), [LEAF]),
    ],
    ids=["itself", "through a loss", "twice", "autograd.grad"],
)
def test_a_backward_through_an_output_is_told_once(use: Callable[[Tensor], object]) -> None:
    told: list[Pulse] = []
    outputs, z = Outputs(), output()
    mine = pulse(record=told.append)
    assert outputs.follow([z], mine)
    use(z)
    assert told == [mine]
    assert mine.used


@pytest.mark.parametrize(
    "use",
    [
        lambda z: None,
        lambda z: z.item(),
        lambda z: output().backward(),
        lambda z: (z.detach() * output()).backward(),
        lambda z: torch.autograd.grad(z.square(), [z]),
    ],
    ids=["nothing", "reading", "another backward", "after a detach", "a gradient that stops at the output"],
)
def test_without_a_backward_nothing_is_told(use: Callable[[Tensor], object]) -> None:
    told: list[Pulse] = []
    outputs, z = Outputs(), output()
    outputs.follow([z], pulse(record=told.append))
    use(z)
    assert told == []


def test_gradients_stay_what_they_are() -> None:
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    z = (x * x).sum()
    Outputs().follow([z], pulse())
    z.backward()
    assert x.grad is not None
    assert x.grad.tolist() == [2, 4]


def test_several_outputs_tell_once_together() -> None:
    told: list[Pulse] = []
    x = torch.ones(3, requires_grad=True)
    a, b = x * 2, x * 3
    Outputs().follow([a, b], pulse(record=told.append))
    (a.sum() + b.sum()).backward()
    assert len(told) == 1


@pytest.mark.parametrize(
    "tensors",
    [[], [torch.ones(2)], [torch.ones(2, requires_grad=True)], [output().detach()]],
    ids=["none", "no gradient", "a leaf", "detached"],
)
def test_an_output_without_a_graph_cannot_be_followed(tensors: list[Tensor]) -> None:
    assert not Outputs().follow(tensors, pulse())


# --- graphs that outlive their turn


def followed(turns: int, keep: bool) -> tuple[Outputs, list[Tensor]]:
    """One output per turn, kept or dropped."""
    outputs, kept = Outputs(), []
    for turn in range(turns):
        z = output()
        outputs.follow([z], pulse(turn))
        z.backward()
        if keep:
            kept.append(z)
    del z
    return outputs, kept


@pytest.mark.parametrize(("turn", "count"), [(0, 0), (1, 0), (2, 1), (4, 3), (5, 4)])
def test_graphs_are_kept_when_two_turns_have_passed(turn: int, count: int) -> None:
    outputs, _alive = followed(turn + 1, keep=True)
    assert sum(map(len, outputs.kept(turn).values())) == count


def test_graphs_that_are_dropped_are_gone() -> None:
    outputs, _ = followed(8, keep=False)
    assert outputs.kept(8) == {}


def test_values_without_graphs_keep_none() -> None:
    outputs, kept = followed(8, keep=True)
    numbers = [z.item() for z in kept] + [z.detach() for z in kept]
    kept.clear()
    assert numbers
    assert outputs.kept(8) == {}


def test_kept_graphs_are_told_by_the_site_of_their_forward() -> None:
    outputs, alive = Outputs(), []
    for turn in range(4):
        for site in (SITE, ELSEWHERE):
            z = output()
            outputs.follow([z], pulse(turn, site))
            if site is SITE:
                alive.append(z)
    assert {site: len(pulses) for site, pulses in outputs.kept(6).items()} == {SITE: 4, ELSEWHERE: 1}


def test_a_bounded_number_is_followed() -> None:
    outputs, _alive = followed(3 * REMEMBERED, keep=True)
    assert sum(map(len, outputs.kept(1_000).values())) == REMEMBERED


# --- the variable that keeps them


def loss() -> Tensor:
    return (torch.ones(2, requires_grad=True) * 3).sum()


def sum_in_a_variable() -> FrameType:
    total = 0
    for _ in range(STEPS):
        total += loss()  # grows
    return sys._getframe()


def sum_spelled_out() -> FrameType:
    total = torch.zeros(())
    for _ in range(STEPS):
        total = total + loss()  # grows
    return sys._getframe()


def sum_the_other_way_round() -> FrameType:
    total = torch.zeros(())
    for _ in range(STEPS):
        value = loss()
        total = total + value / 2  # grows
    return sys._getframe()


def list_of_losses() -> FrameType:
    history = []
    for _ in range(STEPS):
        history.append(loss())  # noqa: PERF401  # grows
    return sys._getframe()


def item_of_a_dict() -> FrameType:
    stats = {"loss": torch.zeros(()), "steps": 0}
    for _ in range(STEPS):
        stats["loss"] += loss()  # grows
        stats["steps"] += 1
    return sys._getframe()


def list_in_a_dict_of_lists() -> FrameType:
    outputs = {"a": [], "b": 1}
    for _ in range(STEPS):
        outputs["a"].append(loss().item())
    return sys._getframe()


class Trainer:
    def __init__(self) -> None:
        self.total = torch.zeros(())
        self.history: list[Any] = []
        self.model = nn.Linear(2, 2)

    def epoch(self) -> FrameType:
        for _ in range(STEPS):
            self.total += loss()  # grows
        return sys._getframe()

    def listing(self) -> FrameType:
        for _ in range(STEPS):
            self.history.append(loss())  # grows
        return sys._getframe()

    def healthy(self) -> FrameType:
        for _ in range(STEPS):
            self.total += loss().detach()
            self.history.append(loss().item())
        return sys._getframe()


def line_that_grows(function: Callable[..., object]) -> int:
    lines, first = inspect.getsourcelines(function)
    return first + next(i for i, text in enumerate(lines) if "# grows" in text)


KEEPERS: dict[str, tuple[Callable[[], FrameType], str]] = {
    "total += loss": (sum_in_a_variable, "total"),
    "total = total + loss": (sum_spelled_out, "total"),
    "total = total + loss / n": (sum_the_other_way_round, "total"),
    "history.append(loss)": (list_of_losses, "history"),
    'stats["loss"] += loss': (item_of_a_dict, "stats"),
    "self.total += loss": (lambda: Trainer().epoch(), "self.total"),
    "self.history.append(loss)": (lambda: Trainer().listing(), "self.history"),
}
FUNCTIONS = {"self.total": Trainer.epoch, "self.history": Trainer.listing}


@pytest.mark.parametrize(("keep", "name"), KEEPERS.values(), ids=KEEPERS)
def test_the_variable_and_the_line_that_grows_it_are_found(keep: Callable[[], FrameType], name: str) -> None:
    found, place = holder(keep())
    assert found == name
    function = FUNCTIONS.get(name, keep)
    assert place is not None
    assert (place.file, place.line) == (__file__, line_that_grows(function))
    assert place.function == function.__name__


def healthy_sums() -> FrameType:
    total, mean, last = 0.0, torch.zeros(()), None
    history: list[float] = []
    recent: deque[float] = deque(maxlen=100)
    stats = {"loss": 0.0}
    for _ in range(STEPS):
        last = loss()
        total += last.item()
        mean += last.detach()
        history.append(last.item())
        recent.append(float(last.detach()))
        stats["loss"] += last.item()
    del total, mean, history, recent, stats
    return sys._getframe()


def several_terms_of_one_loss() -> FrameType:
    total = loss() + loss()
    layers = [loss(), loss()]
    model = nn.Linear(2, 2)
    parameters = list(model.parameters())
    hidden = loss() * 2
    assert total, (layers, parameters, hidden)
    return sys._getframe()


@pytest.mark.parametrize(
    "keep",
    [healthy_sums, several_terms_of_one_loss, list_in_a_dict_of_lists, lambda: Trainer().healthy()],
    ids=["numbers", "one turn's own terms", "numbers in a dict", "numbers in self"],
)
def test_healthy_variables_are_not_accused(keep: Callable[[], FrameType]) -> None:
    frame = keep()
    name, place = holder(frame)
    assert (name, place) == ("", None)


def test_the_callers_variables_are_searched_too() -> None:
    kept = []
    for _ in range(STEPS):
        kept.append(loss())  # noqa: PERF401

    def deeper() -> tuple[str, Place | None]:
        return holder(sys._getframe())

    name, place = deeper()
    assert name == "kept"
    assert place is not None
    assert place.function == "test_the_callers_variables_are_searched_too"


def test_without_a_frame_nobody_is_accused() -> None:
    assert holder(None) == ("", None)


@pytest.mark.parametrize(
    ("value", "length"),
    [
        (0.5, 0),
        ("text", 0),
        (None, 0),
        ([], 0),
        ({}, 0),
        (torch.ones(1), 0),
        (loss(), 0),
        (loss() * loss(), 0),
        (loss() + loss(), 1),
        (loss() - loss(), 1),
        (loss() + loss() + loss(), 2),
        ([loss()] * 2, 2),
        ([loss(), loss().detach(), 1.0], 1),
        ([1.0] * 50, 0),
        ({"a": loss(), "b": loss(), "c": 1}, 2),
        ([loss() + loss() + loss() + loss()], 3),
        ((loss(), loss(), loss()), 0),
        (deque([loss().item()] * 9), 0),
    ],
    ids=str,
)
def test_how_many_graphs_a_value_keeps(value: object, length: int) -> None:
    assert chain(value) == length


def test_one_variable_needs_three_graphs_to_be_noticed() -> None:
    assert LONG == 3


def test_a_sum_without_end_is_not_followed_to_the_end() -> None:
    total = loss()
    for _ in range(5 * REMEMBERED):
        total = total + 1
    assert additions(total.grad_fn) == REMEMBERED


# --- the fact


def kept_pulses(used: list[bool]) -> list[Pulse]:
    pulses = [pulse(turn) for turn in range(len(used))]
    for one, was_used in zip(pulses, used, strict=True):
        one.used = was_used
    return pulses


@pytest.mark.parametrize(
    ("used", "after"), [([True] * 3, True), ([False] * 3, False), ([True, False, True], False)]
)
def test_the_fact_says_whether_a_backward_had_gone_through(used: list[bool], after: bool) -> None:
    assert retained(kept_pulses(used), None) == RetainedFact(SITE, 3, "", (), after)


def test_the_fact_names_the_holder() -> None:
    fact = retained(kept_pulses([True] * 3), sum_in_a_variable())
    assert fact.holder == "total"
    assert fact.holder_site[0].line == line_that_grows(sum_in_a_variable)


def test_a_pulse_lives_as_long_as_its_graph() -> None:
    outputs, z = Outputs(), output()
    outputs.follow([z], pulse(turn=0))
    assert len(outputs.kept(9)[SITE]) == 1
    del z
    gc.collect()
    assert outputs.kept(9) == {}


def test_calls_of_one_turn_count_once() -> None:
    pulses = [pulse(turn) for turn in (1, 1, 1, 2, 2)]
    assert retained(pulses, None).graphs == turns_of(pulses) == 2


def test_a_few_calls_of_a_line_are_followed_in_each_turn() -> None:
    outputs, kept = Outputs(), []
    for turn in range(4):
        for _ in range(CALLS + 5):
            z = torch.ones(1, requires_grad=True) * 2
            assert outputs.follow([z], pulse(turn))
            kept.append(z)
    assert Counter(p.turn for p in outputs.kept(9)[SITE]) == dict.fromkeys(range(4), CALLS)


SEQ2SEQ = """import torch, torch.nn as nn, torch.nn.functional as F
cell, out = nn.GRU(16, 16), nn.Linear(16, 12)
first = torch.optim.SGD(cell.parameters(), lr=0.05)
second = torch.optim.SGD(out.parameters(), lr=0.05)
for turn in range(12):
    first.zero_grad()
    second.zero_grad()
    loss, state, kept = 0, torch.zeros(1, 1, 16), []
    for step in range(6):
        h, state = cell(torch.randn(1, 1, 16), state)
        loss = loss + F.cross_entropy(out(h[0]), torch.tensor([step]))
        {keep}
    loss.backward()
    first.step()
    second.step()
"""


@pytest.mark.parametrize("keep", ["pass", "kept.append(loss)"])
def test_the_variables_of_a_turn_with_two_steps_keep_nothing_of_earlier_ones(keep: str) -> None:
    assert not examine(SEQ2SEQ.format(keep=keep)).findings


def test_and_a_list_that_outlives_it_does() -> None:
    code = "everything = []\n" + SEQ2SEQ.format(keep="everything.append(loss)")
    assert "graph-kept-in-accumulator" in {f.check for f in examine(code).findings}
