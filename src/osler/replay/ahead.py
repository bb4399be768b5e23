"""Loops that read ahead: what they have asked for and not yet trained on is exchanged where they keep it.

Wrappers of loaders draw the next batch before they hand out this one, to know which is the last; trainers
draw all batches of an accumulation window before the first of them is used. So what a loop is handed now is
not what its next turn trains on. Where it waits is found by identity, or by equal numbers where it was
copied to a device.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import FrameType
from typing import Any, cast

import torch
from torch import Tensor

from osler.replay.loop import outwards, put_back
from osler.replay.trees import DEEPEST, mapped, tensors
from osler.runtime.variables import variables_of

MOST = 32
"""Batches of one iterator that are remembered until something is trained on."""

ELEMENTS = 2**25
"""Their elements together, at most."""

LONGEST = 100
"""Items of a container in which a batch may wait."""


@dataclass(slots=True, eq=False)
class Drawn:
    """A batch that the script was handed before its first turn of training was over.

    Attributes:
        handed: the very object.
        copy: of it, as it was then.
    """

    handed: Any
    copy: Any

    @property
    def elements(self) -> int:
        """Of all its tensors."""
        return sum(t.numel() for t in tensors(self.copy))


@dataclass(slots=True, eq=False)
class Ahead:
    """What one iterator has handed out before the first backward call.

    Attributes:
        drawn: the latest batches, the newest last.
        waiting: those that the loop keeps for later turns: exchanged at the beginning of each turn.
        lost: the loop keeps some, and it is not known where.
    """

    drawn: list[Drawn] = field(default_factory=list[Drawn])
    waiting: list[Any] = field(default_factory=list[Any])
    lost: bool = False

    def note(self, handed: Any, copy: Any) -> None:
        """One more was handed out."""
        self.drawn.append(Drawn(handed, copy))
        while len(self.drawn) > 1 and (
            len(self.drawn) > MOST or sum(d.elements for d in self.drawn) > ELEMENTS
        ):
            del self.drawn[0]

    def settle(self, used: Sequence[Tensor], backwards: int, frames: Sequence[FrameType]) -> int:
        """The first turn is over: which of the batches was it made of, and which are waiting?

        Args:
            used: what models and losses were given in it.
            backwards: calls of backward.
            frames: on the stack between the loader and the script.

        Returns:
            How many batches the turn was made of; they and those that wait are all that stays in `drawn`.
        """
        if len(self.drawn) == 1:
            return 1
        trained = [place for place, one in enumerate(self.drawn) if self._is_among(one, used)]
        if trained:
            first, last = trained[0], trained[-1]
        else:
            last = len(self.drawn) - 1
            while last and is_held(frames, self.drawn[last].handed):
                last -= 1
            first = max(0, last + 1 - max(1, backwards))
        later = self.drawn[last + 1 :]
        self.lost = any(not is_held(frames, one.handed) for one in later)
        self.drawn = self.drawn[first:]
        self.waiting = [one.handed for one in later]
        return last + 1 - first

    def _is_among(self, one: Drawn, used: Sequence[Tensor]) -> bool:
        """Whether something that only this batch holds was used."""
        others = [t for each in self.drawn if each is not one for t in tensors(each.copy)]
        own = [t for t in tensors(one.copy) if t.numel() > 1 and not any(is_equal(t, o) for o in others)]
        return any(is_equal(t, u) for t in own for u in used)

    def handed(self, batch: Any) -> Any:
        """One more is handed out: as many as before wait."""
        if self.waiting:
            self.waiting = [*self.waiting[1:], batch]
        return batch

    def exchange(self, frames: Sequence[FrameType], make: Callable[[], Any]) -> None:
        """Put other batches in the place of those that wait."""
        for place, old in enumerate(self.waiting):
            self.waiting[place] = new = make()
            next((frame for frame in frames if exchange_in(frame, old, new)), None)


def is_held(frames: Sequence[FrameType], batch: Any) -> bool:
    """Whether a frame, or the object whose method it is, holds a batch or a copy of it."""
    swap = Swap(batch, batch)
    return any(
        swap.found(variables_of(frame, always=True)) or swap.found(attributes(frame)) for frame in frames
    )


def exchange_in(frame: FrameType, old: Any, new: Any) -> bool:
    """Exchange a batch in the variables of a frame, or in those of its object; whether it was there."""
    swap = Swap(old, new)
    for names, put in ((variables_of(frame, always=True), put_back), (attributes(frame), put_attributes)):
        changed = swap.found(names)
        if changed:
            put(frame, changed)
            return True
    return False


def owner(frame: FrameType) -> Any:
    """The object whose method a frame runs; None if it is no method."""
    code = frame.f_code
    first = code.co_varnames[0] if code.co_argcount else ""
    return variables_of(frame, always=True).get(first) if first == "self" else None


def attributes(frame: FrameType) -> dict[str, Any]:
    """The attributes of that object."""
    return dict(getattr(owner(frame), "__dict__", {}))


def put_attributes(frame: FrameType, names: dict[str, Any]) -> None:
    """Set attributes of that object."""
    owner(frame).__dict__.update(names)


class Swap:
    """Exchanges one batch for another in whatever holds it, or parts of it."""

    def __init__(self, old: Any, new: Any) -> None:
        self._done = 0
        self._old, self._new = old, new
        self._pairs = list(zip(tensors(old), tensors(new), strict=False))

    def found(self, names: Mapping[str, Any]) -> dict[str, Any]:
        """Those of these names that hold it, with what they are to hold."""
        changed: dict[str, Any] = {}
        for name, value in list(names.items()):
            before = self._done
            other = self._of(value, DEEPEST)
            if self._done > before:
                changed[name] = other
        return changed

    def _of(self, value: Any, depth: int) -> Any:
        """The value with the batch in it exchanged."""
        if value is self._old:
            self._done += 1
            return self._moved(next((t.device for t in tensors(value)), None))
        if isinstance(value, Tensor):
            return self._tensor(value)
        if isinstance(value, tuple | list | deque | dict):
            return self._container(value, depth - 1)
        return value

    def _moved(self, device: torch.device | None) -> Any:
        """The new batch where the old one is by now: it may have been moved in place."""
        if device is None or all(t.device == device for t in tensors(self._new)):
            return self._new
        return mapped(self._new, lambda t: t.to(device))

    def _container(self, value: Any, depth: int) -> Any:
        """A container, changed in place where that can be: what holds it may be about to add to it."""
        before = self._done
        if len(value) > LONGEST or not depth:
            return value
        if isinstance(value, dict):
            items = {key: self._of(item, depth) for key, item in cast("dict[Any, Any]", value).items()}
            value.update(items)
            return value
        items = [self._of(item, depth) for item in value]
        if self._done == before:
            return value
        if isinstance(value, tuple):
            return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
        for place, item in enumerate(items):
            value[place] = item
        return value

    def _tensor(self, tensor: Tensor) -> Tensor:
        for one, other in self._pairs:
            if tensor is one or is_copy(tensor, one):
                self._done += 1
                return other.to(tensor.device)
        return tensor


def is_copy(tensor: Tensor, of: Tensor) -> bool:
    """Whether a tensor is a copy on another device."""
    return tensor.device != of.device and tensor.numel() > 1 and is_equal(tensor, of)


def is_equal(one: Tensor, other: Tensor) -> bool:
    """Whether two tensors hold the same numbers, wherever they lie."""
    if one.shape != other.shape or one.dtype != other.dtype or one.layout != other.layout:
        return False
    return torch.equal(one.detach(), other.detach().to(one.device))


def between(frame: FrameType | None, is_user: Callable[[FrameType], int]) -> list[FrameType]:
    """The frames from the loader to the script's innermost one, that one included."""
    found: list[FrameType] = []
    for each in outwards(frame):
        found.append(each)
        if is_user(each):
            break
    return found
