"""An event is something that just happened in the program; equal events are one object."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from osler.model.finding import Place

Site = tuple[Place, ...]
"""The user's lines on the stack when something happened, innermost first; empty when none is known."""


class Kind(StrEnum):
    """What can happen while training."""

    __hash__ = str.__hash__  # an enumeration's own hash is a Python function, and every event is looked up by it

    BATCH = "batch"
    """A loader handed out a batch; the subject is the loader."""
    PASS_END = "pass-end"
    """A loader was exhausted."""
    FORWARD = "forward"
    """A root module was called."""
    LOSS = "loss"
    """A loss function of ``torch.nn.functional`` was called; the subject is its name."""
    BACKWARD = "backward"
    """``backward()`` or ``autograd.grad``."""
    USED = "used"
    """A backward went through the output of the forward at this site."""
    CLEAR = "clear"
    """Gradients were reset by ``zero_grad``."""
    CLIP = "clip"
    UNSCALE = "unscale"
    SCALER_STEP = "scaler-step"
    STEP = "step"
    """An optimizer stepped, or parameters were changed by hand (subject ``by hand``)."""
    SCHEDULE = "schedule"
    MODE = "mode"
    """``train()`` or ``eval()`` on a module; traits hold which."""


@dataclass(frozen=True, slots=True, eq=False)
class Event:
    """One thing that happens, as often as it happens: counts live in the patterns.

    Attributes:
        kind: what happened.
        subject: name of the model, optimizer, loader or loss function concerned.
        site: user lines, innermost first.
        traits: what else is true of it, as words; ``docs/evidence.md`` lists them.
    """

    kind: Kind
    subject: str = ""
    site: Site = ()
    traits: frozenset[str] = field(default_factory=frozenset[str])

    @property
    def place(self) -> Place:
        """The innermost user line."""
        return self.site[0] if self.site else Place()


@dataclass(slots=True)
class Pattern:
    """A sequence of events that makes up one turn of the loop, and how often it was seen.

    A turn starts at each batch; in programs without a loader it ends after each step.

    Attributes:
        events: the sequence, in order; repeats inside it are shortened to three.
        count: turns that looked like this.
        first: number of the first such turn, from 0.
        last: number of the latest one.
        streak: length of the current uninterrupted row of such turns.
        longest: the longest row so far.
        step: optimizer steps finished when it was first seen.
    """

    events: tuple[Event, ...]
    count: int = 0
    first: int = 0
    last: int = -2
    streak: int = 0
    longest: int = 0
    step: int = 0

    def seen(self, turn: int) -> None:
        """Count one more turn with this pattern."""
        self.streak = self.streak + 1 if self.last == turn - 1 else 1
        self.count += 1
        self.last = turn
        if self.streak > self.longest:
            self.longest = self.streak

    def of(self, kind: Kind) -> tuple[Event, ...]:
        """The events of one kind, in order."""
        return tuple(e for e in self.events if e.kind is kind)
