"""Root forwards: `nn.Module.__call__`, with the mode of the layers and the fate of the output's graph."""

# pyright: reportPrivateUsage=false

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable
from types import FrameType
from typing import Any

import torch
from torch import Tensor, nn
from torch.compiler import is_compiling

from osler.model import Kind, ModelFact, NotFiniteFact, Site
from osler.runtime.frozen_norms import FrozenNorms
from osler.runtime.idle import Idle
from osler.runtime.nonfinite import Scan, odd_value
from osler.runtime.outputs import Pulse
from osler.runtime.patches import Patches
from osler.runtime.recurrence import RECURRENT, note_cut
from osler.runtime.refusals import lookup_outside
from osler.runtime.registry import Model, numbers_in, recalibrating, tensors_in
from osler.runtime.sample_axes import SEQUENTIAL
from osler.runtime.structure import Structure
from osler.runtime.unmoved_norms import UnmovedNorms
from osler.runtime.variables import variables_of
from osler.runtime.watcher import Watcher

RECORDED = 4
"""Root calls with a graph, and without, in which submodules are recorded, at 0.3 µs for each."""

LOOKED_AT = (*RECURRENT, nn.MultiheadAttention)
"""Layers whose calls are looked at in each root call that is recorded."""

REPEATS = 2
"""Calls with the very same input before the next is a repeat: evaluating loss and accuracy takes two."""


def install(watcher: Watcher, patches: Patches) -> None:
    """Rebind ``nn.Module.__call__``."""
    watch = Forwards(watcher)
    patches.rebind(nn.Module, "__call__", watch.wrap)


class Forwards:
    """Observes the outermost module call; what happens inside is looked at only in the first calls."""

    def __init__(self, watcher: Watcher) -> None:
        self.watcher = watcher
        self.before = watcher.gate("forward calls")
        self.after = watcher.gate("forward outputs")
        self.below = watcher.gate("calls of submodules")
        self.refusal = watcher.gate("indices that torch refuses")
        self.root: Model | None = None
        self.structure = Structure(watcher.run, watcher.lines)
        self.scan: Scan | None = None
        self.traits: dict[tuple[str, ...], frozenset[str]] = {}
        self.gate_idle = watcher.gate("parts that are not used")
        self.idle = Idle(watcher.lines)
        watcher.at_finish.append(lambda: self.gate_idle.within(self.list_idle))
        self.norms = FrozenNorms(watcher.run)
        self.gate_norms = watcher.gate("frozen BatchNorm layers")
        self.gate_states = watcher.gate("states of recurrent cells")
        self.gate_axes = watcher.gate("axes of samples in layers")
        self.compares = False
        self.unmoved = UnmovedNorms(watcher.run, watcher.registry)
        self.gate_unmoved = watcher.gate("statistics of BatchNorm layers in eval mode")
        watcher.at_finish.append(lambda: self.gate_unmoved.within(self.unmoved.finish))

    def wrap(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """The replacement of ``Module.__call__``."""
        inside, thinning = self.watcher.inside, self.watcher.thinning
        root_call = self.root_call(original)

        def __call__(self_: nn.Module, *args: Any, **kwargs: Any) -> Any:
            if is_compiling() or (inside.now and self.root is None):
                return original(self_, *args, **kwargs)
            if inside.now:
                self.below.call(self.submodule, self_, sys._getframe(1))
                output = original(self_, *args, **kwargs)
                root = self.root
                first = root is not None and (not root.calls or isinstance(self_, LOOKED_AT))
                if first or self.scan is not None:
                    self.below.call(self.returned, self_, args, kwargs, output, sys._getframe(1))
                return output
            if not self_._modules and not self_._parameters:  # a loss or an activation: no model
                return original(self_, *args, **kwargs)
            if not thinning.on:
                return root_call(self_, args, kwargs, sys._getframe(1))
            inside.now = True
            try:
                return original(self_, *args, **kwargs)
            except (IndexError, RuntimeError) as error:
                self.refusal.call(self.refused, error)
                raise
            finally:
                inside.now = False
                thinning.called(id(self_))

        return __call__

    def root_call(self, original: Callable[..., Any]) -> Callable[[nn.Module, Any, Any, FrameType], Any]:
        """How an outermost call is made while the watcher is awake."""
        inside = self.watcher.inside

        def call(module: nn.Module, args: Any, kwargs: Any, frame: FrameType) -> Any:
            self.watcher.stop_if_asked()
            model = self.before.call(self.begin, module, frame)
            inside.now = True
            try:
                output = original(module, *args, **kwargs)
            except (IndexError, RuntimeError) as error:
                self.refusal.call(self.refused, error)
                raise
            finally:
                inside.now = False
                if model is not None or not self.before.open:  # else another thread's root may be under way
                    self.root = None
            if model is not None:
                self.after.call(self.end, model, args, kwargs, output, frame)
                if isinstance(module, LOOKED_AT):
                    self.gate_states.call(self.sequences, model, module, args, kwargs, output, frame)
            return output

        return call

    def refused(self, error: BaseException) -> None:
        """A forward raised: did an index point outside its table?"""
        run = self.watcher.run
        fact = lookup_outside(error, self.watcher.lines, run.steps)
        if fact is not None:
            run.indices.setdefault((fact.function, fact.site), fact)

    def begin(self, module: nn.Module, frame: FrameType) -> Model | None:
        """Before a root call: whose it is, and whether its submodules are recorded."""
        if torch._C._get_tracing_state() is not None or torch._C._current_graph_task_id() != -1:  # pyright: ignore
            return None
        watcher = self.watcher
        watcher.arrived(frame)
        watcher.begin_look()
        watcher.thinning.met.add(id(module))
        root = self.owner(module, frame)
        model = watcher.registry.known(root)
        if model is None:
            model = watcher.registry.model(root)
            self.describe(model)
            self.structure.meet(model)
        elif model.stale:
            model.refresh()
        watcher.compile_seen = watcher.compile_seen or model.compiled
        self.compares = (
            model.has_norms and root.training and bool(self.gate_norms.within(self.norms.before, root))
        )
        if not torch.is_grad_enabled():
            self.unrecorded(model, frame)
            return model
        if watcher.evaluating:
            watcher.end_look()
        watcher.begin_lines()
        if model.calls < RECORDED or watcher.scan_wanted or watcher.recurrence.wants(model.name):
            self.record(model, root, module, frame)
        return model

    def unrecorded(self, model: Model, frame: FrameType) -> None:
        """A root call without gradients begins: an evaluation, as a rule."""
        if model.has_attention:
            self.watcher.end_look()  # its mode would make torch compute the attention in another way
        else:
            self.watcher.look_at_metrics(model.calls, frame)
        if model.looks < RECORDED:
            self.root = model
            model.looks += 1

    def record(self, model: Model, root: nn.Module, module: nn.Module, frame: FrameType) -> None:
        """In this call the calls of submodules are recorded."""
        self.root = model
        self.watcher.axes.root_called(self.watcher.lines.site(frame))
        if not model.calls or self.watcher.scan_wanted:
            self.scan = Scan()
        model.called.update((id(root), id(module)))
        if id(module) not in model.registered:
            model.refresh()

    def owner(self, module: nn.Module, frame: FrameType) -> nn.Module:
        """The module that is really at work: a user's module may call its parts outside ``__call__``."""
        user = self.watcher.lines.frame(frame)
        owner = module
        while user is not None:
            code = user.f_code
            if not code.co_argcount or code.co_varnames[0] != "self":
                break
            holder = variables_of(user).get("self")
            if not isinstance(holder, nn.Module) or holder is owner:
                break
            if not any(m is owner for m in holder.modules()):
                break
            owner = holder
            user = self.watcher.lines.frame(user.f_back)
        return owner

    def describe(self, model: Model) -> None:
        """Write down what is known of a model."""
        module = model.module()
        if module is None:
            return
        parameters = list(module.parameters())
        self.watcher.run.models[model.name] = ModelFact(
            name=model.name,
            parameters=numbers_in(*parameters),
            trainable=numbers_in(*(p for p in parameters if p.requires_grad)),
            modules=len(model.registered),
            mode_sensitive=tuple(name for name, _ in model.sensitive),
            compiled=model.compiled,
        )

    def submodule(self, module: nn.Module, frame: FrameType) -> None:
        """A call below the root: it is used; if the root does not know it, it is not registered."""
        model = self.root
        if model is None:
            return
        model.seen.add(id(module))
        if not torch.is_grad_enabled():
            return
        model.called.add(id(module))
        if id(module) not in model.registered:
            model.registered.update(id(m) for m in module.modules())
            model.strangers.append((module, self.watcher.lines.site(frame)))

    def returned(self, module: nn.Module, args: Any, kwargs: Any, output: Any, frame: FrameType) -> None:
        """A call below the root returned: in the root's first call its place and shapes are written down."""
        if self.root is not None and isinstance(module, LOOKED_AT):
            self.gate_states.within(self.sequences, self.root, module, args, kwargs, output, frame)
        if self.root is not None and not self.root.calls and torch.is_grad_enabled():
            self.structure.returned(module, args, output, frame)
        if self.scan is not None:
            self.scan.add(module, args, output, self.watcher.lines.site(frame))

    def sequences(
        self, model: Model, layer: nn.Module, args: Any, kwargs: Any, output: Any, frame: FrameType
    ) -> None:
        """A layer over sequences, or a recurrent cell, returned."""
        axes = self.watcher.axes
        if isinstance(layer, SEQUENTIAL) and not axes.is_done(layer):
            self.gate_axes.within(axes.called, model.name, model.module(), layer, (args, kwargs), frame)
        if isinstance(layer, RECURRENT):
            self.recurrent(model, layer, args, kwargs, output, frame)

    def recurrent(
        self, model: Model, cell: nn.Module, args: Any, kwargs: Any, output: Any, frame: FrameType
    ) -> None:
        """A recurrent cell returned: is its state that of an earlier call without its graph?"""
        recurrence, look = self.watcher.recurrence, self.watcher.look
        if recurrence.is_done(cell):
            return
        given = (*args, kwargs.get("input"))[0], args[1] if len(args) > 1 else kwargs.get("hx")
        name = self.structure.name_of(cell) or f"{model.name}.{type(cell).__name__}"
        calls = recurrence.called(cell, model.name, name, given, output, self.watcher.lines.site(frame))
        if calls is not None and look is not None and not look.over:
            note_cut(calls, given[1], look)

    def list_idle(self) -> None:
        """At the end: what was declared and never used?"""
        run, models = self.watcher.run, self.watcher.registry.models
        if not self.watcher.compile_seen:
            run.idle = {f"{f.model}.{f.name}": f for f in self.idle.facts(models, run.parameters)}

    def look_through(self, model: Model, scan: Scan, outputs: list[Tensor]) -> None:
        """A forward whose inner calls were kept is over: is its output finite, and who made it otherwise?"""
        self.scan = None
        self.watcher.scan_wanted = False
        run = self.watcher.run
        if "activations" in run.not_finite or odd_value(outputs) is None:
            return
        found = scan.first()
        if found is not None:
            module, value, site = found
            name = self.structure.name_of(module) or f"{model.name}.{type(module).__name__}"
            run.not_finite["activations"] = NotFiniteFact(
                "activations",
                value,
                run.steps,
                run.backwards + 1,
                (*self.watcher.lines.definition(type(module).forward), *site),
                subjects=(name,),
            )

    def end(self, model: Model, args: Any, kwargs: Any, output: Any, frame: FrameType) -> None:
        """After a root call: emit the event, follow the output's graph."""
        watcher = self.watcher
        site = watcher.lines.site(frame)
        mode = model.mode()
        self.look_at_norms(model, mode, site)
        outputs = tensors_in(output)
        recording = torch.is_grad_enabled()
        graph = recording and any(t.requires_grad for t in outputs)
        if recording:
            self.given(model, args, kwargs, site)
        odd = () if recording else oddities(model, mode, args, kwargs)
        if self.scan is not None:
            self.look_through(model, self.scan, outputs)
        if graph and not model.calls and (root := model.module()) is not None:
            self.structure.returned(root, args, output, frame)
            self.describe(model)
            watcher.measure_again()
        model.calls += graph
        if graph and model.calls == RECORDED:
            self.gate_idle.within(self.idle.note, model)
        traits = self.traits_of(mode, "grad" if graph else "" if recording else "no-grad", *odd)
        event = watcher.ledger.emit(Kind.FORWARD, model.name, site, traits)
        watcher.ledger.moments += 1
        if graph:
            used = watcher.ledger.event(Kind.USED, model.name, site, traits)
            pulse = Pulse(event, watcher.run.turns, lambda _: watcher.ledger.append(used))
            watcher.outputs.follow(outputs, pulse)
            watcher.look_for_kept_graphs(frame)

    def look_at_norms(self, model: Model, mode: str, site: Site) -> None:
        """After a root call: what has become of the running statistics?"""
        if self.compares and (root := model.module()) is not None:
            self.gate_norms.within(self.norms.after, root, model, site)
        if self.unmoved.is_due(model, mode):
            self.gate_unmoved.within(self.unmoved.called, model, site)

    def given(self, model: Model, args: Any, kwargs: Any, site: Site) -> None:
        """What a model is trained on now."""
        model.last_input = None
        self.watcher.given.forward(args, kwargs)
        self.watcher.samples.forward(model.name, args, kwargs, site)

    def traits_of(self, *names: str) -> frozenset[str]:
        """One object for each combination; an empty name is none."""
        known = self.traits.get(names)
        if known is None:
            known = self.traits[names] = frozenset(name for name in names if name)
        return known


def oddities(model: Model, mode: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[str, ...]:
    """What sets a call without gradients apart from an ordinary evaluation."""
    repeat = ("repeat",) if is_repeat(model, args, kwargs) else ()
    return (*repeat, "recalibrating") if mode and recalibrating(model) else repeat


def is_repeat(model: Model, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Whether the model got the very same tensor for the third time in a row."""
    first = next((a for a in (*args, *kwargs.values()) if isinstance(a, Tensor)), None)
    same = first is not None and model.last_input is not None and model.last_input() is first
    model.repeats = model.repeats + 1 if same else 0
    model.last_input = weakref.ref(first) if first is not None else None
    return model.repeats >= REPEATS
