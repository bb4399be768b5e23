"""What the source shows at single places: facts without the order in which things happen."""

from __future__ import annotations

from dataclasses import dataclass

from osler.model.event import Site
from osler.model.finding import Place


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
class FoldFact:
    """A network that is trained in each turn of a loop over folds, and that nothing in the loop makes anew.

    Attributes:
        model: what the source calls it.
        made: where it is built, before the loop.
        loop: the head of the loop.
        splitter: the class that makes the folds; empty if they are made by hand.
        trained: where an optimizer steps on it.
        evaluated: where it is called with rows that its fold holds out.
        optimizer_anew: the optimizer is built in the loop, the network is not.
        kept: where `state_dict()` gave the weights that are loaded again, without a copy.
        loaded: where they are loaded.
    """

    model: str
    made: Place
    loop: Place
    splitter: str
    trained: Place
    evaluated: Place
    optimizer_anew: bool = False
    kept: Place | None = None
    loaded: Place | None = None


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
class ApartFact:
    """Random numbers of their own move an input and the target that belongs to it.

    Attributes:
        one: the line that moves the input.
        other: the line that moves the target.
        drawn: where the numbers of the latter come from.
        dataset: the class that hands out both.
        trained: the loop that compares what the model makes of the input with the target.
    """

    one: Place
    other: Place
    drawn: Place
    dataset: str
    trained: Place


@dataclass(frozen=True, slots=True)
class CumulatedFact:
    """Answers of a model in random order are summed up one after the other, and trained on.

    Attributes:
        site: where they are.
        operation: ``cumsum``, ``logcumsumexp`` …
        drawn: where the order is drawn.
        name: what the source calls the loader, or the function that draws.
        is_loader: it is a loader.
        scored: where the model is called.
    """

    site: Place
    operation: str
    drawn: Place
    name: str
    is_loader: bool
    scored: Site = ()


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


@dataclass(frozen=True, slots=True)
class RefitFact:
    """What is learned of the training data is learned anew of held-out data.

    Attributes:
        by: the class that is fitted, the function that is called, or what is computed.
        kind: ``class``, ``scale`` or ``codes``.
        place: where it is learned of held-out data.
        trained: where it is learned of the training data.
        train: what the source calls the training data.
        held_out: what the source calls the others.
        function: the class or function that learns it in each call; empty if both are written out.
        calls: where it is called for the training data and for the others.
        is_slight: as a rule the parts hardly differ in it.
    """

    by: str
    kind: str
    place: Place
    trained: Place
    train: str
    held_out: str
    function: str = ""
    calls: tuple[Place, ...] = ()
    is_slight: bool = False
