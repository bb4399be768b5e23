"""Facts that experiments yield. Plain numbers and names: a check never sees a tensor."""

from __future__ import annotations

from dataclasses import dataclass

from osler.model.event import Site


@dataclass(frozen=True, slots=True)
class ExactnessFact:
    """Whether replaying the same batches from the same state gives the same numbers.

    Attributes:
        exact: every loss and every parameter agrees bit for bit.
        turns: that were replayed, twice.
        noise: largest relative difference between two losses; 0 if exact.
    """

    exact: bool
    turns: int
    noise: float


@dataclass(frozen=True, slots=True)
class ConnectivityFact:
    """Which parameters the losses of the first turn reach.

    Attributes:
        model: class of the model.
        reached: trainable parameters that receive a gradient.
        unreached: names of those that do not.
        unheld: names of parameters that receive one and that no optimizer holds.
        site: the backward call.
    """

    model: str
    reached: int
    unreached: tuple[str, ...]
    unheld: tuple[str, ...]
    site: Site


@dataclass(frozen=True, slots=True)
class OverfitFact:
    """How well the loop memorised a few samples, with dropout and weight decay off.

    Attributes:
        samples: that it was to memorise, 0 if unknown.
        first: loss before.
        best: smallest loss at any learning rate.
        floor: loss that no model goes below, because equal inputs have different labels.
        accuracy: the best share of right predictions, None if the loss has no classes.
        majority: share of the most frequent class among the samples, None likewise.
        steps: optimizer steps at each learning rate.
        rates: factors on the script's own learning rate that were tried.
        falling: the loss was still going down at the end of the best attempt.
        site: the backward call.
    """

    samples: int
    first: float
    best: float
    floor: float
    accuracy: float | None
    majority: float | None
    steps: int
    rates: tuple[float, ...]
    falling: bool
    site: Site


@dataclass(frozen=True, slots=True)
class InitialLossFact:
    """The loss before the first step, against what guessing gives.

    Attributes:
        function: loss function.
        value: mean over the batch.
        chance: what equal scores for all classes give.
        error: standard error of the mean over the batch.
        classes: number of classes.
        rows: predictions.
        expected: what these scores would give for labels drawn at random with their own frequencies.
        scores: standard deviation of the scores within a row.
        inputs: largest absolute value in the model's input, None if that holds no real numbers.
        pretrained: weights were loaded before.
        weighted: class weights or smoothing are on.
        site: the call of the loss.
        angles: the scores are cosines times a scale.
    """

    function: str
    value: float
    chance: float
    error: float
    classes: int
    rows: int
    expected: float
    scores: float
    inputs: float | None
    pretrained: bool
    weighted: bool
    site: Site
    angles: bool = False


@dataclass(frozen=True, slots=True)
class RandomEvalFact:
    """Two forwards in evaluation mode on the same input differ.

    Attributes:
        model: class of the model.
        difference: largest difference between the outputs, over their largest value.
        without: the same with functional dropout off.
        rate: of the dropout that was active.
        site: the call of the functional dropout that was active in evaluation mode.
    """

    model: str
    difference: float
    without: float
    rate: float
    site: Site


@dataclass(frozen=True, slots=True)
class MixingFact:
    """Exchanging one sample of the batch changes the outputs for others, in evaluation mode.

    Attributes:
        model: class of the model.
        samples: in the batch.
        exchanged: samples that were exchanged, one at a time; if others change, those that change them.
        changed: smallest number of other samples whose output changed; 0 if that is not the rule.
        difference: largest change of those, over the largest output.
        site: the call of the model.
        layer: the innermost one in which samples meet; empty if they do so between layers.
        kind: its class.
        reads: what it takes the axis of the samples for: ``time first`` or ``one sequence``; empty if that is
            not known.
    """

    model: str
    samples: int
    exchanged: int
    changed: int
    difference: float
    site: Site
    layer: str = ""
    kind: str = ""
    reads: str = ""


@dataclass(frozen=True, slots=True)
class FutureFact:
    """Exchanging tokens changes what the model says before them, although it is to predict the next token.

    Attributes:
        model: class of the model.
        length: tokens of a sequence.
        position: first token that was exchanged.
        changed: earlier positions whose output changed.
        difference: largest such change, over the largest output.
        site: the call of the model.
    """

    model: str
    length: int
    position: int
    changed: int
    difference: float
    site: Site


@dataclass(frozen=True, slots=True)
class IgnoredInputFact:
    """After some steps of training the outputs are the same whatever the inputs are.

    Attributes:
        model: class of the model.
        steps: of training before the test.
        samples: different samples that gave one output.
        site: the call of the model.
    """

    model: str
    steps: int
    samples: int
    site: Site


@dataclass(frozen=True, slots=True)
class CopiesFact:
    """The loss of some samples, and of two copies of the same samples.

    Attributes:
        once: loss of the samples.
        twice: loss of two copies.
        samples: of which there was one copy.
        optimizer: one whose steps are as large as its gradients; empty if every one sets their size itself.
        site: the call of the loss function, or of backward.
    """

    once: float
    twice: float
    samples: int
    optimizer: str
    site: Site


@dataclass(frozen=True, slots=True)
class DescentFact:
    """What small steps do to the loss of the batch from which their gradient was computed.

    Attributes:
        function: the loss function.
        factor: what its value is multiplied by before backward; negative if a minus stands before it.
        before: its value.
        after: its value after the script's own first step.
        against: fall of what backward starts from, over what the gradient promises, for three small steps
            against the gradient, each a third of the one before; all near 1 if the gradient is right.
        own: the same along the script's own step; empty if that was not asked.
        alignment: cosine between the script's step and the way down.
        labelled: the loss compares with something that a loader has handed out.
        site: the backward call.
    """

    function: str
    factor: float
    before: float
    after: float
    against: tuple[float, ...]
    own: tuple[float, ...]
    alignment: float
    labelled: bool
    site: Site

    @property
    def limit(self) -> float:
        """What ``against`` tends to for ever smaller steps, if the loss is bent like a parabola there."""
        *_, larger, smaller = self.against
        return smaller + (smaller - larger) / 2


@dataclass(frozen=True, slots=True)
class PaddingFact:
    """Other scores at padded positions change the loss.

    Attributes:
        function: the loss function.
        id: that fills sequences up.
        said_by: what in the program says so.
        padded: positions that are padding.
        positions: that the loss counts, padding included.
        before: the loss.
        after: the loss with other scores at the padding.
        ended: the end of a sequence is told by something else than its first padding.
        site: the call of the loss function.
    """

    function: str
    id: int
    said_by: str
    padded: int
    positions: int
    before: float
    after: float
    ended: bool
    site: Site


@dataclass(frozen=True, slots=True)
class IgnoredMaskFact:
    """Whatever mask a model is given, its output is the same bit for bit.

    Attributes:
        model: class of the model.
        name: of the argument.
        steps: of training before the test.
        site: the call of the model.
    """

    model: str
    name: str
    steps: int
    site: Site


@dataclass(frozen=True, slots=True)
class LeakyPaddingFact:
    """What a transformer says of real positions when another vector stands for padding.

    Attributes:
        model: class of the model.
        changed: real outputs that changed.
        real: real outputs in all.
        difference: largest change, over the largest output; no number if outputs are none before any change.
        masked: some attention layer was given a mask.
        unit: what the outputs are about: real positions or samples.
        site: the call of the model.
        inverted: a key padding mask leaves out every real position and keeps all padding.
    """

    model: str
    changed: int
    real: int
    difference: float
    masked: bool
    unit: str
    site: Site
    inverted: bool = False


@dataclass(frozen=True, slots=True)
class ShiftFact:
    """The labels of a causal language model are not the next tokens.

    Attributes:
        model: class of the model.
        shift: tokens from the one that a prediction is made at to its label: 0 or 2.
        share: of the labels that agree with this shift.
        labels: that were compared.
        following: share of the labels that are the next token.
        site: the call of the loss function.
    """

    model: str
    shift: int
    share: float
    labels: int
    following: float
    site: Site


@dataclass(frozen=True, slots=True)
class UnsuitedLossFact:
    """A loss that cannot measure what the model is to learn.

    Attributes:
        function: the loss function.
        columns: outputs for each sample.
        classes: that the labels tell, if a squared or absolute error compares with their numbers; 0 if the
            loss is one over classes and has one column.
        site: the call of the loss function.
    """

    function: str
    columns: int
    classes: int
    site: Site


@dataclass(frozen=True, slots=True)
class CustomGradientFact:
    """The backward of a custom autograd function is not the slope of its forward.

    Attributes:
        function: name of its class.
        wrong: entries of its arguments at which gradient and slope differ.
        tried: entries at which it is smooth and not flat.
        worst: largest difference, over the larger of the two.
        site: where its backward is defined.
    """

    function: str
    wrong: int
    tried: int
    worst: float
    site: Site


@dataclass(frozen=True, slots=True)
class TooHighRateFact:
    """The loss of the first batches does not fall at the script's learning rate, and does at a lower one.

    Attributes:
        optimizer: its class.
        rate: the script's learning rate, the highest of all groups.
        lower: the nearest of the lower ones that were tried at which the loss falls.
        batches: that were trained on, again and again.
        before: mean loss on them before training.
        after: the same at the end, at the script's rate; it may be no number.
        turns: until then.
        lowered: the same at the lower rate.
        lower_turns: until then.
        site: where the optimizer is built.
    """

    optimizer: str
    rate: float
    lower: float
    batches: int
    before: float
    after: float
    turns: int
    lowered: float
    lower_turns: int
    site: Site
