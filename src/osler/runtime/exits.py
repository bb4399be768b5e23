"""The ways out that do not pass the end of the script: `os._exit`, SIGTERM, and the end of a thread."""

from __future__ import annotations

import operator
import os
import signal
import threading
from collections.abc import Callable
from typing import Any, NoReturn

from osler.runtime.endings import TERMINATED, Ending, LastWord
from osler.runtime.patches import Patches
from osler.runtime.stopping import StopTraining
from osler.runtime.tracebacks import forget_our_frames


def watch_exits(patches: Patches, last_word: LastWord) -> None:
    """Have the last word before `os._exit` and SIGTERM, and stop a training thread without a traceback.

    Args:
        patches: takes everything back when undone; forked children are undone at birth.
        last_word: told how the script ends.
    """

    def announce(leave: Callable[[int], NoReturn]) -> Callable[[int], NoReturn]:
        return announced_exit(leave, last_word)

    def soften(show: ThreadHook) -> ThreadHook:
        return stoppable_thread_hook(show, last_word)

    patches.rebind(os, "_exit", announce)
    patches.rebind(threading, "excepthook", soften)
    is_main = threading.current_thread() is threading.main_thread()
    if is_main and signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
        watch_sigterm(patches, last_word)
    if hasattr(os, "register_at_fork"):  # not on Windows
        undo_in_children(patches)


def undo_in_children(patches: Patches) -> None:
    """Give forked children everything back at birth; a SIGTERM that is faster than that waits until then."""
    masks = threading.local()

    def before() -> None:
        masks.old = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})

    def in_parent() -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, masks.old)

    def in_child() -> None:
        patches.undo()
        in_parent()

    os.register_at_fork(before=before, after_in_parent=in_parent, after_in_child=in_child)


def announced_exit(leave: Callable[[int], NoReturn], last_word: LastWord) -> Callable[[int], NoReturn]:
    """An `os._exit` that lets ``last_word`` speak first."""

    def _exit(status: int) -> NoReturn:
        code = operator.index(status)
        try:
            code = last_word(Ending(code & 0xFF, "os._exit"))
        finally:
            leave(code)

    return _exit


ThreadHook = Callable[[threading.ExceptHookArgs], object]


def stoppable_thread_hook(show: ThreadHook, last_word: LastWord) -> ThreadHook:
    """A `threading.excepthook` that knows our way to end a training and hides our frames."""

    def excepthook(args: threading.ExceptHookArgs) -> None:
        if isinstance(args.exc_value, StopTraining):
            last_word.training_stopped = True
            return
        if args.exc_value is not None:
            forget_our_frames(args.exc_value)
            traceback = args.exc_value.__traceback__
            args = threading.ExceptHookArgs((args.exc_type, args.exc_value, traceback, args.thread))
        show(args)

    return excepthook


def watch_sigterm(patches: Patches, last_word: LastWord) -> None:
    """Have the last word when SIGTERM arrives, then die of it as any process does."""
    real = signal.__dict__["_signal"]

    def die(_number: int, _frame: object) -> None:
        patches.undo()  # first of all, so that a second SIGTERM kills at once
        try:
            last_word(Ending(TERMINATED, "SIGTERM"))
        finally:
            os.kill(os.getpid(), signal.SIGTERM)

    def put_back() -> None:
        signal.__dict__["_signal"] = real
        if real.getsignal(signal.SIGTERM) is die:
            real.signal(signal.SIGTERM, real.SIG_DFL)

    real.signal(signal.SIGTERM, die)
    signal.__dict__["_signal"] = SignalsWithoutOurs(real, die)
    patches.on_undo(put_back)


class SignalsWithoutOurs:
    """The C module behind `signal`, in which our SIGTERM handler looks like the default action.

    Launchers install their own handler only where they find none, so ours must not be found.
    """

    def __init__(self, real: Any, ours: Callable[[int, Any], None]) -> None:
        self._real = real
        self._ours = ours

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def signal(self, number: int, handler: Any) -> Any:
        """Set a handler; the default action of SIGTERM means ours."""
        wanted = self._ours if number == signal.SIGTERM and handler == signal.SIG_DFL else handler
        return self._shown(self._real.signal(number, wanted))

    def getsignal(self, number: int) -> Any:
        """The handler the script believes is set."""
        return self._shown(self._real.getsignal(number))

    def _shown(self, handler: Any) -> Any:
        return self._real.SIG_DFL if handler is self._ours else handler
