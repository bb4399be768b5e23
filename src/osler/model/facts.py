"""Facts are small statements without tensors, derived by a collector when an event happens."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from osler.model.event import Site

ENOUGH_ROWS = 32
"""Rows of a loss input that must agree before we believe them: chance does not repeat itself that often."""


@dataclass(frozen=True, slots=True)
class ModelFact:
    """A root module that was called.

    Attributes:
        name: class name, numbered when several live at once.
        parameters: number of elements in all parameters.
        trainable: number of elements that require a gradient.
        modules: number of submodules, itself included.
        mode_sensitive: dotted names of the Dropout and BatchNorm layers that are not in a frozen part.
        compiled: its inside is compiled, so only calls from outside are seen.
    """

    name: str
    parameters: int
    trainable: int
    modules: int
    mode_sensitive: tuple[str, ...] = ()
    compiled: bool = False


@dataclass(frozen=True, slots=True)
class OptimizerFact:
    """An optimizer that was built.

    Attributes:
        name: class name, numbered when several live at once.
        site: where it was built.
        tensors: parameter tensors it holds.
        elements: elements in them.
        born: turn of the loop in which it was first seen.
        strange: tensors that are in no model that was called and that no backward has reached, at the latest
            look at all parameters.
    """

    name: str
    site: Site
    tensors: int
    elements: int
    born: int = 0
    strange: int = 0


@dataclass(frozen=True, slots=True)
class LoaderFact:
    """A `DataLoader` that was iterated.

    Attributes:
        name: class name, numbered when several live at once.
        samples: length of what it draws from, -1 if that has none.
        batch_size: samples per batch, 0 if a batch sampler or nobody decides.
        batches: batches of a whole pass, -1 if unknown.
        order: ``sequential`` or ``random`` for torch's own samplers, ``stream`` without one, ``custom`` else.
        drop_last: a last batch that is too small is left out.
        begun: passes begun so far.
    """

    name: str
    samples: int
    batch_size: int
    batches: int
    order: str
    drop_last: bool = False
    begun: int = 0

    @property
    def last_size(self) -> int:
        """Samples in the last batch of a pass; 0 if unknown."""
        if self.samples <= 0 or self.batch_size <= 0:
            return 0
        rest = self.samples % self.batch_size
        return rest if rest and not self.drop_last else self.batch_size


@dataclass(frozen=True, slots=True)
class ParameterFact:
    """What is known about one parameter after a look at all of them.

    Attributes:
        name: dotted name; for a tensor outside every module the variable's name.
        model: name of the root module it belongs to, empty if none.
        elements: its size.
        trainable: it requires a gradient.
        registered: it is in ``parameters()`` of the module that was called.
        optimizers: names of the optimizers that hold it.
        reached: some backward delivered a gradient to it.
        used: the module that owns it was called while gradients were recorded.
        updated: it changed without an optimizer, by hand.
        site: where its module is called or its holder assigned, known for unregistered ones.
        assigned: the line that puts an unregistered one into its plain container, if its source is at hand.
        aliases: its other names in the model: the parameter is tied.
        since: optimizer steps finished at the first of the looks that have all said the same of it.
        series: name in the keys of its series, where a parameter of another model has its own; else empty.
        unfrozen: turn of the first look after a backward came to it again that had been frozen; negative if
            it never was.
    """

    name: str
    model: str
    elements: int
    trainable: bool = True
    registered: bool = True
    optimizers: tuple[str, ...] = ()
    reached: bool = True
    used: bool = True
    updated: bool = False
    site: Site = ()
    assigned: Site = ()
    aliases: tuple[str, ...] = ()
    since: int = field(default=0, compare=False)
    series: str = ""
    unfrozen: int = -1

    @property
    def full_name(self) -> str:
        """Its name with the model in front: the key that ``Run.parameters`` uses unless two share it."""
        return f"{self.model}.{self.name}" if self.model else self.name


@dataclass(frozen=True, slots=True)
class LossInputFact:
    """The contract of the first argument of a classification loss, tested on values.

    Attributes:
        function: ``cross_entropy``, ``nll_loss`` …
        site: where the loss is called.
        rows: rows tested so far, one per sample or position.
        probability_rows: rows that lie in [0, 1] and sum to 1.
        log_probability_rows: rows whose logsumexp is 0.
        positive_rows: rows with an entry above 0, which no log-probability has.
        classes: entries per row.
        lowest: smallest entry seen.
        highest: largest entry seen.
        sum_low: smallest row sum.
        sum_high: largest row sum.
        made_at: where the softmax, sigmoid or last layer that made the rows was called, if known.
        made_by: what made them, for example ``softmax``.
    """

    function: str
    site: Site
    rows: int
    probability_rows: int
    log_probability_rows: int
    positive_rows: int
    classes: int
    lowest: float
    highest: float
    sum_low: float
    sum_high: float
    made_at: Site = ()
    made_by: str = ""

    @property
    def tested(self) -> bool:
        """Whether enough rows were tested to speak about them."""
        return self.rows >= ENOUGH_ROWS

    @property
    def are_probabilities(self) -> bool:
        """All rows are distributions over several classes."""
        return self.tested and self.classes > 1 and self.probability_rows == self.rows

    @property
    def are_log_probabilities(self) -> bool:
        """All rows are logarithms of distributions over several classes."""
        return self.tested and self.classes > 1 and self.log_probability_rows == self.rows

    @property
    def origin(self) -> str:
        """What made the rows, as the end of a phrase: `` from `softmax` ``; empty if unknown."""
        return f" from `{self.made_by}`" if self.made_by else ""


DERIVATIVE = "autograd.grad"
"""The operation of a cut that is a derivative without a graph in a loss."""


@dataclass(frozen=True, slots=True)
class CutFact:
    """An operation that got tensors with a gradient and returned some without, on the way to the loss.

    Attributes:
        operation: ``detach``, ``argmax``, ``item`` …, ``no_grad``, or `DERIVATIVE`.
        site: where it is called.
        parameters: names of the parameters upstream of the cut.
        root: where the backward is called whose loss lies behind the cut.
    """

    operation: str
    site: Site
    parameters: tuple[str, ...]
    root: Site = ()

    @property
    def spelled(self) -> str:
        """The operation as the user wrote it, between backticks."""
        match self.operation:
            case "data":
                return "`.data`"
            case "no_grad" | "inference_mode":
                return f"`torch.{self.operation}()`"
            case _:
                return f"`{self.operation.strip('_')}()`"

    def is_behind(self, parameter: ParameterFact) -> bool:
        """Whether what the parameter computes goes through this cut."""
        return parameter.full_name in self.parameters or parameter.name in self.parameters


@dataclass(frozen=True, slots=True)
class RetainedFact:
    """Graphs of earlier turns that are still alive.

    Attributes:
        site: the forward whose outputs' graphs are kept.
        graphs: how many are alive at once.
        holder: name of the user's variable that keeps them, empty if unknown.
        holder_site: the line that grows that variable.
        after_backward: backward had already gone through them.
    """

    site: Site
    graphs: int
    holder: str = ""
    holder_site: Site = ()
    after_backward: bool = True


@dataclass(frozen=True, slots=True)
class NotFiniteFact:
    """The first value of a measure that was NaN or infinite.

    Attributes:
        measure: name of the measure.
        value: ``nan``, ``inf`` or ``-inf``.
        step: optimizer steps finished before it.
        backward: number of the backward call, from 1.
        site: where it was seen.
        last_finite: the value before.
        first_finite: the first value of the run, None if there was none.
        subjects: names of the parameters, or of the module, that hold the value.
    """

    measure: str
    value: float
    step: int
    backward: int
    site: Site
    last_finite: float | None = None
    first_finite: float | None = None
    subjects: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BlindFact:
    """Part of the program that could not be watched.

    Attributes:
        subject: what it is, for example a model's name.
        reason: why, in words.
        essential: without it, most checks cannot speak.
    """

    subject: str
    reason: str
    essential: bool = False


@dataclass(frozen=True, slots=True)
class CrashFact:
    """The exception that ended the script.

    Attributes:
        kind: class name of the exception.
        message: its text.
        site: user lines of the traceback, innermost first.
        during: the event that was under way, for example ``backward``.
    """

    kind: str
    message: str
    site: Site
    during: str = ""


def elements_of(parameters: Iterable[ParameterFact]) -> int:
    """How many numbers these parameters hold."""
    return sum(p.elements for p in parameters)


def since(parameters: Iterable[ParameterFact]) -> int:
    """Optimizer steps finished at the first look at which all of this was so."""
    return max((p.since for p in parameters), default=0)


def by_model(parameters: Iterable[ParameterFact]) -> dict[str, list[ParameterFact]]:
    """Parameters under the names of their models, in order."""
    models: dict[str, list[ParameterFact]] = {}
    for parameter in parameters:
        models.setdefault(parameter.model, []).append(parameter)
    return models
