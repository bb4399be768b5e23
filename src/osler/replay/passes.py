"""How long a pass over a loader is, as far as it tells without being asked for batches."""

from __future__ import annotations

from collections.abc import Sized
from typing import Any

from torch.utils.data import BatchSampler, IterableDataset


def batches_of(loader: Any) -> int:
    """Batches of a pass, 0 if the loader does not tell."""
    batches = getattr(loader, "batch_sampler", None)
    return len(batches) if type(batches) is BatchSampler and isinstance(batches.sampler, Sized) else 0


def whole_and_rest(loader: Any) -> tuple[int, int]:
    """Samples of a pass, and those in its last batch if they are fewer; zeros if the loader does not tell."""
    batches = getattr(loader, "batch_sampler", None)
    if type(batches) is not BatchSampler or not isinstance(batches.sampler, Sized):
        return 0, 0
    if isinstance(loader.dataset, IterableDataset):
        return 0, 0
    count = len(batches.sampler)
    return count, 0 if batches.drop_last else count % batches.batch_size
