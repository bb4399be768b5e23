"""The network as it ran: its layers in the order of their calls, what they hold, and what they cost."""

from __future__ import annotations

from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import torch
from torch import Tensor, nn

from osler.model import LayerFact, NetworkFact, Site, counted
from osler.preflight.bench import Bench
from osler.preflight.layer_calls import Caller, caller, hooked, is_compiled, repeat
from osler.preflight.outcome import Outcome, Steps
from osler.replay.trees import tensors
from osler.replay.turn import ForwardCall
from osler.runtime.userlines import UserLines

QUESTION = "where does a forward pass spend its time?"
COST = 0
REPEATS = 3
"""Timed passes; of each layer the shortest time counts."""

ENOUGH = 1.0
"""Seconds of timed passes after which no further one is made."""

SHAPES = 2
"""Tensors of an output whose shapes are kept."""

MOST = 2_000
"""Layers that are kept."""

VISIBLE = 0.005
"""Share of the time from which on a module is listed that neither holds parameters nor is a leaf."""

NAMED = 3
"""Layers that the answer names."""


def reason(bench: Bench) -> str:
    """Why it cannot be asked."""
    if not bench.models:
        return "no model was called in the first turn"
    return "compiled code hides the layers" if any(map(is_compiled, bench.models)) else ""


def perform(bench: Bench) -> Steps:
    """Call each model again with the arguments of its first call, and watch its layers."""
    yield from ()
    facts = tuple(watched(call, bench.observer.lines) for call in bench.first_calls)
    whole = sum(f.seconds for f in facts)
    shares = [(f.seconds / whole * layer.share, layer) for f in facts for layer in f.layers] if whole else []
    dearest = sorted(shares, key=lambda pair: -pair[0])[:NAMED]
    told = ", ".join(f"{layer.name or f'{layer.kind} itself'} {share:.0%}" for share, layer in dearest)
    parameters, trainable = sum(f.elements for f in facts), sum(f.trainable for f in facts)
    learn = "all trainable" if trainable == parameters else f"{trainable} trainable"
    layers = counted(sum(len(f.layers) for f in facts), "layer")
    values = {"parameters": parameters, "trainable": trainable, "seconds": whole}
    return Outcome(f"most of it in {told}; {layers}, {parameters} parameters, {learn}", values, facts)


@dataclass(slots=True)
class Pass:
    """What was seen of one layer.

    Attributes:
        outputs: shapes of what the first call returned.
        site: where it was called first.
        calls: of one pass.
        seconds: its own, without those of its parts; the shortest of all passes.
    """

    outputs: tuple[tuple[int, ...], ...] = ()
    site: Site = ()
    calls: int = 0
    seconds: float = 0.0


@dataclass(slots=True)
class Running:
    """A call that has not returned yet.

    Attributes:
        entered: moment at which we heard of it; what we do ourselves is no time of the layer around it.
        started: moment from which its own time counts.
        inside: seconds of the calls inside it.
    """

    entered: float
    started: float = 0.0
    inside: float = 0.0


@dataclass(slots=True)
class Stopwatch:
    """Times the calls of modules, each without those inside it.

    Attributes:
        caller: tells where a layer is called.
        passes: what was seen, by identity of the module, in the order in which the calls began.
    """

    caller: Caller
    passes: dict[int, Pass] = field(default_factory=dict[int, Pass])
    _running: list[Running] = field(default_factory=list["Running"])

    def begin(self, module: nn.Module, _: Any) -> None:
        """A call begins."""
        now = Running(entered=clock())
        self._running.append(now)
        seen = self.passes.setdefault(id(module), Pass())
        seen.calls += 1
        if not seen.site:
            seen.site = self.caller.line()
        now.started = clock()

    def end(self, module: nn.Module, _: Any, output: Any) -> None:
        """A call has returned."""
        stopped, call = clock(), self._running.pop()
        seen = self.passes[id(module)]
        seen.seconds += stopped - call.started - call.inside
        seen.outputs = seen.outputs or tuple(tuple(t.shape) for t in tensors(output)[:SHAPES])
        if self._running:
            self._running[-1].inside += clock() - call.entered


def clock() -> float:
    """Now, once the device has done what it was given."""
    if torch.cuda.is_initialized():
        torch.cuda.synchronize()
    return perf_counter()


def watched(call: ForwardCall, lines: UserLines) -> NetworkFact:
    """One model: a pass to warm up, then the timed ones."""
    repeat(call)
    passes: list[dict[int, Pass]] = []
    began = perf_counter()
    while len(passes) < REPEATS and (not passes or perf_counter() - began < ENOUGH):
        watch = Stopwatch(caller(call, lines))
        with hooked(watch.begin, watch.end):
            repeat(call)
        passes.append(watch.passes)
    return described(call, shortest(passes))


def shortest(passes: list[dict[int, Pass]]) -> dict[int, Pass]:
    """The first pass, each layer with its shortest time of all."""
    first = passes[0]
    for key, seen in first.items():
        seen.seconds = min(p[key].seconds for p in passes if key in p)
    return first


def described(call: ForwardCall, passes: dict[int, Pass]) -> NetworkFact:
    """The model in numbers."""
    root = call.module
    names = {id(module): (name, module) for name, module in root.named_modules()}
    whole = sum(seen.seconds for key, seen in passes.items() if key in names) or 1.0
    counted_before: set[int] = set()
    layers: list[LayerFact] = []
    for key, seen in passes.items():
        if key not in names:
            continue
        name, module = names[key]
        own = list(module.parameters(recurse=False))
        shared = [p for p in own if id(p) in counted_before]
        counted_before.update(map(id, own))
        share = max(0.0, seen.seconds / whole)
        if own or share >= VISIBLE or next(module.children(), None) is None:
            layers.append(LayerFact(
                name, type(module).__name__, seen.site, seen.outputs, elements(own),
                elements([p for p in own if p.requires_grad]), elements(shared), seen.calls, share,
            ))  # fmt: skip
    every = list(root.parameters())
    trainable = elements([p for p in every if p.requires_grad])
    return NetworkFact(
        type(root).__name__, elements(every), trainable, whole, tuple(layers[:MOST]), call.site
    )


def elements(parameters: list[nn.Parameter] | list[Tensor]) -> int:
    """Numbers in these parameters."""
    return sum(p.numel() for p in parameters)
