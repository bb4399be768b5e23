"""Facts about where gradients and weights come from and where they go."""

from __future__ import annotations

from dataclasses import dataclass

from osler.model.event import Site

MISSPELT = (
    "require_grad",
    "require_grads",
    "requires_grads",
    "required_grad",
    "requiresgrad",
    "requires_gradient",
)
"""Names that are meant to be `requires_grad`."""


@dataclass(frozen=True, slots=True)
class GrowthFact:
    """A graph that holds those of all earlier backward calls from its line, more of them at every look.

    Attributes:
        site: where backward is called.
        first: operations at the first look.
        operations: operations at the latest look.
        old: of these, operations that belong to earlier calls.
        calls: backward calls from this line until the latest look.
        step: optimizer steps finished when it first grew.
        holder: the user's variable that carries the graph from one call to the next, empty if unknown.
        holder_site: the line that assigns it.
    """

    site: Site
    first: int
    operations: int
    old: int
    calls: int
    step: int
    holder: str = ""
    holder_site: Site = ()


@dataclass(frozen=True, slots=True)
class DetachedStateFact:
    """A recurrent cell that is called step by step, with its own earlier states cut off their graphs.

    Attributes:
        name: full name of the cell.
        kind: torch's class of it.
        site: the line of the call.
        detached: calls that got such a state, at the latest look.
        calls: calls that the loss goes through.
        backwards: backward calls at which this was so; never was any call seen to depend on an earlier one.
        step: optimizer steps finished when it was first seen.
        cut: the operation that takes the graph off, empty if it is not known.
        cut_site: its line.
    """

    name: str
    kind: str
    site: Site
    detached: int
    calls: int
    backwards: int = 1
    step: int = 0
    cut: str = ""
    cut_site: Site = ()


@dataclass(frozen=True, slots=True)
class SequenceAxisFact:
    """A layer with ``batch_first=False`` that takes samples which were drawn at random for steps in time.

    Attributes:
        name: full name of the layer, or of the transformer around it.
        kind: torch's class of it.
        builder: the class that is built with ``batch_first``.
        model: name of the root module.
        loader: what drew the samples.
        samples: how many, in the largest batch; the first axis was as long in every call.
        across: length of the second axis in the latest call.
        batches: how many were looked at.
        site: the line of the latest call.
        built: where it is built, empty if it is not known.
        step: optimizer steps finished when it was certain.
        sizes: different numbers of samples among these batches.
        root_site: the line of the call of the root module.
    """

    name: str
    kind: str
    builder: str
    model: str
    loader: str
    samples: int
    across: int
    batches: int
    site: Site
    built: Site = ()
    step: int = 0
    sizes: int = 1
    root_site: Site = ()


@dataclass(frozen=True, slots=True)
class LeakFact:
    """Steps on gradients of which a part was computed for the step of another optimizer.

    Attributes:
        optimizer: the one that stepped on both.
        other: the one that had stepped on a part of them before.
        source: the backward that left this part.
        own: the backward that added to it.
        site: the step on both.
        times: how often it was seen.
        step: optimizer steps finished when it was first seen.
    """

    optimizer: str
    other: str
    source: Site
    own: Site
    site: Site
    times: int = 0
    step: int = 0


@dataclass(frozen=True, slots=True)
class MisspeltFact:
    """An attribute that torch does not know, set on parameters or modules against what their gradients are.

    Attributes:
        name: the attribute.
        value: what it was set to.
        on_module: it was set on modules and not on parameters.
        model: name of the root module.
        parameters: names of the parameters whose `requires_grad` is the opposite.
        reached: how many of them a gradient has reached.
        site: the line that sets it, if it is at hand.
    """

    name: str
    value: bool
    on_module: bool
    model: str
    parameters: tuple[str, ...]
    reached: int
    site: Site = ()


@dataclass(frozen=True, slots=True)
class FollowFact:
    """A network whose weights were seen to be overwritten with those of another, or with a mean of both.

    Attributes:
        model: root module of the follower.
        part: dotted name of the follower in it, empty for the model itself.
        leader: root module of the one that is followed.
        leader_part: dotted name of that in its model.
        share: how much of the leader is mixed in, 1 for a copy.
        times: how often it was seen.
        step: optimizer steps finished when it was first seen.
        site: the line that copies, if `load_state_dict` does it.
    """

    model: str
    part: str
    leader: str
    leader_part: str
    share: float
    times: int = 0
    step: int = 0
    site: Site = ()

    @property
    def name(self) -> str:
        """The follower as a reader knows it."""
        return self.part or self.model

    @property
    def leader_name(self) -> str:
        """The one that is followed."""
        return self.leader_part or self.leader


@dataclass(frozen=True, slots=True)
class RebindFact:
    """A statement that was meant to update a parameter and only gives its name to a new tensor.

    Attributes:
        site: the statement.
        name: the variable, as the user writes it.
        in_loop: it is the variable of a `for` loop, so that the new tensor is lost at the next turn.
    """

    site: Site
    name: str
    in_loop: bool
