"""Memory in use: on the accelerator if the parameters are there, else by this process."""

from __future__ import annotations

import os
from pathlib import Path

import torch

from osler.model import Kind, Measure
from osler.runtime.measures import Moment

WHEN = Kind.STEP
SAMPLED = True
STATM = Path("/proc/self/statm")

measure = Measure(__name__, unit="bytes", title="memory that tensors use on the GPU, or the process in RAM")


def take(moment: Moment) -> float | None:
    """Bytes that torch has allocated on the GPU, or resident bytes of the process; None where unknown."""
    parameters = moment.stepped
    if parameters and parameters[0].is_cuda:
        return float(torch.cuda.memory_allocated(parameters[0].device))
    if not STATM.exists():
        return None
    return float(STATM.read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
