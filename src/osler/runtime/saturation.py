"""Parameters whose gradient is zero by what they go through first, such as `clamp` and `relu`."""

from __future__ import annotations

import weakref
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.autograd.graph import Node
from torch.nn.parameter import is_lazy

from osler.model import GraphFact, OutsideFact, Place, Run, Site
from osler.runtime.copies import COPYABLE
from osler.runtime.graph import LARGEST
from osler.runtime.registry import Registry, plain

VIEWS = frozenset(
    {
        *("View", "UnsafeView", "ReshapeAlias", "Alias", "Clone", "Expand", "Repeat", "Squeeze", "Unsqueeze"),
        *("Transpose", "T", "Permute", "Diagonal", "Select", "Slice", "Split", "SplitWithSizes", "Unbind"),
        *("Index", "IndexSelect", "Gather", "Stack", "Cat"),
    }
)
"""Operations whose results are entries of what they are given, so that all of them lie in its range."""

ENTRY = "AccumulateGrad"
"""What the name of the node of a leaf ends in."""


@dataclass(frozen=True, slots=True)
class Range:
    """Where an operation has a slope, in numbers.

    Attributes:
        operation: as the user would write it.
        low: values below pass nothing back.
        high: values above pass nothing back.
        closed: the two limits themselves do pass something back.
        bends: values within are not left as they are.
    """

    operation: str
    low: float | None
    high: float | None
    closed: bool = False
    bends: bool = False

    def is_idle(self, values: Tensor) -> bool:
        """Whether the operation leaves all of some values as they are."""
        above = self.low is None or bool((values > self.low).all())
        below = self.high is None or bool((values < self.high).all())
        return above and below and not self.bends

    def is_outside(self, values: Tensor) -> bool:
        """Whether all of some values lie where there is no slope; NaN lies nowhere."""
        outside = torch.zeros_like(values, dtype=torch.bool)
        if self.low is not None:
            outside |= values < self.low if self.closed else values <= self.low
        if self.high is not None:
            outside |= values > self.high if self.closed else values >= self.high
        return bool(outside.all())


@dataclass(slots=True, eq=False)
class Seen:
    """A parameter whose gradient was zero at every look.

    Attributes:
        tensor: the parameter.
        values: a copy of it from the first look.
        fact: what is known.
    """

    tensor: weakref.ref[Tensor]
    values: Tensor
    fact: OutsideFact


class Saturation:
    """Looks at what stands between a loss and its parameters.

    Args:
        run: the evidence that grows.
        registry: the models, for the names.
        name_of: the name of a leaf outside all models.
        place_of: where the operation of a node was called.
    """

    def __init__(
        self,
        run: Run,
        registry: Registry,
        name_of: Callable[[Tensor], str],
        place_of: Callable[[Node], Place | None],
    ) -> None:
        self._run, self._registry = run, registry
        self._name_of, self._place_of = name_of, place_of
        self._seen: dict[int, Seen] = {}
        self._free: dict[int, weakref.ref[Tensor]] = {}

    def look(self, root: Tensor, site: Site, first: bool) -> None:
        """A backward begins: which parameters will get nothing, and which did not until now?

        Args:
            root: what backward starts from.
            site: where it is called.
            first: it is the first from there.
        """
        if not (self._seen or (first and may_saturate(self._run.graphs.get(site)))):
            return
        names: dict[int, tuple[str, str]] | None = None
        for tensor, nodes in uses(root):
            free = self._free.get(id(tensor))
            if free is not None and free() is tensor:
                continue
            node = closed_by(nodes, tensor)
            if node is None:
                self._release(tensor)
                continue
            names = self._names() if names is None else names
            self._keep(tensor, node, site, names.get(id(tensor)) or ("", self._name_of(tensor)))
        self._publish()

    def compare(self) -> None:
        """A pass over the data or the program has ended: who has been changed since, by whatever means?"""
        if not self._seen:
            return
        for seen in list(self._seen.values()):
            tensor = seen.tensor()
            if tensor is None:  # known until the last time, and no longer
                continue
            if same(tensor, seen.values):
                seen.fact = replace(seen.fact, step=self._run.steps)
            else:
                self._release(tensor)
        self._publish()

    def _release(self, tensor: Tensor) -> None:
        self._seen.pop(id(tensor), None)
        self._free[id(tensor)] = weakref.ref(tensor)

    def _keep(self, tensor: Tensor, node: Node, site: Site, named: tuple[str, str]) -> None:
        seen, step = self._seen.get(id(tensor)), self._run.steps
        place = self._place_of(node)
        if seen is not None and seen.tensor() is tensor:
            if not same(tensor, seen.values):
                self._release(tensor)
                return
            fact = seen.fact
            model, name = named if named[1] else (fact.model, fact.name)
            place = place or fact.place
            looks = fact.looks + 1
            seen.fact = replace(fact, model=model, name=name, place=place, looks=looks, step=step)
            return
        values, limits = tensor.detach(), range_of(node)
        fact = OutsideFact(
            name=named[1],
            model=named[0],
            backward=site,
            operation=limits.operation if limits is not None else "",
            elements=values.numel(),
            lowest=float(values.min()),
            highest=float(values.max()),
            place=place,
            first=step,
            step=step,
        )
        self._seen[id(tensor)] = Seen(weakref.ref(tensor), values.clone(), fact)

    def _names(self) -> dict[int, tuple[str, str]]:
        models = [(m.name, module) for m in self._registry.models if (module := m.module()) is not None]
        return {id(p): (model, name) for model, module in models for name, p in module.named_parameters()}

    def _publish(self) -> None:
        facts = [seen.fact for seen in self._seen.values() if seen.fact.name]
        self._run.outside = {fact.full_name: fact for fact in facts}


def kind_of(node: Node) -> str:
    """The name of a node without its ending: ``Clamp`` for ``ClampBackward1``."""
    return node.name().partition("Backward")[0]


def may_saturate(graph: GraphFact | None) -> bool:
    """Whether something in a graph has a slope of zero somewhere."""
    if graph is None:
        return False
    return not graph.complete or any(name.startswith(tuple(RANGES)) for name in graph.operations)


def uses(root: Tensor) -> list[tuple[Tensor, list[Node]]]:
    """The small parameters behind a root, each with the operations it goes through first.

    Nothing if the graph is too large: what was not walked might use them in another way.
    """
    leaves, users = walked(root)
    found = [(getattr(leaf, "variable", None), leaf) for leaf in leaves]
    small = [(t, leaf) for t, leaf in found if isinstance(t, Tensor) and is_small(t)]
    return [(t, first_uses(leaf, users, t.detach())) for t, leaf in small]


def walked(root: Tensor) -> tuple[list[Node], defaultdict[Node, list[Node]]]:
    """The nodes of the leaves behind a root, and which nodes use each node."""
    users: defaultdict[Node, list[Node]] = defaultdict(list)
    leaves: list[Node] = []
    todo = [root.grad_fn] if root.grad_fn is not None else []
    met = set(todo)
    while todo and len(met) < LARGEST:
        node = todo.pop()
        children = [child for child, _ in node.next_functions if child is not None]
        if not children and node.name().endswith(ENTRY):
            leaves.append(node)
        for child in children:
            users[child].append(node)
            if child not in met:
                met.add(child)
                todo.append(child)
    return ([] if todo else leaves), users


def is_small(tensor: Tensor) -> bool:
    """Whether a leaf is worth a copy, and has values that can be compared."""
    usual = not is_lazy(tensor) and plain(tensor) and tensor.is_floating_point()
    return usual and 0 < tensor.numel() <= COPYABLE


def first_uses(leaf: Node, users: defaultdict[Node, list[Node]], values: Tensor) -> list[Node]:
    """What is done to a leaf behind views of it; the view itself where that is the root.

    A limit that holds nothing back is no more than a view: the next one may.
    """
    todo, met, found = [leaf], {leaf}, list[Node]()
    while todo:
        node = todo.pop()
        above = users.get(node, [])
        if not above:
            found.append(node)
        for user in above:
            if user in met:
                continue
            met.add(user)
            limits = range_of(user)
            if kind_of(user) in VIEWS or (limits is not None and limits.is_idle(values)):
                todo.append(user)
            else:
                found.append(user)
    return found


def closed_by(nodes: list[Node], tensor: Tensor) -> Node | None:
    """One of the operations ahead of a parameter, if nothing comes back to it through any of them."""
    values = tensor.detach()
    for node in nodes:
        limits = range_of(node)
        if limits is None or not limits.is_outside(values):
            return None
    return nodes[0] if nodes else None


def range_of(node: Node) -> Range | None:
    """Where an operation has a slope; None if that is everywhere, nowhere or not known."""
    read = RANGES.get(kind_of(node))
    return read(node) if read is not None else None


def above(node: Node) -> Range | None:
    """The range of `threshold`."""
    limit = number(node, "threshold")
    return None if limit is None else Range(f"threshold({limit:g})", limit, None)


def between(node: Node) -> Range | None:
    """The range of `hardtanh`, whose ends pass nothing back."""
    low, high = number(node, "min_val"), number(node, "max_val")
    if low is None or high is None:
        return None
    return Range("relu6()" if (low, high) == (0, 6) else f"hardtanh({low:g}, {high:g})", low, high)


def clamped(node: Node) -> Range | None:
    """The range of `clamp`, whose ends belong to it; None if its limits are tensors."""
    low, high = number(node, "min"), number(node, "max")
    given = [f"{word}={limit:g}" for word, limit in (("min", low), ("max", high)) if limit is not None]
    return Range(f"clamp({', '.join(given)})", low, high, closed=True) if given else None


def positive(_: Node) -> Range:
    """The range of `relu`."""
    return Range("relu()", 0.0, None)


def bent(_: Node) -> Range:
    """The range of `hardsigmoid`."""
    return Range("hardsigmoid()", -3.0, 3.0, bends=True)


RANGES: dict[str, Callable[[Node], Range | None]] = {
    "Relu": positive,
    "Threshold": above,
    "Clamp": clamped,
    "ClampMin": clamped,
    "ClampMax": clamped,
    "Hardtanh": between,
    "Hardsigmoid": bent,
}
"""Operations with a slope of zero outside of a range of numbers, by the names of their nodes."""


def number(node: Node, name: str) -> float | None:
    """A plain number that a node has saved. Tensors are left alone: to unpack one may compute it again."""
    if node.name().startswith("ClampBackward0"):
        return None
    saved = getattr(node, f"_saved_{name}", None)
    return float(saved) if isinstance(saved, int | float) else None


def same(tensor: Tensor, values: Tensor) -> bool:
    """Whether a parameter is still what it was, to the last bit."""
    alike = tensor.shape == values.shape and tensor.device == values.device
    return alike and torch.equal(tensor.detach(), values)
