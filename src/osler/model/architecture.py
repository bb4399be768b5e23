"""Facts about how a model is built: its parts, and the graph behind its loss."""

from __future__ import annotations

from dataclasses import dataclass

from osler.model.event import Site

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ModuleFact:
    """A part of a model, as it was at the model's first call with a graph.

    Attributes:
        name: dotted name inside the model; empty for the model itself.
        model: name of the root module.
        kind: class name.
        elements: numbers in its own parameters, without those of its parts.
        order: position among the calls in the order in which they returned; -1 if it was not called.
        inputs: shapes of the first tensors it was given.
        outputs: shapes of the first tensors it returned.
        site: user lines of the call.
    """

    name: str
    model: str
    kind: str
    elements: int
    order: int = -1
    inputs: tuple[Shape, ...] = ()
    outputs: tuple[Shape, ...] = ()
    site: Site = ()


@dataclass(frozen=True, slots=True)
class IdleFact:
    """A part that a class of the user's declares, that nothing called and no other line of it names.

    Attributes:
        name: dotted name inside the model.
        model: name of the root module.
        kind: class name.
        elements: numbers in its parameters and those of its parts.
        site: the line that declares it.
        owner: where the `forward` of the class that declares it begins.
    """

    name: str
    model: str
    kind: str
    elements: int
    site: Site
    owner: Site = ()


@dataclass(frozen=True, slots=True)
class GraphFact:
    """The autograd graph behind the first loss that went backward from a line.

    Attributes:
        site: where backward is called.
        operations: names of the nodes as torch gives them, for example ``AddmmBackward0``; the root first.
        edges: pairs of positions: a node and one that it passes gradients on to.
        parameters: positions of leaves with the names of their parameters, empty for other tensors.
        complete: the whole graph is here.
    """

    site: Site
    operations: tuple[str, ...]
    edges: tuple[tuple[int, int], ...]
    parameters: tuple[tuple[int, str], ...]
    complete: bool = True
