"""Do recurrent and attention layers take the samples of a batch for the steps of a sequence?

A loader that draws its samples at random says how many there are and on which axis they lie. A layer with
``batch_first=False`` whose first axis is as long, and whose second is not, goes through these samples as if
they followed each other.
"""

# pyright: reportPrivateUsage=false

from __future__ import annotations

import weakref
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import (
    BatchSampler,
    RandomSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
    default_collate,
)

from osler.model import Run, SequenceAxisFact, Site
from osler.runtime.layer_origin import Origin, origin
from osler.runtime.recurrence import learns
from osler.runtime.registry import plain, tensors_in
from osler.runtime.userlines import UserLines

SEQUENTIAL = (nn.RNNBase, nn.MultiheadAttention)
"""Layers that take one axis of their input for the steps of a sequence."""

AT_RANDOM = (RandomSampler, SubsetRandomSampler, WeightedRandomSampler)
"""Samplers after which the order of samples in a batch means nothing."""

LOOKS = 4
"""Calls of one layer that are looked at."""

ENOUGH = 2
"""Batches in which it must be seen."""

TENSORS = 16
"""Tensors of a batch whose shapes are known."""

AXES = 3
"""Axes of a batch of sequences: steps, sequences, features."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What a loader handed out: samples drawn at random, on the first axis and on no other.

    Attributes:
        number: of the batch.
        loader: its name.
        samples: how many.
        shapes: of its tensors.
        stacked: torch has put the samples onto the first axis.
    """

    number: int
    loader: str
    samples: int
    shapes: tuple[tuple[int, ...], ...]
    stacked: bool


@dataclass(slots=True)
class Seen:
    """The calls of one layer that took the samples for steps.

    Attributes:
        calls: how many.
        batches: numbers of the batches in which they came.
        sizes: samples in these batches.
        is_certain: the length of the first axis is no coincidence.
    """

    calls: int = 0
    batches: set[int] = field(default_factory=set[int])
    sizes: set[int] = field(default_factory=set[int])
    is_certain: bool = False


class SampleAxes:
    """Looks at what layers over sequences are given.

    Args:
        run: the evidence that grows.
        lines: tells the user's lines.
    """

    def __init__(self, run: Run, lines: UserLines) -> None:
        self._run = run
        self._lines = lines
        self._number = 0
        self._root_site: Site = ()
        self._batch: Batch | None = None
        self._seen: weakref.WeakKeyDictionary[nn.Module, Seen] = weakref.WeakKeyDictionary()
        self._others: weakref.WeakSet[nn.Module] = weakref.WeakSet()
        self._attending: set[str] = set()

    def batch(self, iterator: Any, loader: str, batch: object) -> None:
        """A loader has handed out a batch."""
        self._number += 1
        self._batch = drawn(iterator, loader, batch, self._number)

    def root_called(self, site: Site) -> None:
        """A model is called whose layers are looked at."""
        self._root_site = site

    def forget(self) -> None:
        """What models are given from now on is not known to come from the latest batch."""
        self._batch = None

    def is_done(self, layer: nn.Module) -> bool:
        """Whether enough is known of a layer."""
        seen = self._seen.get(layer)
        return layer in self._others or (seen is not None and seen.calls >= LOOKS)

    def called(
        self, model: str, root: nn.Module | None, layer: nn.Module, given: tuple[Any, Any], frame: FrameType
    ) -> None:
        """A layer over sequences has returned.

        Args:
            model: name of the root module in which it was called.
            root: that module.
            layer: is none of which enough is known.
            given: its positional and named arguments.
            frame: of the caller.
        """
        batch = self._batch
        if batch is None or root is None or not torch.is_grad_enabled() or not learns(layer):
            return
        axes = sequence_axes(layer, *given)
        if axes is not None and axes[0] == batch.samples and axes[1] > 1 and not layer.batch_first:
            if axes[1] != batch.samples:
                self._note(model, root, layer, batch, axes[1], frame)
            return
        self._others.add(layer)
        if isinstance(layer, nn.MultiheadAttention) and (axes is None or min(axes) > 1):
            self._attending.add(model)  # attention over samples may be meant beside that over steps
        self._withdraw(model, root, layer)

    def _withdraw(self, model: str, root: nn.Module, layer: nn.Module) -> None:
        """A layer takes something else for steps: what was said of it, or of its like, is not certain."""
        for name, fact in list(self._run.sequence_axes.items()):
            is_meant = fact.kind not in RECURRENT_KINDS and model in self._attending
            if fact.model == model and (
                is_meant or name == full_name(model, origin(root, layer, self._lines))
            ):
                del self._run.sequence_axes[name]

    def _note(
        self, model: str, root: nn.Module, layer: nn.Module, batch: Batch, across: int, frame: FrameType
    ) -> None:
        """The first axis is as long as the batch."""
        seen = self._seen.setdefault(layer, Seen())
        seen.calls += 1
        seen.batches.add(batch.number)
        seen.sizes.add(batch.samples)
        seen.is_certain = (
            seen.is_certain or is_certain(batch, across) or (batch.stacked and len(seen.sizes) > 1)
        )
        attends = isinstance(layer, nn.MultiheadAttention)
        if not seen.is_certain or len(seen.batches) < ENOUGH or (attends and model in self._attending):
            return
        where = origin(root, layer, self._lines)
        name = full_name(model, where)
        known = self._run.sequence_axes.get(name)
        self._run.sequence_axes[name] = SequenceAxisFact(
            name,
            where.kind,
            where.builder,
            model,
            batch.loader,
            samples=max(seen.sizes),
            across=across,
            batches=len(seen.batches),
            site=self._lines.site(frame),
            built=where.site,
            root_site=self._root_site,
            step=known.step if known is not None else self._run.steps,
            sizes=len(seen.sizes),
        )


RECURRENT_KINDS = ("RNN", "LSTM", "GRU")
"""Classes of torch's recurrent layers."""


def full_name(model: str, where: Origin) -> str:
    """Of a part of a model."""
    return f"{model}.{where.name}" if where.name else model


def drawn(iterator: Any, loader: str, batch: object, number: int) -> Batch | None:
    """The samples of a batch; None unless they were drawn at random and their axis is known.

    A batch that the user has put together from so many samples has them on that axis which is as long.
    """
    batches = getattr(iterator, "_index_sampler", None)
    if type(batches) is not BatchSampler or type(batches.sampler) not in AT_RANDOM:
        return None
    tensors = [t for t in tensors_in(batch, TENSORS) if plain(t) and not t.is_nested]
    shapes = tuple(tuple(t.shape) for t in tensors)
    first = {shape[0] for shape in shapes if shape}
    stacked = iterator._collate_fn is default_collate
    samples = next(iter(first)) if stacked and len(first) == 1 else batches.batch_size
    if samples not in first or samples < ENOUGH or any(samples in shape[1:] for shape in shapes):
        return None
    return Batch(number, loader, samples, shapes, stacked)


def is_certain(batch: Batch, across: int) -> bool:
    """Whether the samples cannot lie on the second axis of an input whose first is as long as the batch.

    If they did, it would be a multiple or a part of their number, and not what each of them has.
    """
    multiple = not across % batch.samples or not batch.samples % across
    return not multiple or (batch.stacked and any(s[1:2] == (across,) for s in batch.shapes))


def sequence_axes(layer: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[int, int] | None:
    """Lengths of the first two axes of what a layer goes through; None if it was thought about.

    It is if sequences are packed, if there is a state or a mask, which must fit them, or if the user's own
    code comes between the call and torch's.
    """
    if layer._forward_pre_hooks or type(layer).forward not in OWN:
        return None
    if isinstance(layer, nn.RNNBase):
        through, aside = (*args, kwargs.get("input"))[0], [*args[1:], kwargs.get("hx")]
    else:
        through = args[1] if len(args) > 1 else kwargs.get("key")
        aside = [*args[3:4], *args[5:6], kwargs.get("key_padding_mask"), kwargs.get("attn_mask")]
    if not isinstance(through, Tensor) or any(thing is not None for thing in aside):
        return None
    if not plain(through) or through.is_nested or through.dim() != AXES:
        return None
    return through.shape[0], through.shape[1]


OWN = frozenset((nn.RNN.forward, nn.LSTM.forward, nn.GRU.forward, nn.MultiheadAttention.forward))
"""What torch's layers do."""
