"""Does one column, channel or pixel of the input tell the label of every sample?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from osler.model import listed
from osler.model.setupsamples import LabelFeatureFact
from osler.preflight.bench import Bench, main_output
from osler.preflight.outcome import Outcome, Steps
from osler.preflight.pixels import telling_pixels
from osler.replay.trees import mapped, tensors
from osler.replay.turn import ForwardCall

QUESTION = "does one column, channel or pixel of the input tell the label?"
COST = 0
FEWEST = 128
"""Samples below which agreement may be chance."""

RAREST = 20
"""Samples that must not be of the largest class: a rare feature may agree with a rare class by chance."""

OFTEN = 8
"""Samples of each label, on average, that make labels classes; otherwise they are amounts."""

STRAIGHT = 1e-5
"""Distance from a straight line, over the spread of the labels, that rounding makes."""

SMALL = 1e-4
"""Change, over the largest output, that rounding does not make."""

TABLE, IMAGES = 2, 4
"""Axes of a batch of rows, and of one of images."""

AS_HANDED = "no rows of several columns, and no images, are used as they are handed out, with a label each"
"""Why it cannot be asked where the program makes its inputs or labels itself."""

FUNCTIONS = (
    "cross_entropy", "nll_loss", "binary_cross_entropy", "binary_cross_entropy_with_logits", "mse_loss",
    "l1_loss", "smooth_l1_loss", "huber_loss",
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """Input and label as the loader hands them out and the program uses them.

    Attributes:
        given: what the model is called with.
        inputs: place of that among the tensors of a batch.
        labels: place of what the loss compares with.
    """

    given: Tensor
    inputs: int
    labels: int


def reason(bench: Bench) -> str:
    """Why it cannot be asked."""
    if bench.forward is None:
        return "no model was called in the first turn"
    if bench.loss is None or bench.loss.function not in FUNCTIONS:
        return "the first turn does not have one loss over classes or amounts"
    if not bench.first.from_loader:
        return "no loader hands out the labels"
    if pair(bench, bench.forward) is None:
        return AS_HANDED
    return ""


def pair(bench: Bench, forward: ForwardCall) -> Pair | None:
    """The input and the label in a batch; None if they are not used as they are handed out."""
    assert bench.loss is not None
    target, handed = bench.loss.given.get("target"), tensors(bench.first.pool.entries[0].get(0))
    if not isinstance(target, Tensor) or target.numel() != bench.samples:
        return None
    labels = [n for n, t in enumerate(handed) if is_same(t, target)]
    for given in tensors((forward.args, forward.kwargs)):
        inputs = [n for n, t in enumerate(handed) if is_same(t, given) and n not in labels]
        if labels and inputs and is_described(given) and len(given) == bench.samples:
            return Pair(given, inputs[0], labels[0])
    return None


def is_same(handed: Tensor, used: Tensor) -> bool:
    """Whether a program uses what it was handed, perhaps in another shape or precision."""
    return handed.numel() == used.numel() and torch.equal(handed.to(used).flatten(), used.flatten())


def is_described(given: Tensor) -> bool:
    """Whether samples are rows of numbers or images: ids of tokens may well be what is to be repeated."""
    rows = given.dim() == TABLE and given.shape[1] > 1
    return given.is_floating_point() and (rows or (given.dim() == IMAGES and given[0].numel() > 1))


def perform(bench: Bench) -> Steps:
    """Look for a part of the input that is the label by another name; then see whether the model heeds it."""
    yield from ()
    forward = bench.forward
    assert forward is not None
    found = pair(bench, forward)
    assert found is not None
    table, labels = gathered(bench, found)
    if len(labels) < FEWEST:
        return Outcome(skipped=f"{len(labels)} samples are at hand, it takes {FEWEST}")
    _, ids = labels.unique(return_inverse=True)
    classes = int(ids.max()) + 1
    classes = classes if classes * OFTEN <= len(labels) else 0
    places = telling(table, ids, classes) if classes else straight(table, labels)
    values = {"samples": len(labels), "classes": classes, "telling": len(places)}
    part = "column" if found.given.dim() == TABLE else "channel"
    if not places and part == "channel":
        part, places = "pixel", telling_pixels(pictures(bench, found, ids), classes)
        values["telling"] = len(places)
    if not places:
        return Outcome(f"no, not in {len(labels)} samples", values)
    named = f"{part}{'s' if len(places) > 1 else ''} {listed([str(p) for p in places])}"
    apart = heeded(bench, forward, found.given, ids[: len(found.given)], places, is_pixel=part == "pixel")
    if apart is None:
        return Outcome(skipped="two evaluations of the same batch differ")
    if apart <= SMALL:
        return Outcome(f"{named} would, but the model does not heed it", values)
    name = type(forward.module).__name__
    parts = found.given[0, 0].numel() if part == "pixel" else table.shape[1]
    fact = LabelFeatureFact(name, part, tuple(places), parts, len(labels), classes, apart, forward.site)
    return Outcome(f"yes: {named}, in all of {len(labels)} samples", values, (fact,))


def gathered(bench: Bench, found: Pair) -> tuple[Tensor, Tensor]:
    """One number per sample and column or channel, NaN where a channel is not one number; and the labels."""
    pairs = list(handed_out(bench, found))
    return torch.cat([flat(given) for given, _ in pairs]), torch.cat([label.double() for _, label in pairs])


def handed_out(bench: Bench, found: Pair) -> Iterator[tuple[Tensor, Tensor]]:
    """Inputs, in the shape in which the model is given them, and labels of each batch."""
    batches = [tensors(entry.get(0)) for entry in bench.first.pool.entries]
    for batch in batches:
        given, label = batch[found.inputs], batch[found.labels].flatten()
        if given.shape[1:] == batches[0][found.inputs].shape[1:] and len(given) == len(label):
            yield given.reshape(len(given), *found.given.shape[1:]), label


def pictures(bench: Bench, found: Pair, ids: Tensor) -> list[tuple[Tensor, Tensor]]:
    """The images of each batch with the numbers of their classes."""
    images = [given for given, _ in handed_out(bench, found)]
    return list(zip(images, ids.split([len(i) for i in images]), strict=True))


def flat(given: Tensor) -> Tensor:
    """The number that a channel holds everywhere, NaN if it holds several."""
    if given.dim() == TABLE:
        return given.double()
    channels = given.double().flatten(2)
    low, high = channels.aminmax(dim=2)
    return torch.where(low == high, low, torch.nan)


def telling(table: Tensor, ids: Tensor, classes: int) -> list[int]:
    """Columns that tell the class: one with a value of its own for each, or one for each class."""
    counts = torch.bincount(ids, minlength=classes)
    if classes < 2 or len(ids) - int(counts.max()) < RAREST:
        return []
    low = torch.stack([table[ids == k].amin(0) for k in range(classes)])
    high = torch.stack([table[ids == k].amax(0) for k in range(classes)])
    steady = (low == high).all(0)  # never where there is a NaN
    ordered = low.sort(0).values
    distinct = (ordered[1:] != ordered[:-1]).all(0)
    alone = (steady & distinct).nonzero().flatten().tolist()
    if alone:
        return alone[:1]
    marks = [marking(low, k, steady) for k in range(classes)]
    return sorted(set(marks)) if -1 not in marks else []


def marking(values: Tensor, k: int, steady: Tensor) -> int:
    """The column that has one value in this class and another in all others; -1 if there is none."""
    others = torch.cat([values[:k], values[k + 1 :]])
    found = (steady & (others == others[0]).all(0) & (values[k] != others[0])).nonzero().flatten()
    return int(found[0]) if len(found) else -1


def straight(table: Tensor, labels: Tensor) -> list[int]:
    """The column of which the label is a multiple, plus a number."""
    y = labels - labels.mean()
    x = table - table.mean(0)
    size = x.square().sum(0)
    slope = (x * y[:, None]).sum(0) / size
    miss = (y[:, None] - x * slope).abs().amax(0)
    spread = (labels - labels.median()).abs().median()  # an outlier does not count
    return (miss <= STRAIGHT * spread).nonzero().flatten().tolist()[:1]


def heeded(
    bench: Bench, forward: ForwardCall, given: Tensor, ids: Tensor, places: list[int], *, is_pixel: bool
) -> float | None:
    """How much the outputs change when each sample is given these parts of one with another label."""
    other = (ids[:, None] != ids[None, :]).int().argmax(1)

    def exchanged(tensor: Tensor) -> Tensor:
        if tensor is not given:
            return tensor
        twin = tensor.clone()
        if is_pixel:
            rows, columns = [p // tensor.shape[3] for p in places], [p % tensor.shape[3] for p in places]
            twin[:, :, rows, columns] = tensor[other][:, :, rows, columns]
        else:
            twin[:, places] = tensor[other][:, places]
        return twin

    with bench.evaluating(forward):
        bench.observer.stills = True
        base, again = main_output(bench.call(forward)), main_output(bench.call(forward))
        args, kwargs = mapped(forward.args, exchanged), mapped(forward.kwargs, exchanged)
        after = main_output(bench.call(forward, args, kwargs))
    if base is None or again is None or after is None or not torch.equal(base, again):
        return None
    return float((after - base).abs().max()) / (float(base.abs().max()) or 1.0)
