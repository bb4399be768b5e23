"""A fault inside Osler is one warning and a closed gate; the script never notices."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.overrides import TorchFunctionMode

from osler.runtime.guard import Gate, Guard
from osler.runtime.stopping import StopTraining

torch.set_num_threads(1)


@pytest.fixture
def warnings() -> list[str]:
    return []


@pytest.fixture
def guard(warnings: list[str]) -> Guard:
    return Guard(warnings.append)


@pytest.fixture
def gate(guard: Guard) -> Gate:
    return guard.gate("losses")


def fail(*_: object) -> None:
    raise ValueError("no such layer")


def in_another_thread(action: Callable[[], Any]) -> Any:
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(action()))
    thread.start()
    thread.join()
    return results[0]


def test_a_handler_gets_its_arguments_and_its_result_comes_back(gate: Gate) -> None:
    assert gate.call(lambda a, b: a - b, 5, 3) == 2


def test_a_failing_handler_gives_none(gate: Gate) -> None:
    assert gate.call(fail) is None


def test_a_failing_handler_warns_once_however_often_it_would_run(gate: Gate, warnings: list[str]) -> None:
    for _ in range(5):
        gate.call(fail)
    assert len(warnings) == 1


def test_the_warning_says_what_stopped_and_why_and_where(
    gate: Gate, guard: Guard, warnings: list[str]
) -> None:
    gate.call(fail)
    line = fail.__code__.co_firstlineno + 1
    assert warnings == [f"stopped watching losses: ValueError: no such layer (test_guard.py:{line})"]
    assert guard.failures == warnings


def test_a_closed_gate_stays_closed_for_healthy_handlers(gate: Gate) -> None:
    gate.call(fail)
    assert gate.call(lambda: "seen") is None


def test_only_the_gate_that_failed_is_closed(gate: Gate, guard: Guard) -> None:
    other = guard.gate("optimizers")
    gate.call(fail)
    assert other.call(lambda: "seen") == "seen"


def test_two_gates_of_one_name_fail_on_their_own(gate: Gate, guard: Guard, warnings: list[str]) -> None:
    gate.call(fail)
    guard.gate("losses").call(fail)
    assert len(warnings) == 2


@pytest.mark.parametrize("passing", [StopTraining("enough"), KeyboardInterrupt(), SystemExit(3)], ids=repr)
def test_what_ends_the_program_passes_and_closes_nothing(
    passing: BaseException, gate: Gate, guard: Guard, warnings: list[str]
) -> None:
    def leave() -> None:
        raise passing

    with pytest.raises(type(passing)):
        gate.call(leave)
    assert (gate.open, guard.busy, warnings) == (True, False, [])
    assert gate.call(lambda: "seen") == "seen"


def test_a_fault_leaves_the_guard_ready_for_the_next_handler(gate: Gate, guard: Guard) -> None:
    gate.call(fail)
    assert not guard.busy


def test_what_happens_while_osler_is_at_work_is_passed_over(gate: Gate, guard: Guard) -> None:
    other = guard.gate("optimizers")
    seen: list[str] = []
    gate.call(lambda: other.call(seen.append, "Osler's own doing"))
    assert seen == []


def test_until_it_is_settled_who_trains_every_thread_is_listened_to(gate: Gate, guard: Guard) -> None:
    assert gate.call(lambda: "seen") == "seen"
    assert in_another_thread(lambda: gate.call(lambda: "seen")) == "seen"
    assert gate.call(lambda: "seen") == "seen"
    assert guard.strangers == set()


def test_beside_the_thread_that_trains_others_are_ignored_but_noted(gate: Gate, guard: Guard) -> None:
    gate.call(lambda: None)
    guard.settled = True
    assert in_another_thread(lambda: gate.call(lambda: "seen")) is None
    assert len(guard.strangers) == 1
    assert gate.call(lambda: "seen") == "seen"


def test_when_the_thread_that_trained_has_ended_the_next_one_is_listened_to(gate: Gate, guard: Guard) -> None:
    in_another_thread(lambda: gate.call(lambda: None))
    guard.settled = True
    assert gate.call(lambda: "seen") == "seen"
    assert guard.strangers == set()


def test_a_fault_cannot_come_from_another_thread(gate: Gate, guard: Guard, warnings: list[str]) -> None:
    gate.call(lambda: None)
    guard.settled = True
    in_another_thread(lambda: gate.call(fail))
    assert (warnings, gate.open) == ([], True)


class Watching(TorchFunctionMode):
    """A mode of the script's own, which counts the functions that are called."""

    def __init__(self) -> None:
        super().__init__()
        self.seen = 0

    def __torch_function__(self, func, types, args=(), kwargs=None):
        self.seen += 1
        return func(*args, **(kwargs or {}))


def test_the_scripts_own_modes_do_not_see_what_a_handler_does(gate: Gate, guard: Guard) -> None:
    with Watching() as mode:
        assert gate.call(lambda: torch.ones(2).sum().item()) == 2
        assert mode.seen == 0
        torch.ones(2)
        assert mode.seen == 1
    assert not guard.unseen


def test_a_fault_under_a_mode_closes_the_gate_as_ever(gate: Gate, guard: Guard, warnings: list[str]) -> None:
    with Watching():
        gate.call(fail)
    assert (gate.open, guard.unseen, guard.busy, len(warnings)) == (False, False, False, 1)


class Clock:
    """Every look at it takes one microsecond; working takes as long as it is told."""

    def __init__(self) -> None:
        self.now = 0

    def __call__(self) -> int:
        self.now += 1_000
        return self.now

    def work(self, nanoseconds: int) -> None:
        self.now += nanoseconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("osler.runtime.guard.perf_counter_ns", clock)
    return clock


def test_time_in_handlers_adds_up(gate: Gate, guard: Guard, clock: Clock) -> None:
    gate.call(clock.work, 5_000)
    gate.call(clock.work, 7_000)
    assert guard.nanoseconds == 14_000


def test_time_of_a_failing_handler_counts(gate: Gate, guard: Guard, clock: Clock) -> None:
    gate.call(lambda: (clock.work(5_000), fail()))
    assert guard.nanoseconds == 6_000


def test_refused_calls_cost_nothing(gate: Gate, guard: Guard, clock: Clock) -> None:
    gate.open = False
    gate.call(clock.work, 5_000)
    assert guard.nanoseconds == 0


def test_a_gate_within_another_runs_although_osler_is_at_work(gate: Gate, guard: Guard) -> None:
    inner = guard.gate("check x")
    assert gate.call(lambda: inner.within(lambda: "asked")) == "asked"


def test_a_fault_within_closes_the_inner_gate_only(gate: Gate, guard: Guard, warnings: list[str]) -> None:
    inner = guard.gate("check x")
    assert gate.call(lambda: (inner.within(fail), "went on")[1]) == "went on"
    assert (inner.open, gate.open, len(warnings)) == (False, True, 1)


def test_the_outer_handler_is_still_at_work_after_the_inner_one(gate: Gate, guard: Guard) -> None:
    inner = guard.gate("check x")
    assert gate.call(lambda: (inner.within(fail), guard.busy)[1]) is True


def test_time_within_is_counted_once(gate: Gate, guard: Guard, clock: Clock) -> None:
    inner = guard.gate("check x")
    gate.call(lambda: inner.within(clock.work, 5_000))
    assert guard.nanoseconds == 8_000, "5 of work and the three looks at the clock in between"


def test_a_gate_that_is_asked_from_outside_counts_its_own_time(
    gate: Gate, guard: Guard, clock: Clock
) -> None:
    gate.within(clock.work, 5_000)
    assert guard.nanoseconds == 6_000
