"""How far a step moved the parameters, relative to their size."""

from __future__ import annotations

from math import gcd, sqrt

import torch
from torch import Tensor

from osler.model import Kind, Measure
from osler.runtime.many import MOST, Many, precision
from osler.runtime.measures import Copied, Moment
from osler.runtime.registry import plain

WHEN = Kind.STEP
SAMPLED = True
COMPARED = 1 << 22
"""Numbers that are copied ahead of a step, 16 MiB; of a larger model only every second, third, … run."""

RUN = 16
"""Numbers that lie together and are copied together: memory is read in lines of as many."""

WHOLE = 4_096
"""Numbers of a parameter up to which all of them are copied, however large the model is."""

measure = Measure(__name__, unit="", title="norm of the step over the norm of the parameters before it")


def ahead(moment: Moment) -> list[Copied]:
    """A step begins: copies of what it may change, spread over all parameters where there are too many."""
    numbered = [(moment.name_of(p) or f"[{n}]", p) for n, p in enumerate(moment.stepped)]
    usable = [(n, p) for n, p in numbered if p.requires_grad and is_dense(p)]
    usable = [(n, p) for n, p in usable if p.device == usable[0][1].device]
    every = -(-sum(p.numel() for _, p in usable) // COMPARED)
    found = [(n, p, stride(p, every)) for n, p in usable]
    return [Copied(n, p, p.shape, some, spread(p, some).clone()) for n, p, some in found]


def is_dense(parameter: Tensor) -> bool:
    """Whether it is an ordinary tensor of real numbers that lie in memory without gaps."""
    if not plain(parameter) or parameter.layout is not torch.strided or not parameter.numel():
        return False
    lasting = parameter.is_contiguous() or parameter.is_contiguous(memory_format=torch.channels_last)
    return lasting and parameter.is_floating_point()


def stride(parameter: Tensor, every: int) -> int:
    """Which runs of a parameter are copied: each column of a matrix has its share of them."""
    if parameter.numel() <= WHOLE:
        return 1
    while gcd(RUN * every, parameter.shape[-1]) > RUN:
        every += 1
    return every


def spread(parameter: Tensor, every: int) -> Tensor:
    """The parameter, or a view of every so-many-th run of its numbers in memory: (runs, 16)."""
    whole = parameter.detach()
    if every == 1:
        return whole
    distance = RUN * every
    runs = (whole.numel() - RUN) // distance + 1
    return whole.as_strided((runs, RUN), (distance, 1), whole.storage_offset())


def take(moment: Moment) -> Many | None:
    """Ratios after the step, of the whole and of each; a parameter that was all zeros has moved by 1."""
    same = [c for c in moment.before if is_same(c)]
    if not same:
        return None
    copies = [c.numbers for c in same]
    before = lengths(copies, same)
    torch._foreach_sub_(copies, [spread(c.parameter, c.every) for c in same])  # pyright: ignore
    moved = lengths(copies, same)
    ratios = torch.where(before == 0, (moved > 0).to(moved.dtype), moved / before)
    return Many(("", *(c.name for c in same[:MOST])), ratios[: MOST + 1])


def is_same(copied: Copied) -> bool:
    """Whether the parameter can still be compared with its copy: its data may have been exchanged."""
    now, then = copied.parameter, copied.numbers
    if not is_dense(now) or now.dtype != then.dtype or now.device != then.device:
        return False
    return now.shape == copied.shape


def lengths(numbers: list[Tensor], copied: list[Copied]) -> Tensor:
    """Norms of parameters of which some numbers are known: of all together, then of each."""
    each = torch._foreach_norm(numbers, 2, precision(numbers))  # pyright: ignore
    if any(c.every > 1 for c in copied):
        shares = [sqrt(c.parameter.numel() / n.numel()) for c, n in zip(copied, numbers, strict=True)]
        each = torch._foreach_mul(each, shares)  # pyright: ignore
    stacked = torch.stack(each)  # pyright: ignore
    return torch.cat([torch.linalg.vector_norm(stacked)[None], stacked])
