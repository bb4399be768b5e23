"""Give names to models, optimizers and parameters, and know who owns what."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm  # pyright: ignore[reportPrivateUsage]
from torch.nn.modules.dropout import _DropoutNd  # pyright: ignore[reportPrivateUsage]
from torch.nn.parameter import is_lazy
from torch.optim import Optimizer

from osler.model import Site

PLAIN = (Tensor, nn.Parameter)
interpreter_stack = torch._C._functorch.peek_interpreter_stack  # pyright: ignore

DEEPEST = 5
"""Generations of optimizer classes."""

LOOKED_THROUGH = 256
"""Values among which the tensors of an output are looked for."""

WRAPPERS = ("_orig_mod", "module")
"""Attributes under which compiled and data-parallel wrappers hold the model they wrap."""


@dataclass(slots=True, eq=False)
class Model:
    """A root module that was called.

    Attributes:
        name: class name, numbered when several live at once.
        module: the module itself, weakly.
        compiled: its inside runs compiled.
        sensitive: Dropout and BatchNorm layers outside frozen parts, with their dotted names.
        registered: identities of all its submodules.
        called: identities of the submodules that were called while gradients were recorded.
        seen: identities of those that were called at all, in the calls that are looked into.
        looks: calls without gradient recording that were looked into.
        calls: root calls with a graph so far.
        last_input: first tensor of the previous call, weakly, and how often it came in a row.
        strangers: submodules that were called inside it without being registered, with the line.
        stale: its layers must be looked at again before its next call.
        has_norms: it has a BatchNorm layer.
        has_attention: it has a layer that torch computes faster without gradients, though not under a mode.
    """

    name: str
    module: weakref.ref[nn.Module]
    compiled: bool = False
    sensitive: list[tuple[str, nn.Module]] = field(default_factory=list[tuple[str, nn.Module]])
    registered: set[int] = field(default_factory=set[int])
    called: set[int] = field(default_factory=set[int])
    seen: set[int] = field(default_factory=set[int])
    looks: int = 0
    calls: int = 0
    last_input: weakref.ref[Tensor] | None = None
    repeats: int = 0
    strangers: list[tuple[nn.Module, Site]] = field(default_factory=list[tuple[nn.Module, Site]])
    stale: bool = False
    has_norms: bool = False
    has_attention: bool = False

    def refresh(self) -> None:
        """Look again at the layers: after a mode change, at a new pass, when something was replaced."""
        self.stale = False
        module = self.module()
        if module is None:
            return
        self.registered = {id(m) for m in module.modules()}
        self.sensitive = list(live_sensitive(module))
        self.has_norms = any(isinstance(m, _BatchNorm) for m in module.modules())
        self.has_attention = any(isinstance(m, nn.MultiheadAttention) for m in module.modules())

    def let_go(self) -> None:
        """The model is gone: its layers are not kept alive by being known."""
        self.sensitive, self.strangers = [], []

    def mode(self) -> str:
        """``train``, ``eval`` or ``mixed``; empty if no layer behaves differently."""
        module = self.module()
        if module is None or not self.sensitive:
            return ""
        training = sum(layer.training for _, layer in self.sensitive)
        if training == len(self.sensitive) and module.training:
            return "train"
        return "mixed" if training or module.training else "eval"


class Registry:
    """Names for everything the watcher meets; nothing is kept alive by being known.

    Attributes:
        from_start: the program began after watching did.
    """

    def __init__(self) -> None:
        self.from_start = False
        self.models: list[Model] = []
        self._by_module: weakref.WeakKeyDictionary[nn.Module, Model] = weakref.WeakKeyDictionary()
        self._optimizers: weakref.WeakKeyDictionary[Optimizer, str] = weakref.WeakKeyDictionary()
        self._loaders: weakref.WeakKeyDictionary[object, str] = weakref.WeakKeyDictionary()
        self._schedules: weakref.WeakKeyDictionary[Any, str] = weakref.WeakKeyDictionary()
        self._taken: dict[str, weakref.ref[object]] = {}
        self._kinds: dict[str, str] = {}
        self._earlier: list[weakref.ref[Optimizer]] | None = None

    def model(self, module: nn.Module) -> Model:
        """The entry of a root module, made at its first call."""
        known = self._by_module.get(module)
        if known is not None:
            return known
        inner = unwrapped(module)
        compiled = any("_compiled_call_impl" in vars(m) or hasattr(m, "_orig_mod") for m in (module, inner))
        compiled = compiled and (
            module is not inner or getattr(module, "_compiled_call_impl", None) is not None
        )
        model = Model(self._name(type(inner).__name__, module), weakref.ref(inner), compiled)
        weakref.finalize(inner, model.let_go).atexit = False
        model.refresh()
        self._by_module[module] = model
        self.models.append(model)
        return model

    def known(self, module: nn.Module) -> Model | None:
        """The entry of a module that was already called as a root."""
        return self._by_module.get(module)

    def optimizer(self, optimizer: Optimizer) -> str:
        """The optimizer's name."""
        known = self._optimizers.get(optimizer)
        if known is None:
            known = self._optimizers[optimizer] = self._name(type(optimizer).__name__, optimizer)
        return known

    def optimizers(self) -> Iterator[tuple[str, Optimizer]]:
        """Optimizers that are alive, with their names."""
        return ((name, optimizer) for optimizer, name in list(self._optimizers.items()))

    def earlier_owners(self, loose: list[Tensor]) -> list[Optimizer]:
        """Optimizers that hold one of these parameters and are not known yet.

        They were built before watching began, or copied from one that was built since. Finding them takes a
        look at every object of the process.
        """
        if self.from_start and not self._optimizers:
            return []
        if self._earlier is None:
            self._earlier = in_memory()
        wanted = {id(t) for t in loose}
        alive = [o for reference in self._earlier if (o := reference()) is not None]
        return [o for o in alive if o not in self._optimizers and any(id(p) in wanted for p in held(o))]

    def loader(self, loader: object, order: Callable[[], str]) -> str:
        """The loader's name; of those that are built anew for every pass only one of the same order gets it.

        Args:
            loader: is alive.
            order: tells in which it draws; asked once.
        """
        known = self._loaders.get(loader)
        if known is None:
            known = self._loaders[loader] = self._name(type(loader).__name__, loader, order())
        return known

    def schedule(self, schedule: object) -> str:
        """The schedule's name."""
        known = self._schedules.get(schedule)
        if known is None:
            known = self._schedules[schedule] = self._name(type(schedule).__name__, schedule)
        return known

    def schedules(self) -> Iterator[tuple[Any, str]]:
        """Schedules that are alive, with their names."""
        return iter(list(self._schedules.items()))

    def _name(self, stem: str, thing: object, kind: str = "") -> str:
        """The class name, or the class name with the first free number; a dead owner frees its name.

        Args:
            stem: of the name.
            thing: that is to be named.
            kind: of things that may have a dead one's name; any if not given.
        """
        number = 1
        while True:
            name = stem if number == 1 else f"{stem} {number}"
            owner = self._taken.get(name)
            if owner is None or (owner() is None and self._kinds.get(name, kind) == kind):
                self._taken[name] = weakref.ref(thing)
                self._kinds[name] = kind
                return name
            number += 1


def unwrapped(module: nn.Module) -> nn.Module:
    """The user's model below compiled and data-parallel wrappers."""
    while type(module).__module__.startswith("torch."):
        inner = next((m for w in WRAPPERS if isinstance(m := getattr(module, w, None), nn.Module)), None)
        if inner is None:
            return module
        module = inner
    return module


def live_sensitive(root: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Layers whose behaviour depends on the mode and that do not belong to a frozen part.

    A BatchNorm is frozen if its own parameters are. A Dropout has none: it is frozen if every parameter
    of the module that holds it is.
    """
    for prefix, parent in root.named_modules():
        for name, layer in parent.named_children():
            if is_sensitive(layer) and not is_frozen(layer, parent):
                yield (f"{prefix}.{name}" if prefix else name), layer
    if is_sensitive(root):
        yield "", root


def is_sensitive(layer: nn.Module) -> bool:
    """Whether a layer computes something else in training than in evaluation."""
    if isinstance(layer, _DropoutNd):
        return layer.p > 0
    if isinstance(layer, _BatchNorm):
        return layer.track_running_stats
    if isinstance(layer, nn.RNNBase | nn.MultiheadAttention):
        return layer.dropout > 0
    return False


def is_frozen(layer: nn.Module, parent: nn.Module) -> bool:
    """Whether everything that could learn in the layer, or around a layer without parameters, is frozen."""
    own = list(layer.parameters())
    parameters = own or list(parent.parameters())
    return bool(parameters) and not any(p.requires_grad for p in parameters)


def recalibrating(model: Model) -> bool:
    """Whether a BatchNorm computes cumulative statistics, as `update_bn` does."""
    return any(isinstance(layer, _BatchNorm) and layer.momentum is None for _, layer in model.sensitive)


def plain(tensor: object) -> bool:
    """Whether a value is an ordinary tensor with numbers to read: no subclass, fake, meta or wrapped one."""
    return type(tensor) in PLAIN and not tensor.is_meta and interpreter_stack() is None  # pyright: ignore


def numbers_in(*tensors: Tensor) -> int:
    """How many numbers tensors hold: none while the first call has not given them a shape."""
    return sum(0 if is_lazy(t) else t.numel() for t in tensors)


def shape_of(tensor: Tensor) -> tuple[int, ...]:
    """Its shape: none while the first call has not given it one."""
    return () if is_lazy(tensor) else tuple(tensor.shape)


def tensors_in(value: object, limit: int = 4) -> list[Tensor]:
    """The first tensors in a nested output of tuples, lists, dicts and dataclasses."""
    if isinstance(value, Tensor):
        return [value]
    found: list[Tensor] = []
    todo: list[object] = [value]
    for item in todo:  # grows while it is walked; an output may contain itself
        if len(found) == limit or len(todo) > LOOKED_THROUGH:
            break
        if isinstance(item, Tensor):
            found.append(item)
        elif isinstance(item, list | tuple):
            todo.extend(item[:8])
        elif isinstance(item, dict):
            todo.extend(list(item.values())[:8])
        elif hasattr(item, "__dataclass_fields__"):
            todo.extend(list(vars(item).values())[:8] if hasattr(item, "__dict__") else ())
    return found


def in_memory() -> list[weakref.ref[Optimizer]]:
    """Every optimizer of the process. By its type, because proxies do things when asked for their class."""
    kinds: set[type] = {Optimizer}
    for _ in range(DEEPEST):
        kinds |= {below for kind in kinds for below in kind.__subclasses__()}
    return [weakref.ref(thing) for thing in gc.get_objects() if type(thing) in kinds]


def held(optimizer: Optimizer) -> list[Tensor]:
    """The parameters of an optimizer in order."""
    groups: Iterable[dict[str, list[Tensor]]] = optimizer.param_groups
    return [p for group in groups for p in group["params"]]
