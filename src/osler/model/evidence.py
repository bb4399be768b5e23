"""What a check may read: a run. `docs/evidence.md` describes every field."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from osler.model.architecture import (
    GraphFact,
    IdleFact,
    ModuleFact,
    PrecisionFact,
    SamplesFact,
)
from osler.model.context import Context
from osler.model.datafacts import OverwriteFact, RedrawnFact
from osler.model.event import Call, Event, Kind, Pattern, Site
from osler.model.facts import (
    BlindFact,
    CrashFact,
    CutFact,
    LoaderFact,
    LossInputFact,
    ModelFact,
    NotFiniteFact,
    OptimizerFact,
    ParameterFact,
    RetainedFact,
    by_model,
    elements_of,
)
from osler.model.loadfacts import LoadFact, ResumeFact, SelfLoadFact
from osler.model.lossfacts import (
    BatchMeansFact,
    BroadcastFact,
    ComparisonFact,
    IndexFact,
    InputFact,
    LossCallFact,
    SignFact,
    UnderflowFact,
)
from osler.model.measure import Column
from osler.model.normfacts import FrozenNormFact, IdleNormFact, UnmovedNormFact
from osler.model.rangefacts import OutsideFact
from osler.model.stepping import AliasFact, InPlaceFact, RestoredRateFact, ScheduleFact, UpdateFact
from osler.model.targetfacts import LabelRowsFact, ReachFact
from osler.model.wiring import (
    DetachedStateFact,
    FollowFact,
    GrowthFact,
    LeakFact,
    MisspeltFact,
    RebindFact,
    SequenceAxisFact,
)
from osler.model.wording import listed

LossCall = tuple[str, Site]
"""A loss function and the lines it is called from."""


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
        cut: it was stopped where the script would have gone on: by a pre-flight, a signal or an option.
        models: root modules by name.
        modules: parts of the models by full name, as they were at the first call.
        samples: what the models were trained on first, by their name; only if it is to be kept.
        idle: parts that were declared and neither called nor named again, by full name; known at the end.
        frozen_norms: frozen BatchNorm layers that were called in train mode, by full name.
        precisions: 16-bit formats behind each backward.
        unmoved_norms: networks whose weights have learned while their BatchNorm statistics stayed, by name.
        idle_norms: backward calls through BatchNorm whose statistics nobody updates.
        outside: parameters whose uses all pass nothing back to them, by full name.
        graphs: autograd graphs of the first backward from each line.
        optimizers: optimizers by name.
        schedules: schedules of learning rates by name.
        detached_states: recurrent cells whose state comes to every call without its graph, by full name.
        sequence_axes: layers that take the samples of a batch for steps in time, by full name.
        restored_rates: learning rates, far below those before, that came with a loaded state, by optimizer.
        updates: whether steps change the weights, by optimizer.
        parameters: the latest look at all parameters, by name.
        parameters_step: optimizer steps finished at that look.
        losses: contracts of loss inputs, one per call site.
        loss_calls: arguments of loss functions, one per call site.
        label_rows: targets that hold a number for each class, one per call site.
        reaches: targets of losses against what their other argument cannot leave, one per call site.
        broadcasts: losses whose operands were spread against each other by accident.
        comparisons: answers that were compared with targets of another shape, in what was looked at closely.
        indices: class ids and indices outside their table.
        batch_means: averages of the means of batches of unequal size, by the line of the loss.
        underflows: logarithms taken of a softmax.
        signs: which loss functions each backward lowers and raises.
        inputs: variables that were not finite when the loss first was not, by name.
        loaders: loaders that were iterated, by name.
        overwrites: stored samples that change while they are fetched, by the name of the first loader.
        cuts: operations that cut the graph on the way to the loss.
        retained: graphs that outlive their turn.
        misspelt: attributes that were meant to be `requires_grad`, by model and name.
        follows: networks that are overwritten with the weights of another one, by both names.
        loads: weights of which next to nothing fitted the model, by the line that loads them.
        resumes: training that went on from a file without its whole state, by what is missing.
        redrawn: passes that drew the random numbers of an earlier one, by loader.
        rebinds: updates by hand that only give a name to a new tensor.
        self_loads: weights that were loaded into the memory in which they lie.
        leaks: steps on gradients that were computed for another optimizer's step as well, by optimizer and
            the backward that left them.
        growing: graphs that hold those of all earlier backward calls from their line.
        not_finite: first NaN or infinite value of each measure.
        aliases: weights that were loaded into the model whose memory they share.
        in_place: what is known about the in-place change that made a backward fail.
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
    cut: bool = False
    models: dict[str, ModelFact] = field(default_factory=dict[str, ModelFact])
    modules: dict[str, ModuleFact] = field(default_factory=dict[str, ModuleFact])
    samples: dict[str, SamplesFact] = field(default_factory=dict[str, SamplesFact])
    idle: dict[str, IdleFact] = field(default_factory=dict[str, IdleFact])
    frozen_norms: dict[str, FrozenNormFact] = field(default_factory=dict[str, FrozenNormFact])
    precisions: dict[Site, PrecisionFact] = field(default_factory=dict[Site, PrecisionFact])
    unmoved_norms: dict[str, UnmovedNormFact] = field(default_factory=dict[str, UnmovedNormFact])
    idle_norms: dict[Site, IdleNormFact] = field(default_factory=dict[Site, IdleNormFact])
    outside: dict[str, OutsideFact] = field(default_factory=dict[str, OutsideFact])
    graphs: dict[Site, GraphFact] = field(default_factory=dict[Site, GraphFact])
    optimizers: dict[str, OptimizerFact] = field(default_factory=dict[str, OptimizerFact])
    schedules: dict[str, ScheduleFact] = field(default_factory=dict[str, ScheduleFact])
    detached_states: dict[str, DetachedStateFact] = field(default_factory=dict[str, DetachedStateFact])
    sequence_axes: dict[str, SequenceAxisFact] = field(default_factory=dict[str, SequenceAxisFact])
    restored_rates: dict[str, RestoredRateFact] = field(default_factory=dict[str, RestoredRateFact])
    updates: dict[str, UpdateFact] = field(default_factory=dict[str, UpdateFact])
    parameters: dict[str, ParameterFact] = field(default_factory=dict[str, ParameterFact])
    parameters_step: int = -1
    losses: dict[LossCall, LossInputFact] = field(default_factory=dict[LossCall, LossInputFact])
    loss_calls: dict[LossCall, LossCallFact] = field(default_factory=dict[LossCall, LossCallFact])
    label_rows: dict[LossCall, LabelRowsFact] = field(default_factory=dict[LossCall, LabelRowsFact])
    reaches: dict[LossCall, ReachFact] = field(default_factory=dict[LossCall, ReachFact])
    broadcasts: dict[LossCall, BroadcastFact] = field(default_factory=dict[LossCall, BroadcastFact])
    comparisons: dict[Site, ComparisonFact] = field(default_factory=dict[Site, ComparisonFact])
    indices: dict[LossCall, IndexFact] = field(default_factory=dict[LossCall, IndexFact])
    batch_means: dict[Site, BatchMeansFact] = field(default_factory=dict[Site, BatchMeansFact])
    underflows: dict[Site, UnderflowFact] = field(default_factory=dict[Site, UnderflowFact])
    signs: dict[Site, SignFact] = field(default_factory=dict[Site, SignFact])
    inputs: dict[str, InputFact] = field(default_factory=dict[str, InputFact])
    loaders: dict[str, LoaderFact] = field(default_factory=dict[str, LoaderFact])
    overwrites: dict[str, OverwriteFact] = field(default_factory=dict[str, OverwriteFact])
    cuts: list[CutFact] = field(default_factory=list[CutFact])
    retained: dict[Site, RetainedFact] = field(default_factory=dict[Site, RetainedFact])
    misspelt: dict[str, MisspeltFact] = field(default_factory=dict[str, MisspeltFact])
    follows: dict[str, FollowFact] = field(default_factory=dict[str, FollowFact])
    loads: dict[Site, LoadFact] = field(default_factory=dict[Site, LoadFact])
    resumes: dict[str, ResumeFact] = field(default_factory=dict[str, ResumeFact])
    redrawn: dict[str, RedrawnFact] = field(default_factory=dict[str, RedrawnFact])
    rebinds: dict[Site, RebindFact] = field(default_factory=dict[Site, RebindFact])
    self_loads: dict[Site, SelfLoadFact] = field(default_factory=dict[Site, SelfLoadFact])
    leaks: dict[tuple[str, Site], LeakFact] = field(default_factory=dict[tuple[str, Site], LeakFact])
    growing: dict[Site, GrowthFact] = field(default_factory=dict[Site, GrowthFact])
    not_finite: dict[str, NotFiniteFact] = field(default_factory=dict[str, NotFiniteFact])
    aliases: dict[Site, AliasFact] = field(default_factory=dict[Site, AliasFact])
    in_place: InPlaceFact | None = None
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

    def of(self, kind: Kind, subject: str | None = None) -> tuple[Event, ...]:
        """Every distinct event of one kind, or of one kind and subject, in order of first appearance."""
        events = dict.fromkeys(e for p in self.patterns for e in p.of(kind))
        return tuple(e for e in events if subject is None or e.subject == subject)

    def subjects(self, kind: Kind) -> tuple[str, ...]:
        """What events of one kind were about, in order of first appearance."""
        return tuple(dict.fromkeys(e.subject for e in self.of(kind)))

    def count(self, event: Event) -> int:
        """How often an event happened; a repeat inside one turn counts up to three times."""
        return sum(p.times(event) for p in self.patterns)

    def usual_site(self, events: Iterable[Event]) -> Site:
        """Where the most frequent of these events happens; nowhere if there are none."""
        most = max(events, key=self.count, default=None)
        return most.site if most else ()

    def steps_of(self, optimizer: str) -> int:
        """How often this optimizer stepped."""
        return sum(p.count * sum(e.subject == optimizer for e in p.of(Kind.STEP)) for p in self.patterns)

    def latest_step_of(self, optimizer: str) -> int:
        """Turn in which this optimizer stepped last; negative if it never did."""
        turns = (p.last for p in self.patterns if any(e.subject == optimizer for e in p.of(Kind.STEP)))
        return max(turns, default=-1)

    def skipped_steps_of(self, optimizer: str) -> int:
        """Steps that a gradient scaler did not take because of an overflow."""
        asked = sum(p.times(e) for e, p in self.events(Kind.SCALER_STEP) if e.subject == optimizer)
        return max(0, asked - self.steps_of(optimizer))

    def stepping_on(self, backward: Site) -> frozenset[str]:
        """Optimizers that step on the gradients of the backward at this site."""
        found: set[str] = set()
        for pattern in self.patterns:
            behind = False
            for event in pattern.events * 2:  # the step may open the next turn
                if event.kind is Kind.BACKWARD:
                    behind = event.site == backward
                elif event.kind is Kind.STEP and behind:
                    found.add(event.subject)
        return frozenset(found)

    def clears(self, subject: str, optimizer: str) -> bool:
        """Whether clearing the subject, a model or optimizer, clears gradients of the optimizer, if known."""
        parameters = self.parameters.values()
        known = {*self.optimizers, *(p.model for p in parameters), *self.subjects(Kind.STEP)}
        if subject == optimizer or subject not in known:
            return True
        return any(subject in (p.model, *p.optimizers) for p in parameters if optimizer in p.optimizers)

    def steps_at_look(self, optimizer: str) -> int:
        """Steps that this optimizer had done for certain when the parameters were looked at."""
        return self.steps_of(optimizer) - (self.steps - self.parameters_step)

    def parameters_of(self, model: str) -> list[ParameterFact]:
        """Trainable parameters of one model, the unregistered ones included."""
        return [p for p in self.parameters.values() if p.model == model and p.trainable]

    def share_of(self, parameters: Sequence[ParameterFact]) -> tuple[int, int]:
        """Elements of some parameters, and of all trainable ones of their models."""
        whole = sum(elements_of(self.parameters_of(model)) for model in by_model(parameters))
        return elements_of(parameters), max(1, whole)

    def share_in_words(self, parameters: Sequence[ParameterFact]) -> str:
        """What `share_of` counts, as a sentence that names the models."""
        elements, total = self.share_of(parameters)
        models = listed([model for model in by_model(parameters) if model])
        return f"That is {elements / total:.1%} of the trainable elements{f' of {models}' if models else ''}."

    def holder_site(self, parameter: ParameterFact) -> Site:
        """Where the optimizer that holds a parameter was built; empty if none is known."""
        return next((self.optimizers[o].site for o in parameter.optimizers if o in self.optimizers), ())

    def used(self) -> frozenset[Call]:
        """The forwards whose outputs a backward went through."""
        return frozenset(e.call for e in self.of(Kind.USED))

    def trained(self) -> frozenset[str]:
        """Names of the models whose parameters are stepped or whose outputs a backward went through."""
        return self.context.trained.union(self.subjects(Kind.USED))

    def inputs_of(self, function: str) -> list[LossInputFact]:
        """What is known about the inputs of one loss function, per call site."""
        return [f for f in self.losses.values() if f.function == function]

    def calls_of(self, *functions: str) -> list[LossCallFact]:
        """What the calls of some loss functions were given, per call site, where a gradient is wanted."""
        return [f for f in self.loss_calls.values() if f.function in functions]

    def steps_before(self, fact: LossInputFact) -> int | None:
        """Steps finished before this loss was first computed with a gradient; None if it never was."""
        here = (fact.function, fact.site)
        calls = (p for e, p in self.events(Kind.LOSS) if (e.subject, e.site) == here and "grad" in e.traits)
        return min((p.steps_before for p in calls), default=None)
