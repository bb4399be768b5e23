"""`backward()` and `autograd.grad`: the root, the leaves behind it, and what they do to the gradients."""

# pyright: reportPrivateUsage=false

from __future__ import annotations

import sys
from collections.abc import Callable
from threading import get_ident
from time import perf_counter_ns
from types import FrameType
from typing import Any

import torch
from torch import Tensor, nn
from torch.compiler import is_compiling
from torch.overrides import has_torch_function

from osler.model import Kind, SignFact, Site
from osler.runtime.deferred import Deferred
from osler.runtime.derivatives import by_data, leaves_graph_open
from osler.runtime.graph import described, leaves
from osler.runtime.growth import Growth
from osler.runtime.guard import dispatch_modes, function_modes
from osler.runtime.idle_norms import NAME, idle_norms, looked_at
from osler.runtime.inplace import explained
from osler.runtime.inputs import not_finite_input
from osler.runtime.loss_part import logs_behind, spread_behind, suspicious
from osler.runtime.loss_signs import terms
from osler.runtime.patches import Patches
from osler.runtime.precision import precision
from osler.runtime.registry import held, plain
from osler.runtime.saturation import Saturation
from osler.runtime.watcher import Watcher

BACKWARD = Kind.BACKWARD
"""A name of this module is found faster than a member of an enumeration."""

CREATE_GRAPH = 4
"""Position of this argument of `autograd.grad`."""

WALKS = 3
"""Backward calls per site whose graph is walked at first; later ones whenever parameters are looked at."""

DRAWN = 8
"""Lines whose graphs are written down."""


def install(watcher: Watcher, patches: Patches) -> None:
    """Swap the code of ``torch.autograd.backward`` and ``torch.autograd.grad``."""
    watch = Backwards(watcher)
    patches.swap(torch.autograd.backward, lambda twin: watch.wrap(twin, watch.before, watch.after))
    patches.swap(torch.autograd.grad, lambda twin: watch.wrap(twin, watch.before_grad, None))


class Backwards:
    """Observes backward calls."""

    def __init__(self, watcher: Watcher) -> None:
        self.watcher = watcher
        self.log, self.several = watcher.thinning.log, watcher.measuring.several
        self.gate_before = watcher.gate("backward calls")
        self.gate_after = watcher.gate("gradients")
        self.gate_failed = watcher.gate("backward calls that fail")
        self.walks: dict[Site, int] = {}
        self.site: Site = ()
        self.input_sites: set[Site] = set()
        self.deferred = Deferred(watcher)
        self.gate_lightly = watcher.gate("losses at rest")
        self.gate_lightly.reads = False  # it adds to the log
        self.gate_loss = watcher.gate("what computes the loss")
        self.gate_norms = watcher.gate("BatchNorm behind the loss")
        self.gate_inputs = watcher.gate("inputs that are not finite")
        self.doubted: set[Site] = set()
        self.growth = Growth(watcher.run)
        self.gate_growth = watcher.gate("graphs that grow")
        self.gate_derivatives = watcher.gate("derivatives")
        self.differentiated: dict[Site, bool] = {}
        self.gate_following = watcher.gate("networks that follow others")
        self.gate_states = watcher.gate("gradients through time")
        self.gate_outside, census = watcher.gate("parameters out of range"), watcher.census
        self.outside = Saturation(watcher.run, watcher.registry, census.name_of, watcher.graph_lines.place)
        for moments in (watcher.at_finish, watcher.at_pass_end):
            moments.append(lambda: self.gate_outside.within(self.outside.compare))

    def wrap(
        self,
        twin: Callable[..., Any],
        before: Callable[[Any, FrameType], None],
        after: Callable[[], None] | None,
    ) -> Callable[..., Any]:
        """What the swapped code calls."""
        inside, thinning = self.watcher.inside, self.watcher.thinning

        def observed(*args: Any, **kwargs: Any) -> Any:
            if is_compiling() or not args or (after is None and has_torch_function(tensors_of(args[0]))):
                return twin(*args, **kwargs)
            light = thinning.on and (after is None or self.noted(args[0], sys._getframe(1)))
            if not light:
                self.gate_before.call(before, args[0], sys._getframe(1))
            elif after is None:
                thinning.note(BACKWARD)
            if after is None and not light:
                self.gate_derivatives.call(self.differentiate, args, sys._getframe(1))
            outer, inside.now = inside.now, True
            try:
                result = twin(*args, **kwargs)
            except RuntimeError as error:
                self.gate_failed.call(self.failed, error, sys._getframe(1))
                raise
            finally:
                inside.now = outer
            if after is not None and not light:
                self.gate_after.call(after)
            return result

        return observed

    def noted(self, given: Any, frame: FrameType) -> bool:
        """A backward while the watcher rests: the loss is noted; false if it deserves a closer look."""
        guard, now = self.watcher.guard, perf_counter_ns()
        if get_ident() != guard.owner or guard.busy:
            return True
        if (
            type(given) is Tensor and given.is_cpu and given.numel() == 1  # almost always
            and BACKWARD not in self.several and not (dispatch_modes() or function_modes())
        ):  # fmt: skip
            value = given.item()
            if value - value == 0:
                self.log.append((BACKWARD, "", value, 0.0))
                guard.nanoseconds += perf_counter_ns() - now
                return True
        return self.gate_lightly.call(self.lightly, given, frame) is not False

    def lightly(self, given: Any, frame: FrameType) -> bool:
        """The same for losses at several lines, on an accelerator, or not finite."""
        watcher = self.watcher
        measuring = watcher.measuring
        measuring.subject = ""
        if BACKWARD in self.several:
            measuring.at(BACKWARD, watcher.lines.site(frame))
        value = self.value_of(given)
        if value is not None and value - value != 0 and "loss" not in watcher.run.not_finite:
            watcher.thinning.wake()
            return False
        self.log.append((BACKWARD, measuring.subject, value, 0.0))
        return True

    def value_of(self, given: Any) -> float | None:
        """The loss, if it can be read without waiting; one on an accelerator is read later."""
        root = next(iter(tensors_of(given)), None)
        if root is None or root.numel() != 1:
            return None
        if not root.is_cpu:
            self.deferred.put(root, ())
            return None
        return root.item() if plain(root) else None

    def differentiate(self, args: tuple[Any, ...], frame: FrameType) -> None:
        """``autograd.grad`` is about to run: a derivative without a graph may be a constant in a loss."""
        watcher = self.watcher
        site = watcher.lines.site(frame)
        if len(args) <= CREATE_GRAPH or args[CREATE_GRAPH]:
            return
        if site not in self.differentiated:
            known = by_data(tensors_of(args[1])) and leaves_graph_open(frame, watcher.lines.kind)
            self.differentiated[site] = known
        if self.differentiated[site]:  # one that began later in its turn has not seen it
            self.differentiated[site] = watcher.look is None or watcher.look.over or watcher.evaluating
            if self.differentiated[site]:
                watcher.want_look()

    def before_grad(self, given: Any, frame: FrameType) -> None:
        """``autograd.grad`` is about to run: it touches no ``.grad``."""
        roots = tensors_of(given)
        if roots:
            self.watcher.arrived(frame)
            self.watcher.recurrence.forget()
            traits = root_traits(roots) | {"gradient-only"}
            self.watcher.ledger.emit(Kind.BACKWARD, "", self.watcher.lines.site(frame), frozenset(traits))

    def before(self, given: Any, frame: FrameType) -> None:
        """``backward`` is about to run."""
        watcher = self.watcher
        roots = tensors_of(given)
        if not roots:
            return
        watcher.arrived(frame)
        site = watcher.lines.site(frame)
        traits = root_traits(roots)
        watcher.note_cuts(roots[0], site)
        if traits:
            watcher.want_look()
        watcher.run.backwards += 1
        if not watcher.guard.settled:
            watcher.settle()
        if watcher.graph_lines.close() and site in watcher.graph_lines.wanted:
            watcher.graph_lines.wanted.remove(site)
            self.draw(roots[0], site)
        self.walk(roots, site, frame)
        self.gate_loss.within(self.examine, roots[0], site)
        states = watcher.recurrence
        if states.waits and self.gate_states.within(states.backward, roots[0]):
            watcher.want_look()
        if site in self.input_sites:
            traits |= {"reaches-inputs"}
        self.site = site
        self.compare()
        known = "loss" in watcher.run.not_finite
        self.measure(roots[0], site)
        if not known and "loss" in watcher.run.not_finite:
            self.gate_inputs.within(self.suspect, frame, site)
        watcher.ledger.emit(Kind.BACKWARD, "", site, frozenset(traits))

    def compare(self) -> None:
        """Look at gradients and followers as they are ahead of a backward."""
        watcher = self.watcher
        if watcher.following.copies:
            self.gate_following.within(watcher.following.arrived)
        holders = watcher.all_holders()
        if len(holders) > 1:
            watcher.leaks.before_backward(holders)
        for holder in holders:
            holder.before_backward()

    def after(self) -> None:
        """``backward`` has run."""
        watcher = self.watcher
        moment = watcher.ledger.moments
        for holder in watcher.all_holders():
            if holder.after_backward(moment, watcher.run.backwards):
                watcher.leaks.reached(holder, self.site)
        watcher.look_at_parameters()
        watcher.by_hand.after_backward()
        watcher.measuring.before_hand(watcher.by_hand.stepped)
        if not watcher.registry.models:  # nothing but the next loss would announce the next turn
            watcher.begin_look()
            watcher.begin_lines()

    def failed(self, error: RuntimeError, frame: FrameType) -> None:
        """``backward`` has raised; the script will hear of it, whatever is found here."""
        watcher = self.watcher
        lines = watcher.lines
        models = [module for m in watcher.registry.models if (module := m.module()) is not None]
        fact = explained(error, lines.frame(frame), models, lines.kind)
        watcher.run.in_place = fact or watcher.run.in_place

    def measure(self, root: Tensor, site: Site) -> None:
        """Record the loss; a value on an accelerator is read later."""
        watcher = self.watcher
        watcher.measuring.at(Kind.BACKWARD, site)
        watcher.measuring.moment.root = root
        if not root.is_cpu and root.numel() == 1:
            self.deferred.put(root, site)
            return
        value = root.item() if root.numel() == 1 and plain(root) else 0.0
        if value - value != 0:
            watcher.not_finite(value, site, watcher.run.steps, watcher.run.backwards)
        watcher.measuring.take(Kind.BACKWARD)
        watcher.measuring.moment.root = None

    def walk(self, roots: list[Tensor], site: Site, frame: FrameType) -> None:
        """Find the leaves behind the loss on the first calls of a site and when parameters are looked at."""
        watcher = self.watcher
        count = self.walks[site] = self.walks.get(site, 0) + 1
        if count > WALKS and watcher.run.backwards < watcher.next_census:
            return
        if count == 1:
            self.draw(roots[0], site)
        found = leaves(roots)
        self.gate_growth.within(self.grown, roots[0], site, frame)
        census = watcher.census
        census.reach(found)
        loose = self.loose(found)
        if loose and watcher.meet_owners(loose):
            loose = self.loose(found)
        if not loose:
            return
        named = {id(p) for m in watcher.registry.models if (root := m.module()) for p in root.parameters()}
        nameless = [t for t in loose if id(t) not in named]
        census.name_loose(nameless, watcher.lines.frame(frame))
        if (
            any(not isinstance(t, nn.Parameter) and census.of(t).sightings < 2 for t in nameless)
            and count > 1
        ):
            self.input_sites.add(site)
        watcher.by_hand.watch([t for t in loose if census.of(t).sightings > 1 or isinstance(t, nn.Parameter)])

    def grown(self, root: Tensor, site: Site, frame: FrameType) -> None:
        """Does the graph hold those of earlier calls?"""
        models = [module for m in self.watcher.registry.models if (module := m.module()) is not None]
        self.growth.look(root, site, self.walks[site], self.watcher.lines.frame(frame), models)

    def examine(self, root: Tensor, site: Site) -> None:
        """Look at the operations of the loss: on the first calls of a line, and with every census."""
        watcher = self.watcher
        run, look = watcher.run, watcher.look
        if look is None and self.walks[site] > WALKS and run.backwards < watcher.next_census:
            return
        if look is not None and not look.over:
            for fact in spread_behind(root, look, run.steps):
                run.broadcasts.setdefault((fact.operation, fact.site), fact)
            for log in logs_behind(root, look, site, run.steps):
                run.underflows.setdefault(log.site, log)
        if self.walks[site] == 1:
            self.note_signs(root, site)
            self.note_precision(root, site)
        self.gate_norms.within(self.note_norms, root, site)
        self.gate_outside.within(self.outside.look, root, site, self.walks[site] == 1)
        if look is None and site not in self.doubted and suspicious(root):
            self.doubted.add(site)
            watcher.want_look()

    def note_signs(self, root: Tensor, site: Site) -> None:
        """Which loss functions do the steps lower and raise? Not told if the optimizers disagree."""
        optimizers = self.watcher.registry.optimizers()
        ways = {bool(g.get("maximize")) for _, optimizer in optimizers for g in optimizer.param_groups}
        if len(ways) > 1:
            return
        found = terms(root)
        lowered, raised = tuple(found.rising), tuple(found.falling)
        if True in ways:
            lowered, raised = raised, lowered
        if lowered or raised:
            averages = tuple(found.averages)
            self.watcher.run.signs[site] = SignFact(site, lowered, raised, self.watcher.run.steps, averages)

    def note_precision(self, root: Tensor, site: Site) -> None:
        """In which precision do the gradients of this loss flow?"""
        fact = precision(root, site, self.watcher.run.steps)
        if fact is not None:
            self.watcher.run.precisions[site] = fact

    def note_norms(self, root: Tensor, site: Site) -> None:
        """Does the loss go through BatchNorm whose statistics nobody updates?"""
        watcher = self.watcher
        run, look = watcher.run, watcher.look
        known, graph = run.idle_norms.get(site), run.graphs.get(site)
        if (known is None and self.walks[site] > 1) or graph is None:
            return
        if not any(NAME in name for name in graph.operations):
            return
        found = idle_norms(root, watcher.registry)
        if not found:
            run.idle_norms.pop(site, None)
            return
        calls = look.norms if look is not None and not look.over else []
        fact = run.idle_norms[site] = looked_at(known, site, found, calls, run.steps)
        if not fact.sites and look is None:
            watcher.want_look()

    def suspect(self, frame: FrameType, site: Site) -> None:
        """The loss is not finite for the first time: was the batch?"""
        watcher = self.watcher
        fact = not_finite_input(frame, watcher.lines, watcher.given, site, watcher.run.steps)
        if fact is not None:
            watcher.run.inputs[fact.name] = fact

    def draw(self, root: Tensor, site: Site) -> None:
        """Write down the graph of a backward: of the first from a line, and of one whose lines are known."""
        watcher = self.watcher
        models = [(m.name, module) for m in watcher.registry.models if (module := m.module()) is not None]
        names = {id(p): f"{name}.{n}" for name, module in models for n, p in module.named_parameters()}
        fact = described(root, site, lambda leaf: names.get(id(leaf), ""), watcher.graph_lines.place)
        if fact is None or (len(watcher.run.graphs) >= DRAWN and site not in watcher.run.graphs):
            return
        watcher.run.graphs[site] = fact
        if not fact.places:
            watcher.graph_lines.wanted.add(site)

    def loose(self, found: list[Tensor]) -> list[Tensor]:
        """The leaves that no known optimizer holds."""
        in_optimizers = [p for _, optimizer in self.watcher.registry.optimizers() for p in held(optimizer)]
        owned = {id(p) for p in in_optimizers}
        self.watcher.by_hand.release(in_optimizers)
        return [t for t in found if id(t) not in owned]


def tensors_of(given: Any) -> list[Tensor]:
    """The roots of a backward call as a list."""
    if isinstance(given, Tensor):
        return [given]
    if isinstance(given, list | tuple):
        return [t for t in given if isinstance(t, Tensor)]  # pyright: ignore[reportUnknownVariableType]
    return []


def root_traits(roots: list[Tensor]) -> set[str]:
    """What is odd about the roots."""
    if not any(r.requires_grad for r in roots):
        return {"no-graph"}
    if all(r.grad_fn is None for r in roots):
        return {"leaf-root"}
    return set()
