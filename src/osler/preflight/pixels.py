"""Pixels that tell the label of every image: the label painted into a corner.

A pixel counts only among images that vary otherwise. Where each class has values of its own in many places,
as in drawings without noise, the image is what is to be recognised, and nothing is said. So it is where the
pixels around hold the same value in the same class: then it belongs to what is shown.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

MOST = 1 << 22
"""Numbers that are kept: two for each class and pixel."""

FEWEST = 3
"""Classes from which on one pixel can hold more than yes and no: with two, a drawing may be told by one."""

RAREST = 20
"""Samples that must not be of the largest class: a rare mark may agree with a rare class by chance. By chance
alone a pixel agrees with the labels of 128 samples, 20 of them of other classes, once in 10^23 times."""

FEW = 0.2
"""Share of the pixels that vary at all up to which some are apart from the rest."""

SHOWN = 0.25
"""Share of a class in which a neighbour holds the value of the pixel: then it belongs to what is shown."""


def telling_pixels(batches: Sequence[tuple[Tensor, Tensor]], classes: int) -> list[int]:
    """Places, row by row from 0, of pixels that tell the class without exception; empty if there are none.

    Either each of them holds one value for each class, or a run of as many pixels as there are classes holds
    a mark at the place of the class.

    Args:
        batches: images (sample, channel, row, column) and the numbers of their classes from 0.
        classes: how many there are.
    """
    images = batches[0][0]
    width, plane = images.shape[3], images.shape[2] * images.shape[3]
    counts = torch.bincount(torch.cat([ids for _, ids in batches]))
    if classes < FEWEST or int(counts.sum() - counts.max()) < RAREST or classes * images[0].numel() > MOST:
        return []
    low, high = extremes(batches, classes)
    steady = (low == high).all(0)
    varying = low.amin(0) != high.amax(0)
    found = steady & varying
    if not found.any() or int(found.sum()) > FEW * int(varying.sum()):
        return []
    alone = found & distinct(low)
    chosen = alone if alone.any() else runs(low, found, classes)
    places = chosen.nonzero().flatten()
    if not len(places) or is_shown(batches, low, found, places, width):
        return []
    return sorted(set((places % plane).tolist()))


def extremes(batches: Sequence[tuple[Tensor, Tensor]], classes: int) -> tuple[Tensor, Tensor]:
    """The smallest and the largest value of each pixel in each class: (class, pixel)."""
    shape = (classes, batches[0][0][0].numel())
    low, high = torch.full(shape, torch.inf), torch.full(shape, -torch.inf)
    for images, ids in batches:
        flat = images.flatten(1).float().cpu()
        for k in ids.unique().tolist():
            below, above = flat[ids.cpu() == k].aminmax(dim=0)
            low[k], high[k] = torch.minimum(low[k], below), torch.maximum(high[k], above)
    return low, high


def distinct(values: Tensor) -> Tensor:
    """Whether a pixel has another value in every class."""
    ordered = values.sort(0).values
    return (ordered[1:] != ordered[:-1]).all(0)


def runs(values: Tensor, found: Tensor, classes: int) -> Tensor:
    """Pixels of runs that mark the class by its place, each with the same two values."""
    middle = values.median(0).values
    marks = (values != middle) & found
    owner = torch.where(marks.sum(0) == 1, marks.int().argmax(0), -1)
    windows = owner.unfold(0, classes, 1).sort(1).values
    starts = (windows == torch.arange(classes)).all(1).nonzero().flatten().tolist()
    chosen = torch.zeros_like(found)
    for start in starts:
        part = slice(start, start + classes)
        on = values[owner[part], torch.arange(start, start + classes)]
        if (on == on[0]).all() and (middle[part] == middle[start]).all():
            chosen[part] = True
    return chosen


def is_shown(
    batches: Sequence[tuple[Tensor, Tensor]], values: Tensor, found: Tensor, places: Tensor, width: int
) -> bool:
    """Whether the pixels around hold the same value as one of these, where that is not their ground."""
    count = len(found)
    around = torch.cat([places + step for step in (-1, 1, -width, width)])
    origin = places.repeat(4)
    inside = (around >= 0) & (around < count)
    around, origin = around[inside], origin[inside]
    free = ~found[around]
    around, origin = around[free], origin[free]
    if not len(around):
        return False
    ground = batches[0][0].flatten(1).float().cpu()[:, around].mode(0).values
    hits, seen = torch.zeros(len(values), len(around)), torch.zeros(len(values), 1)
    for images, ids in batches:
        flat, own = images.flatten(1).float().cpu(), ids.cpu()
        hits.index_add_(0, own, (flat[:, around] == values[own][:, origin]).float())
        seen.index_add_(0, own, torch.ones(len(own), 1))
    return bool(((hits >= SHOWN * seen) & (values[:, origin] != ground)).any())
