"""A number that two batches share only if they hold the same samples."""

from __future__ import annotations

from zlib import crc32

from osler.model import Kind, Measure
from osler.runtime.measures import Moment
from osler.runtime.registry import plain, tensors_in

WHEN = Kind.BATCH
SAMPLED = True
ELEMENTS = 256
"""Elements that are read, spread over the first tensor of the batch."""

measure = Measure(__name__, unit="", title="checksum of a batch's first tensor, sampled")


def take(moment: Moment) -> float | None:
    """CRC-32 of up to 256 elements and the shape; None on accelerators and without a tensor."""
    first = next(iter(tensors_in(moment.batch, 1)), None)
    if first is None or not first.is_cpu or not plain(first) or not first.numel():
        return None
    flat = first.detach().reshape(-1)[:: max(1, first.numel() // ELEMENTS)][:ELEMENTS]
    return float(crc32(repr((tuple(first.shape), flat.tolist())).encode()))
