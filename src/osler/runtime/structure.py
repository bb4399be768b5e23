"""Write down the parts of a model: what they are, in which order they are called, which shapes pass."""

from __future__ import annotations

import weakref
from dataclasses import replace
from types import FrameType

from torch import nn

from osler.model import ModuleFact, Run, Shape
from osler.runtime.registry import Model, numbers_in, tensors_in
from osler.runtime.userlines import UserLines

MOST = 2_000
"""Parts of one model that are written down."""

SHAPES = 2
"""Tensors of an input or output whose shapes are kept."""


class Structure:
    """The parts of all models that were called.

    Args:
        run: the evidence that grows.
        lines: finds the user's lines.
    """

    def __init__(self, run: Run, lines: UserLines) -> None:
        self._run = run
        self._lines = lines
        self._names: weakref.WeakKeyDictionary[nn.Module, str] = weakref.WeakKeyDictionary()
        self._called = 0

    def meet(self, model: Model) -> None:
        """List the parts of a model that is called for the first time."""
        root = model.module()
        if root is None:
            return
        for name, module in list(root.named_modules())[:MOST]:
            key = f"{model.name}.{name}" if name else model.name
            elements = numbers_in(*module.parameters(recurse=False))
            self._names[module] = key
            self._run.modules[key] = ModuleFact(name, model.name, type(module).__name__, elements)

    def name_of(self, module: nn.Module) -> str:
        """Full name of a part, empty if it is not known."""
        return self._names.get(module, "")

    def returned(self, module: nn.Module, args: tuple[object, ...], output: object, frame: FrameType) -> None:
        """A part, or the model itself, was called for the first time: note order, shapes and line.

        A lazy one is of its class, and knows the size of its parameters, only now.
        """
        fact = self._run.modules.get(self._names.get(module, ""))
        if fact is None or fact.order >= 0:
            return
        self._run.modules[self._names[module]] = replace(
            fact,
            kind=type(module).__name__,
            elements=numbers_in(*module.parameters(recurse=False)),
            order=self._called,
            inputs=shapes(args),
            outputs=shapes(output),
            site=self._lines.site(frame),
        )
        self._called += 1


def shapes(value: object) -> tuple[Shape, ...]:
    """Shapes of the first tensors in a value."""
    return tuple(tuple(t.shape) for t in tensors_in(value, SHAPES))
