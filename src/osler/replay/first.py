"""What steering begins with: the first turn that trains, its batches, and how far the script is let go."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from enum import Enum
from math import inf

from osler.model import Site
from osler.replay.snapshot import Snapshot
from osler.replay.turn import Pool, Seen, Turn

OWN_TURNS = 16
"""Turns of the script's own per pass, once the experiments are over: a multiple of usual accumulation "
"periods."""

PATIENCE = 3.0

PASSES = 2
"""Passes over the training data that are begun: what an evaluation leaves behind shows in the second."""


class Phase(Enum):
    """Who decides what the loop is given."""

    FIRST = "first"
    STEERED = "steered"
    OWN = "own"


@dataclass(slots=True)
class Limits:
    """How far the script's own training goes after the experiments.

    Attributes:
        turns: of each pass.
        passes: that are begun.
        pool: batches that experiments may use.
        patience: seconds that the rest of a pass may take beyond them: an evaluation may follow its end.
        until: moment after which the first chance to end is taken; counted by `perf_counter`.
    """

    turns: int = OWN_TURNS
    passes: int = PASSES
    pool: int = 10
    patience: float = PATIENCE
    until: float = float("inf")


@dataclass(slots=True, eq=False)
class First:
    """What is known of the first turn that trains.

    Attributes:
        snapshot: the state before it.
        seen: what the loop did.
        pool: its batch, and those after it.
        seconds: how long it took.
        turns_left: how many turns the loop will still make, as far as is known.
        unsteerable: why the loop cannot be given batches, empty if it can.
        from_loader: batches come from a loader; otherwise they are exchanged where they enter the model.
        rest: samples in the last batch of a pass, if they are fewer than in the others; 0 if not, or unknown.
        drawn: samples of a pass; 0 if unknown.
        asked_at: the user's lines that ask for batches.
    """

    snapshot: Snapshot
    seen: Seen
    pool: Pool
    seconds: float
    turns_left: Callable[[], float] = lambda: inf
    unsteerable: str = ""
    from_loader: bool = True
    rest: int = 0
    drawn: int = 0
    asked_at: Site = ()

    @property
    def takes_fewer(self) -> bool:
        """Whether the loop must cope with a smaller batch: one sample alone is too few for many a loop."""
        return self.rest > 1


Conductor = Callable[[First], Generator[Turn, Seen, None]]
"""Plans the turns; its end is the end of the experiments."""
