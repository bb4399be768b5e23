"""Ways out that do not pass the end of a script: each is told of, and leads where it always led."""

import _signal
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import pytest

from osler.runtime.endings import TERMINATED, Ending, LastWord
from osler.runtime.exits import SignalsWithoutOurs, announced_exit, stoppable_thread_hook, watch_exits
from osler.runtime.patches import Patches
from osler.runtime.stopping import StopTraining
from osler.runtime.tracebacks import PACKAGE


class Left(BaseException):
    """Instead of the end of this process."""


class Last(LastWord):
    """A last word whose endings are kept."""

    def __init__(self, answer: int | None = None) -> None:
        self.endings: list[Ending] = []
        super().__init__(lambda ending: (self.endings.append(ending), answer)[1])


def leave(code: int) -> NoReturn:
    raise Left(code)


def left_with(status: Any, last_word: LastWord) -> int:
    with pytest.raises(Left) as left:
        announced_exit(leave, last_word)(status)
    return left.value.args[0]


# --- os._exit


@pytest.mark.parametrize(("status", "code"), [(0, 0), (3, 3), (True, 1), (256, 0), (257, 1), (-1, 255)])
def test_the_exit_code_is_the_one_that_a_shell_would_see(status: int, code: int) -> None:
    last_word = Last()
    assert left_with(status, last_word) == code
    assert last_word.endings == [Ending(code, "os._exit")]


def test_success_may_become_a_failure() -> None:
    assert left_with(0, Last(10)) == 10
    assert left_with(2, Last(10)) == 2


def test_it_leaves_even_if_the_report_fails() -> None:
    def fail(ending: Ending) -> int:
        raise RuntimeError

    assert left_with(7, LastWord(fail)) == 7


def test_what_is_no_exit_code_is_refused_as_always() -> None:
    last_word = Last()
    with pytest.raises(TypeError):
        announced_exit(leave, last_word)("3")  # pyright: ignore
    assert last_word.endings == []


# --- threads


def thread_error(error: BaseException) -> threading.ExceptHookArgs:
    with pytest.raises(type(error)) as caught:
        raise error
    return threading.ExceptHookArgs((type(error), error, caught.tb, threading.current_thread()))


def test_a_training_thread_that_was_stopped_ends_quietly() -> None:
    shown: list[Any] = []
    last_word = Last()
    stoppable_thread_hook(shown.append, last_word)(thread_error(StopTraining("enough")))
    assert (shown, last_word.training_stopped) == ([], True)


def test_any_other_error_in_a_thread_is_shown() -> None:
    shown: list[threading.ExceptHookArgs] = []
    last_word = Last()
    given = thread_error(ValueError("x"))
    stoppable_thread_hook(shown.append, last_word)(given)
    assert shown[0][:2] == given[:2]
    assert shown[0].thread is given.thread
    assert not last_word.training_stopped


def test_it_is_shown_without_our_frames() -> None:
    shown: list[threading.ExceptHookArgs] = []
    scope: dict[str, Any] = {"thread_error": thread_error, "error": ValueError("x")}
    exec(compile("def probe():\n    raise error\n", f"{PACKAGE}runtime/probe.py", "exec"), scope)
    try:
        scope["probe"]()
    except ValueError as caught:
        stoppable_thread_hook(shown.append, Last())(
            threading.ExceptHookArgs((type(caught), caught, caught.__traceback__, None))
        )
    entry = shown[0].exc_traceback
    assert entry is not None
    assert (entry.tb_frame.f_code.co_filename, entry.tb_next) == (__file__, None)


def test_an_error_without_a_value_is_passed_on() -> None:
    """As Python gives it while it shuts down."""
    shown: list[Any] = []
    given = threading.ExceptHookArgs((ValueError, None, None, None))
    stoppable_thread_hook(shown.append, Last())(given)
    assert shown == [given]


# --- SIGTERM, whose handler of ours nobody may find


def ours(number: int, frame: object) -> None:
    """Stands for the handler that has the last word."""


def theirs(number: int, frame: object) -> None:
    """A handler of the script's."""


@pytest.fixture
def shown() -> Iterator[SignalsWithoutOurs]:
    before = _signal.signal(signal.SIGTERM, ours)
    yield SignalsWithoutOurs(_signal, ours)
    _signal.signal(signal.SIGTERM, before)


def test_our_handler_looks_like_the_default(shown: SignalsWithoutOurs) -> None:
    assert shown.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_a_handler_of_the_script_replaces_ours(shown: SignalsWithoutOurs) -> None:
    assert shown.signal(signal.SIGTERM, theirs) == signal.SIG_DFL
    assert shown.getsignal(signal.SIGTERM) is theirs is _signal.getsignal(signal.SIGTERM)


def test_the_default_action_is_ours_again(shown: SignalsWithoutOurs) -> None:
    """A launcher that puts back what it found."""
    found = shown.signal(signal.SIGTERM, theirs)
    assert shown.signal(signal.SIGTERM, found) is theirs
    assert shown.getsignal(signal.SIGTERM) == signal.SIG_DFL
    assert _signal.getsignal(signal.SIGTERM) is ours


def test_to_ignore_it_is_to_ignore_it(shown: SignalsWithoutOurs) -> None:
    shown.signal(signal.SIGTERM, _signal.SIG_IGN)
    assert shown.getsignal(signal.SIGTERM) == _signal.getsignal(signal.SIGTERM) == signal.SIG_IGN


@pytest.mark.skipif(os.name != "posix", reason="other signals")
def test_other_signals_are_left_alone(shown: SignalsWithoutOurs) -> None:
    before = _signal.getsignal(signal.SIGUSR1)
    try:
        shown.signal(signal.SIGUSR1, _signal.SIG_DFL)
        assert _signal.getsignal(signal.SIGUSR1) == signal.SIG_DFL
        assert shown.SIGUSR1 == signal.SIGUSR1
    finally:
        _signal.signal(signal.SIGUSR1, before)


# --- all of them together


def test_undone_everything_is_as_it_was() -> None:
    names: list[Callable[[], Any]] = [
        lambda: os._exit,
        lambda: threading.excepthook,
        lambda: signal.__dict__["_signal"],
        lambda: _signal.getsignal(signal.SIGTERM),
    ]
    before = [get() for get in names]
    patches = Patches()
    watch_exits(patches, Last())
    watched = [get() for get in names]
    patches.undo()
    assert not [a for a, b in zip(before, watched, strict=True) if a is b]
    assert [get() for get in names] == before


def test_a_handler_that_the_script_set_before_is_left_to_it() -> None:
    before = signal.signal(signal.SIGTERM, theirs)
    patches = Patches()
    try:
        watch_exits(patches, Last())
        assert _signal.getsignal(signal.SIGTERM) is theirs
    finally:
        patches.undo()
        signal.signal(signal.SIGTERM, before)


def test_outside_the_main_thread_no_handler_can_be_set() -> None:
    patches, handlers = Patches(), list[Any]()

    def watch() -> None:
        watch_exits(patches, Last())
        handlers.append(_signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=watch)
    thread.start()
    thread.join()
    patches.undo()
    assert handlers == [signal.SIG_DFL]


PROGRAM = """
import os, signal, sys
from osler.runtime.endings import LastWord
from osler.runtime.exits import watch_exits
from osler.runtime.patches import Patches

def tell(ending):
    os.write(1, f"{ending.ended_by} {ending.exit_code}\\n".encode())

watch_exits(Patches(), LastWord(tell))
"""


@pytest.mark.skipif(os.name != "posix", reason="other signals")
@pytest.mark.parametrize(
    ("last", "told", "code"),
    [
        ("os.kill(os.getpid(), signal.SIGTERM)", f"SIGTERM {TERMINATED}\n", -signal.SIGTERM),
        ("os._exit(3)", "os._exit 3\n", 3),
        (
            "if os.fork(): os._exit(os.waitstatus_to_exitcode(os.wait()[1]))\nelse: os._exit(4)",
            "os._exit 4\n",
            4,
        ),
        (
            "if not os.fork(): os.kill(os.getpid(), signal.SIGTERM)\nos._exit(os.wait()[1])",
            f"os._exit {signal.SIGTERM}\n",
            signal.SIGTERM,
        ),
    ],
    ids=["SIGTERM", "os._exit", "a child that leaves", "a child that is killed"],
)
def test_a_process_is_told_of_and_dies_as_it_would(last: str, told: str, code: int) -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM + last], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr, done.returncode) == (told, "", code)
