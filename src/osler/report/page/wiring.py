"""Which module each node of an autograd graph belongs to, and so how data flows between modules.

torch names no modules in its graph, but the leaves are parameters, and a parameter enters the graph right
where its module computes. A node is its module's if a parameter comes to it directly, or through nodes that only
give it another form, such as the transpose of a weight.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from osler.model.architecture import GraphFact

LEAF = "AccumulateGrad"

PREPARES = frozenset(
    {
        "Alias",
        "AsStrided",
        "Expand",
        "Permute",
        "Select",
        "Slice",
        "Split",
        "Squeeze",
        "T",
        "ToCopy",
        "Transpose",
    }
    | {"Unbind", "Unsqueeze", "UnsafeView", "View", "Reshape"}
)
"""Operations that give a weight another form and compute nothing."""


@dataclass(frozen=True, slots=True)
class Wiring:
    """A graph of operations as somebody draws it: without leaves, and without what only prepares weights.

    Attributes:
        operations: name of each operation by its number.
        owners: module that an operation belongs to, by its number.
        parameters: names of the parameters that an operation uses, by its number.
        edges: from the operation that makes something to the one that uses it.
    """

    operations: dict[int, str] = field(default_factory=dict[int, str])
    owners: dict[int, str] = field(default_factory=dict[int, str])
    parameters: dict[int, list[str]] = field(default_factory=dict[int, list[str]])
    edges: tuple[tuple[int, int], ...] = ()


def wiring(graph: GraphFact) -> Wiring:
    """The operations behind a loss."""
    inputs = inputs_of(graph)
    names = dict(graph.parameters)
    kinds = [spelled(kind) for kind in graph.operations]
    weights = {n: leaf for n in range(len(kinds)) if (leaf := leaf_below(n, inputs, kinds)) is not None}
    drawn = Wiring({n: kind for n, kind in enumerate(kinds) if n not in weights})
    for number in drawn.operations:
        used = [names[weights[n]] for n in inputs.get(number, []) if n in weights and names.get(weights[n])]
        if used:
            drawn.parameters[number] = used
            drawn.owners[number] = used[0].rpartition(".")[0]
    edges = tuple((b, a) for a, b in graph.edges if a in drawn.operations and b in drawn.operations)
    return replace(drawn, edges=edges)


def inputs_of(graph: GraphFact) -> Mapping[int, list[int]]:
    """For each node those that it passes gradients on to."""
    inputs: dict[int, list[int]] = {}
    for node, below in graph.edges:
        inputs.setdefault(node, []).append(below)
    return inputs


def leaf_below(node: int, inputs: Mapping[int, list[int]], kinds: Sequence[str]) -> int | None:
    """The leaf that a node is or only prepares; None if it computes something."""
    while kinds[node] in PREPARES and len(inputs.get(node, [])) == 1:
        node = inputs[node][0]
    return node if kinds[node] == LEAF else None


def spelled(kind: str) -> str:
    """``AddmmBackward0`` as ``Addmm``."""
    return kind.rpartition("::")[2].rstrip("0123456789").removesuffix("Backward") or kind


def between_modules(drawn: Wiring) -> set[tuple[str, str]]:
    """From each module to those that use what it computed, however many free operations lie between."""
    after: dict[int, list[int]] = {}
    for source, target in drawn.edges:
        after.setdefault(source, []).append(target)
    found: set[tuple[str, str]] = set()
    for number, owner in drawn.owners.items():
        seen, waiting = {number}, list(after.get(number, []))
        while waiting:
            node = waiting.pop()
            if node in seen:
                continue
            seen.add(node)
            if node in drawn.owners:
                found.add((owner, drawn.owners[node]))
            else:
                waiting += after.get(node, [])
    return {(a, b) for a, b in found if a != b}
