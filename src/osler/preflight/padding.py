"""Which positions of a batch are padding, where the program itself says so."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from osler.preflight.bench import Bench
from osler.replay.trees import tensors
from osler.replay.turn import LossCall

SHORTEST = 3
"""Positions below which a run of one id may be chance."""

LENGTHS = 2
"""Different lengths that the sequences of a batch must have."""


@dataclass(frozen=True, slots=True, eq=False)
class Padding:
    """Sequences of ids that are filled up with one id.

    Attributes:
        ids: (batch, time) or (time, batch).
        id: that fills them up.
        time: axis along which they are filled up.
        said_by: what in the program says so.
    """

    ids: Tensor
    id: int
    time: int
    said_by: str

    @property
    def places(self) -> Tensor:
        """Where padding stands, shaped like the ids."""
        return self.ids == self.id


def paddings(bench: Bench) -> Iterator[Padding]:
    """Sequences in the batch that are known to be padded: by an embedding, or by a mask beside them."""
    values = [c.args for c in bench.seen.forwards] + [list(c.kwargs.values()) for c in bench.seen.forwards]
    found = tensors(values) + [
        t for entry in bench.first.pool.entries[:1] for t in tensors(list(entry.values()))
    ]
    sequences = [t for t in found if t.dim() == 2 and is_whole(t) and t.dtype is not torch.bool]
    masks = [t for t in found if t.dim() == 2 and is_mask(t)]
    for ids in sequences:
        for number, said_by in said(bench, ids, masks):
            time = filled_axis(ids == number)
            if time is not None:
                yield Padding(ids, number, time, said_by)


def said(bench: Bench, ids: Tensor, masks: list[Tensor]) -> Iterator[tuple[int, str]]:
    """Ids that something declares to be padding."""
    for model in bench.models:
        for name, layer in model.named_modules():
            if isinstance(layer, nn.Embedding | nn.EmbeddingBag) and layer.padding_idx is not None:
                yield layer.padding_idx, f"`padding_idx` of `{name}`"
    for mask in masks:
        for side in (mask.bool(), ~mask.bool()):
            if mask.shape == ids.shape and side.any() and not side.all():
                filled = ids[side].unique()
                if len(filled) == 1 and not (ids[~side] == filled).any():
                    yield int(filled), "a mask in the batch"


def is_whole(tensor: Tensor) -> bool:
    """Whether a tensor holds whole numbers."""
    return not tensor.is_floating_point() and not tensor.is_complex()


def is_mask(tensor: Tensor) -> bool:
    """Whether a tensor says yes or no of each position, and not the same of all."""
    if tensor.is_complex() or not tensor.numel():
        return False
    yes = tensor != 0
    plain = tensor.dtype is torch.bool or bool(((tensor == 0) | (tensor == 1)).all())
    return plain and bool(yes.any()) and not bool(yes.all())


def filled_axis(places: Tensor) -> int | None:
    """The axis along which sequences of several lengths are filled up, None if that is not what is seen."""
    for time in (1, 0):
        if places.shape[time] >= SHORTEST and fills(places, time):
            return time
    return None


def fills(places: Tensor, time: int) -> bool:
    """Whether every sequence is filled up at its end, or every one at its beginning."""
    whole = places.to(torch.int8)
    steps = whole.diff(dim=time)
    lengths = whole.sum(time)
    varied = int(lengths.unique().numel()) >= LENGTHS and int(lengths.max()) >= SHORTEST
    return (
        varied
        and bool((steps >= 0).all() or (steps <= 0).all())
        and bool(((lengths > 0) & (lengths < places.shape[time])).any())  # or it is the other axis
    )


@dataclass(frozen=True, slots=True, eq=False)
class PaddedTargets:
    """Targets of a loss function that stand at padding.

    Attributes:
        padding: what is padded.
        places: True at padding, shaped like the target.
        ends: every padded sequence has one and the same id before its padding, which says that it ends; True
            as well where the targets are not the ids, so that no end has to be predicted.
    """

    padding: Padding
    places: Tensor
    ends: bool


def padded_targets(bench: Bench, call: LossCall) -> PaddedTargets | None:
    """The targets at padding, where that is certain."""
    scores, target = call.given.get("input"), call.given.get("target")
    if not isinstance(scores, Tensor) or not isinstance(target, Tensor) or not is_whole(target):
        return None
    if scores.dim() < 2 or target.numel() < SHORTEST:
        return None
    for padding in paddings(bench):
        found = as_ids(padding, target, scores.shape[1]) or as_labels(padding, target)
        if found is not None:
            return found
    return None


def as_ids(padding: Padding, target: Tensor, classes: int) -> PaddedTargets | None:
    """The targets are ids of the same kind, perhaps one later: padding is told by its id."""
    places, count = target == padding.id, padding.ids.shape[1 - padding.time]
    if not 0 <= padding.id < classes or not places.any() or target.numel() % count:
        return None
    table = target.reshape((count, -1) if padding.time == 1 else (-1, count))
    rows = table if padding.time == 1 else table.T
    known = padding.ids if padding.time == 1 else padding.ids.T
    if not fills(rows == padding.id, 1) or not is_part_of(rows, known):
        return None
    return PaddedTargets(padding, places, ends_alike(rows, padding.id))


def is_part_of(rows: Tensor, known: Tensor) -> bool:
    """Whether targets are a stretch of the sequences themselves."""
    width = rows.shape[1]
    later = [known[:, at : at + width] for at in range(max(1, known.shape[1] - width + 1))]
    if any(torch.equal(part, rows) for part in later):
        return True
    return width > 1 and torch.equal(known[:, 1:width], rows[:, : known[:, 1:width].shape[1]])


def ends_alike(rows: Tensor, number: int) -> bool:
    """Whether one id stands at the end of all sequences that padding follows."""
    lengths = (rows != number).sum(1)
    padded = (lengths > 0) & (lengths < rows.shape[1]) & (rows[:, -1] == number)
    if not padded.any():
        return False
    last = rows[padded].gather(1, lengths[padded, None] - 1)
    return int(last.unique().numel()) == 1 and int(padded.sum()) >= LENGTHS


def as_labels(padding: Padding, target: Tensor) -> PaddedTargets | None:
    """The targets are labels of each position: at padding all of them are one and the same."""
    if target.numel() != padding.ids.numel():
        return None
    here = [padding.places.reshape(target.shape), padding.places.T.reshape(target.shape)]
    alike = [p for p in here if int(target[p].unique().numel()) == 1]
    certain = len(alike) == 1 or (
        len(alike) == 2 and (torch.equal(*alike) or target.shape == padding.ids.shape)
    )
    return PaddedTargets(padding, alike[0], ends=True) if certain else None
