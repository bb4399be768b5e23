"""The loader is the steering wheel: what the script's own loop is handed, turn by turn.

The script runs untouched through its first turn of training. When it asks for the next batch the wheel is
taken: an experiment asks for turns, the loop body carries them out, and between two turns everything can
be put back. When the experiments are over the first turn is made again, so that the script goes on where
it was.
"""

# pyright: reportPrivateUsage=false

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from math import inf
from time import perf_counter
from types import FrameType
from typing import Any

import torch
from torch.utils.data import DataLoader
from torch.utils.data.dataloader import _BaseDataLoaderIter

from osler.model import Site
from osler.replay.ahead import Ahead, between, owner
from osler.replay.drivers import Drivers
from osler.replay.first import Conductor, First, Limits, Phase
from osler.replay.loop import LoopState, outwards
from osler.replay.observer import Observer
from osler.replay.passes import batches_of, whole_and_rest
from osler.replay.snapshot import Snapshot, in_training
from osler.replay.trees import cloned, size, tensors
from osler.replay.turn import Pool, Seen, Turn
from osler.runtime.guard import Gate
from osler.runtime.patches import Patches

EVALUATED = 4
"""Batches of an evaluation phase that are handed out; in an experiment one."""

LOST = "the loop reads batches ahead, and it is not known where it keeps them"


@dataclass(slots=True, eq=False)
class Wheel:
    """Hands batches to the script's loop.

    Attributes:
        observer: what sees the turns.
        conductor: what plans them.
        gate: contains faults of the plan, which then is over.
        limits: how far the script's own training goes.
        on_take: called when the wheel is taken.
        on_return: called when it is given back.
        on_end: called when all was seen; it does not return.
        phase: who decides.
        shortened: a pass was ended early, so what the script does from then on may be our doing.
        turns: turns that were steered.
        has_loader: a loader has handed out something while gradients were recorded.
        snapshot: the state before the first turn.
        pool: batches of the first turns.
    """

    observer: Observer
    conductor: Conductor
    gate: Gate
    limits: Limits = field(default_factory=Limits)
    on_take: Callable[[], None] = lambda: None
    on_return: Callable[[], None] = lambda: None
    on_end: Callable[[], None] = lambda: None
    on_event: Callable[[], None] = lambda: None
    phase: Phase = Phase.FIRST
    shortened: bool = False
    turns: int = 0
    has_loader: bool = False
    snapshot: Snapshot | None = None
    pool: Pool = field(default_factory=Pool)
    _loaders: weakref.WeakKeyDictionary[Any, Any] = field(default_factory=lambda: weakref.WeakKeyDictionary())
    _drawn: dict[int, Any] = field(default_factory=dict[int, Any])
    _aheads: dict[int, Ahead] = field(default_factory=dict[int, Ahead])
    _ahead: Ahead = field(default_factory=Ahead)
    _drivers: Drivers = field(default_factory=Drivers)
    _leading: dict[int, FrameType] = field(default_factory=dict[int, FrameType])
    _whole: float = inf
    _batches: int = 1
    _handed_now: int = 0
    _script: list[Any] = field(default_factory=list[Any])
    _positions: dict[int, int] = field(default_factory=dict[int, int])
    _master: int = 0
    _began: float = 0.0
    _plan: Generator[Turn, Seen, None] | None = None
    _turn: Turn = field(default_factory=Turn)
    _queue: list[Any] = field(default_factory=list[Any])
    _alone: list[Any] = field(default_factory=list[Any])
    _given: weakref.WeakKeyDictionary[Any, int] = field(default_factory=lambda: weakref.WeakKeyDictionary())
    _handed: weakref.WeakKeyDictionary[Any, int] = field(default_factory=lambda: weakref.WeakKeyDictionary())
    _passes: int = 0
    _own_turns: int = 0
    _returned: float = 0.0
    _drawn_from: tuple[int, int] = (0, 0)
    _asked_at: Site = ()

    def install(self, patches: Patches) -> None:
        """Take hold of the loaders; to be done before a watcher attaches, which then sees what is "
        "handed out."""
        patches.rebind(DataLoader, "__iter__", self._wrap_iter)
        patches.rebind(_BaseDataLoaderIter, "__next__", self._wrap_next)

    def _wrap_iter(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def __iter__(self_: Any) -> Any:  # noqa: N807
            iterator = original(self_)
            self._loaders[iterator] = self_
            self._given.pop(iterator, None)
            return iterator

        return __iter__

    def _wrap_next(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def __next__(self_: Any) -> Any:  # noqa: N807
            if self.observer.ignoring:
                return original(self_)
            self.on_event()
            loader = self._loaders.get(self_, self_)
            if self.phase is Phase.FIRST:
                return self._first(self_, loader, original, sys._getframe(1))
            if self.phase is Phase.STEERED:
                return self._steered(self_, loader, original, sys._getframe(1))
            return self._own(self_, loader, original)

        return __next__

    def _first(self, iterator: Any, loader: Any, original: Callable[..., Any], frame: FrameType) -> Any:
        """Training has not been seen yet, or its first turn has just ended."""
        number = id(loader)
        if self.observer.roots and number in self._drawn and self.snapshot is not None:
            self._asked_at = self.observer.lines.site(frame)
            self._take(iterator, loader, original, frame)
            return self._steered(iterator, loader, original, frame, begun=True)
        if not self.observer.roots and torch.is_grad_enabled() and number in self._drawn:
            self._drawn.clear()  # nothing was trained on what it has given before
        self.has_loader = True
        batch = original(iterator)
        if torch.is_grad_enabled() and not self.observer.roots:
            if not self._drawn:
                self.keep(frame, again=not self._handed.get(iterator, 0))
            if not self._handed.get(iterator):
                self._aheads[number] = Ahead()
            self._handed[iterator] = self._handed.get(iterator, 0) + 1
            self._drawn[number] = cloned(batch)
            self._aheads[number].note(batch, self._drawn[number])
        return batch

    def keep(self, frame: FrameType, *, again: bool = True) -> None:
        """Remember the state of training as it is now: the first turn may begin here.

        Args:
            frame: what asks for a batch.
            again: models and optimizers may have changed since the last time.
        """
        again = again or bool(self.observer.take().forwards) or self.snapshot is None
        self.observer.take()
        self._drivers = Drivers(frame, self._kind)
        self.observer.on_root = self._met_backward
        if again:
            self.release()  # not two at a time
            loop = LoopState(self.observer.lines.frame(frame), self._is_users, self._drivers)
            self.snapshot = Snapshot(in_training(), loop, self._is_own)
        elif self.snapshot is not None:
            self.snapshot.renew_numbers()
            self.snapshot.loop.drivers = self._drivers
        self._began = perf_counter()

    def release(self) -> None:
        """Let go of the state of training that was remembered."""
        if self.snapshot is not None:
            self.snapshot.release()
        self.snapshot = None

    def _met_backward(self, frame: FrameType) -> None:
        """The first backward: what drives the loop is on the stack."""
        self.observer.on_root = None
        self._leading = {id(each): each for each in outwards(frame)}
        self._drivers.narrow(self._leading)

    @property
    def loop_is_running(self) -> bool:
        """Whether the loop of the first turn has not been left: its variables can be put back."""
        return self.snapshot is not None and self.snapshot.loop.is_running

    def _kind(self, frame: FrameType) -> int:
        return self.observer.lines.kind(frame.f_code)

    def follow(self, frame: FrameType) -> bool:
        """Whether the loop goes on in the same functions, called anew from the same lines."""
        user = self.observer.lines.frame(frame)
        return self.snapshot is not None and self.snapshot.loop.follow(user)

    def _is_users(self, frame: FrameType) -> bool:
        return bool(self._kind(frame))

    def _is_own(self, kind: type) -> bool:
        module = sys.modules.get(kind.__module__)
        file = getattr(module, "__file__", None)
        if self._drivers.owns(kind):
            return True
        return bool(file) and self.observer.lines.is_user_file(str(file)) and hasattr(kind, "__dict__")

    def _take(self, iterator: Any, loader: Any, original: Callable[..., Any], frame: FrameType) -> None:
        """The first turn is over: fill the pool and begin to steer."""
        self._master = id(loader)
        self._positions = {number: place for place, number in enumerate(self._drawn)}
        self._ahead = self._aheads[self._master]
        self._aheads.clear()
        seen = self.observer
        given = [[(c.args, c.kwargs) for c in seen.forwards], [loss.given for loss in seen.losses]]
        frames = between(frame, self._kind)
        self._batches = self._ahead.settle(tensors(given), len(seen.roots), frames)
        self._leave_alone(frames)
        self._drawn[self._master] = self._ahead.drawn[0].copy
        self.pool.entries.append({self._positions[n]: batch for n, batch in self._drawn.items()})
        if len(self._drawn) == 1:
            self.pool.entries += [{0: one.copy} for one in self._ahead.drawn[1:]]
            self._fill(iterator, original)
        if self._handed.get(iterator):  # otherwise each turn begins a pass, and none comes to its end
            self._drawn_from = whole_and_rest(loader)
        self._whole = self._loop_turns()
        self.begin(self._turns_of_loader, LOST if self._ahead.lost else "")

    def _leave_alone(self, frames: list[FrameType]) -> None:
        """What only hands batches on is not put back: it holds those that were drawn ahead."""
        assert self.snapshot is not None
        if self._ahead.waiting:
            self.snapshot.loop.narrow(self._leading)
        passing = [
            f for f in frames if id(f) not in self._leading and (self._ahead.waiting or not self._kind(f))
        ]
        leading = {id(owner(f)) for f in self._leading.values()}
        self.snapshot.aside = {id(owner(f)) for f in passing} - leading

    def _loop_turns(self) -> float:
        """Turns that the loop makes in all: a `for` over a range ends whatever the loader does."""
        assert self.snapshot is not None
        whole = self._drivers.turns if self._drivers.loop else self.snapshot.loop.turns
        return inf if whole < 0 else whole

    def _turns_of_loader(self) -> float:
        """Turns that can still be steered."""
        return self._whole - self.turns - self.limits.turns

    def _fill(self, iterator: Any, original: Callable[..., Any]) -> None:
        """Draw more batches ahead; the script gets them later."""
        while len(self.pool.entries) < self.limits.pool:
            try:
                batch = original(iterator)
            except StopIteration:
                self.pool.exhausted = True
                return
            if size(batch) == 1 < size(self.pool.entries[0]):
                self._alone.append(batch)  # many a loop stops at it, and not only where it would
            else:
                self.pool.entries.append({0: batch})

    def begin(self, turns_left: Callable[[], float], unsteerable: str = "") -> None:
        """Begin to steer."""
        assert self.snapshot is not None
        self._leading = {}  # frames that are over would keep the graph of the first turn
        seconds = perf_counter() - self._began
        if self.snapshot.is_lazy:  # one turn later every parameter has its shape
            self.snapshot = Snapshot(in_training(), self.snapshot.loop, self._is_own)
        self.on_take()
        drawn, rest = self._drawn_from
        seen = self.observer.take().share(self._batches)
        first = First(
            self.snapshot, seen, self.pool, seconds, turns_left, unsteerable, self.has_loader, rest, drawn,
            self._asked_at,
        )  # fmt: skip
        self.observer.capturing = False
        self.phase = Phase.STEERED
        self._plan = self.conductor(first)
        self.advance(None)

    def advance(self, seen: Seen | None) -> None:
        """Ask what is to be done next; at the end of the plan the wheel is given back."""
        assert self._plan is not None
        self.observer.ignoring = True
        if seen is not None and seen.steps and self.snapshot is not None:
            self.snapshot.loop.restore()  # or a loop that counts would come to its end
        try:
            turn = self.gate.call(following, self._plan, seen)
            if turn is None:
                self.phase = Phase.OWN
                self.release()
                drawn = len(self._ahead.drawn) or 1
                self._queue = [*(entry.get(0) for entry in self.pool.entries[drawn:]), *self._alone]
            else:
                self._turn = turn
                self.turns += 1
        finally:
            self.observer.ignoring = False
        if self.phase is Phase.OWN:
            self.observer.take()
            self.on_return()
            self._returned = perf_counter()

    def _steered(
        self,
        iterator: Any,
        loader: Any,
        original: Callable[..., Any],
        frame: FrameType,
        *,
        begun: bool = False,
    ) -> Any:
        """The loop asks for a batch while it is steered."""
        number = id(loader)
        trains = torch.is_grad_enabled() and number in self._positions
        if not trains:
            return self._a_little(iterator, original, 1)
        if number != self._master:
            return cloned(self.pool.entries[self._turn.entry][self._positions[number]])
        if begun or not self._is_one_turn():
            if not begun:
                self.advance(self.observer.take())
            if self.phase is Phase.OWN:
                return self._own(iterator, loader, original)
            self._begin_turn(frame)
        self._handed_now += 1
        return self._ahead.handed(self._planned())

    def _is_one_turn(self) -> bool:
        """Whether the loop asks for one more batch of a turn that has several: it has not trained yet."""
        several = self._batches + len(self._ahead.waiting)
        return several > 1 and not self.observer.roots and self._handed_now < several

    def _begin_turn(self, frame: FrameType) -> None:
        """What the loop has drawn ahead is to be the planned batch as well."""
        self._handed_now = 0
        drawn = self._ahead.drawn if self._turn.as_drawn and len(self._positions) == 1 else []
        self._script = [cloned(one.copy) for one in drawn]
        if self._ahead.waiting:
            self._ahead.exchange(between(frame, self._kind), self._planned)

    def _planned(self) -> Any:
        """The next batch that is planned."""
        if self._script:
            return self._script.pop(0)
        return cloned(self.pool.entries[self._turn.entry][self._positions[self._master]])

    def _own(self, iterator: Any, loader: Any, original: Callable[..., Any]) -> Any:
        """The loop asks for a batch of its own."""
        number = id(loader)
        if not torch.is_grad_enabled() or number not in self._positions:
            return self._a_little(iterator, original, EVALUATED)
        if number != self._master:
            return original(iterator)
        given = self._given.get(iterator, 0)
        self._passes += not given
        late = perf_counter() > self.limits.until
        enough = self._own_turns >= self.limits.turns * self.limits.passes
        if late or (enough and self._passes >= self.limits.passes):
            self.on_end()
        if late or given >= self._turns_of_pass(loader):
            self.shortened = True
            raise StopIteration
        self._given[iterator] = given + 1
        self._own_turns += 1
        if self._queue:
            return self._queue.pop(0)
        return original(iterator)

    def _turns_of_pass(self, loader: Any) -> int:
        """Batches of this pass that are handed out: where a library makes the loop all, if that is soon done.

        Its evaluation may depend on how many there were.
        """
        turns, whole = self.limits.turns, batches_of(loader) if self._drivers.packages else 0
        seconds = (perf_counter() - self._returned) / max(1, self._own_turns)
        return whole if whole > turns and (whole - turns) * seconds < self.limits.patience else turns

    def _a_little(self, iterator: Any, original: Callable[..., Any], most: int) -> Any:
        """Pass an evaluation phase fast, but not unseen."""
        given = self._given.get(iterator, 0)
        if given >= most:
            self.shortened = True
            raise StopIteration
        batch = original(iterator)
        self._given[iterator] = given + 1
        return batch


def following(plan: Generator[Turn, Seen, None], seen: Seen | None) -> Turn | None:
    """What the plan wants next; None at its end."""
    try:
        return next(plan) if seen is None else plan.send(seen)
    except StopIteration:
        return None
