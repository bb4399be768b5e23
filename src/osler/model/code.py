"""What a code detector may read: source files with the facts derived from them. See `docs/evidence.md`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from osler.model.actions import Action, CallFact, Loop, Trace, flat
from osler.model.architecture import IdleFact
from osler.model.event import Kind, Site
from osler.model.finding import Place
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


@dataclass(frozen=True, slots=True)
class FitFact:
    """Statistics of all samples, some of which are held out afterwards.

    Attributes:
        by: the class that was fitted, or what was computed.
        data: the name of the data.
        place: where it was fitted.
        split: where the data are split.
        is_one_number: a mean or deviation of everything, over features as well as samples.
    """

    by: str
    data: str
    place: Place
    split: Place
    is_one_number: bool = False


@dataclass(frozen=True, slots=True)
class HandUpdateFact:
    """An update of a parameter, written by hand, that changes nothing or is refused by torch.

    Attributes:
        site: the statement.
        name: the variable, as the user writes it.
        kind: ``loop``, the variable of a loop is given another value; ``name``, a parameter's name is;
            ``recorded``, the parameter is changed in place while gradients are recorded.
        leaf: where the parameter is made.
    """

    site: Site
    name: str
    kind: str
    leaf: Site = ()


@dataclass(frozen=True, slots=True)
class LooseLoadFact:
    """Weights are loaded with `strict=False`, and what did not fit is thrown away unseen.

    Attributes:
        site: the call.
        origin: where the weights come from.
    """

    site: Site
    origin: Site


@dataclass(frozen=True, slots=True)
class SpreadFact:
    """A column, of shape (N, 1), meets targets of shape (N).

    Attributes:
        site: the loss or the difference.
        operation: the function, or ``-``.
        layer: where the layer is built that the column comes from.
        target: what the source calls the targets.
    """

    site: Site
    operation: str
    layer: Site
    target: str


@dataclass(frozen=True, slots=True)
class WidthFact:
    """A loss over classes of which both numbers are known.

    Attributes:
        site: the loss.
        function: its name.
        columns: how many scores it gets for each sample.
        layer: where the layer is built that they come from.
        classes: how many classes the targets have.
    """

    site: Site
    function: str
    columns: int
    layer: Site
    classes: int


@dataclass(frozen=True, slots=True)
class PaddedFact:
    """Targets that were filled up to the same length go into a loss that ignores none of them.

    Attributes:
        site: the loss.
        function: its name.
        target: what the source calls the targets.
        padded: where they are filled up.
        value: with what.
    """

    site: Site
    function: str
    target: str
    padded: Site
    value: int


@dataclass(frozen=True, slots=True)
class ResumptionFact:
    """Training goes on from a file that holds a state which no line takes up again.

    Attributes:
        site: where the weights of the file are loaded.
        kind: ``optimizer``, ``schedule`` or ``scaler``.
        name: what the source calls it.
        key: under which the file holds its state.
        saved: where it is put there.
        sign: what else of the file is taken up, from which training goes on.
    """

    site: Site
    kind: str
    name: str
    key: str
    saved: Site
    sign: str


@dataclass(frozen=True, slots=True)
class RepeatFact:
    """Each pass over the training data makes its generator anew, with a seed that nothing changes.

    Attributes:
        made: where the generator gets its seed.
        drawn: where it is drawn from.
        seed: as it is written.
        kind: ``choice``, some of the samples are drawn; ``order``, all of them are put in an order;
            ``item``, it is seeded anew for each sample.
        family: whose global generator is seeded; empty for a generator of its own.
        loader: what the source calls that which hands out the batches; empty if it has no name.
    """

    made: Place
    drawn: Place
    seed: str
    kind: str
    family: str
    loader: str


@dataclass(frozen=True, slots=True)
class OverwrittenFact:
    """An array that is kept as it is, although its memory is changed in place afterwards.

    Attributes:
        site: where an object hands out its own array; if none does, where the array is put into a list.
        name: what the source calls the array.
        kind: ``list``, it is put into a list again and again; ``pair``, two calls have returned it, and what
            the first returned is used as if it were still what it was.
        giver: the method that hands it out.
        written: where it is changed.
        kept: where it is put into the list, or used.
        holder: the name of the list, or of what the first call returned.
        later: the name of what the second call returned; empty if it has none.
        also: where the first call handed it out, if that is another line.
    """

    site: Site
    name: str
    kind: str
    giver: str
    written: Site
    kept: Site
    holder: str
    later: str = ""
    also: Site = ()


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
