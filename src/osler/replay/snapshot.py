"""Keep everything that training can change, and put it back in place: no name the script holds goes stale."""

from __future__ import annotations

import gc
import random
import sys
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.amp.grad_scaler import GradScaler
from torch.nn.parameter import is_lazy
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from torch.utils.data import DataLoader, Dataset

from osler.replay.loop import LoopState

Restore = Callable[[], Any]
"""Puts a value back as it was, and returns it."""

LOOSE = 65_536
"""Elements up to which a tensor outside of models and optimizers is kept: larger ones are data."""

MOST = 200_000
"""Values that are looked at; beyond that, lists are data and not state."""

LONGEST = 10_000
"""Items of a list outside of models and optimizers that are looked at."""


def alive(*kinds: type) -> list[Any]:
    """Every object of these classes in the process. By their types, because proxies do things when asked."""
    wanted = {kind for each in kinds for kind in below(each)}
    return [thing for thing in gc.get_objects() if type(thing) in wanted]


def below(kind: type) -> set[type]:
    """A class and all that inherit from it."""
    return {kind}.union(*(below(k) for k in type.__subclasses__(kind)))


def is_nobodys(_: type) -> bool:
    """No class is the user's."""
    return False


def in_training() -> list[Any]:
    """Models, optimizers, schedules and scalers of the process."""
    return alive(nn.Module, Optimizer, LRScheduler, GradScaler)


class Snapshot:
    """The state of training at one moment.

    Holds one copy of each parameter, buffer, gradient and optimizer state. Restoring writes into the
    script's own tensors, lists and dicts, so that tied weights stay tied.

    Args:
        things: models, optimizers, schedules and scalers.
        loop: the user's frames; objects and containers that their variables hold are kept too.
        is_own: whether a class is the user's.

    Attributes:
        things: what was given.
        aside: identities of objects that stay as they are: what hands batches on, with those that it holds.
        is_lazy: some parameter has no shape before the first call, so it cannot be put back to that.
    """

    def __init__(
        self,
        things: Iterable[Any],
        loop: LoopState | None = None,
        is_own: Callable[[type], bool] = is_nobodys,
    ) -> None:
        self.loop = loop or LoopState(None)
        self.things = list(things)
        self.aside: set[int] = set()
        self._seen: dict[int, Any] = {}
        self._is_own = is_own
        self._limit = False
        self.is_lazy = False
        self._numbers = generators()
        self._undo = [self._kept(thing) for thing in self.things]
        self._limit = True
        self._shapes = {t.shape for t in self._seen.values() if isinstance(t, Tensor)}
        for value in self.loop.values():
            if self._holds_state(value) and id(value) not in self.loop.ways:
                self.loop.ways[id(value)] = self._kept(value)
        self._undo += self.loop.ways.values()

    def restore(self) -> None:
        """Put everything back."""
        with torch.no_grad():
            for undo in self._undo:
                undo()
        self._numbers()
        self.loop.restore()

    def release(self) -> None:
        """Let go of everything: nothing will be put back any more.

        What it keeps refers to it in turn, so it would outlive its use, with a copy of the model and with
        the variables of functions that have ended.
        """
        self._undo, self._seen = [], {}
        self.loop.release()

    def renew_numbers(self) -> None:
        """The random number generators are to be put back to what they are now."""
        self._numbers = generators()

    @property
    def elements(self) -> int:
        """Elements of all tensors that are kept."""
        return sum(t.numel() for t in self._seen.values() if isinstance(t, Tensor))

    def _holds_state(self, value: Any) -> bool:
        """Whether a variable of the script is worth following: no data, and nothing of a library's."""
        plain = isinstance(value, Tensor | list | dict | deque | tuple | torch.Generator)
        return plain or self._is_own(type(value)) or numpy_way(value) is not None

    def _kept(self, value: Any) -> Restore:
        """How to put one value back."""
        if id(value) in self._seen or len(self._seen) > MOST:
            return lambda: value
        keep = self._way_to_keep(value)
        if keep is None:
            return lambda: value
        self._seen[id(value)] = value  # keeps it alive, so that its identity stays its own
        return keep(value)

    def _way_to_keep(self, value: Any) -> Callable[[Any], Restore] | None:  # noqa: PLR0911
        if isinstance(value, Tensor):
            return self._tensor if self._is_state(value) else None
        if isinstance(value, list | deque | dict | set | tuple):
            length = len(cast("list[Any]", value))
            return self._container if length <= LONGEST or not self._limit else None
        if isinstance(value, torch.Generator):
            return generator
        if isinstance(value, Dataset | DataLoader):
            return None
        if isinstance(value, nn.Module | Optimizer | LRScheduler | GradScaler) or self._is_own(type(value)):
            return self._object
        return numpy_way(value)

    def _is_state(self, tensor: Tensor) -> bool:
        """Whether a tensor belongs to training rather than to the data."""
        if is_lazy(tensor):
            self.is_lazy = True
            return False
        if tensor.is_meta or tensor.is_inference() or tensor.layout is not torch.strided:
            return False
        return not self._limit or tensor.numel() <= LOOSE or tensor.shape in self._shapes

    def _object(self, thing: Any) -> Restore:
        """The attributes of an object."""
        content = getattr(thing, "__dict__", None)
        if not isinstance(content, dict):
            return lambda: thing
        undo = self._container(content)

        def restore() -> Any:
            if id(thing) not in self.aside:
                undo()
            return thing

        return restore

    def _container(self, value: Any) -> Restore:
        """The items of a container, and the items of these."""
        if isinstance(value, dict):
            pairs = [(key, self._kept(item)) for key, item in list(cast("dict[Any, Any]", value).items())]

            def restore_dict() -> Any:
                items = {key: undo() for key, undo in pairs}
                value.clear()
                value.update(items)
                return value

            return restore_dict
        parts = [self._kept(item) for item in cast("list[Any]", value)]

        def restore() -> Any:
            items = [undo() for undo in parts]
            if isinstance(value, list):
                value[:] = items
            elif isinstance(value, deque | set):
                value.clear()
                (value.extend if isinstance(value, deque) else value.update)(items)
            return value

        return restore

    def _tensor(self, tensor: Tensor) -> Restore:
        """The values of a tensor, its gradient, and whether it wants one."""
        saved, wants = tensor.detach().clone(), tensor.requires_grad
        gradient = tensor.grad if tensor.is_leaf else None
        saved_gradient = gradient.detach().clone() if gradient is not None else None
        overlaps = torch._debug_has_internal_overlap(tensor) == 1  # pyright: ignore

        def restore() -> Tensor:
            if not overlaps:
                if tensor.shape == saved.shape and tensor.dtype == saved.dtype:
                    tensor.data.copy_(saved)
                else:
                    tensor.data = saved.clone()
            if not tensor.is_leaf:
                return tensor
            tensor.requires_grad_(wants)
            if gradient is not None and saved_gradient is not None:
                gradient.data.copy_(saved_gradient)
            tensor.grad = gradient
            return tensor

        return restore


def numpy_way(value: Any) -> Callable[[Any], Restore] | None:
    """How to keep something of numpy's, if it is that and changes."""
    numpy = sys.modules.get("numpy")
    if numpy is None:
        return None
    if isinstance(value, numpy.random.Generator):
        return numpy_generator
    return array if isinstance(value, numpy.ndarray) and value.size <= LOOSE else None


def numpy_generator(value: Any) -> Restore:
    """The state of a generator of numpy's."""
    state = value.bit_generator.state

    def restore() -> Any:
        value.bit_generator.state = state
        return value

    return restore


def array(value: Any) -> Restore:
    """The values of an array."""
    saved = value.copy()

    def restore() -> Any:
        if value.flags.writeable:
            value[...] = saved
        return value

    return restore


def generator(value: torch.Generator) -> Restore:
    """The state of a generator of torch's."""
    state = value.get_state()

    def restore() -> torch.Generator:
        value.set_state(state)
        return value

    return restore


def generators() -> Restore:
    """The state of the global random number generators."""
    numpy = sys.modules.get("numpy")
    state = torch.get_rng_state()
    devices = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []
    plain = random.getstate()
    arrays = numpy.random.get_state() if numpy is not None else None

    def restore() -> None:
        torch.set_rng_state(state)
        if devices:
            torch.cuda.set_rng_state_all(devices)
        random.setstate(plain)
        if numpy is not None and arrays is not None:
            numpy.random.set_state(arrays)

    return restore
