"""What a check may read: a run. `docs/evidence.md` describes every field."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from osler.model.context import Context
from osler.model.event import Event, Kind, Pattern, Site
from osler.model.facts import (
    BlindFact,
    CrashFact,
    CutFact,
    LossInputFact,
    ModelFact,
    NotFiniteFact,
    OptimizerFact,
    ParameterFact,
    RetainedFact,
)
from osler.model.measure import Column


@dataclass(slots=True)
class Run:
    """One training run, growing while it is watched, complete when read back.

    Attributes:
        patterns: distinct turns of the loop in order of first appearance.
        turns: turns of the loop so far.
        steps: optimizer steps so far, those by hand included.
        backwards: backward calls so far.
        passes: loaders exhausted so far.
        ended: nothing more will come.
        models: root modules by name.
        optimizers: optimizers by name.
        parameters: the latest look at all parameters, by name.
        parameters_step: optimizer steps finished at that look.
        losses: contracts of loss inputs, one per call site.
        cuts: operations that cut the graph on the way to the loss.
        retained: graphs that outlive their turn.
        not_finite: first NaN or infinite value of each measure.
        blind: what could not be watched.
        crash: the exception that ended the script, if one did.
        columns: series by measure name.
        context: what is learned about the program as a whole; set before judging.
    """

    patterns: list[Pattern] = field(default_factory=list[Pattern])
    turns: int = 0
    steps: int = 0
    backwards: int = 0
    passes: int = 0
    ended: bool = False
    models: dict[str, ModelFact] = field(default_factory=dict[str, ModelFact])
    optimizers: dict[str, OptimizerFact] = field(default_factory=dict[str, OptimizerFact])
    parameters: dict[str, ParameterFact] = field(default_factory=dict[str, ParameterFact])
    parameters_step: int = -1
    losses: dict[tuple[str, Site], LossInputFact] = field(default_factory=dict[tuple[str, Site], LossInputFact])
    cuts: list[CutFact] = field(default_factory=list[CutFact])
    retained: dict[Site, RetainedFact] = field(default_factory=dict[Site, RetainedFact])
    not_finite: dict[str, NotFiniteFact] = field(default_factory=dict[str, NotFiniteFact])
    blind: list[BlindFact] = field(default_factory=list[BlindFact])
    crash: CrashFact | None = None
    columns: dict[str, Column] = field(default_factory=dict[str, Column])
    context: Context = field(default_factory=Context)

    def events(self, kind: Kind) -> Iterator[tuple[Event, Pattern]]:
        """Every distinct event of one kind with each pattern it occurs in, in order."""
        for pattern in self.patterns:
            seen: set[int] = set()
            for event in pattern.events:
                if event.kind is kind and id(event) not in seen:
                    seen.add(id(event))
                    yield event, pattern

    def count(self, event: Event) -> int:
        """How often an event happened; a repeat inside one turn counts up to three times."""
        return sum(p.count * p.events.count(event) for p in self.patterns)

    def steps_of(self, optimizer: str) -> int:
        """How often this optimizer stepped."""
        return sum(
            p.count * sum(e.kind is Kind.STEP and e.subject == optimizer for e in p.events) for p in self.patterns
        )


