"""A second Ctrl-C does not cut the report, and the script's own handlers are left as they were."""

import signal
import threading
from collections.abc import Callable

import pytest

from osler.runtime.interrupts import Interrupts


def press() -> None:
    signal.raise_signal(signal.SIGINT)


def press_twice() -> None:
    press()
    press()


@pytest.fixture
def handler() -> object:
    return signal.getsignal(signal.SIGINT)


def test_one_is_held_back(handler: object) -> None:
    with Interrupts() as interrupts:
        press()
        assert interrupts.spared
    assert signal.getsignal(signal.SIGINT) is handler


def test_the_next_one_counts(handler: object) -> None:
    """A report may hang."""
    with pytest.raises(KeyboardInterrupt), Interrupts():
        press_twice()
    assert signal.getsignal(signal.SIGINT) is handler


def test_the_scripts_own_code_is_interrupted_as_ever() -> None:
    with Interrupts() as interrupts:
        with pytest.raises(KeyboardInterrupt):
            interrupts.letting_through(press)
        assert not interrupts.spared
        press()
        assert interrupts.spared


def test_the_scripts_own_handler_hears_what_is_let_through() -> None:
    heard: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _frame: heard.append(number))
    try:
        with Interrupts() as interrupts:
            press()
            assert heard == []
            interrupts.letting_through(press)
            assert heard == [signal.SIGINT]
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_handler_that_was_set_meanwhile_stays(handler: object) -> None:
    def other(_number: int, _frame: object) -> None: ...

    with Interrupts() as interrupts:
        interrupts.letting_through(lambda: signal.signal(signal.SIGINT, other))
    assert signal.getsignal(signal.SIGINT) is other
    signal.signal(signal.SIGINT, handler)  # type: ignore[arg-type]


@pytest.mark.parametrize("ignored", [signal.SIG_IGN, signal.SIG_DFL])
def test_a_signal_without_a_handler_is_left_alone(ignored: signal.Handlers) -> None:
    before = signal.signal(signal.SIGINT, ignored)
    try:
        with Interrupts():
            assert signal.getsignal(signal.SIGINT) == ignored
        assert signal.getsignal(signal.SIGINT) == ignored
    finally:
        signal.signal(signal.SIGINT, before)


def in_a_thread(action: Callable[[], None]) -> None:
    thread = threading.Thread(target=action)
    thread.start()
    thread.join()


def test_a_thread_leaves_the_signals_alone(handler: object) -> None:
    seen: list[object] = []

    def enter() -> None:
        with Interrupts():
            seen.append(signal.getsignal(signal.SIGINT))

    in_a_thread(enter)
    assert seen == [handler]
