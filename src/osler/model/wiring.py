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
class SelfLoadFact:
    """Weights that were copied from a model to itself while it was trained, or to one in the same memory.

    Attributes:
        site: where they are loaded.
        model: the module that they were loaded into.
        times: how often the same one, between the first step and the last.
        step: optimizer steps finished at the first time.
        assigned: they were put in place of the parameters of another module of the same class, `assign=True`.
    """

    site: Site
    model: str
    times: int = 1
    step: int = 0
    assigned: bool = False


@dataclass(frozen=True, slots=True)
class RedrawnFact:
    """Passes over training data in which torch drew the same random numbers as in an earlier one.

    Attributes:
        name: the loader.
        site: where torch was seeded before the latest of them.
        seed: with what.
        times: how many passes there were with these numbers.
        step: optimizer steps finished before the latest of them.
    """

    name: str
    site: Site
    seed: str
    times: int
    step: int = 0


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


@dataclass(frozen=True, slots=True)
class LoadFact:
    """Weights that were loaded with `strict=False` and of which next to nothing fits the model.

    Attributes:
        site: where they are loaded.
        model: class of the module that they were loaded into.
        entries: how many there are.
        parameters: parameters of the module.
        matched: of these, how many have an entry of their name and shape.
        renamed: how many would have one if the prefix were taken off.
        prefix: what stands before all names on one side only; empty if nothing does.
        on_entries: the prefix stands before the entries and not before the model's names.
        entry: the first entry.
        parameter: the first parameter.
        step: optimizer steps finished before.
    """

    site: Site
    model: str
    entries: int
    parameters: int
    matched: int
    renamed: int = 0
    prefix: str = ""
    on_entries: bool = True
    entry: str = ""
    parameter: str = ""
    step: int = 0


@dataclass(frozen=True, slots=True)
class ResumeFact:
    """Training that went on from a file without all that the file holds.

    Attributes:
        site: where the file is read.
        missing: ``optimizer`` or ``schedule``.
        name: whose state is not the stored one.
        taken: steps that it had taken when the file was written; 0 if unknown.
        restored: what of the training's state was restored, besides the weights.
        written_again: the same file was written later on.
        built: where the optimizer or schedule is built.
        step: optimizer steps finished when the file was read.
    """

    site: Site
    missing: str
    name: str
    taken: int = 0
    restored: tuple[str, ...] = ()
    written_again: bool = False
    built: Site = ()
    step: int = 0
