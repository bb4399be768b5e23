"""Explain an exception by the arguments that the frames of its traceback still hold."""

from __future__ import annotations

from dataclasses import replace
from types import FrameType, TracebackType

import torch
import torch.nn.functional as F
from torch import Tensor

from osler.model import IndexFact, Site
from osler.runtime.loss_calls import outside
from osler.runtime.registry import plain
from osler.runtime.tracebacks import entries
from osler.runtime.userlines import UserLines
from osler.runtime.variables import variables_of

LOOKING_UP = ("embedding", "embedding_bag")
"""Functions of ``torch.nn.functional`` that take rows out of a table."""

INTEGERS = (torch.int64, torch.int32)
"""Types that indices may have; the smaller ones are refused like fractions."""

FILE = F.__file__


def lookup_frame(start: TracebackType | None) -> FrameType | None:
    """The frame of a table look-up that raised."""
    found = None
    for entry in entries(start):
        code = entry.tb_frame.f_code
        if code.co_name in LOOKING_UP and code.co_filename == FILE:
            found = entry.tb_frame
    return found


def lookup_outside(error: BaseException, lines: UserLines, step: int) -> IndexFact | None:
    """The indices outside an embedding's table, if they are why this was raised.

    An accelerator that has failed an assertion can no longer be read: only indices on the CPU are told.
    """
    frame = lookup_frame(error.__traceback__)
    if frame is None:
        return None
    given = variables_of(frame)
    indices, weight = given.get("input"), given.get("weight")
    if not isinstance(indices, Tensor) or not isinstance(weight, Tensor):
        return None
    name, site = frame.f_code.co_name, lines.site(frame)
    return indices_fact(name, site, indices, weight, step)


def indices_fact(name: str, site: Site, indices: Tensor, weight: Tensor, step: int) -> IndexFact | None:
    """What is wrong with the indices: their type, or where they point."""
    if not plain(indices) or not indices.is_cpu:
        return None
    if indices.dtype not in INTEGERS:
        kind = str(indices.dtype).removeprefix("torch.")
        return IndexFact(name, site, len(weight), count=indices.numel(), kind=kind, step=step, raised=True)
    fact = outside(name, site, indices, len(weight), None, step)
    return fact and replace(fact, raised=True)
