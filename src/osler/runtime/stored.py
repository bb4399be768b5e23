"""What a dataset holds under an index: tensors, arrays and lists of numbers that a sample is made from."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from operator import index as whole
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import ConcatDataset, Dataset, Subset

from osler.runtime.registry import plain

Numbers = NDArray[Any]

DEEPEST = 4
"""Datasets inside each other, and containers inside a sample."""

ATTRIBUTES = 32
"""Attributes of a dataset that are looked at."""

PARTS = 16
"""Tensors, arrays and lists of numbers in one sample that are looked at."""

LONGEST = 4_096
"""Entries of a list that is read as numbers."""

CHECKED = 512
"""Numbers of one tensor, array or list that are compared, evenly spread."""

BRAIN = torch.bfloat16
"""A format that numpy does not know: its bits are compared."""

KNOWN = frozenset(
    {
        *(torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.bool),
        *(torch.float16, torch.float32, torch.float64, torch.complex64, torch.complex128, BRAIN),
    }
)


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Something stored that belongs to one sample.

    Attributes:
        owner: class of the dataset that stores it.
        attribute: where.
        path: keys and positions from there, the sample's index left out.
        value: itself, or a view of it.
        numbers: what is in it; of a tensor or array in its own memory.
    """

    owner: type
    attribute: str
    path: str
    value: object
    numbers: Numbers


def parts(dataset: object, index: int, samples: int) -> Iterator[Part]:
    """What a dataset, and those that it wraps, hold for a sample. No code of the user's is called.

    Args:
        dataset: is asked for the sample.
        index: its index.
        samples: how many there are, -1 if unknown: what has fewer entries is not indexed by sample.
    """
    found = 0
    for owner, place, least in owners(dataset, index, samples):
        for name, held in list(vars(owner).items())[:ATTRIBUTES]:
            for path, container in containers(held, max(least, place + 1)):
                for deeper, value in leaves(entry(container, place), path):
                    numbers = numbers_of(value)
                    if numbers is not None and found < PARTS:
                        found += 1
                        yield Part(type(owner), name, deeper, value, numbers)


def owners(dataset: object, index: int, samples: int, depth: int = 0) -> Iterator[tuple[object, int, int]]:
    """A dataset and those that it wraps, each with the index it is asked for and the least it must hold."""
    if depth > DEEPEST or not hasattr(dataset, "__dict__"):
        return
    if type(dataset) is Subset:
        chosen = cast("Any", dataset.indices)
        yield from owners(dataset.dataset, whole(chosen[index]), len(chosen), depth + 1)
        return
    if type(dataset) is ConcatDataset:
        ends = dataset.cumulative_sizes
        place = bisect_right(ends, index)
        begin = ends[place - 1] if place else 0
        yield from owners(dataset.datasets[place], index - begin, ends[place] - begin, depth + 1)
        return
    yield dataset, index, samples
    for held in list(vars(dataset).values())[:ATTRIBUTES]:
        if isinstance(held, Dataset):
            yield from owners(held, index, samples, depth + 1)


def containers(held: object, least: int) -> Iterator[tuple[str, object]]:
    """What has an entry for each sample: an attribute, or what a short list or a dict of such holds."""
    if length_of(held) >= least:
        yield "", held
    elif type(held) in {list, tuple}:
        several = cast("list[object]", held)[:PARTS]
        yield from ((f"[{n}]", each) for n, each in enumerate(several) if length_of(each) >= least)
    elif isinstance(held, dict):
        named = list(cast("dict[object, object]", held).items())[:PARTS]
        yield from ((f"[{key!r}]", each) for key, each in named if length_of(each) >= least)


def length_of(held: object) -> int:
    """Entries of a tensor, array, list or tuple; -1 for anything else."""
    if type(held) is np.ndarray or (isinstance(held, Tensor) and plain(held) and not held.requires_grad):
        return int(held.shape[0]) if held.ndim else -1
    return len(cast("list[object]", held)) if type(held) in {list, tuple} else -1


def entry(container: Any, place: int) -> object:
    """What stands at an index; of tensors and arrays a view."""
    return container.detach()[place] if isinstance(container, Tensor) else container[place]


def leaves(value: object, path: str = "", depth: int = 0) -> Iterator[tuple[str, object]]:
    """Tensors, arrays and lists of numbers in a sample, with their paths."""
    if isinstance(value, Tensor | np.ndarray) or is_numbers(value):
        yield path, value
    elif depth < DEEPEST and type(value) in {list, tuple}:
        for n, each in enumerate(cast("list[object]", value)[:PARTS]):
            yield from leaves(each, f"{path}[{n}]", depth + 1)
    elif depth < DEEPEST and isinstance(value, dict):
        for key, each in list(cast("dict[object, object]", value).items())[:PARTS]:
            yield from leaves(each, f"{path}[{key!r}]", depth + 1)


def is_numbers(value: object) -> bool:
    """A list such as the ids of a text."""
    if type(value) is not list:
        return False
    entries = cast("list[object]", value)
    return 1 < len(entries) <= LONGEST and all(type(each) in {int, float} for each in entries)


def numbers_of(value: object) -> Numbers | None:
    """The numbers of a leaf, two or more that can be written to; None if it has none in this memory."""
    if isinstance(value, Tensor):
        known = plain(value) and value.is_cpu and value.layout is torch.strided and value.dtype in KNOWN
        if not known or value.requires_grad or value.numel() < 2 or value.is_conj() or value.is_neg():
            return None
        return (value.view(torch.int16) if value.dtype is BRAIN else value).detach().numpy()
    if type(value) is np.ndarray:
        fits = value.dtype.kind in "biufc" and value.size > 1 and value.flags.writeable
        return value if fits else None
    return np.array(value, dtype=np.float64) if is_numbers(value) else None


def spread(numbers: Numbers) -> Numbers:
    """A copy of some of the numbers, evenly spread: an odd distance, or all may stand in one column."""
    return numbers.flat[:: -(-numbers.size // CHECKED) | 1]


def differing(before: Numbers, now: Numbers) -> int:
    """How many numbers are not what they were; NaN is what it was."""
    least = min(len(before), len(now))
    one, other = before[:least], now[:least]
    changed = (one != other) & ~((one != one) & (other != other))
    return int(changed.sum()) + abs(len(before) - len(now))


def is_handed_out(part: Part, sample: list[object]) -> bool:
    """What is stored is handed out itself, or something with as many numbers, which is made from it."""
    for given in sample:
        if given is part.value or size_of(given) == part.numbers.size:
            return True
        numbers = numbers_of(given)
        if numbers is not None and np.may_share_memory(numbers, part.numbers):
            return True
    return False


def size_of(given: object) -> int:
    """How many numbers a leaf holds."""
    if isinstance(given, Tensor):
        return given.numel()
    return given.size if isinstance(given, np.ndarray) else len(cast("list[object]", given))
