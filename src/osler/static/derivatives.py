"""How arithmetic carries derivatives that have no graph into a loss."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from osler.model import Graphless, Maybe, Series, Tensor, Unknown, Value
from osler.static.knowledge import SAME_VALUES
from osler.static.unions import united

STAGES = ("alone", "linear", "bent", "mixed")
"""Of a sum, the last of its parts' counts."""

SUMS = frozenset("add sub add_ sub_ subtract".split())
PRODUCTS = frozenset("mult mul mul_ multiply div div_ divide true_divide".split())
REDUCTIONS = frozenset("mean sum".split())
BENDING = frozenset(
    "abs absolute square sqrt norm vector_norm pow exp log relu clamp clamp_min clip softplus".split()
)
FORMS = SAME_VALUES | {"neg", "negative", "cat", "concat", "concatenate", "stack", "hstack", "vstack"}
LAYERS = frozenset(
    "matmul mm bmm linear bilinear einsum embedding conv1d conv2d conv3d functional_call "
    "scaled_dot_product_attention".split()
)
"""Operations that networks consist of where they are written as functions."""


def feed(tensors: Iterable[Tensor]) -> None:
    """These go into a network: derivatives in them move its input."""
    for tensor in tensors:
        if tensor.graphless is not None:
            for derivative in tensor.graphless.derivatives:
                derivative.fed = True


def passed_on(name: str, given: Sequence[Value], parts: Sequence[Sequence[Tensor]]) -> Graphless | None:
    """The derivatives without a graph in what an operation makes; None if that is not certain.

    Args:
        name: of the operation.
        given: its operands.
        parts: the tensors in each of them; some have such derivatives.
    """
    every = [t for part in parts for t in part]
    if name in LAYERS:
        feed(every)
    carriers = [t for t in every if t.graphless is not None]
    trained = [t for t in every if t.graphless is None and (t.networks or t.leaf is not None)]
    joined = together(carriers)
    listed = len(given) == 1 and isinstance(given[0], Series)
    if name in SUMS or (name in REDUCTIONS and listed):
        hidden = any(isinstance(v, Unknown | Maybe) for v in given)
        return None if hidden and joined.stage != "alone" else summed(joined, trained)
    if trained or (not any(t.graphless for t in parts[0]) and name not in PRODUCTS):
        return None
    if name in PRODUCTS:
        return multiplied(name, joined, carriers, parts)
    if name in REDUCTIONS:
        return at_stage(joined, "alone") if len(given) == 1 else joined
    if name in BENDING and len(carriers) == 1:
        whole = name in {"norm", "vector_norm"} and len(given) == 1
        return at_stage(joined, "alone" if whole or joined.stage == "alone" else "bent")
    return joined if name in FORMS else None


def together(carriers: Sequence[Tensor]) -> Graphless:
    """All derivatives in some tensors, at the last of their stages."""
    found = [t.graphless for t in carriers if t.graphless is not None]
    return Graphless(united(g.derivatives for g in found), max((g.stage for g in found), key=STAGES.index))


def at_stage(graphless: Graphless, stage: str) -> Graphless:
    """The same at another stage; what is mixed stays so."""
    return graphless if graphless.stage in {stage, "mixed"} else Graphless(graphless.derivatives, stage)


def summed(joined: Graphless, trained: Sequence[Tensor]) -> Graphless | None:
    """A sum with what carries a graph: of the same network it may be an equation, of others a target."""
    if not trained or joined.stage in {"alone", "mixed"}:
        return joined
    own = united(d.networks for d in joined.derivatives)
    if joined.stage == "bent" or any(own.isdisjoint(t.networks) for t in trained):
        return None
    return at_stage(joined, "mixed")


def multiplied(
    name: str, joined: Graphless, carriers: Sequence[Tensor], parts: Sequence[Sequence[Tensor]]
) -> Graphless | None:
    """A product with what has no graph; a derivative may be the weight of something that has one."""
    if len(carriers) == 1:
        return joined if carriers[0] in parts[0] or not name.startswith(("div", "true")) else None
    if any(t.networks for t in carriers):
        return None
    return joined if joined.stage == "alone" else at_stage(joined, "bent")


def compared(given: Value, target: Value, reduced: str) -> Graphless | None:
    """The derivatives without a graph in the value of a loss function.

    A derivative that another output shall learn is a target, and has no graph on purpose.
    """
    first = given if isinstance(given, Tensor) else None
    second = target if isinstance(target, Tensor) else None
    carriers = [t for t in (first, second) if t is not None and t.graphless is not None]
    if not carriers or first is None:
        return None
    trained = [t for t in (first, second) if t and t.graphless is None and (t.networks or t.leaf)]
    joined = together(carriers)
    if trained:
        return summed(joined, trained) if carriers[0] is first and joined.stage != "alone" else None
    return at_stage(joined, "alone" if reduced in {"mean", "sum"} else "bent")
