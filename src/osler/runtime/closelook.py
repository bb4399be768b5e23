"""A close look at one turn: which operation cut the graph on the way to the loss, and what made a loss input.

Only taken when something is already known to be wrong, because a function mode makes that turn slower.
"""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from types import FrameType
from typing import Any, TypeGuard

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from osler.model import DERIVATIVE, ComparisonFact, CutFact, Site, is_stray
from osler.runtime.derivatives import Derivative, Derivatives, by_data, leaves_graph_open
from osler.runtime.graph import leaves
from osler.runtime.userlines import UserLines

SHAPES = frozenset(
    """
    view reshape squeeze unsqueeze transpose permute contiguous flatten clone float half
    bfloat16 to type __getitem__ movedim expand T mT t select narrow double view_as reshape_as
    swapaxes cat stack
""".split()
)
"""Operations that pass values on: what made their input made their output."""

PICKS = frozenset(("gather", "index_select", "take_along_dim", "masked_select"))
"""Operations that choose among values."""

COPIES = frozenset("clone float half bfloat16 to type double contiguous detach cpu cuda".split())
"""Operations that keep values and shape."""

SHAPING = frozenset(
    """
    unsqueeze view reshape __getitem__ sum mean norm amax amin max min prod logsumexp var std atleast_2d
    expand unflatten view_as reshape_as t T mT transpose swapaxes movedim permute stack cat
""".split()
)
"""Operations that give a tensor an axis of length 1 because the caller says so."""

ARITHMETIC = {
    **dict.fromkeys(("sub", "rsub", "isub", "subtract"), "sub"),
    **dict.fromkeys(("add", "radd", "iadd"), "add"),
    **dict.fromkeys(("mul", "rmul", "imul", "multiply"), "mul"),
    **dict.fromkeys(("div", "truediv", "rtruediv", "itruediv", "rdiv", "divide", "true_divide"), "div"),
    **dict.fromkeys(("maximum", "minimum"), "maximum"),
}
"""Operations on two tensors, entry by entry, by the names under which they are called."""

COMPARING = frozenset(("eq", "ne"))
"""Operations that compare entry by entry, as a count of right answers does."""

PICKING = frozenset(("max", "min"))
"""Operations that keep an axis while they choose an answer: that is no layout for a comparison."""

OF_ALL = "argmax of all entries"
OF_ONE = "argmax of one entry"
"""What makes answers that do not depend on the sample."""

Spread = tuple[str, Site, tuple[int, ...], tuple[int, ...], tuple[int, ...]]
"""Operation, line, shapes of both operands and of the result."""

QUESTIONS = frozenset(
    """
    size dim numel shape __len__ is_floating_point stride requires_grad dtype device grad_fn
    is_leaf ndim layout names is_cuda storage_offset data_ptr is_contiguous element_size
    __hash__ __repr__ __format__ backward retain_grad register_hook requires_grad_ zero_
    is_sparse output_nr _version is_quantized is_meta is_complex grad type get_device nelement
    is_same_size __reduce_ex__ untyped_storage is_mkldnn is_mps is_xla is_nested
""".split()
)
"""Functions that ask about a tensor, or do not pass its values on."""

LEAVING = ("numpy", "tolist", "__array__")
"""Ways out of torch: what comes back as a new tensor carries no trace."""

MAKERS = ("tensor", "as_tensor", "full", "full_like", "scalar_tensor", "fill_", "__setitem__")
"""Functions whose whole numbers are values."""


@dataclass(slots=True, eq=False)
class Trace:
    """What is known about one tensor of the turn."""

    tensor: weakref.ref[Tensor]
    cuts: frozenset[int]
    made_by: str
    made_at: Site
    made_from: Trace | None


def nowhere() -> bool:
    """Nothing is under way."""
    return False


class CloseLook(TorchFunctionMode):
    """Sees every torch function of one turn and remembers where each tensor comes from.

    A cut is an operation that got a tensor with a graph and returned something without one while gradients
    were recorded, or ran without recording on something trainable.
    """

    def __init__(
        self,
        lines: UserLines,
        name_of: Callable[[Tensor], str],
        resting: Callable[[], bool],
        inside: Callable[[], bool] = nowhere,
    ) -> None:
        """Make one.

        Args:
            lines: finds the user's lines.
            name_of: the name of a parameter.
            resting: whether Osler itself is at work, so that its own operations are passed over.
            inside: whether a model is computing its output.
        """
        super().__init__()
        self._inside = inside
        self.comparisons: list[ComparisonFact] = []
        self.over = False
        self._lines = lines
        self._name_of = name_of
        self._resting = resting
        self._traces: dict[int, Trace] = {}
        self._numbers: dict[float, frozenset[int]] = {}
        self._arrays: dict[int, tuple[weakref.ref[Any], frozenset[int]]] = {}
        self._cuts: list[CutFact] = []
        self._escaped: frozenset[int] = frozenset()
        self._of_leaves: set[int] = set()
        self.spread: list[Spread] = []
        self.logs: list[tuple[Site, Site]] = []
        self._derivatives = Derivatives()
        self._constants: dict[tuple[Derivative, Site], None] = {}
        self.norms: list[tuple[Site, int]] = []

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Run the function, then note what it did to the graph."""
        if self.over or self._resting():
            return func(*args, **(kwargs or {}))
        result = func(*args, **(kwargs or {}))
        name = spelled(func)
        if func is torch.autograd.grad:
            self._note_derivative(args, kwargs or {}, result, sys._getframe(1))  # pyright: ignore[reportPrivateUsage]
        elif name not in QUESTIONS:
            site = self._lines.site(sys._getframe(1))  # pyright: ignore[reportPrivateUsage]
            if name == "batch_norm" and len(args) > 1 and isinstance(args[1], Tensor):
                self.norms.append((site, args[1].data_ptr()))
            self._note(name, site, [*args, *(kwargs or {}).values()], result)
        return result

    def cuts_behind(self, root: Tensor, site: Site) -> list[CutFact]:
        """The cuts whose results flowed into this tensor, in order, and those that left torch.

        Args:
            root: what backward starts from.
            site: where backward is called.
        """
        trace = self._trace(root)
        found = self._escaped | (trace.cuts if trace else frozenset())
        self._constants |= {(each, site): None for each in self._derivatives.behind(root)}
        return [replace(self._cuts[i], root=site) for i in sorted(found)]

    def constant_derivatives(self) -> list[CutFact]:
        """Derivatives without a graph that went into the roots of this turn, and into no network."""
        return [
            CutFact(DERIVATIVE, each.site, self._names(each.parameters), root)
            for each, root in self._constants
            if not each.fed
        ]

    def _note_derivative(
        self, args: tuple[Any, ...], kwargs: dict[str, Any], result: object, frame: FrameType
    ) -> None:
        """`autograd.grad` was called: as torch hands it on, with outputs and inputs in front."""
        outputs, inputs = (list(flat_tensors([each])) for each in args[:2])
        if kwargs.get("create_graph") or not by_data(inputs):
            return
        if leaves_graph_open(frame, self._lines.kind):
            found = list(flat_tensors([result]))
            self._derivatives.born(outputs, found, self._lines.site(frame), inside=self._inside())

    def _names(self, parameters: Iterable[Tensor]) -> tuple[str, ...]:
        return tuple(sorted({n for p in parameters if (n := self._name_of(p))}))

    def origin(self, tensor: Tensor, passing: frozenset[str] = SHAPES) -> tuple[str, Site]:
        """Name and line of the operation that made the tensor's values."""
        trace = self._trace(tensor)
        while trace is not None and trace.made_by in passing and trace.made_from is not None:
            trace = trace.made_from
        return (trace.made_by, trace.made_at) if trace else ("", ())

    def _trace(self, tensor: Tensor) -> Trace | None:
        trace = self._traces.get(id(tensor))
        return trace if trace is not None and trace.tensor() is tensor else None

    def _note(self, name: str, site: Site, given: list[object], result: object) -> None:
        inputs = list(flat_tensors(given))
        traces = [t for t in map(self._trace, inputs) if t is not None]
        self._note_operands(name, site, inputs, result)
        if not self._inside():
            self._note_comparison(name, site, inputs, result)
        cuts = frozenset[int]().union(*(t.cuts for t in traces), self._cuts_of_values(name, given))
        outputs = list(flat_tensors([result]))
        if self._derivatives:
            self._pass_on(name, inputs, outputs)
        upstream = [whole(t) for t in inputs if t.requires_grad]
        if (
            upstream
            and not any(o.requires_grad for o in outputs)
            and (outputs or not returns_a_question(result))
        ):
            cuts |= {self._cut(name, site, upstream)}
        if name in LEAVING:
            self._escaped |= {c for c in cuts if self._cuts[c].parameters and c not in self._of_leaves}
        if not outputs:
            self._remember_value(result, cuts)
        for output in outputs:
            known = self._trace(output)
            earlier = known.cuts if known else frozenset[int]()
            made_from = traces[0] if traces else None
            made_by = axis_of(name, inputs, given)
            self._traces[id(output)] = Trace(weakref.ref(output), cuts | earlier, made_by, site, made_from)

    def _pass_on(self, name: str, inputs: list[Tensor], outputs: list[Tensor]) -> None:
        """Without recording the result is a constant on purpose."""
        if torch.is_grad_enabled():
            self._derivatives.pass_on(name, inputs, outputs, inside=self._inside())

    def _note_operands(self, name: str, site: Site, inputs: list[Tensor], result: object) -> None:
        """Operands that an axis of length 1 spread against each other, and logarithms of a softmax."""
        if not isinstance(result, Tensor) or not result.requires_grad:
            return
        verb = ARITHMETIC.get(name.strip("_"))
        if verb and len(inputs) == 2:
            left, right = (tuple(t.shape) for t in inputs)
            column = inputs[0] if len(left) > len(right) else inputs[1]
            stray = is_stray(left, right, tuple(result.shape))
            learned = any(isinstance(t, torch.nn.Parameter) for t in inputs)
            if stray and not learned and not self._on_purpose(column, site):
                self.spread.append((verb, site, left, right, tuple(result.shape)))
        elif name == "log" and inputs:
            made_by, made_at = self.origin(inputs[0], SHAPES | PICKS)
            if made_by == "softmax":
                self.logs.append((site, made_at))

    def _note_comparison(self, name: str, site: Site, inputs: list[Tensor], result: object) -> None:
        """An answer of a model that meets a target of another shape, or does not depend on its sample."""
        verb = name.strip("_")
        verb = verb if verb in COMPARING else ARITHMETIC.get(verb, "")
        if not verb or len(inputs) != 2 or not isinstance(result, Tensor) or result.requires_grad:
            return
        answers = [t for t in inputs if self._is_answer(t)]
        if len(answers) != 1:
            return
        answer = answers[0]
        target = inputs[1] if answer is inputs[0] else inputs[0]
        left, right, whole = tuple(answer.shape), tuple(target.shape), tuple(result.shape)
        column = answer if len(left) > len(right) else target
        made_by, made_at = self.origin(answer)
        shaping = SHAPING - PICKING if verb in COMPARING else SHAPING
        if is_stray(left, right, whole) and not self._on_purpose(column, site, shaping):
            self.comparisons.append(ComparisonFact(site, verb, "spread", left, right, whole))
        elif verb in COMPARING and made_by in (OF_ALL, OF_ONE) and target.numel() > 1:
            self.comparisons.append(ComparisonFact(site, verb, made_by, left, right, whole, made_at))

    def _is_answer(self, tensor: Tensor) -> bool:
        """Whether parameters went into a tensor."""
        trace = self._trace(tensor)
        return tensor.requires_grad or (trace is not None and bool(trace.cuts))

    def _on_purpose(self, column: Tensor, site: Site, shaping: frozenset[str] = SHAPING) -> bool:
        """Whether an operand got its axis in the very function that uses it."""
        trace = self._trace(column)
        while trace is not None and trace.made_by in COPIES:
            trace = trace.made_from
        if trace is None or trace.made_by not in shaping or not trace.made_at or not site:
            return False
        here, there = site[0], trace.made_at[0]
        return (here.file, here.function) == (there.file, there.function)

    def _cut(self, name: str, site: Site, upstream: list[Tensor]) -> int:
        names = self._names(leaf for t in upstream for leaf in leaves([t]))
        operation = name if torch.is_grad_enabled() else "no_grad"
        if all(t.is_leaf for t in upstream):
            self._of_leaves.add(len(self._cuts))
        self._cuts.append(CutFact(operation, site, names))
        return len(self._cuts) - 1

    def _remember_value(self, value: object, cuts: frozenset[int]) -> None:
        """Numbers and arrays carry no trace of their own: recognise them when a tensor is made of them."""
        if not cuts:
            return
        if is_number(value):
            self._numbers[value] = cuts
        elif hasattr(value, "__array_interface__"):
            self._arrays[id(value)] = (weakref.ref(value), cuts)

    def _cuts_of_values(self, name: str, given: Iterable[object]) -> frozenset[int]:
        found: frozenset[int] = frozenset()
        for value in given:
            if isinstance(value, list | tuple):
                found |= self._cuts_of_values(name, value[:64])  # pyright: ignore[reportUnknownArgumentType]
            elif is_number(value):
                exact = isinstance(value, float) and not value.is_integer()
                if exact or name in MAKERS:  # elsewhere a whole number is an axis, a size, a nought or a one
                    found |= self._numbers.get(value, frozenset())
            elif (known := self._arrays.get(id(value))) is not None and known[0]() is value:
                found |= known[1]
        return found


def axis_of(name: str, inputs: list[Tensor], given: list[object]) -> str:
    """The operation, or what an `argmax` of scores over no axis, or over one of length 1, amounts to.

    Args:
        name: of the operation.
        inputs: its tensors: (samples, classes).
        given: all its arguments.
    """
    if name != "argmax" or not inputs or inputs[0].dim() < 2 or inputs[0].shape[0] < 2:
        return name
    axis = next((a for a in given[1:] if isinstance(a, int) and not isinstance(a, bool)), None)
    if axis is None:
        return OF_ALL
    return OF_ONE if inputs[0].shape[axis] == 1 else name


def is_number(value: object) -> TypeGuard[float]:
    """Whether this may be a value of a tensor; a truth is none, though it equals 0 or 1."""
    return isinstance(value, float | int) and not isinstance(value, bool)


def spelled(func: Any) -> str:
    """The function's name as the user writes it; ``data`` for the attribute."""
    name = getattr(func, "__name__", "") or ""
    if name == "__get__":
        return getattr(getattr(func, "__self__", None), "__name__", name)
    return name


def whole(tensor: Tensor) -> Tensor:
    """The tensor whose graph it is part of: a view taken without recording wants a gradient without one."""
    base = tensor._base if tensor.grad_fn is None else None
    return tensor if base is None else base


def returns_a_question(result: object) -> bool:
    """Whether a result without tensors tells nothing about values."""
    return result is None or isinstance(result, bool | str | torch.Size | torch.dtype)


def flat_tensors(values: Iterable[object], depth: int = 2) -> Iterable[Tensor]:
    """The tensors among the values, looking into lists and tuples."""
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, list | tuple) and depth:
            yield from flat_tensors(value[:64], depth - 1)  # pyright: ignore[reportUnknownArgumentType]
