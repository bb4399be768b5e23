"""An event is something that just happened in the program; equal events are one object."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from osler.model.finding import Place

Site = tuple[Place, ...]
"""The user's lines on the stack when something happened, innermost first; empty when none is known."""

Call = tuple[str, Site, frozenset[str]]
"""What a forward shares with the event that says that a backward went through its output."""

BY_HAND = "by hand"
"""Subject of steps that no optimizer made."""

MODES = ("train", "eval", "mixed")
"""Traits that say which mode the Dropout and BatchNorm layers of a model are in, or are switched to."""


class Kind(StrEnum):
    """What can happen while training."""

    __hash__ = str.__hash__  # an enumeration's own is a Python function, and every event is looked up by it

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
    BUILD = "build"
    """Only in source: a module, optimizer, loader or helper is made."""
    KEEP = "keep"
    """Only in source: a tensor is added to an accumulator."""
    TOUCH = "touch"
    """Only in source: gradients are changed by hand."""
    HANDED = "handed"
    """Only in source: something is given to code that cannot be read."""
    ITERATE = "iterate"
    """Only in source: an iterator of parameters is made, or gone through."""
    RANDOM = "random"
    """Only in source, inside loops: a generator of random numbers is seeded or drawn from."""


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

    @property
    def call(self) -> Call:
        """The same for a forward and for the event that says that a backward went through its output."""
        return (self.subject, self.site, self.traits)

    @property
    def mode(self) -> str:
        """``train``, ``eval`` or ``mixed``; empty for a model without Dropout and BatchNorm."""
        return next((m for m in MODES if m in self.traits), "")

    @property
    def is_backward(self) -> bool:
        """It leaves gradients in the parameters, as ``autograd.grad`` does not."""
        return self.kind is Kind.BACKWARD and "gradient-only" not in self.traits

    @property
    def is_recorded(self) -> bool:
        """A forward or a loss with gradient recording on."""
        return self.kind in (Kind.FORWARD, Kind.LOSS) and "no-grad" not in self.traits

    @property
    def trains(self) -> bool:
        """A backward or a step."""
        return self.kind in (Kind.BACKWARD, Kind.STEP)


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

    def seen(self, turn: int, times: int = 1) -> None:
        """Count turns with this pattern: this one, and so many in a row from it on."""
        self.streak = self.streak + times if self.last == turn - 1 else times
        self.count += times
        self.last = turn + times - 1
        if self.streak > self.longest:
            self.longest = self.streak

    def of(self, kind: Kind) -> tuple[Event, ...]:
        """The events of one kind, in order."""
        return tuple(e for e in self.events if e.kind is kind)

    def times(self, event: Event) -> int:
        """How often an event happened in these turns; a repeat inside one turn counts up to three times."""
        return self.count * self.events.count(event)

    def clips(self, state: str) -> bool:
        """Whether gradients in this state are clipped in these turns."""
        return any(state in e.traits for e in self.of(Kind.CLIP))

    @property
    def backwards(self) -> tuple[Event, ...]:
        """The backward calls that leave gradients in the parameters, in order."""
        return tuple(e for e in self.events if e.is_backward)

    @property
    def trains(self) -> bool:
        """Whether something goes backward or steps in this turn."""
        return any(e.trains for e in self.events)

    @property
    def unfinished(self) -> bool:
        """Whether no step follows the last backward, as in all but the last turn of an accumulation."""
        uses = [e for e in self.events if e.is_backward or e.kind is Kind.STEP]
        return bool(uses) and uses[-1].is_backward

    @property
    def steps_before(self) -> int:
        """Optimizer steps finished when the first such turn began."""
        return self.step - len(self.of(Kind.STEP))

    def around(self, index: int) -> tuple[Event, ...]:
        """The other events as they follow the one at an index, with the turn as a circle."""
        return (*self.events[index + 1 :], *self.events[:index])

    def late_backward(self, index: int) -> Event | None:
        """The backward that follows the step at an index although its forward came before the step."""
        computing = [e for e in self.around(index) if e.is_backward or e.is_recorded]
        late = computing and computing[0].is_backward and not computing[-1].is_backward
        return computing[0] if late else None


def turns(patterns: Iterable[Pattern]) -> int:
    """How many turns of the loop had one of these patterns."""
    return sum(p.count for p in patterns)
