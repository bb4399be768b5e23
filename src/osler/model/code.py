"""What a code detector may read: source files with the facts derived from them. See `docs/evidence.md`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from osler.model.actions import Action, CallFact, Loop, Trace, flat
from osler.model.architecture import IdleFact
from osler.model.codefacts import (
    ApartFact,
    CumulatedFact,
    FitFact,
    FoldFact,
    HandUpdateFact,
    LooseLoadFact,
    OverwrittenFact,
    PaddedFact,
    RefitFact,
    RepeatFact,
    ResumptionFact,
    SpreadFact,
    WidthFact,
)
from osler.model.event import Kind
from osler.model.values import Loader, Network, Optimizer


@dataclass(frozen=True, slots=True)
class GradientState:
    """What the gradients of an optimizer are when it steps; the words are those of a run's steps.

    Attributes:
        kind: ``fresh``, ``carried``, ``empty``, ``stale``, or ``unknown``.
        clear: what threw gradients away since the last step, if anything did.
        backward: what computed gradients last.
    """

    kind: str
    clear: Action | None = None
    backward: Action | None = None


@dataclass(frozen=True, slots=True, eq=False)
class StepFact:
    """An optimizer step in the source.

    Attributes:
        optimizer: what steps.
        step: the action.
        trace: the way into the program it was met on.
        loops: the loops around it, outermost first.
        visits: each time the step was met with its loop under way, all states the gradients may be in.
        clears: everything on this way that clears its gradients, or may.
        backwards: everything on this way that computes gradients for it, or may.
    """

    optimizer: Optimizer
    step: Action
    trace: Trace
    loops: tuple[Loop, ...]
    visits: tuple[frozenset[GradientState], ...]
    clears: tuple[Action, ...]
    backwards: tuple[Action, ...]

    def always(self, kind: str) -> GradientState | None:
        """A state of this kind if, at some visit, the gradients cannot be in any other."""
        for states in self.visits:
            if states and all(s.kind == kind for s in states):
                return min(states, key=_first)
        return None

    def sometimes(self, kind: str) -> GradientState | None:
        """A state of this kind if the gradients may be in it."""
        found = [s for states in self.visits for s in states if s.kind == kind]
        return min(found, key=_first, default=None)


def _first(state: GradientState) -> tuple[int, int]:
    lines = (state.clear, state.backward)
    return (lines[0].place.line if lines[0] else 0, lines[1].place.line if lines[1] else 0)


@dataclass(frozen=True, slots=True, eq=False)
class ClipFact:
    """Gradients are clipped in the source.

    Attributes:
        optimizer: the optimizer whose gradients they are.
        clip: the action.
        loops: the loops around it, outermost first.
        visits: each time it was met with its loop under way, all states the gradients may be in.
    """

    optimizer: Optimizer
    clip: Action
    loops: tuple[Loop, ...]
    visits: tuple[frozenset[GradientState], ...]

    def always(self, kind: str) -> bool:
        """Whether, at some visit, the gradients cannot be in another state."""
        return any(states and all(s.kind == kind for s in states) for states in self.visits)


@dataclass(frozen=True, slots=True)
class ModeState:
    """The mode of a module, and the one it was in when it was last called with recording on.

    Attributes:
        mode: ``train``, ``eval`` or ``unknown``.
        by: what set it, None if nothing did.
        forward: its last recorded call.
        was: its mode then.
        was_by: what had set that.
    """

    mode: str
    by: Action | None = None
    forward: Action | None = None
    was: str = ""
    was_by: Action | None = None


@dataclass(frozen=True, slots=True, eq=False)
class ForwardFact:
    """A call of a root module in the source.

    Attributes:
        model: the module.
        forward: the action.
        trace: the way into the program it was met on.
        loops: the loops around it, outermost first.
        visits: each time it was met, all modes the module may be in.
    """

    model: Network
    forward: Action
    trace: Trace
    loops: tuple[Loop, ...]
    visits: tuple[frozenset[ModeState], ...]

    def always(self, mode: str) -> bool:
        """Whether the module cannot be in another mode, at any visit."""
        return all(s.mode == mode for states in self.visits for s in states)


@dataclass(frozen=True, slots=True, eq=False)
class TrainingFact:
    """A backward through a root module in the source.

    Attributes:
        model: the module.
        backward: the action.
        trace: the way into the program it was met on.
        visits: each time it was met, the modes the module may have been called in.
    """

    model: Network
    backward: Action
    trace: Trace
    visits: tuple[frozenset[ModeState], ...]


def modes(states: Iterable[ModeState]) -> set[str]:
    """Modes in which the module was last called."""
    return {s.was for s in states if s.forward is not None}


@dataclass(slots=True)
class Code:
    """Source files that belong together, as read.

    Attributes:
        files: absolute paths.
        traces: ways into the program.
        calls: calls from outside, by full name.
        stepped: optimizer steps with the state of the gradients.
        clipped: clipping with the state of the gradients.
        called: calls of root modules with their mode.
        trained: backward calls through root modules, with the mode these were called in.
        networks: modules built.
        optimizers: optimizers built or taken for such.
        loaders: data loaders built.
        steps: nodes that were looked at.
        given_up: what was not followed, by reason.
        frameworks: frameworks that are imported.
        methods: names of all methods that are called anywhere in the files.
        fitted: statistics computed before data are split.
        hand_updates: updates by hand that change nothing.
        loose_loads: weights loaded with `strict=False` and no look at what was missing.
        spread: columns that meet targets of one axis.
        widths: losses over a known number of classes.
        padded: padded targets in a loss that counts all positions.
        resumptions: state in a file that is not restored where training goes on from it.
        overwritten: arrays that are kept while their memory is changed.
        idle: layers that a class declares and that no line names again.
        repeats: passes that draw the same samples, or the same order, each time.
        apart: inputs and targets that a dataset moves by random numbers of their own.
        folds: networks that go on from one fold of a cross-validation to the next.
        refits: what is learned of the training data and then anew of held-out data.
        cumulated: answers in random order that a loss sums up one after the other.
        seeding: names that sound like seeding and are called anywhere, such as ``np.random.seed``.
        sorted_actions: the actions of all traces by kind, sorted when they are first asked for.
        sorted_traces: how many traces there were then.
    """

    files: tuple[str, ...] = ()
    traces: list[Trace] = field(default_factory=list[Trace])
    calls: dict[str, list[CallFact]] = field(default_factory=dict[str, list[CallFact]])
    stepped: list[StepFact] = field(default_factory=list[StepFact])
    clipped: list[ClipFact] = field(default_factory=list[ClipFact])
    called: list[ForwardFact] = field(default_factory=list[ForwardFact])
    trained: list[TrainingFact] = field(default_factory=list[TrainingFact])
    networks: list[Network] = field(default_factory=list[Network])
    optimizers: list[Optimizer] = field(default_factory=list[Optimizer])
    loaders: list[Loader] = field(default_factory=list[Loader])
    steps: int = 0
    given_up: dict[str, int] = field(default_factory=dict[str, int])
    frameworks: frozenset[str] = frozenset()
    methods: frozenset[str] = frozenset()
    fitted: tuple[FitFact, ...] = ()
    hand_updates: tuple[HandUpdateFact, ...] = ()
    loose_loads: tuple[LooseLoadFact, ...] = ()
    spread: tuple[SpreadFact, ...] = ()
    widths: tuple[WidthFact, ...] = ()
    padded: tuple[PaddedFact, ...] = ()
    resumptions: tuple[ResumptionFact, ...] = ()
    overwritten: tuple[OverwrittenFact, ...] = ()
    idle: tuple[IdleFact, ...] = ()
    repeats: tuple[RepeatFact, ...] = ()
    apart: tuple[ApartFact, ...] = ()
    folds: tuple[FoldFact, ...] = ()
    refits: tuple[RefitFact, ...] = ()
    cumulated: tuple[CumulatedFact, ...] = ()
    seeding: frozenset[str] = frozenset()
    sorted_actions: dict[Kind, list[Action]] = field(default_factory=dict[Kind, list[Action]], repr=False)
    sorted_traces: int = 0

    def actions(self, kind: Kind) -> Iterator[Action]:
        """Every action of one kind, in the order of the source."""
        if self.sorted_traces != len(self.traces):
            self.sorted_traces = len(self.traces)
            self.sorted_actions = {}
            for trace in self.traces:
                for action in flat(trace.nodes):
                    self.sorted_actions.setdefault(action.kind, []).append(action)
        return iter(self.sorted_actions.get(kind, ()))

    def calls_of(self, *names: str) -> Iterator[CallFact]:
        """Calls by full name."""
        for name in names:
            yield from self.calls.get(name, ())
