"""Facts about how a model is built: its parts, and the graph behind its loss."""

from __future__ import annotations

from dataclasses import dataclass

from osler.model.event import Place, Site
from osler.model.shapes import Shape


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
class SampleFact:
    """One sample.

    Attributes:
        label: the class id or number that its loss compares with; empty if there is none for each sample.
        numbers: the first of them, of a sample that is no picture.
        pixels: shades from 0 to 255 of a picture, base64: (height, width, channels).
    """

    label: str = ""
    numbers: tuple[float, ...] = ()
    pixels: str = ""


@dataclass(frozen=True, slots=True)
class SamplesFact:
    """The first samples that a model was trained on, as it was given them.

    Attributes:
        model: name of the root module.
        site: user lines of the call.
        step: optimizer steps finished before it.
        shape: of one sample.
        dtype: of its numbers.
        rows: samples in the batch.
        lowest: smallest finite number in those that are kept; black in a picture.
        highest: largest; white.
        height: of the pictures in points, 0 if the samples are none.
        width: likewise.
        channels: 1 for grey, 3 for colours.
        samples: those that are kept.
    """

    model: str
    site: Site
    step: int
    shape: Shape
    dtype: str
    rows: int
    lowest: float
    highest: float
    height: int = 0
    width: int = 0
    channels: int = 0
    samples: tuple[SampleFact, ...] = ()


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
class ReshapeFact:
    """A tensor that is given other sizes without moving a number.

    Attributes:
        position: of its node in the graph.
        before: sizes that it had.
        after: sizes that it was given.
        of_product: it is a product of stacked matrices, such as attention makes, as that came out.
    """

    position: int
    before: tuple[int, ...]
    after: tuple[int, ...]
    of_product: bool = False


@dataclass(frozen=True, slots=True)
class GraphFact:
    """The autograd graph behind the first loss that went backward from a line.

    Attributes:
        site: where backward is called.
        operations: names of the nodes as torch gives them, for example ``AddmmBackward0``; the root first.
        edges: pairs of positions: a node and one that it passes gradients on to.
        parameters: positions of leaves with the names of their parameters, empty for other tensors.
        complete: the whole graph is here.
        places: lines of the user's code in which operations were called.
        called: positions of operations with the position of their line in ``places``; leaves, and what was
            made outside the forward that was looked at, have none.
        reshaped: `view` and `reshape`, once for each pair of sizes.
    """

    site: Site
    operations: tuple[str, ...]
    edges: tuple[tuple[int, int], ...]
    parameters: tuple[tuple[int, str], ...]
    complete: bool = True
    places: tuple[Place, ...] = ()
    called: tuple[tuple[int, int], ...] = ()
    reshaped: tuple[ReshapeFact, ...] = ()

    def place(self, position: int) -> Place | None:
        """The user's line that called an operation, if it is known."""
        return next((self.places[rank] for number, rank in self.called if number == position), None)

    def only_through(self, operations: frozenset[str]) -> dict[int, tuple[str, ...]]:
        """Operations of these names with the parameters to which no way leads but through one of them.

        A parameter stands with the first of them on its way, positions in ascending order.
        """
        following: dict[int, list[int]] = {}
        for giver, taker in self.edges:
            following.setdefault(giver, []).append(taker)
        gates = {number for number, name in enumerate(self.operations) if name in operations}
        if not gates:
            return {}
        told = reachable([0] if 0 not in gates else [], following, gates)
        found: dict[int, tuple[str, ...]] = {}
        for gate in sorted(gates & (told | {0})):
            behind = reachable(following.get(gate, []), following, set()) - told
            names = tuple(name for number, name in self.parameters if number in behind and name)
            told |= behind
            if names:
                found[gate] = names
        return found


def reachable(starts: list[int], following: dict[int, list[int]], gates: set[int]) -> set[int]:
    """Positions on the ways from these, up to and including the gates, which nothing passes."""
    seen, todo = set(starts), list(starts)
    while todo:
        number = todo.pop()
        if number in gates:
            continue
        new = [n for n in following.get(number, ()) if n not in seen]
        seen.update(new)
        todo += new
    return seen


@dataclass(frozen=True, slots=True)
class PrecisionFact:
    """16-bit formats in which gradients flow through the graph of the first backward from a line.

    Attributes:
        backward: where the backward is called.
        float16: results of operations whose gradients have this type.
        bfloat16: the same for the other type.
        nodes: nodes of the graph.
        scaled: what backward starts from is the loss times more than 1, or times an unknown number.
        step: optimizer steps finished before.
    """

    backward: Site
    float16: int
    bfloat16: int
    nodes: int
    scaled: bool
    step: int = 0
