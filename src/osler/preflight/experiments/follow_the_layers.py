"""Which layers are given the very tensor that another layer returned, with nothing in between?"""

from __future__ import annotations

import dis
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from types import FunctionType
from typing import Any

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm  # pyright: ignore[reportPrivateUsage]
from torch.nn.modules.dropout import _DropoutNd  # pyright: ignore[reportPrivateUsage]

from osler.model import HandoverFact, PartFact, PartsFact, Site, counted
from osler.preflight.bench import Bench
from osler.preflight.layer_calls import Caller, caller, hooked, is_compiled, repeat
from osler.preflight.outcome import Outcome, Steps
from osler.replay.births import Births
from osler.replay.trees import tensors
from osler.replay.turn import ForwardCall
from osler.runtime.userlines import UserLines

QUESTION = "which layers feed another one straight, with nothing in between?"
COST = 0
MOST = 2_000
"""Layers that are kept."""

OF_TORCH = frozenset(vars(nn.Module()))
"""Attributes of every module."""


def reason(bench: Bench) -> str:
    """Why it cannot be asked."""
    if not bench.models:
        return "no model was called in the first turn"
    return "compiled code hides the layers" if any(map(is_compiled, bench.models)) else ""


def perform(bench: Bench) -> Steps:
    """Call each model again as in training, and those that hand over once more in evaluation mode."""
    yield from ()
    facts = tuple(followed(bench, call) for call in bench.first_calls)
    parts = sum(len(f.parts) for f in facts)
    pairs = [(h.giver.kind, h.taker.kind) for f in facts for h in f.handovers]
    told = ", ".join(f"{a} to {b}" for (a, b), _ in Counter(pairs).most_common(3))
    answer = f"{len(pairs)} of {counted(parts, 'layer')}{': most often ' * bool(told)}{told}"
    return Outcome(answer, {"layers": parts, "handovers": len(pairs)}, facts)


@dataclass(slots=True)
class Met:
    """The first call of a layer, and how many there were."""

    module: nn.Module
    inputs: tuple[int, ...]
    site: Site
    outputs: tuple[int, ...] = ()
    calls: int = 0


@dataclass(slots=True)
class Trail:
    """Follows tensors from the layer that returns them to the layer that is given them.

    Attributes:
        caller: tells where a layer is called.
        met: layers by identity, in the order of their first calls.
        made: what a layer has returned, by identity: the tensor, its version, the layer. They are kept
            alive, so that no other tensor takes their place.
        pairs: identities of giver, taker and tensor.
    """

    caller: Caller
    met: dict[int, Met] = field(default_factory=dict[int, Met])
    made: dict[int, tuple[Tensor, int, nn.Module]] = field(
        default_factory=dict[int, tuple[Tensor, int, nn.Module]]
    )
    pairs: list[tuple[int, int, int]] = field(default_factory=list[tuple[int, int, int]])

    def begin(self, module: nn.Module, args: Any) -> None:
        """A call begins."""
        if not is_part(module):
            return
        given = next(iter(tensors(args)), None)
        seen = self.met.get(id(module))
        if seen is None:
            seen = self.met[id(module)] = Met(module, shape(given), self.caller.line())
        seen.calls += 1
        maker = self.made.get(id(given))
        if given is not None and maker is not None and maker[1] == given._version:
            self.pairs.append((id(maker[2]), id(module), id(given)))

    def end(self, module: nn.Module, _: Any, output: Any) -> None:
        """A call has returned."""
        if not is_part(module) or type(module) is nn.Identity:
            return
        result = next(iter(tensors(output)), None)
        if result is not None:
            seen = self.met[id(module)]
            seen.outputs = seen.outputs or shape(result)
            self.made[id(result)] = result, result._version, module


def is_part(module: nn.Module) -> bool:
    """Whether it is a layer without parts."""
    return not module._modules  # pyright: ignore[reportPrivateUsage]


def shape(tensor: Tensor | None) -> tuple[int, ...]:
    """Its axes; none if there is no tensor."""
    return tuple(tensor.shape) if tensor is not None else ()


def followed(bench: Bench, call: ForwardCall) -> PartsFact:
    """One model: who feeds whom."""
    trail, alone = walked(bench.observer.lines, call)
    if alone:
        with bench.evaluating(call):
            later, still = walked(bench.observer.lines, call)
        kept = {(giver, taker) for giver, taker, tensor in later.pairs if tensor in still}
        alone = {t for giver, taker, t in trail.pairs if t in alone and (giver, taker) in kept}
    root = call.module
    parts = dict(described(root, trail.met.values(), bench.observer.births))
    named_once = {key for key in parts if is_named_once(root, parts[key].name)}
    handovers = (
        HandoverFact(parts[giver], parts[taker], tensor in alone and giver in named_once)
        for giver, taker, tensor in trail.pairs
        if giver in parts and taker in parts
    )
    return PartsFact(type(root).__name__, tuple(parts.values()), tuple(handovers), bench.pretrained)


def walked(lines: UserLines, call: ForwardCall) -> tuple[Trail, set[int]]:
    """What a pass shows, and the tensors that one layer alone has used."""
    trail = Trail(caller(call, lines))
    with hooked(trail.begin, trail.end):
        output = repeat(call)
    takers = Counter(tensor for *_, tensor in trail.pairs)
    once = {key for key, count in takers.items() if count == 1}
    results = [t for t in tensors(output) if t.grad_fn is not None]
    uses = Counter(node for result in results for node in [result.grad_fn])
    uses.update(edges(results))
    kept = kept_by(call.module)
    free = (key for key in once if key not in kept and not trail.made[key][2]._forward_hooks)  # pyright: ignore
    return trail, {key for key in free if uses[trail.made[key][0].grad_fn] == 1}


def kept_by(root: nn.Module) -> set[int]:
    """Identities of the tensors that the parts of a model hold as plain attributes."""
    attributes = (v for m in root.modules() for name, v in vars(m).items() if name not in OF_TORCH)
    return {id(tensor) for value in attributes for tensor in tensors(value)}


def edges(results: Iterable[Tensor]) -> Iterator[Any]:
    """The end of each edge of the graph behind some tensors."""
    todo = [t.grad_fn for t in results]
    known = set(todo)
    while todo:
        node = todo.pop()
        for other, _ in node.next_functions if node is not None else ():
            if other is None:
                continue
            yield other
            if other not in known:
                known.add(other)
                todo.append(other)


def described(root: nn.Module, met: Iterable[Met], births: Births) -> Iterator[tuple[int, PartFact]]:
    """The layers of torch's own among those that were called, by identity."""
    names: dict[int, list[str]] = {}
    for name, module in root.named_modules(remove_duplicate=False):
        names.setdefault(id(module), []).append(name)
    holds = Counter(id(p) for _, p in root.named_parameters(remove_duplicate=False))
    for seen in list(met)[:MOST]:
        module = seen.module
        if id(module) not in names or not type(module).__module__.startswith("torch.nn."):
            continue
        name, *others = names[id(module)]
        own = list(module.parameters(recurse=False))
        norm = module if isinstance(module, _BatchNorm) else None
        yield id(module), PartFact(
            name=name,
            kind=type(module).__name__,
            inputs=seen.inputs,
            outputs=seen.outputs,
            elements=sum(p.numel() for p in own),
            calls=seen.calls,
            is_free=all(p.requires_grad and holds[id(p)] == 1 for p in own),
            rate=module.p if isinstance(module, _DropoutNd) else 0.0,
            eps=norm.eps if norm else 0.0,
            momentum=(norm.momentum or 0.0) if norm and norm.track_running_stats else 0.0,
            keeps_statistics=norm is not None and norm.track_running_stats,
            again=tuple(n for n in others if is_in_one_list(n, name)),
            site=seen.site,
            built=births.site(module),
        )  # fmt: skip


def is_in_one_list(one: str, other: str) -> bool:
    """Whether two names are two places of one list, or the same part of two places."""
    here, there = one.split("."), other.split(".")
    differing = [pair for pair in zip(here, there, strict=False) if pair[0] != pair[1]]
    return len(here) == len(there) and len(differing) == 1 and all(name.isdigit() for name in differing[0])


def is_named_once(root: nn.Module, name: str) -> bool:
    """Whether one line alone of the class around a layer uses it; a place in a list has no name."""
    prefix, _, attribute = name.rpartition(".")
    around = root.get_submodule(prefix)
    if isinstance(around, nn.Sequential) or attribute.isdigit():
        return True
    functions = (
        function
        for kind in type(around).__mro__
        if not kind.__module__.startswith("torch.")
        for function in vars(kind).values()
        if isinstance(function, FunctionType)
    )
    uses = (
        step.opname
        for function in functions
        for step in dis.get_instructions(function)
        if step.argval == attribute and step.opname.startswith("LOAD_")
    )
    return sum(1 for _ in uses) == 1
