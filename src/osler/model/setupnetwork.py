"""Facts about a network as it ran, that experiments yield: its layers, and statistics that stand still."""

from __future__ import annotations

from dataclasses import dataclass

from osler.model.architecture import Shape
from osler.model.event import Site


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
