"""Derivatives that `autograd.grad` returned without a graph, and how arithmetic carries them into a loss.

The graph of a loss does not show them: they are constants. Seen only during a close look.
"""

from __future__ import annotations

import ast
import itertools
import linecache
import weakref
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from types import CodeType, FrameType

from torch import Tensor, nn

from osler.model import Site
from osler.runtime.graph import leaves

FIRST_FOUR = 4
"""Arguments of `autograd.grad` before `create_graph`."""

STAGES = ("alone", "linear", "bent", "mixed")
"""Of a sum, the last of its parts' counts.

A number of its own; one value per entry; the same after a power or a norm; in sums with what the same
parameters computed.
"""

SUMS = frozenset("""add radd iadd sub rsub isub subtract""".split())
PRODUCTS = frozenset(
    """
    mul rmul imul multiply div truediv itruediv divide true_divide
""".split()
)
BENDING = frozenset(
    """
    abs absolute square sqrt norm vector_norm pow ipow exp log relu clamp clamp_min clip softplus mean sum
""".split()
)
LOSSES = frozenset("""mse_loss l1_loss smooth_l1_loss huber_loss""".split())
FORMS = frozenset(
    """
    getitem view reshape squeeze unsqueeze flatten contiguous float double half bfloat16 to cuda cpu type
    transpose permute t T mT view_as reshape_as expand expand_as clone movedim swapaxes narrow chunk split
    unbind select neg negative cat concat concatenate stack hstack vstack
""".split()
)
LAYERS = frozenset(
    """
    matmul rmatmul mm bmm addmm linear bilinear einsum embedding conv1d conv2d conv3d
    scaled_dot_product_attention
""".split()
)
"""Operations that networks consist of."""


@dataclass(slots=True, eq=False)
class Derivative:
    """One call. ``fed``: something made of it went into a network, whose input it moves."""

    site: Site
    parameters: tuple[Tensor, ...]
    inside: bool
    fed: bool = False


@dataclass(frozen=True, slots=True)
class Carried:
    """Which derivatives are in a tensor, and how."""

    tensor: weakref.ref[Tensor]
    derivatives: frozenset[Derivative]
    stage: str


class Derivatives:
    """Follows derivatives through the operations of one turn; what is not plain arithmetic loses them."""

    def __init__(self) -> None:
        self._carried: dict[int, Carried] = {}

    def __bool__(self) -> bool:
        return bool(self._carried)

    def born(self, outputs: Sequence[Tensor], found: Iterable[Tensor], site: Site, *, inside: bool) -> None:
        """`autograd.grad` returned something without a graph.

        Args:
            outputs: what was differentiated.
            found: the derivatives.
            site: the call.
            inside: a model is computing its output.
        """
        trained = tuple(t for t in leaves(list(outputs)) if isinstance(t, nn.Parameter))
        if trained:
            derivative = Derivative(site, trained, inside)
            for tensor in found:
                self._carry(tensor, frozenset({derivative}), "linear")

    def behind(self, root: Tensor) -> frozenset[Derivative]:
        """The derivatives that went into a loss."""
        carried = self._of(root)
        return carried.derivatives if carried else frozenset()

    def pass_on(
        self, name: str, inputs: Sequence[Tensor], outputs: Sequence[Tensor], *, inside: bool
    ) -> None:
        """An operation was done.

        Args:
            name: as Python calls it, with or without underscores.
            inputs: its tensors, in order.
            outputs: what came out.
            inside: a model is computing its output.
        """
        carriers = [c for t in inputs if (c := self._of(t)) is not None]
        if not carriers:
            return
        name = name.strip("_")
        found = frozenset[Derivative]().union(*(c.derivatives for c in carriers))
        for derivative in found:
            derivative.fed |= name in LAYERS or (inside and not derivative.inside)
        trained = [t for t in inputs if t.requires_grad and self._of(t) is None]
        whole = all(o.dim() == 0 for o in outputs)
        stage = self._stage(name, inputs, carriers, trained, whole=whole)
        for output in outputs:
            self._carried.pop(id(output), None)
            if stage:
                self._carry(output, found, stage)

    def _stage(
        self,
        name: str,
        inputs: Sequence[Tensor],
        carriers: list[Carried],
        trained: list[Tensor],
        *,
        whole: bool,
    ) -> str:
        """At which stage derivatives are in what comes out; empty if they are not followed further."""
        stage = max((c.stage for c in carriers), key=STAGES.index)
        leads = self._of(inputs[0]) is not None
        if name in LOSSES:
            stage = summed(stage, carriers, trained) if leads or not trained else ""
            return bent(stage, whole=whole)
        if name in SUMS:
            return summed(stage, carriers, trained)
        divides = name in {"div", "truediv", "itruediv", "divide", "true_divide"}
        if trained or not (leads or (name in PRODUCTS and not divides)):
            return ""
        return reshaped(name, stage, inputs, len(carriers), whole=whole)

    def _of(self, tensor: Tensor) -> Carried | None:
        carried = self._carried.get(id(tensor))
        return carried if carried is not None and carried.tensor() is tensor else None

    def _carry(self, tensor: Tensor, derivatives: frozenset[Derivative], stage: str) -> None:
        self._carried[id(tensor)] = Carried(weakref.ref(tensor), derivatives, stage)


def reshaped(name: str, stage: str, inputs: Sequence[Tensor], carriers: int, *, whole: bool) -> str:
    """The stage after an operation in which nothing else has a graph."""
    if name in FORMS:
        return stage
    if carriers > 1:
        constant = name in PRODUCTS and not any(t.requires_grad for t in inputs)
        return bent(stage, whole=stage == "alone") if constant else ""
    if name in {"mean", "sum"} and not whole:
        return stage
    if name in BENDING:
        return bent(stage, whole=whole)
    return stage if name in PRODUCTS else ""


def bent(stage: str, *, whole: bool) -> str:
    """The stage after something that is not linear, or that makes one number of all."""
    if stage in {"", "mixed"}:
        return stage
    return "alone" if whole else "bent"


def summed(stage: str, carriers: list[Carried], trained: list[Tensor]) -> str:
    """A sum with what has a graph: of the same parameters it may be an equation, of others a target."""
    if not trained or stage in {"alone", "mixed"}:
        return stage
    own = {id(p) for c in carriers for d in c.derivatives for p in d.parameters}
    foreign = any(own.isdisjoint(map(id, leaves([t]))) for t in trained)
    return "" if stage == "bent" or foreign else "mixed"


def by_data(inputs: Sequence[object]) -> bool:
    """Whether it is differentiated by nothing but data: gradients of weights may be applied by hand."""
    return all(isinstance(t, Tensor) and t.is_leaf and not isinstance(t, nn.Parameter) for t in inputs)


def leaves_graph_open(frame: FrameType | None, is_users: Callable[[CodeType], object]) -> bool:
    """Whether the user's own call of `autograd.grad` certainly says nothing about `create_graph`.

    Args:
        frame: inside the call, or of its caller.
        is_users: whether code is the user's; a library may mean its constants.
    """
    while frame is not None and between(frame.f_globals.get("__name__", "")):
        frame = frame.f_back
    call = call_of(frame) if frame is not None and is_users(frame.f_code) else None
    if call is None or not ast.unparse(call.func).endswith("grad"):
        return False
    named = {k.arg for k in call.keywords}
    spread = None in named or any(isinstance(a, ast.Starred) for a in call.args)
    return not spread and "create_graph" not in named and len(call.args) <= FIRST_FOUR


def between(module: str) -> bool:
    """Whether a module's frames lie between the user's call and the watcher."""
    return module in {"torch.autograd", "torch.overrides"} or module.startswith("osler.")


def call_of(frame: FrameType) -> ast.Call | None:
    """The source of the call that a frame is in; None if it cannot be read."""
    code = frame.f_code
    places = itertools.islice(code.co_positions(), frame.f_lasti // 2, None)
    first, last, start, end = next(places, (None, None, None, None))
    if first is None or last is None or start is None or end is None:
        return None
    lines = [
        line.encode() for line in linecache.getlines(code.co_filename, frame.f_globals)[first - 1 : last]
    ]
    if not lines:
        return None
    lines[-1] = lines[-1][:end]
    lines[0] = lines[0][start:]
    try:
        node = ast.parse(b"(" + b"".join(lines) + b")", mode="eval").body
    except (SyntaxError, ValueError):
        return None
    return node if isinstance(node, ast.Call) else None
