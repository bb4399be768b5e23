"""Observe turns of the loop while it is steered: forwards, losses, backward calls, steps."""

# pyright: reportPrivateUsage=false

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType, FunctionType
from typing import Any
from weakref import WeakKeyDictionary

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.compiler import is_compiling
from torch.optim import Optimizer
from torch.optim.optimizer import register_optimizer_step_post_hook

from osler.model import Site
from osler.replay.births import Births
from osler.replay.trees import cloned, mapped, tensors
from osler.replay.turn import ForwardCall, LossCall, Root, Seen
from osler.runtime.graph import is_scaled_angle, leaves
from osler.runtime.patches import Patches
from osler.runtime.registry import interpreter_stack
from osler.runtime.userlines import UserLines

MOST = 16
"""Forwards and losses that are kept of one turn."""

KEEP_SHAPES = ("SigmoidBackward0", "TanhBackward0", "ToCopyBackward0", "ClampBackward1")
"""Steps of a graph with one argument and a result of its shape."""

DROPS = ("dropout", "alpha_dropout", "dropout1d", "dropout2d", "dropout3d", "feature_alpha_dropout")


class Observer:
    """Collects what happens between two moments.

    Attributes:
        ignoring: what happens now is none of the script's doing.
        capturing: forwards and losses are kept with copies of their arguments.
        stills: functional dropout lets everything through.
        loaded: weights were loaded into a model.
        built: where optimizers were built.
        births: where layers were built.
        on_step: told of each optimizer step: the frame.
        on_dropout: told of each call of functional dropout: its arguments and the frame.
        on_root: told of each backward call's frame.
        on_graph: told of what each backward call starts from, before it.
        on_backward: told of each backward call, before it and after it: whether it is done.
        on_loss: may replace the arguments of a loss function.
    """

    def __init__(self, lines: UserLines | None = None) -> None:
        self.lines = lines or UserLines()
        self.ignoring = False
        self.capturing = True
        self.stills = False
        self.loaded = False
        self.built: WeakKeyDictionary[Optimizer, Site] = WeakKeyDictionary()
        self.births = Births(self.lines)
        self.on_step: Callable[[FrameType], None] | None = None
        self.on_dropout: Callable[[tuple[Any, ...], FrameType], None] | None = None
        self.on_root: Callable[[FrameType], None] | None = None
        self.on_graph: Callable[[list[Tensor]], None] | None = None
        self.on_backward: Callable[[bool], None] | None = None
        self.on_loss: Callable[[str, tuple[Any, ...]], tuple[Any, ...]] | None = None
        self.depth = 0
        self._forget()

    def _forget(self) -> None:
        self.roots: list[Root] = []
        self.forwards: list[ForwardCall] = []
        self.losses: list[LossCall] = []
        self.steps = 0
        self._accuracy: float | None = None
        self._targets = 0.0

    def take(self, *, faithful: bool = True) -> Seen:
        """What has happened since the last call."""
        seen = Seen(
            tuple(self.roots),
            self.steps,
            self._accuracy,
            tuple(self.forwards),
            tuple(self.losses),
            faithful,
            self._targets,
        )
        self._forget()
        return seen

    def install(self, patches: Patches) -> None:
        """Begin to observe."""
        self.births.install(patches)
        patches.rebind(nn.Module, "__call__", self._wrap_call)
        patches.rebind(nn.Module, "load_state_dict", self._wrap_load)
        patches.rebind(Optimizer, "__init__", self._wrap_init)
        patches.swap(torch.autograd.backward, self._wrap_backward)
        handle = register_optimizer_step_post_hook(self._stepped)
        patches.on_undo(handle.remove)
        for name, function in list(vars(F).items()):
            if not isinstance(function, FunctionType) or function.__module__ != F.__name__:
                continue
            if name.endswith("_loss") or name.startswith(("cross_entropy", "kl_div", "binary_cross")):
                patches.swap(function, lambda twin, name=name: self._wrap_loss(name, twin))
            elif name in DROPS:
                patches.swap(function, self._wrap_dropout)

    def _stepped(self, *_: Any) -> None:
        if self.ignoring:
            return
        self.steps += 1
        if self.on_step is not None:
            self.on_step(sys._getframe(1))

    def _wrap_init(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def __init__(self_: Optimizer, *args: Any, **kwargs: Any) -> None:  # noqa: N807
            original(self_, *args, **kwargs)
            self.built[self_] = self.lines.site(sys._getframe(1))

        return __init__

    def _wrap_load(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def load_state_dict(self_: nn.Module, *args: Any, **kwargs: Any) -> Any:
            self.loaded = True
            return original(self_, *args, **kwargs)

        return load_state_dict

    def _wrap_dropout(self, twin: Callable[..., Any]) -> Callable[..., Any]:
        def dropout(*args: Any, **kwargs: Any) -> Any:
            if self.stills and args:
                return args[0]
            if self.on_dropout is not None:
                self.on_dropout(args, sys._getframe(1))
            return twin(*args, **kwargs)

        return dropout

    def _wrap_call(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def __call__(self_: nn.Module, *args: Any, **kwargs: Any) -> Any:  # noqa: N807
            aside = self.depth or self.ignoring or is_transformed() or not torch.is_grad_enabled()
            if aside or not (self_._modules or self_._parameters):
                return original(self_, *args, **kwargs)
            frame = sys._getframe(1)
            given = self._copied(args, kwargs) if self.capturing else None
            self.depth += 1
            try:
                output = original(self_, *args, **kwargs)
            finally:
                self.depth -= 1
            if given is not None and len(self.forwards) < MOST and is_recorded(output):
                self.forwards.append(self._call(self_, given, args, output, frame))
            return output

        return __call__

    def _copied(self, args: Any, kwargs: Any) -> tuple[Any, Any]:
        return cloned(args), cloned(kwargs)

    def _call(
        self, module: nn.Module, given: tuple[Any, Any], args: Any, output: Any, frame: FrameType
    ) -> ForwardCall:
        device = next((t.device.type for t in tensors(output)), "cpu")
        mixed = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else None
        return ForwardCall(
            module=module,
            args=given[0],
            kwargs=given[1],
            output=mapped(output, lambda t: t.detach()),
            training=module.training,
            autocast=mixed,
            carries_graph=any(t.grad_fn is not None for t in tensors(args)),
            site=self.lines.site(frame),
        )

    def _wrap_loss(self, name: str, twin: Callable[..., Any]) -> Callable[..., Any]:
        names: tuple[str, ...] = twin.__code__.co_varnames[: twin.__code__.co_argcount]  # pyright: ignore

        def loss(*args: Any, **kwargs: Any) -> Any:
            if self.ignoring or is_transformed() or not torch.is_grad_enabled():
                return twin(*args, **kwargs)
            if self.on_loss is not None:
                args = self.on_loss(name, args)
            value = twin(*args, **kwargs)
            if isinstance(value, Tensor) and value.requires_grad:
                self._computed(name, dict(zip(names, args, strict=False)), value, sys._getframe(1))
            return value

        return loss

    def _computed(self, name: str, given: dict[str, Any], value: Tensor, frame: FrameType) -> None:
        scores, target = given.get("input"), given.get("target")
        if isinstance(scores, Tensor) and isinstance(target, Tensor):
            self._targets += float(target.detach().sum(dtype=torch.float64))
            share = accuracy(scores.detach(), target.detach())
            self._accuracy = share if share is not None else self._accuracy
        if self.capturing and len(self.losses) < MOST:
            copies = mapped(given, lambda t: t.detach().clone())
            angles = isinstance(scores, Tensor) and is_scaled_angle(scores)
            what = value.detach().clone(), self.lines.site(frame), is_squeezed(scores), angles
            self.losses.append(LossCall(name, copies, *what))

    def _wrap_backward(self, twin: Callable[..., Any]) -> Callable[..., Any]:
        def backward(*args: Any, **kwargs: Any) -> Any:
            watched = not self.ignoring and not is_compiling() and args
            if watched:
                self._root(args[0], sys._getframe(1))
            if not watched or self.on_backward is None:
                return twin(*args, **kwargs)
            self.on_backward(False)
            result = twin(*args, **kwargs)
            self.on_backward(True)
            return result

        return backward

    def _root(self, given: Any, frame: FrameType) -> None:
        if self.on_root is not None:
            self.on_root(frame)
        roots = tensors(given)
        if self.on_graph is not None:
            self.on_graph(roots)
        reached = leaves(roots) if self.capturing else []
        value = sum(float(r.detach().sum()) for r in roots)
        complete = self.capturing and not any(hides(r) for r in roots)
        elements = sum(r.numel() for r in roots)
        self.roots.append(Root(value, elements, tuple(reached), complete, self._site_of_backward(frame)))

    def _site_of_backward(self, frame: FrameType) -> Site:
        """The user's line; where a library calls backward, that of the loss says more."""
        caller: FrameType | None = frame
        while caller is not None and str(caller.f_globals.get("__name__", "")).startswith("torch."):
            caller = caller.f_back
        is_librarys = caller is not None and not self.lines.kind(caller.f_code)
        computed = self.losses[-1].site if is_librarys and self.losses else ()
        return computed or self.lines.site(frame)


def is_transformed() -> bool:
    """Whether code is being compiled, or transformed by `torch.func`: tensors have no values there."""
    return is_compiling() or interpreter_stack() is not None


def is_recorded(output: Any) -> bool:
    """Whether an output carries a graph."""
    return any(t.requires_grad for t in tensors(output))


def hides(root: Tensor) -> bool:
    """Whether a custom function, a checkpoint or compiled code lies behind a root: it may hide leaves."""
    todo, seen = [root.grad_fn], {root.grad_fn}
    while todo:
        node = todo.pop()
        if node is None:
            continue
        if type(node).__module__ != "builtins":  # a node written in Python
            return True
        for child, _ in node.next_functions:
            if child not in seen:
                seen.add(child)
                todo.append(child)
    return False


def is_squeezed(scores: object) -> bool:
    """Whether a tensor comes from a `squeeze()` that names no axis, and has kept that shape since."""
    node = scores.grad_fn if isinstance(scores, Tensor) else None
    while node is not None and node.name() in KEEP_SHAPES:
        node = node.next_functions[0][0]
    return node is not None and node.name() == "SqueezeBackward0"


def accuracy(scores: Tensor, target: Tensor) -> float | None:
    """Share of right predictions of scores (batch, classes, ...) for class ids (batch, ...)."""
    is_ids = not target.is_floating_point() and target.dim() == scores.dim() - 1 and scores.dim() > 1
    if not is_ids or target.shape != scores.shape[:1] + scores.shape[2:]:
        return None
    valid = target >= 0
    right = (scores.argmax(1) == target) & valid
    return float(right.sum()) / max(1, int(valid.sum()))
