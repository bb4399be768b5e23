"""Run any training script as `__main__` and learn how it ended, without the script being able to tell."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import NoReturn

from osler.runtime.endings import INTERRUPTED, Ending, LastWord
from osler.runtime.entrance import NeverStarted, Target, prepare
from osler.runtime.exits import watch_exits
from osler.runtime.interrupts import Interrupts
from osler.runtime.patches import Patches
from osler.runtime.stopping import StopTraining
from osler.runtime.tracebacks import forget_our_frames

__all__ = ["Ending", "Target", "run_script"]


def run_script(target: Target, on_end: Callable[[Ending], int | None]) -> int:
    """Run a program as Python would; the exit code to leave the process with.

    Nothing but leaving may follow: threads have been waited for and `__main__` is the user's until the end.

    Args:
        target: what to run.
        on_end: called once when the program and its threads have ended, in this process only; it must not
            raise. An integer it returns replaces the exit code of a program that ended well.

    Raises:
        UsageError: there is nothing to run; ``on_end`` was not called.
        KeyboardInterrupt: the program was interrupted and the process must die of it. All is shown already.
    """
    start = prepare(target)
    last_word = LastWord(on_end)
    patches = Patches()
    watch_exits(patches, last_word)
    try:
        error = outcome(start)
        if isinstance(error, NeverStarted):
            raise error
        with Interrupts() as interrupts:
            ending = wait_for_threads(show(error, interrupts), interrupts)
            patches.undo()
            code = last_word(ending)
    finally:
        patches.undo()
    if code == INTERRUPTED and ending.ended_by == "interrupt":
        die_interrupted()
    return code


class End:
    """Receives whatever a block ends with, as a value: how the script ends is what we are here to learn."""

    error: BaseException | None = None

    def __enter__(self) -> End:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        self.error = error
        return True


def outcome(action: Callable[[], object]) -> BaseException | None:
    """Do it; what was raised, for the code of other people may raise anything."""
    with End() as end:
        action()
    return end.error


def show(error: BaseException | None, interrupts: Interrupts) -> Ending:
    """Write what Python writes when a program ends like this."""
    match error:
        case None:
            return Ending(0, "")
        case StopTraining():
            return Ending(0, "stopped")
        case SystemExit():
            return Ending(exit_code(error), "sys.exit")
        case _:
            return show_uncaught(error, interrupts)


def exit_code(leaving: SystemExit) -> int:
    """The exit code `sys.exit` asked for; anything but a number is a message and means 1."""
    match leaving.code:
        case None:
            return 0
        case int(number):
            return number & 0xFF
        case message:
            write_error(f"{message}\n")
            return 1


def show_uncaught(error: BaseException, interrupts: Interrupts) -> Ending:
    """Hand an uncaught exception to `sys.excepthook`, without our frames; the hook itself may fail."""
    forget_our_frames(error)
    sys.last_type, sys.last_value, sys.last_traceback = type(error), error, error.__traceback__
    if sys.version_info >= (3, 12):
        sys.last_exc = error
    shown = partial(sys.excepthook, type(error), error, error.__traceback__)
    problem = outcome(lambda: interrupts.letting_through(shown))
    # The exact type: Python dies of SIGINT for this one alone.
    interrupted = type(error) is KeyboardInterrupt
    ending = Ending(INTERRUPTED, "interrupt") if interrupted else Ending(1, "exception", error)
    if isinstance(problem, SystemExit):
        return replace(ending, exit_code=exit_code(problem))
    if problem is not None:
        write_error("Error in sys.excepthook:\n")
        print_traceback(problem)
        write_error("\nOriginal exception was:\n")
        print_traceback(error)
    return ending


def wait_for_threads(ending: Ending, interrupts: Interrupts) -> Ending:
    """Wait as the interpreter would next: a training in a thread is judged whole."""
    problem = outcome(lambda: interrupts.letting_through(vars(threading)["_shutdown"]))
    if problem is None:
        return ending
    write_error(f"Exception ignored in: {threading!r}\n")
    print_traceback(problem)
    return replace(ending, ended_by="interrupt") if isinstance(problem, KeyboardInterrupt) else ending


def print_traceback(error: BaseException) -> None:
    """Print an exception as Python does by itself, without our frames."""
    forget_our_frames(error)
    sys.__excepthook__(type(error), error, error.__traceback__)


def write_error(text: str) -> None:
    """Write to the script's stderr; to the file descriptor if the script has taken the stream away."""
    stream = sys.stderr
    if stream is None:  # pyright: ignore[reportUnnecessaryComparison] - scripts do set it to None
        os.write(2, text.encode())
    else:
        outcome(lambda: stream.write(text))


def die_interrupted() -> NoReturn:
    """Leave as a process does that was interrupted: through atexit handlers and then death by SIGINT.

    Only the interpreter can do both, and only for an uncaught KeyboardInterrupt: it gets one, and no way to
    print it a second time.
    """
    sys.excepthook = print_nothing
    raise KeyboardInterrupt


def print_nothing(*_uncaught: object) -> None:
    """The `sys.excepthook` for what was shown before."""
