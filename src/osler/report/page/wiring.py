"""Which module each node of an autograd graph belongs to, and so how data flows between modules.

torch names no modules in its graph, but the leaves are parameters, and a parameter enters the graph right
where its module computes. A node is its module's if a parameter comes to it directly, or through nodes that
only give it another form, such as the transpose of a weight.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
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


@dataclass(slots=True)
class Flow:
    """Data on its way between modules.

    Attributes:
        positions: of each module and join among the calls; a join comes right after the latest that it needs.
        joins: operations where the outputs of several modules meet, by the names given to them.
        edges: from what makes something to what uses it.
    """

    positions: dict[str, float]
    joins: dict[str, str] = field(default_factory=dict[str, str])
    edges: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])

    def join(self, operation: str, sources: Sequence[str]) -> str:
        """Note a place where these meet; its name, inside the module that holds the latest of them."""
        latest = max(sources, key=lambda source: self.positions[source])
        stem = f"{latest.rpartition('.')[0]}.{operation}".lstrip(".")
        name, number = stem, 1
        while name in self.joins:
            number += 1
            name = f"{stem} {number}"
        self.joins[name] = operation
        return name


def flow(drawn: Wiring, order: Mapping[str, int]) -> Flow:
    """How data flows between modules; operations with a single source are part of the way.

    Args:
        drawn: the operations behind a loss.
        order: position of the call of each module without parts.
    """
    inputs: dict[int, list[int]] = {}
    for source, target in drawn.edges:
        inputs.setdefault(target, []).append(source)
    found = Flow({name: float(position) for name, position in order.items()})
    made: dict[int, str] = {}
    for number in in_order(drawn, inputs):
        sources = list(dict.fromkeys(made[n] for n in inputs.get(number, ()) if n in made))
        owner = drawn.owners.get(number)
        if owner is None and len(sources) < 2:
            made.update((number, source) for source in sources)
            continue
        made[number] = owner if owner is not None else found.join(drawn.operations[number], sources)
        after = max((found.positions[source] for source in sources), default=-1.0) + 0.001
        found.positions.setdefault(made[number], after)
        found.edges.update((source, made[number]) for source in sources if source != made[number])
    return found


def in_order(drawn: Wiring, inputs: Mapping[int, Sequence[int]]) -> Iterator[int]:
    """Operations, each after what it uses."""
    waits = {number: len(inputs.get(number, ())) for number in drawn.operations}
    users: dict[int, list[int]] = {}
    for source, target in drawn.edges:
        users.setdefault(source, []).append(target)
    ready = deque(number for number, amount in waits.items() if not amount)
    while ready:
        number = ready.popleft()
        yield number
        for user in users.get(number, ()):
            waits[user] -= 1
            if not waits[user]:
                ready.append(user)
