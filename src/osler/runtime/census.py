"""Look at all parameters: who holds them, does a gradient reach them, is their module used."""

from __future__ import annotations

import linecache
import re
import weakref
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import FrameType, MappingProxyType

from torch import Tensor, nn
from torch.optim import Optimizer

from osler.model import ParameterFact, Place, Site
from osler.runtime.registry import Model, Registry, held, numbers_in
from osler.runtime.variables import variables_of

Mark = tuple[weakref.ref[Tensor] | None, int]
"""A gradient and how often it was written to."""

NO_GRADIENT: Mark = (None, 0)
"""Mark of a parameter without a gradient."""

NO_LOOK: Mapping[str, ParameterFact] = MappingProxyType({})


@dataclass(slots=True, eq=False)
class Known:
    """What is remembered about one tensor between looks; `frozen` counts its sightings until then."""

    tensor: weakref.ref[Tensor]
    name: str = ""
    key: str = ""
    series: str = ""
    reached: bool = False
    updated: bool = False
    sightings: int = 0
    site: Site = ()
    holders: tuple[str, ...] = ()
    keeper: weakref.ref[Optimizer] | None = None
    home: weakref.ref[nn.Module] | None = None
    mark: Mark | None = None
    frozen: int = -1
    unfrozen: int = -1


@dataclass(frozen=True, slots=True, eq=False)
class Owned:
    """A parameter with its place in a model: the fields of `ParameterFact`, and the model itself."""

    model: str
    tensor: Tensor
    name: str
    used: bool = True
    registered: bool = True
    site: Site = ()
    assigned: Site = ()
    aliases: list[str] = field(default_factory=list[str])
    home: weakref.ref[nn.Module] | None = None


@dataclass(slots=True, eq=False)
class Census:
    """Every parameter that was met, by identity.

    Attributes:
        outgrown: keys of facts about parameters that are told under another key by now, such as those of an
            encoder that was called alone before the model that it is a part of.
    """

    registry: Registry
    known: dict[int, Known] = field(default_factory=dict[int, Known])
    waiting: list[Tensor] = field(default_factory=list[Tensor])
    strange: dict[str, int] = field(default_factory=dict[str, int])
    claims: dict[str, str] = field(default_factory=dict[str, str])
    outgrown: set[str] = field(default_factory=set[str])

    def of(self, tensor: Tensor) -> Known:
        """The entry of a tensor; a dead tensor's identity may have passed to a new one."""
        entry = self.known.get(id(tensor))
        if entry is None or entry.tensor() is not tensor:
            entry = self.known[id(tensor)] = Known(weakref.ref(tensor))
        return entry

    def is_reached(self, tensor: Tensor) -> bool:
        """Whether a gradient was seen to reach the tensor.

        Its ``.grad`` is not read here: it may belong to another thread, which may be clearing it.
        """
        entry = self.known.get(id(tensor))
        return entry is not None and entry.tensor() is tensor and entry.reached

    def name_of(self, tensor: Tensor) -> str:
        """The tensor's name, empty if it is not known as a parameter."""
        entry = self.known.get(id(tensor))
        return entry.name if entry is not None and entry.tensor() is tensor else ""

    def series_of(self, tensor: Tensor) -> str:
        """Under which name its series are kept: its own, with the model in front where that is another's."""
        entry = self.known.get(id(tensor))
        return entry.series or entry.name if entry is not None and entry.tensor() is tensor else ""

    def reach(self, found: list[Tensor]) -> None:
        """Leaves that a walk from a loss found."""
        for leaf in found:
            entry = self.of(leaf)
            entry.reached = True
            entry.sightings += 1

    def hold(self, optimizer: str, tensors: list[Tensor]) -> None:
        """An optimizer steps on these for the first time; it may be gone at the next look.

        The gradients may have been written by hand: then no backward will ever lead here.
        """
        keeper = next((weakref.ref(o) for name, o in self.registry.optimizers() if name == optimizer), None)
        for tensor in tensors:
            self.of(tensor).holders, self.of(tensor).keeper = (optimizer,), keeper
            if tensor.requires_grad and not self.of(tensor).reached:
                self.waiting.append(tensor)
        self.glance()

    def glance(self) -> None:
        """Before a step: has a gradient come to a parameter that had none so far?"""
        still: list[Tensor] = []
        for tensor in self.waiting:
            if tensor.grad is not None:
                self.of(tensor).reached = True
            else:
                still.append(tensor)
        self.waiting = still

    def name_loose(self, found: list[Tensor], frame: FrameType | None) -> None:
        """Name leaves that belong to no module after the user's variables that hold them."""
        nameless = [t for t in found if not self.of(t).name]
        while nameless and frame is not None:
            for name, value in [*variables_of(frame).items(), *frame.f_globals.items()]:
                for path, tensor in within(name, value):
                    if any(tensor is t for t in nameless):
                        self.of(tensor).name = path
            nameless = [t for t in nameless if not self.of(t).name]
            frame = frame.f_back

    def take(
        self, before: Mapping[str, ParameterFact] = NO_LOOK, step: int = 0, turn: int = 0
    ) -> dict[str, ParameterFact]:
        """Look at every parameter that is alive: facts by name.

        Args:
            before: what the look before this one said.
            step: optimizer steps finished now.
            turn: number of this turn of the loop.
        """
        self._note_unfrozen(turn)
        self._note_holders()
        facts: dict[str, ParameterFact] = {}
        listed = self._listed()
        self._note_replaced(listed)
        self.waiting = []
        self.strange = {
            name: sum(id(t) not in listed and not self.is_reached(t) for t in held(optimizer))
            for name, optimizer in self.registry.optimizers()
        }
        for one in listed.values():
            self._add(facts, one)
        for key, entry in list(self.known.items()):
            tensor = entry.tensor()
            if tensor is None:
                del self.known[key]
            elif entry.home is not None and entry.home() is None:
                continue  # its model is gone, and what was told of it there stays
            elif key not in listed and tensor.is_leaf and tensor.requires_grad and entry.sightings > 1:
                name = entry.name or f"tensor {tuple(tensor.shape)}"
                self._add(facts, Owned("", tensor, name))
        return {key: unless_same(before.get(key), fact, step) for key, fact in facts.items()}

    def _note_unfrozen(self, turn: int) -> None:
        """Which were frozen, and have gradients come to them since?"""
        for entry in self.known.values():
            tensor = entry.tensor()
            if tensor is None:
                continue
            if not tensor.requires_grad:
                entry.frozen, entry.unfrozen = entry.sightings, -1
            elif 0 <= entry.frozen < entry.sightings and entry.unfrozen < 0:
                entry.unfrozen = turn

    def _note_holders(self) -> None:
        """Who holds what now. What an optimizer has trained that is gone stays held by it: training is over.

        Its name may have passed to another optimizer. That one answers for what new gradients still come to.
        """
        alive = list(self.registry.optimizers())
        holders: dict[int, list[str]] = {}
        for name, optimizer in alive:
            keeper = weakref.ref(optimizer)
            for tensor in held(optimizer):
                holders.setdefault(id(tensor), []).append(name)
                self.of(tensor).keeper = keeper
        names = {name for name, _ in alive}
        for key, entry in self.known.items():
            is_held = key in holders
            if is_held or (names.intersection(entry.holders) and not is_at_rest(entry)):
                entry.holders = tuple(sorted(holders.get(key, ())))
            if is_held:
                entry.mark = None

    def _note_replaced(self, listed: Mapping[int, Owned]) -> None:
        """What a model that is alive has given up, as a head for other classes: was it reached since then?"""
        for key, entry in self.known.items():
            if key not in listed and entry.home is not None and entry.home() is not None:
                entry.home, entry.reached, entry.sightings = None, False, 0

    def _add(self, facts: dict[str, ParameterFact], one: Owned) -> None:
        tensor, entry = one.tensor, self.of(one.tensor)
        lives_on = entry.home is not None and entry.home() is not None
        entry.name, entry.home = one.name, one.home
        shared = self.claims.setdefault(one.name, one.model) != one.model
        entry.series = entry.series or (f"{one.model}.{one.name}" if shared and one.model else one.name)
        entry.reached = entry.reached or tensor.grad is not None
        if not entry.reached and tensor.requires_grad:
            self.waiting.append(tensor)
        key = f"{one.model}.{one.name}" if one.model else one.name
        while key in facts:
            key += "'"
        if lives_on and entry.key not in ("", key):
            self.outgrown.add(entry.key)
        entry.key = key
        facts[key] = ParameterFact(
            name=one.name,
            model=one.model,
            elements=numbers_in(tensor),
            trainable=tensor.requires_grad,
            registered=one.registered,
            optimizers=entry.holders,
            reached=entry.reached,
            used=one.used,
            updated=entry.updated,
            site=one.site,
            assigned=one.assigned,
            aliases=tuple(one.aliases),
            series=entry.series if entry.series != one.name else "",
            unfrozen=entry.unfrozen,
        )

    def _listed(self) -> dict[int, Owned]:
        """Every parameter once, by identity, with the other names it has in its model."""
        listed: dict[int, Owned] = {}
        for one in self._owned():
            first = listed.setdefault(id(one.tensor), one)
            if first is not one and first.model == one.model and first.name != one.name:
                first.aliases.append(one.name)
        return listed

    def _owned(self) -> Iterator[Owned]:
        """Parameters of all models, the largest model first, then those of unregistered submodules."""
        alive = [(m, module) for m in self.registry.models if (module := m.module()) is not None]
        if len(alive) > 1:
            alive.sort(key=lambda pair: -sum(1 for _ in pair[1].modules()))
        for model, root in alive:
            yield from registered(model, root)
        for model, root in alive:
            for stranger, site in model.strangers:
                prefix, place = attribute_of(root, stranger)
                for name, tensor in stranger.named_parameters():
                    path = joined(prefix, name)
                    yield Owned(model.name, tensor, path, registered=False, site=site, assigned=place)
            for path, tensor, place in concealed(root, model.registered):
                yield Owned(model.name, tensor, path, registered=False, site=place, assigned=place)


def registered(model: Model, root: nn.Module) -> Iterator[Owned]:
    """Parameters of a model's modules."""
    home = weakref.ref(root)
    for prefix, module in root.named_modules():
        used = id(module) in model.called
        own = module._parameters  # pyright: ignore[reportPrivateUsage] - ten times faster than its listing
        yield from (
            Owned(model.name, tensor, joined(prefix, name), used=used, home=home)
            for name, tensor in own.items()
            if tensor is not None
        )


def unless_same(before: ParameterFact | None, now: ParameterFact, step: int) -> ParameterFact:
    """The older of two facts that say the same; else the new one, since this step."""
    return before if before is not None and before == now else replace(now, since=step)


def joined(prefix: str, name: str) -> str:
    """A dotted name."""
    return f"{prefix}.{name}" if prefix else name


def within(name: str, value: object) -> Iterator[tuple[str, Tensor]]:
    """Tensors in a variable: itself, or the items of its list, tuple or dict."""
    if isinstance(value, Tensor):
        yield name, value
    elif isinstance(value, list | tuple) and len(value) <= 256:  # pyright: ignore[reportUnknownArgumentType]
        yield from ((f"{name}[{i}]", v) for i, v in enumerate(value) if isinstance(v, Tensor))  # pyright: ignore
    elif isinstance(value, dict) and len(value) <= 256:  # pyright: ignore[reportUnknownArgumentType]
        yield from ((f"{name}[{k!r}]", v) for k, v in value.items() if isinstance(v, Tensor))  # pyright: ignore


def hidden(root: nn.Module) -> Iterator[tuple[str, object, Site]]:
    """Items of plain lists, tuples and dicts among the attributes of a module and its submodules.

    With their names as the user would write them and the line that assigns the attribute.
    """
    own = vars(nn.Module())
    for prefix, module in root.named_modules():
        for name, value in list(vars(module).items()):
            if name in own:
                continue
            if isinstance(value, list | tuple):
                items = [(f"{name}[{i}]", v) for i, v in enumerate(value[:256])]  # pyright: ignore
            elif isinstance(value, dict):
                items = [(f"{name}[{k!r}]", v) for k, v in list(value.items())[:256]]  # pyright: ignore
            else:
                continue
            if any(isinstance(v, nn.Module | nn.Parameter) for _, v in items):  # pyright: ignore
                place = assigned_at(type(module), name)
                yield from ((joined(prefix, n), v, place) for n, v in items)  # pyright: ignore


def attribute_of(root: nn.Module, stranger: nn.Module) -> tuple[str, Site]:
    """The plain container that hides a submodule, as the user would write it, and the line that fills it."""
    for path, value, place in hidden(root):
        if value is stranger or (
            isinstance(value, nn.Module) and any(m is stranger for m in value.modules())
        ):
            return path, place
    return type(stranger).__name__, ()


def concealed(root: nn.Module, registered: set[int]) -> Iterator[tuple[str, Tensor, Site]]:
    """Parameters in plain containers of a module, or of modules that lie there."""
    for path, value, place in hidden(root):
        if isinstance(value, nn.Parameter):
            yield path, value, place
        elif isinstance(value, nn.Module) and id(value) not in registered:
            yield from ((joined(path, name), tensor, place) for name, tensor in value.named_parameters())


def is_at_rest(entry: Known) -> bool:
    """Whether the optimizer that trained a parameter is gone, and no new gradient has come since."""
    tensor = entry.tensor()
    if entry.keeper is None or entry.keeper() is not None or tensor is None:
        return False
    gradient = tensor.grad
    before = entry.mark
    if gradient is None:
        entry.mark = NO_GRADIENT
        return True
    entry.mark = (weakref.ref(gradient), gradient._version)
    if before is None:
        return True
    known, version = before  # a new gradient may lie where the one before it was: only a reference tells
    return known is not None and known() is gradient and version == gradient._version


def assigned_at(kind: type, attribute: str) -> Site:
    """The line of a class that assigns ``self.<attribute>``; empty if its source is not at hand."""
    for owner in kind.__mro__:
        init = vars(owner).get("__init__")
        code = getattr(init, "__code__", None)
        if code is None:
            continue
        source = "".join(linecache.getlines(code.co_filename))
        assignment = re.compile(rf"\s*self\.{re.escape(attribute)}\b")
        last = max((line for *_, line in code.co_lines() if line), default=0)
        for number, text in enumerate(source.splitlines(), 1):
            if code.co_firstlineno <= number <= last and assignment.match(text):
                return (Place(code.co_filename, number, code.co_name),)
    return ()
