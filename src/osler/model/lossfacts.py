"""Facts about calls of loss functions: what met in them, what made it, and what lies outside its range."""

from __future__ import annotations

from dataclasses import dataclass

from osler.model.event import Site
from osler.model.shapes import Shape

LAYERS = ("addmm", "linear", "convolution", "mkldnnconvolution")
"""Autograd's names for layers with weights and a bias. A plain matrix product may well mix probabilities."""


@dataclass(frozen=True, slots=True)
class LossCallFact:
    """The arguments of a loss function at one line, on its first calls and at every power of two.

    Attributes:
        function: ``mse_loss``, ``binary_cross_entropy`` …
        site: where it is called.
        tests: calls that were looked at.
        step: optimizer steps finished before the first of them.
        reduction: ``mean``, ``sum``, ``batchmean``, ``none``; empty if it was not given as text.
        input_shape: shape of the first argument, at the first call where it does not fit the target, else
            at the first call.
        target_shape: shape of the second argument at that call.
        lowest: smallest entry of the first argument, only for functions with a range.
        highest: largest entry.
        target_lowest: smallest entry of the second argument.
        target_highest: largest entry.
        made_by: what made the values of the first argument in every one of these calls, as autograd calls
            it: ``sigmoid``, ``softmax``, ``relu``, ``addmm`` …; empty if it differs or is unknown.
        made_at: where that was called, if known.
        target_gradient: ``leaf`` if the target is a leaf that requires a gradient, ``graph`` if something
            behind it does.
        input_gradient: the first argument carries a gradient.
        labels_in_order: class ids of the first pass that came in ascending order without exception, batch
            after batch; 0 once they did not. The order inside a batch does not count.
        order_chance: how likely these very ids come in such batches by chance, as a power of ten.
        target_made_by: what made the target, if it carries a gradient.
        target_is_log: the function was told that its target is a logarithm.
    """

    function: str
    site: Site
    tests: int = 1
    step: int = 0
    reduction: str = ""
    input_shape: Shape = ()
    target_shape: Shape = ()
    lowest: float = 0.0
    highest: float = 0.0
    target_lowest: float = 0.0
    target_highest: float = 0.0
    made_by: str = ""
    made_at: Site = ()
    target_gradient: str = ""
    input_gradient: bool = True
    labels_in_order: int = 0
    order_chance: float = 0.0
    target_is_log: bool = False
    target_made_by: str = ""

    @property
    def origin(self) -> str:
        """What made the first argument, between backticks; a layer has many names."""
        return "a layer" if self.made_by in LAYERS else f"`{self.made_by}`"


@dataclass(frozen=True, slots=True)
class BroadcastFact:
    """Two tensors with the same entries but for an axis of length 1 that were spread against each other.

    Attributes:
        operation: ``mse_loss``, ``sub`` …
        site: where it is called.
        left: shape of the first operand.
        right: shape of the second.
        result: shape of what came out, larger than both.
        step: optimizer steps finished before.
    """

    operation: str
    site: Site
    left: Shape
    right: Shape
    result: Shape
    step: int = 0


@dataclass(frozen=True, slots=True)
class ComparisonFact:
    """Answers of a model and targets that were compared although they do not belong together one by one.

    Attributes:
        site: where they are compared.
        operation: ``eq``, ``sub`` …
        kind: ``spread``: an axis of length 1 spread them against each other · ``argmax of all entries``:
            there is one answer for the whole batch · ``argmax of one entry``: every answer is 0.
        answers: shape of the model's answers.
        targets: shape of the targets.
        result: shape of what came out.
        made_at: where the answers were made, if known.
        step: optimizer steps finished before.
    """

    site: Site
    operation: str
    kind: str
    answers: Shape
    targets: Shape
    result: Shape
    made_at: Site = ()
    step: int = 0


@dataclass(frozen=True, slots=True)
class IndexFact:
    """Class ids or indices outside the table that they point into.

    Attributes:
        function: ``cross_entropy``, ``embedding`` …
        site: where it is called.
        size: entries of the table: allowed are 0 to one less.
        outside: how many indices lie outside, 0 if only the type is wrong.
        count: how many there are.
        value: the first one outside.
        position: where it stands in the tensor of indices; the first number is the sample.
        lowest: smallest index.
        highest: largest index.
        ignored: class id that is left out on purpose, if the function knows one.
        kind: type of the numbers, if it is not one for indices.
        step: optimizer steps finished before.
        raised: torch refused the call.
    """

    function: str
    site: Site
    size: int
    outside: int = 0
    count: int = 0
    value: int = 0
    position: tuple[int, ...] = ()
    lowest: int = 0
    highest: int = 0
    ignored: int | None = None
    kind: str = ""
    step: int = 0
    raised: bool = False


@dataclass(frozen=True, slots=True)
class InputFact:
    """A variable of the script that held values which are not finite when the loss first was none either.

    Attributes:
        name: the variable.
        site: where the backward of that loss is called.
        step: optimizer steps finished before.
        shape: its shape.
        wrong: entries that are not finite.
        nans: entries that are NaN.
        samples: rows with such an entry.
        first: number of the first of these rows.
    """

    name: str
    site: Site
    step: int
    shape: Shape
    wrong: int
    nans: int
    samples: int
    first: int


@dataclass(frozen=True, slots=True)
class SignFact:
    """With which sign and factor loss functions enter what a backward starts from.

    Attributes:
        site: where the backward is called.
        lowered: functions that the steps make smaller.
        raised: functions that the steps make larger.
        step: optimizer steps finished before.
        averages: functions that average over their samples, each with the factor before it; a name ends in
            ``, weighted`` if classes or entries have weights.
    """

    site: Site
    lowered: tuple[str, ...]
    raised: tuple[str, ...]
    step: int = 0
    averages: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class BatchMeansFact:
    """A variable that holds an average of the means of batches that is not the mean of the samples.

    Attributes:
        site: where the mean of a batch is computed.
        variable: the user's name for it.
        batches: whose means were averaged.
        size: samples in each but the last.
        rest: samples in the last, at most as many.
        value: what the variable holds.
        weighted: the mean over all samples.
        by_samples: the sum of the means was divided by the number of samples, not of batches.
    """

    site: Site
    variable: str
    batches: int
    size: int
    rest: int
    value: float
    weighted: float
    by_samples: bool = False


@dataclass(frozen=True, slots=True)
class UnderflowFact:
    """A logarithm taken of the output of a softmax.

    Attributes:
        site: where the logarithm is taken, if known.
        made_at: where the softmax was called, if known.
        backward: where the backward is called that goes through both.
        step: optimizer steps finished before.
    """

    site: Site
    made_at: Site
    backward: Site
    step: int = 0
