"""Facts about BatchNorm layers whose statistics or weights stay as they are while a network learns."""

from __future__ import annotations

from dataclasses import dataclass

from osler.model.event import Site


@dataclass(frozen=True, slots=True)
class IdleNormFact:
    """Calls of `batch_norm` with `training=False` that use the mean 0 and variance 1 they began with.

    Attributes:
        backward: where the backward is called that goes through them.
        sites: where they are called, if known.
        calls: how many there are, by their statistics.
        looks: backward calls that were looked at; in all of them it was so.
        first: optimizer steps finished before the first look.
        step: optimizer steps finished before the last.
    """

    backward: Site
    sites: tuple[Site, ...]
    calls: int
    looks: int
    first: int
    step: int


@dataclass(frozen=True, slots=True)
class FrozenNormFact:
    """A BatchNorm layer that cannot learn, behind another such layer, in a model called in train mode.

    Attributes:
        name: dotted name inside the model.
        model: name of the root module.
        site: where the model is called.
        looks: calls in train mode that were looked at.
        moved: of these, calls that moved the running statistics.
        since: optimizer steps finished before the first of them.
        step: optimizer steps finished before the last.
    """

    name: str
    model: str
    site: Site
    looks: int = 0
    moved: int = 0
    since: int = 0
    step: int = 0


@dataclass(frozen=True, slots=True)
class UnmovedNormFact:
    """A network called in eval mode whose weights have learned while its BatchNorm statistics stayed.

    Attributes:
        model: name of the root module.
        part: dotted name of the network in it, empty for the model itself.
        leader: root module of the network of the same form that its weights follow; empty if it learns
            itself, with a momentum of 0.
        leader_part: dotted name of that in its model.
        site: where the model is called.
        names: layers whose statistics have not changed by a bit, by their names in the network.
        fresh: they are the mean 0 and variance 1 of construction.
        first: optimizer steps finished before the first look.
        step: optimizer steps finished before the last.
        batches: calls in train mode that left the statistics as they were.
        layer: the one whose statistics are furthest from those of the leader.
        variance: of this layer, mean over its channels.
        leader_variance: of the leader's layer.
        shift: distance of the two means in standard deviations of the leader, over the channels.
        factor: by which the two variances differ, geometric mean over the channels.
    """

    model: str
    part: str
    leader: str
    leader_part: str
    site: Site
    names: tuple[str, ...]
    fresh: bool = False
    first: int = 0
    step: int = 0
    batches: int = 0
    layer: str = ""
    variance: float = 1.0
    leader_variance: float = 1.0
    shift: float = 0.0
    factor: float = 1.0

    @property
    def name(self) -> str:
        """The network as a reader knows it."""
        return self.part or self.model

    @property
    def leader_name(self) -> str:
        """The one that it follows."""
        return self.leader_part or self.leader
