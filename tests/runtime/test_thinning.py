"""A steady loop that costs too much is watched closely only now and then, and still counted exactly."""

import pytest
import torch

from osler.model import Kind, Place
from osler.runtime.guard import Guard
from osler.runtime.ledger import Ledger
from osler.runtime.thinning import (
    AIM,
    CLOSE,
    LONGEST,
    MOST,
    PERIOD,
    STEADY,
    VIGIL,
    VIGILS,
    Thinning,
)

torch.set_num_threads(1)

SITES = [(Place("/me/train.py", line, "main"),) for line in range(2_000)]
FRESH = frozenset({"fresh"})
WORK = 1_000_000
"""Nanoseconds that a turn of the fake loop takes."""


class FakeLoop:
    """A loop whose turns take as long, and cost as much to watch, as the test says."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, budget: float = 0.01) -> None:
        self.now = 1
        self.guard = Guard(pytest.fail)
        self.guard.listen_here()
        self.ledger = Ledger()
        self.thinning = Thinning(self.guard, self.ledger, budget)
        self.ledger.after_turn = self.thinning.after_turn
        self.rested: list[bool] = []
        monkeypatch.setattr("osler.runtime.thinning.perf_counter_ns", lambda: self.now)

    def turn(self, cost: int, kinds: tuple[Kind, ...] = (Kind.FORWARD,), line: int = 10) -> None:
        """One batch, the given kinds of events, one step."""
        thinning, ledger = self.thinning, self.ledger
        if thinning.pending and not thinning.on:
            thinning.begin()
        if thinning.on and thinning.is_due(self.now):
            thinning.settle()
        if thinning.on:
            thinning.mark = len(thinning.log)
            thinning.log.append((Kind.BATCH, "DataLoader", 4.0, 0.0))
        self.rested.append(thinning.on)
        self.now += WORK
        if thinning.on:
            thinning.log.extend((*kinds, (Kind.STEP, "SGD", 0.1, 0.0)))
            if thinning.last_step >= 0:
                thinning.catch_up()
            return
        self.now += cost
        self.guard.nanoseconds += cost
        ledger.batch("DataLoader", SITES[line])
        for kind in kinds:
            ledger.emit(kind, "", SITES[line + 1])
        ledger.step("SGD", SITES[line + 2], FRESH)

    def turns(self, count: int, cost: int) -> "FakeLoop":
        for _ in range(count):
            self.turn(cost)
        return self


CHEAP, DEAR = WORK // 200, WORK // 5


def test_a_steady_loop_that_costs_too_much_is_rested_from(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = FakeLoop(monkeypatch).turns(200, DEAR)
    assert any(loop.rested)


@pytest.mark.parametrize(
    ("cost", "budget"),
    [(CHEAP, 0.01), (0, 0.01), (int(CLOSE * WORK / 101), 0.01), (DEAR, 0.4), (DEAR, 1.0)],
    ids=["half the budget", "nothing", "just within", "a larger budget", "no limit"],
)
def test_a_loop_within_the_budget_is_never_rested_from(
    monkeypatch: pytest.MonkeyPatch, cost: int, budget: float
) -> None:
    assert not any(FakeLoop(monkeypatch, budget).turns(300, cost).rested)


def test_measures_and_the_record_have_their_part_of_the_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    assert any(FakeLoop(monkeypatch, 0.01).turns(300, int(CLOSE * WORK / 98)).rested)


def test_a_loop_that_is_not_steady_yet_is_never_rested_from(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not any(FakeLoop(monkeypatch).turns(STEADY, DEAR).rested)


def test_something_new_makes_the_loop_unsteady_again(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = FakeLoop(monkeypatch)
    for number in range(200):
        loop.turn(DEAR, line=10 + 5 * (number // (STEADY - 2)))
    assert not any(loop.rested)


def test_after_a_new_mode_change_it_stays_awake_until_it_sees_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = resting(monkeypatch)
    loop.thinning.wake()
    loop.turns(STEADY, DEAR)
    for number in range(3 * STEADY):
        loop.now += WORK + DEAR
        loop.guard.nanoseconds += DEAR
        loop.ledger.batch("DataLoader", SITES[1])
        if not number:
            loop.ledger.emit(Kind.MODE, "Linear", SITES[2], frozenset({"eval"}))
        loop.ledger.emit(Kind.FORWARD, "Linear", SITES[3])
    assert not loop.thinning.pending
    loop.turns(STEADY, DEAR)
    assert loop.thinning.pending or loop.thinning.on


def test_but_not_for_good(monkeypatch: pytest.MonkeyPatch) -> None:
    """An evaluation after training may be of thousands of batches."""
    loop = resting(monkeypatch)
    loop.thinning.wake()
    loop.ledger.emit(Kind.MODE, "Linear", SITES[2], frozenset({"eval"}))
    for _ in range(VIGIL + 2):
        loop.now += WORK + DEAR
        loop.guard.nanoseconds += DEAR
        loop.ledger.batch("DataLoader", SITES[1])
        loop.ledger.emit(Kind.FORWARD, "Linear", SITES[3])
    assert loop.thinning.pending


def test_close_watching_stays_within_the_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = FakeLoop(monkeypatch, budget=0.02).turns(5_000, DEAR)
    spent = loop.rested[STEADY * 2 :].count(False) * DEAR
    assert spent / (WORK * 5_000) == pytest.approx(AIM * 0.02, rel=0.4)


def windows(rested: list[bool]) -> int:
    """Turns between the first rest and the last that were watched closely."""
    first, last = rested.index(True), len(rested) - rested[::-1].index(True)
    return rested[first:last].count(False)


def test_what_lies_between_two_rests_is_sampled_work(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = FakeLoop(monkeypatch, budget=0.02).turns(5_000, DEAR)
    assert windows(loop.rested) > 10
    assert loop.thinning.nanoseconds == windows(loop.rested) * DEAR


def test_the_measures_that_are_taken_there_count_for_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = FakeLoop(monkeypatch, budget=0.02)
    loop.thinning.measures = lambda: loop.guard.nanoseconds // 4
    loop.turns(5_000, DEAR)
    assert loop.thinning.nanoseconds == pytest.approx(0.75 * windows(loop.rested) * DEAR, rel=1e-3)


def test_a_loop_that_never_rests_has_no_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    assert FakeLoop(monkeypatch).turns(1_000, CHEAP).thinning.nanoseconds == 0


def test_every_rest_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = FakeLoop(monkeypatch, budget=1e-12).turns(3 * LONGEST, DEAR)
    text = "".join("r" if r else "c" for r in loop.rested)
    assert max(map(len, text.split("c"))) <= LONGEST + PERIOD // WORK + 1


def test_turns_and_steps_are_counted_at_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = FakeLoop(monkeypatch).turns(1_000, DEAR)
    loop.thinning.wake()
    loop.ledger.close()
    run = loop.ledger.run
    assert (run.turns, run.steps) == (1_000, 1_000)
    assert [p.count for p in run.patterns] == [1_000]
    assert run.patterns[0].longest == 1_000


def resting(monkeypatch: pytest.MonkeyPatch) -> FakeLoop:
    """A loop in the middle of a rest."""
    loop = FakeLoop(monkeypatch, budget=1e-9)
    while not loop.thinning.on:
        loop.turn(DEAR)
    loop.turn(DEAR)
    assert loop.thinning.on
    return loop


@pytest.mark.parametrize(
    "kinds",
    [(), (Kind.FORWARD, Kind.FORWARD), (Kind.CLEAR,), (Kind.FORWARD, Kind.STEP)],
    ids=["missing", "one more", "another", "two steps"],
)
def test_a_turn_of_unknown_kinds_wakes_the_watcher(
    monkeypatch: pytest.MonkeyPatch, kinds: tuple[Kind, ...]
) -> None:
    loop = resting(monkeypatch)
    loop.turn(DEAR, kinds)
    loop.now += PERIOD
    loop.turn(DEAR)
    assert not loop.thinning.on


def test_a_turn_of_known_kinds_does_not_wake_it(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = resting(monkeypatch)
    loop.turns(20, DEAR)
    assert loop.thinning.on


def test_thousands_of_steps_on_one_batch_take_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = resting(monkeypatch)
    for _ in range(3_000):
        loop.thinning.log.extend((Kind.FORWARD, (Kind.STEP, "SGD", 0.1, 0.0)))
        if len(loop.thinning.log) >= MOST:
            loop.thinning.catch_up()
    assert loop.thinning.on
    assert len(loop.thinning.kinds) < 300


def test_the_first_end_of_a_pass_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = resting(monkeypatch)
    assert not loop.thinning.pass_end()
    assert not loop.thinning.on


def test_later_ends_of_passes_do_not_wake_it(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = FakeLoop(monkeypatch, budget=1e-9).turns(1, DEAR)
    loop.ledger.pass_end("DataLoader", SITES[1])
    while not loop.thinning.on:
        loop.turn(DEAR)
    assert loop.thinning.pass_end()
    assert loop.thinning.on
    assert loop.ledger.run.passes == 2


@pytest.mark.parametrize("period", [100, 400])
def test_a_rare_form_of_turn_is_waited_for_but_not_for_good(
    monkeypatch: pytest.MonkeyPatch, period: int
) -> None:
    """One that comes every hundred turns is looked at; one that comes less often keeps nobody awake."""
    loop = FakeLoop(monkeypatch, budget=0.001).turns(50, DEAR)
    for number in range(1, 40 * period):
        loop.turn(DEAR, (Kind.FORWARD, Kind.FORWARD) if number % period == 0 else (Kind.FORWARD,))
    close = loop.rested.count(False)
    assert close < (VIGILS + 1) * VIGIL + 0.1 * len(loop.rested)
    assert len(loop.ledger.run.patterns) == (2 if period < VIGIL else 1)


def test_waking_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    loop, told = resting(monkeypatch), []
    loop.thinning.woken = lambda: told.append(loop.ledger.run.turns)
    loop.thinning.wake()
    loop.thinning.wake()
    assert len(told) == 1


def test_the_last_step_that_was_asked_for_wakes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = resting(monkeypatch)
    loop.thinning.read()
    loop.thinning.last_step = loop.ledger.run.steps + 2
    loop.turn(DEAR)
    assert loop.thinning.on
    loop.turn(DEAR)
    assert not loop.thinning.on


# --- the log


def test_the_log_is_read_many_turns_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = resting(monkeypatch)
    loop.thinning.settle()
    before = loop.ledger.run.steps
    loop.turns(10, DEAR)
    assert loop.ledger.run.steps == before
    loop.now += PERIOD
    loop.turn(DEAR)
    assert loop.ledger.run.steps == before + 10


def test_a_turn_that_resembles_none_is_read_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """An evaluation of four batches may be over before a tenth of a second is."""
    loop = resting(monkeypatch)
    loop.thinning.log.extend([(Kind.BATCH, "DataLoader", 4.0, 0.0), Kind.FORWARD])
    loop.thinning.mark = len(loop.thinning.log) - 2
    assert loop.thinning.is_due(loop.now)
    loop.thinning.settle()
    assert not loop.thinning.on


def test_what_was_noted_is_recalled_in_order_and_at_its_step(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = resting(monkeypatch)
    loop.thinning.settle()
    told: list[tuple[str, float | None, int]] = []
    run = loop.ledger.run
    loop.thinning.recall = lambda kind, _name, number, _seconds: told.append((kind, number, run.steps))
    first = run.steps
    for number in (0.5, 0.25):
        loop.thinning.log += [
            (Kind.BATCH, "DataLoader", 4.0, 0.0),
            Kind.FORWARD,
            (Kind.BACKWARD, "", number, 0.0),
            (Kind.STEP, "SGD", 0.1, 0.0),
        ]
    loop.thinning.read()
    assert told == [
        ("batch", 4.0, first),
        ("backward", 0.5, first),
        ("step", 0.1, first),
        ("batch", 4.0, first + 1),
        ("backward", 0.25, first + 1),
        ("step", 0.1, first + 1),
    ]
    assert run.backwards == 2


def test_any_other_handler_finds_the_log_read(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = resting(monkeypatch)
    loop.turns(3, DEAR)
    assert loop.thinning.log
    steps = loop.guard.gate("something rare").call(lambda: loop.ledger.run.steps)
    assert not loop.thinning.log
    assert steps == loop.ledger.run.turns + 1, "the turn under way has stepped and is not over"


def test_a_fault_while_reading_ends_the_rest_for_good(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = resting(monkeypatch)
    told: list[str] = []
    loop.guard.warn = told.append

    def fail(*_: object) -> None:
        raise ZeroDivisionError

    loop.thinning.recall = fail
    gate = loop.guard.gate("batches")
    gate.call(loop.thinning.settle)
    assert (loop.thinning.on, gate.open, loop.thinning.log) == (False, False, [])
    assert len(told) == 1
    assert told[0].startswith("stopped watching batches: ZeroDivisionError")


def test_what_happens_elsewhere_is_not_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = resting(monkeypatch)
    loop.thinning.settle()
    loop.guard.owner = 1
    loop.thinning.note(Kind.FORWARD)
    loop.guard.listen_here()
    loop.guard.busy = True
    loop.thinning.note(Kind.FORWARD)
    loop.guard.busy = False
    assert loop.thinning.log == []
    loop.thinning.note(Kind.FORWARD)
    assert loop.thinning.log == [Kind.FORWARD]
