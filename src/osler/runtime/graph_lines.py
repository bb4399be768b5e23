"""The user's line of every operation in the graph of one turn, told by torch's own anomaly mode.

In that mode torch asks ``torch.fx.traceback.format_stack`` for the stack whenever an operation enters the
graph, and keeps the answer with it. For the length of one forward the question is answered here: with the
lines of the user's code alone, which takes about a ninth of the time of a whole formatted stack
(``benchmarks/overhead/graph_lines.py``).
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import cast

import torch
import torch.fx.traceback as asked
from torch.autograd.graph import Node

from osler.model import Place, Site
from osler.runtime.guard import Gate
from osler.runtime.userlines import UserLines

KEPT = "traceback_"
"""Name under which torch keeps the answer with a node."""

MOST = 8
"""Forwards in which torch asks: lines of backward that are called once will never be told."""


class GraphLines:
    """Answers torch's questions for the lines of new operations while it is open.

    Args:
        lines: finds the user's lines.
        gate: contains a fault in an answer, which would reach the script's own operation.

    Attributes:
        wanted: lines that call backward, whose graph was drawn without the lines of its operations.
        is_open: torch asks at present.
    """

    def __init__(self, lines: UserLines, gate: Gate) -> None:
        self.wanted: set[Site] = set()
        self.is_open = False
        self._lines = lines
        self._gate = gate
        self._opened = 0
        self._owed = False
        self._answers: dict[Site, list[str]] = {}
        self._places: dict[int, Place] = {}
        self._original: Callable[[], list[str]] = asked.format_stack

    def open(self) -> None:
        """Let torch ask from here on, unless the script wants to know such stacks for itself."""
        if self.is_open or self._opened >= MOST or torch.is_anomaly_enabled():
            return
        self._opened += 1
        self.is_open = True
        self._original = asked.format_stack
        asked.format_stack = self._answer
        torch.set_anomaly_enabled(True, False)

    def close(self) -> bool:
        """No more questions; whether there were any until now.

        A script that has switched anomaly mode on for itself meanwhile checks for NaN in it, and keeps it:
        the context manager that it uses goes back to what it found, which is ended at the next call.
        """
        was_open, self.is_open = self.is_open, False
        if was_open and asked.format_stack == self._answer:
            asked.format_stack = self._original
        if was_open or self._owed:
            is_on = torch.is_anomaly_enabled()
            self._owed = is_on and torch.is_anomaly_check_nan_enabled()
            if is_on and not self._owed:
                torch.set_anomaly_enabled(False)
        return was_open

    def place(self, node: Node) -> Place | None:
        """The innermost line of the user's in which an operation was called; None if torch did not ask."""
        kept = cast("dict[str, object]", node.metadata)  # torch types it as a method
        return self._places.get(id(kept.get(KEPT)))

    def _answer(self) -> list[str]:
        if asked.should_preserve_node_meta:  # a tracer wants what it has noted itself
            return self._original()
        return self._gate.within(self._spelled, sys._getframe(1)) or []  # pyright: ignore[reportPrivateUsage]

    def _spelled(self, frame: FrameType) -> list[str]:
        """The stack as torch shows it, should a script ask for it later: one list for each site."""
        site = self._lines.site(frame)
        known = self._answers.get(site)
        if known is None:
            known = [f'  File "{p.file}", line {p.line}, in {p.function}\n' for p in reversed(site)]
            self._answers[site] = known
            if site:
                self._places[id(known)] = site[0]
        return known
