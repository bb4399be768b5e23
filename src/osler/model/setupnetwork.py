"""Facts about a network as it ran, that experiments yield: its layers, who feeds whom, idle statistics."""

from __future__ import annotations

from dataclasses import dataclass

from osler.model.event import Site
from osler.model.shapes import Shape


@dataclass(frozen=True, slots=True)
class LayerFact:
    """A layer of a network as it ran, in the order in which the calls began.

    Attributes:
        name: dotted name inside the model; empty for the model itself.
        kind: class name.
        site: the user's line that calls it.
        outputs: shapes of the first tensors that its first call returned.
        elements: numbers in its own parameters, without those of its parts.
        trainable: of these, numbers that require a gradient.
        shared: of these, numbers that a layer before it holds too.
        calls: in one pass.
        share: of the time of a pass, without that of its parts.
    """

    name: str
    kind: str
    site: Site
    outputs: tuple[Shape, ...]
    elements: int
    trainable: int
    shared: int
    calls: int
    share: float


@dataclass(frozen=True, slots=True)
class NetworkFact:
    """A model as it ran on the first batch, with the arguments that the script gave it.

    Attributes:
        model: class of the model.
        elements: numbers in all parameters; what layers share counts once.
        trainable: of these, numbers that require a gradient.
        seconds: that a pass takes, gradients recorded.
        layers: that were called; modules that only call others and cost next to nothing are left out.
        site: the call of the model.
    """

    model: str
    elements: int
    trainable: int
    seconds: float
    layers: tuple[LayerFact, ...]
    site: Site


@dataclass(frozen=True, slots=True)
class StillNormFact:
    """BatchNorm layers whose running mean stays at 0 and variance at 1 while they are trained.

    Attributes:
        names: of the layers.
        total: layers with running statistics.
        training: they are called in train mode, with momentum 0; otherwise in eval mode.
        turns: of training after which it was so.
        batch: loss of the first batch with its own statistics; NaN if the loop sets the mode itself.
        running: the same with the running statistics.
        site: the line that calls the first of them.
    """

    names: tuple[str, ...]
    total: int
    training: bool
    turns: int
    batch: float
    running: float
    site: Site


@dataclass(frozen=True, slots=True)
class PartFact:
    """A layer of torch's own without parts, as its first call met it.

    Attributes:
        name: dotted name inside the model.
        kind: class name.
        inputs: shape of the first tensor that it was given.
        outputs: shape of the first tensor that it returned.
        elements: numbers in its parameters.
        calls: in one pass.
        is_free: all its parameters are trained, and no other layer holds them.
        rate: probability of a dropout, else 0.
        eps: of a batch normalisation, else 0.
        momentum: likewise; 0 where it keeps no statistics, or averages over all batches.
        keeps_statistics: it is a batch normalisation with running statistics.
        again: other names under which the same list or sequence holds it, or what it is a part of.
        site: the user's line that calls it.
        built: the user's line that builds it; empty if it is not known.
    """

    name: str
    kind: str
    inputs: Shape
    outputs: Shape
    elements: int = 0
    calls: int = 1
    is_free: bool = True
    rate: float = 0.0
    eps: float = 0.0
    momentum: float = 0.0
    keeps_statistics: bool = False
    again: tuple[str, ...] = ()
    site: Site = ()
    built: Site = ()


@dataclass(frozen=True, slots=True)
class HandoverFact:
    """A layer that was given the very tensor which another one had returned.

    Attributes:
        giver: the one that returned it.
        taker: the one that was given it.
        alone: nothing else uses that tensor, neither in training nor in evaluation.
    """

    giver: PartFact
    taker: PartFact
    alone: bool


@dataclass(frozen=True, slots=True)
class PartsFact:
    """The layers of a model that have no parts, in the order of their first calls, and who feeds whom.

    Attributes:
        model: class of the model.
        parts: its layers.
        handovers: from one to the next, with nothing in between.
        pretrained: weights were loaded before training began.
    """

    model: str
    parts: tuple[PartFact, ...]
    handovers: tuple[HandoverFact, ...]
    pretrained: bool
