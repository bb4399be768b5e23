"""One turn of the script's loop: what it is given, and what it did with it."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field, replace
from typing import Any

from torch import Tensor, nn

from osler.model import Site


@dataclass(frozen=True, slots=True)
class Turn:
    """What an experiment wants done next.

    Attributes:
        entry: number of the batch in the pool that the loop is given.
        as_drawn: where a turn is made of several batches, give it those of the first turn and not one of them
            several times.
    """

    entry: int = 0
    as_drawn: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class ForwardCall:
    """A call of a root module with recording on.

    Attributes:
        module: the model.
        args: copies of its arguments.
        kwargs: copies of its named arguments.
        output: what it returned, cut from its graph.
        training: the module's own mode.
        autocast: type of numbers that mixed precision computed in, None without it.
        carries_graph: an argument comes from another part of the same graph.
        site: the user's lines.
    """

    module: nn.Module
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    output: Any
    training: bool
    autocast: Any
    carries_graph: bool
    site: Site


@dataclass(frozen=True, slots=True, eq=False)
class LossCall:
    """A call of a loss function of torch with a graph.

    Attributes:
        function: its name.
        given: copies of its arguments by name.
        value: what it returned, cut from its graph.
        site: the user's lines.
        squeezed: the scores come from a `squeeze()` that names no axis.
        angles: the scores are cosines times a scale.
    """

    function: str
    given: dict[str, Any]
    value: Tensor
    site: Site
    squeezed: bool = False
    angles: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Root:
    """A backward call.

    Attributes:
        value: of what it started from, summed.
        elements: entries of what it started from.
        leaves: tensors that a gradient was delivered to.
        complete: nothing hides leaves: no custom function, no checkpoint.
        site: the user's lines that call it, or those that compute the loss if a library calls it.
    """

    value: float
    elements: int
    leaves: tuple[Tensor, ...]
    complete: bool
    site: Site


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What the loop did in one turn.

    Attributes:
        roots: backward calls in order.
        steps: optimizer steps.
        accuracy: share of right predictions, None if the loss has no classes.
        forwards: calls of models; only kept when they are asked for.
        losses: calls of loss functions; only kept when they are asked for.
        faithful: the loop was given what was planned.
        targets: sum of what the loss functions were to compare with: another one if they were drawn anew.
    """

    roots: tuple[Root, ...] = ()
    steps: int = 0
    accuracy: float | None = None
    forwards: tuple[ForwardCall, ...] = ()
    losses: tuple[LossCall, ...] = ()
    faithful: bool = True
    targets: float = 0.0

    def share(self, parts: int) -> Seen:
        """What was done with the first of several batches, if as much was done with each."""
        counts = [len(self.roots), len(self.forwards), len(self.losses)]
        if parts == 1 or any(count % parts for count in counts):
            return self
        roots, forwards, losses = (count // parts for count in counts)
        return replace(
            self, roots=self.roots[:roots], forwards=self.forwards[:forwards], losses=self.losses[:losses]
        )

    @property
    def loss(self) -> float | None:
        """The mean of what backward was called on, None if it was not called."""
        values = [r.value for r in self.roots]
        return sum(values) / len(values) if values else None


Steps = Generator[Turn, Seen, Any]
"""An experiment: it asks for turns and is told what happened."""


@dataclass(slots=True)
class Pool:
    """Batches that experiments may use.

    Attributes:
        entries: what each loader that feeds a turn hands out, by position among them.
        exhausted: the loader has no more.
    """

    entries: list[dict[int, Any]] = field(default_factory=list[dict[int, Any]])
    exhausted: bool = False
