"""The one guard: a fault inside Osler is one warning and a closed gate, never the script's problem."""

from __future__ import annotations

from collections.abc import Callable
from threading import enumerate as enumerate_threads
from threading import get_ident
from time import perf_counter_ns
from traceback import extract_tb
from typing import TypeVar, TypeVarTuple

import torch

Arguments = TypeVarTuple("Arguments")
Result = TypeVar("Result")

dispatch_modes: Callable[[], int] = torch._C._len_torch_dispatch_stack  # pyright: ignore
function_modes: Callable[[], int] = torch._C._len_torch_function_stack  # pyright: ignore
"""How many modes, the script's or torch's own, stand around every operation."""

TRACING = ("FAKE", "PROXY", "FUNCTIONAL")
"""Dispatch modes under which tensors have no values: the program is traced and does not run."""


class Gate:
    """Lets one kind of observation through until it fails once.

    A gate also keeps time, refuses to be entered while Osler itself is at work (so that Osler's own
    tensor operations are not taken for the script's), and listens to one thread only.

    Attributes:
        open: nothing has failed so far.
        reads: what was only noted at rest is read ahead of a handler.
    """

    __slots__ = ("guard", "name", "open", "reads")

    def __init__(self, guard: Guard, name: str) -> None:
        self.guard = guard
        self.name = name
        self.open = True
        self.reads = True

    def call(self, handler: Callable[[*Arguments], Result], *args: *Arguments) -> Result | None:
        """Run a handler; None when the gate is closed, Osler is at work, or the handler failed."""
        guard = self.guard
        if not self.open or guard.busy or (get_ident() != guard.owner and guard.foreign_thread()):
            return None
        if not guard.unseen and (dispatch_modes() or function_modes()):
            return self.aside(handler, *args)
        guard.busy = True
        start = perf_counter_ns()
        try:
            if guard.log and self.reads:
                guard.read()
            return handler(*args)
        except Exception as fault:
            self.open = False
            guard.failed(self.name, fault)
            return None
        finally:
            guard.nanoseconds += perf_counter_ns() - start
            guard.busy = False

    def aside(self, handler: Callable[[*Arguments], Result], *args: *Arguments) -> Result | None:
        """Run a handler unseen by the script's own modes; not at all while something is being traced."""
        if is_tracing():
            return None
        self.guard.unseen = True
        try:
            with torch._C._DisableTorchDispatch(), torch._C.DisableTorchFunction():  # pyright: ignore
                return self.call(handler, *args)
        finally:
            self.guard.unseen = False

    def within(self, handler: Callable[[*Arguments], Result], *args: *Arguments) -> Result | None:
        """The same from inside another gate's handler: a fault closes this gate and not the other."""
        guard = self.guard
        busy, spent = guard.busy, guard.nanoseconds
        guard.busy = False
        result = self.call(handler, *args)
        guard.busy = busy
        if busy:  # the other gate counts this time
            guard.nanoseconds = spent
        return result


class Guard:
    """All gates of one session: faults, time spent, the thread that is watched.

    Attributes:
        nanoseconds: time spent inside handlers.
        busy: a handler is running.
        failures: one sentence for each gate that closed.
        warn: called with that sentence at once.
        owner: identity of the watched thread, 0 until something happened.
        strangers: identities of other threads in which something happened.
        settled: the watched thread has called backward, so it is the one that trains.
        log: what was only noted while the watcher rests; it is read ahead of any handler.
        read: takes what is in the log into the evidence.
        unseen: the script's modes are switched off for a handler.
    """

    __slots__ = (
        "busy", "failures", "log", "nanoseconds", "owner", "read", "settled", "strangers", "unseen", "warn",
    )  # fmt: skip

    def __init__(self, warn: Callable[[str], None]) -> None:
        self.nanoseconds = 0
        self.busy = False
        self.failures: list[str] = []
        self.warn = warn
        self.owner = 0
        self.strangers: set[int] = set()
        self.unseen = False
        self.settled = False
        self.log: list[object] = []
        self.read: Callable[[], None] = self.log.clear

    def gate(self, name: str) -> Gate:
        """A gate of its own for one kind of observation."""
        return Gate(self, name)

    def foreign_thread(self) -> bool:
        """Whether the caller runs in another thread than the one that is watched.

        That is the one that calls backward first, and once it has ended the next one in which something
        happens.
        """
        if not self.settled or all(thread.ident != self.owner for thread in enumerate_threads()):
            self.listen_here()
            return False
        self.strangers.add(get_ident())
        return True

    def listen_here(self) -> None:
        """From now on the caller's thread is the one that is watched."""
        self.owner = get_ident()

    def failed(self, name: str, fault: Exception) -> None:
        """Remember and announce a fault: what stopped, why, and where in Osler."""
        frames = extract_tb(fault.__traceback__)
        where = f"{frames[-1].filename.rpartition('/')[2]}:{frames[-1].lineno}" if frames else "?"
        sentence = f"stopped watching {name}: {type(fault).__name__}: {fault} ({where})"
        self.failures.append(sentence)
        self.warn(sentence)


def is_tracing() -> bool:
    """Whether operations are recorded or simulated instead of computed."""
    keys = torch._C._TorchDispatchModeKey  # pyright: ignore
    return any(torch._C._get_dispatch_mode(getattr(keys, name)) is not None for name in TRACING)  # pyright: ignore
