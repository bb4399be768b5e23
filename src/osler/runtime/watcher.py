"""The watcher: everything the probes share while one program is watched."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterable
from dataclasses import replace
from math import nan
from types import FrameType

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from osler.model import BY_HAND, BlindFact, Column, CutFact, Kind, NotFiniteFact, OptimizerFact, Place, Site
from osler.runtime.byhand import HandUpdates
from osler.runtime.census import Census
from osler.runtime.closelook import CloseLook
from osler.runtime.following import Following
from osler.runtime.gradients import Holder
from osler.runtime.graph_lines import GraphLines
from osler.runtime.guard import Gate, Guard, function_modes
from osler.runtime.inputs import Given
from osler.runtime.leaks import Leaks
from osler.runtime.ledger import Ledger, nothing
from osler.runtime.measuring import Measuring
from osler.runtime.misspelt import misspelt
from osler.runtime.nonfinite import poisoned
from osler.runtime.outputs import ENOUGH as ENOUGH_GRAPHS
from osler.runtime.outputs import Outputs, Pulse, retained, turns_of
from osler.runtime.rebinds import rebinds
from osler.runtime.recurrence import Recurrence
from osler.runtime.redrawing import Redrawing
from osler.runtime.registry import Registry, held, numbers_in
from osler.runtime.resuming import Resuming
from osler.runtime.sample_axes import SampleAxes
from osler.runtime.samples import Samples
from osler.runtime.stopping import StopTraining
from osler.runtime.thinning import Thinning
from osler.runtime.userlines import UserLines

MOST_LOOKS = 3
"""Close looks per program: what three did not find a fourth will not."""

UPDATED = 4
"""Backward calls after which some step should have followed, or the source is searched for an update."""

METRICS = 3
"""Lines whose evaluation is looked at closely, once each."""

GROWTH = 2
"""Factor between the backward calls after which all parameters are looked at."""


class Inside(threading.local):
    """Per thread: whether a root forward or a backward is under way, and how many calls of ``train()``."""

    now = False
    switches = 0


class Watcher:
    """State shared by the probes."""

    def __init__(self, warn: Callable[[str], None], budget: float = 0.01, own: tuple[str, ...] = ()) -> None:
        self.guard, self.ledger = Guard(warn), Ledger()
        self.run = self.ledger.run
        self.thinning = Thinning(self.guard, self.ledger, budget)
        self.after_turn: Callable[[], None] = nothing
        self.ledger.after_turn = self._turn_over
        self.thinning.woken = self._woken
        self.lines = UserLines(own)
        self.registry = Registry()
        self.census = Census(self.registry)
        self.outputs = Outputs()
        self.holders: weakref.WeakKeyDictionary[Optimizer, Holder] = weakref.WeakKeyDictionary()
        self._states: list[tuple[weakref.ref[Optimizer], Holder]] = []
        self.by_hand = HandUpdates(self.census)
        self.leaks, self.redrawing = Leaks(self.run), Redrawing(self.run, self.holders)
        self.following, self.inside = Following(self.run, self.registry), Inside()
        self.resuming = Resuming(self.run, self.registry)
        self.gate_misspelt, self.gate_rebinds = map(self.gate, ("attributes", "updates in the source"))
        self.given, self.recurrence, self.axes, self.samples, self.graph_lines = (
            Given(),
            Recurrence(self.run),
            SampleAxes(self.run, self.lines),
            Samples(self.run, self.gate("samples that are kept")),
            GraphLines(self.lines, self.gate("lines of operations")),
        )
        self.stop_reason = ""
        self.compile_seen = self.scaler_seen = self.scale_read = self.scan_wanted = False
        self.at_finish, self.at_pass_end = list[Callable[[], None]](), list[Callable[[], None]]()
        self.look: CloseLook | None = None
        self.look_wanted = False
        self.next_census = 1
        self.evaluated: set[Place] = set()
        self._evaluation: CloseLook | None = None
        self._looks = self._look_turn = self.used_backward = 0
        self.measuring = Measuring(self.run, self.guard, budget, self.census.series_of)
        self.at_finish.append(self.measuring.later.read)
        self.thinning.recall, self.thinning.measures = self.measuring.recall, self.measuring.sampled

    def gate(self, name: str) -> Gate:
        """A gate for one kind of observation."""
        return self.guard.gate(name)

    def meet(self, things: Iterable[object]) -> None:
        """Get to know models and optimizers that were built before watching began."""
        for thing in things:
            if isinstance(thing, Optimizer):
                self.holder(thing)
            elif isinstance(thing, nn.Module):
                self.registry.model(thing)

    def meet_owners(self, loose: list[Tensor]) -> bool:
        """Get to know the optimizers that hold these parameters and were built before watching began."""
        owners = self.registry.earlier_owners(loose)
        self.meet(owners)
        return bool(owners)

    def stop_if_asked(self) -> None:
        """Called outside the guard, where a batch or forward begins: ends the script's loop."""
        if self.stop_reason:
            reason, self.stop_reason = self.stop_reason, ""
            raise StopTraining(reason)

    def arrived(self, frame: FrameType | None) -> None:
        """Something new begins: note updates by hand since the last backward."""
        self.measuring.arrived()
        status = self.by_hand.changed()
        if status:
            site = self.lines.site(frame)
            self.measuring.stepped_by_hand(self.by_hand.stepped)
            self.ledger.step(BY_HAND, site[:0], frozenset({status}))
        if self.look is not None and (self.look.over or self.run.turns > self._look_turn):
            self.end_look()

    def catch_up(self) -> None:
        """Take what was only noted into the evidence, if this is the thread that is watched."""
        guard = self.guard
        if guard.log and threading.get_ident() == guard.owner:
            self.gate("events at rest").call(nothing)  # any handler finds the log read

    def holder(self, optimizer: Optimizer, frame: FrameType | None = None) -> Holder:
        """The state of an optimizer's gradients; its fact is written when it is first met."""
        known = self.holders.get(optimizer)
        if known is not None and len(known.parameters) == sum(
            len(g["params"]) for g in optimizer.param_groups
        ):
            return known
        parameters = held(optimizer)
        name = self.registry.optimizer(optimizer)
        site = self.run.optimizers[name].site if known is not None else self.lines.site(frame)
        fact = OptimizerFact(name, site, len(parameters), numbers_in(*parameters), self.run.turns)
        self.run.optimizers[name] = fact
        if known is None:
            known = self.holders[optimizer] = Holder(name, parameters, thread=threading.get_ident())
            self._states = [(weakref.ref(o), h) for o, h in self.holders.items()]
        else:
            known.parameters = parameters
            known.choose(parameters)
        return known

    def measure_again(self) -> None:
        """A model has been called for the first time: parameters that had no shape until now have one."""
        for holder in self.holders.values():
            fact, elements = self.run.optimizers[holder.name], numbers_in(*holder.parameters)
            if elements != fact.elements:
                self.run.optimizers[holder.name] = replace(fact, elements=elements)
                holder.choose(holder.parameters)

    def settle(self) -> None:
        """This is the thread that trains: what a third one has built until now is none of its business."""
        self.guard.settled = True
        here = {threading.get_ident(), threading.main_thread().ident}
        for optimizer, holder in list(self.holders.items()):
            if holder.thread not in here:
                del self.holders[optimizer], self.run.optimizers[holder.name]
        self._states = [(weakref.ref(o), h) for o, h in self.holders.items()]

    def all_holders(self) -> list[Holder]:
        """The states of all optimizers that are alive, and of what is updated by hand."""
        alive = [holder for optimizer, holder in self._states if optimizer() is not None]
        if len(alive) < len(self._states):
            self._states = [(o, h) for o, h in self._states if o() is not None]
        if self.by_hand.holder.parameters:
            alive.append(self.by_hand.holder)
        return alive

    def not_finite(self, value: float, site: Site, step: int, backward: int) -> None:
        """The loss, not recorded yet, is NaN or infinite: remember the first time. A scale may overflow."""
        if "loss" in self.run.not_finite or (self.scaler_seen and value == value):
            return
        losses = self.run.columns.get("loss", Column())
        fact = NotFiniteFact("loss", value, step, backward, site, losses.last, losses.first)
        self.run.not_finite["loss"] = fact
        if backward != self.run.backwards:  # read late: what the weights were then is not known
            return
        weights = [p for h in self.all_holders() for p in h.parameters]
        names = poisoned(weights, self.census.name_of) if step else ()
        if names:
            self.run.not_finite["weights"] = replace(fact, measure="weights", value=nan, subjects=names)
        else:
            self.scan_wanted = True

    def look_at_parameters(self) -> None:
        """Take a census when it is due, and want a close look if something trainable is never reached."""
        self.census.glance()
        if self.run.backwards < self.next_census:
            return
        self.next_census = self.next_census * GROWTH
        self.take_census()
        if self.run.backwards > 1 and any(
            f.trainable and f.used and not f.reached and f.optimizers for f in self.run.parameters.values()
        ):
            self.want_look()

    def take_census(self) -> None:
        """Look at all parameters now; what is known of models that are gone stays."""
        run = self.run
        taken = self.census.take(run.parameters, run.steps, run.turns)
        before = {k: f for k, f in run.parameters.items() if k not in self.census.outgrown}
        self.census.outgrown.clear()
        run.parameters = {**before, **taken}
        run.parameters_step = run.steps
        self.gate_misspelt.within(self.note_misspelt)
        if not run.rebinds and (run.crash is not None or (run.backwards >= UPDATED and not run.steps)):
            self.gate_rebinds.within(self.note_rebinds)
        for name, strange in self.census.strange.items():
            if name in run.optimizers:
                run.optimizers[name] = replace(run.optimizers[name], strange=strange)

    def note_misspelt(self) -> None:
        """Was something set that was meant to be `requires_grad`?"""
        models = [(m.name, module) for m in self.registry.models if (module := m.module()) is not None]
        found = misspelt(models, self.lines.files(), self.census.is_reached)
        self.run.misspelt = {**self.run.misspelt, **found}

    def note_rebinds(self) -> None:
        """Nothing was updated so far: does the source try?"""
        self.run.rebinds = {fact.site: fact for fact in rebinds(self.lines.files())}

    def follow_loss(self, loss: Tensor, frame: FrameType) -> None:
        """In a program without modules the loss itself tells whether graphs outlive their turn."""
        event = self.ledger.event(Kind.LOSS, "", self.lines.site(frame))
        self.outputs.follow([loss], Pulse(event, self.run.turns, do_nothing))
        self.look_for_kept_graphs(frame)

    def look_for_kept_graphs(self, frame: FrameType | None) -> None:
        """Are graphs of earlier turns still alive?"""
        for site, pulses in self.outputs.kept(self.run.turns).items():
            known = self.run.retained.get(site)
            graphs = turns_of(pulses)
            if graphs >= ENOUGH_GRAPHS and (known is None or graphs > known.graphs):
                fact = retained(pulses, self.lines.frame(frame))
                if known is not None and known.holder and not fact.holder:  # a new sum has only just begun
                    fact = replace(known, graphs=fact.graphs)
                self.run.retained[site] = fact

    def want_look(self) -> None:
        """Ask for a close look at the next turn, unless enough were taken or compiled code is about."""
        if self._looks < MOST_LOOKS and not self.compile_seen:
            self.look_wanted = True

    def _turn_over(self) -> None:
        """A turn was watched closely."""
        self.after_turn()
        self.graph_lines.close()
        if self.look is None and not self.look_wanted and not self.by_hand.holder.parameters:
            self.thinning.after_turn()

    def _woken(self) -> None:
        """Close watching begins again after a rest."""
        for holder in self.all_holders():
            holder.resume()
        self.recurrence.forget()
        self.axes.forget()
        self.after_turn()

    def suspend(self) -> None:
        """Others repeat turns of the loop: what happens from now on is not the script's own doing."""
        self.end_look()
        self.graph_lines.close()
        self.guard.busy = True

    def resume(self) -> None:
        """The script goes on by itself; what has happened to the gradients meanwhile is not known.

        Until now others held the variables of the first turn, and graphs with them.
        """
        self.guard.busy = False
        self.run.retained.clear()
        self.outputs.forget()
        for holder in self.all_holders():
            holder.resume()
        self.by_hand.forget()

    def begin_look(self) -> None:
        """Take a close look at what follows, if one is wanted."""
        if not self.look_wanted or self.look is not None:
            return
        self.look_wanted = False
        self._look_turn = self.run.turns + 1
        self._looks += 1
        self._look_closely()

    def begin_lines(self) -> None:
        """Have the lines of the operations that follow told, for graphs that were drawn without them."""
        if self.graph_lines.wanted and not self.compile_seen:
            self.graph_lines.open()

    def _look_closely(self) -> None:
        self.look = CloseLook(
            self.lines, self.census.name_of, lambda: self.guard.busy, lambda: self.inside.now
        )
        self.look.__enter__()

    @property
    def evaluating(self) -> bool:
        """Whether the close look under way is at an evaluation."""
        return self.look is not None and self.look is self._evaluation

    def look_at_metrics(self, calls: int, frame: FrameType) -> None:
        """A model is about to be called without recording: look closely, once for each of a few lines.

        Args:
            calls: how often it was called with a graph; never before it is trained.
            frame: of the caller.
        """
        if not calls or len(self.evaluated) >= METRICS or self.look is not None or self.compile_seen:
            return
        if function_modes():  # the script's own would see other functions than without ours
            return
        site = self.lines.site(frame)
        if not site or site[0] in self.evaluated:
            return
        self.evaluated.add(site[0])
        self._look_turn = self.run.turns
        self._look_closely()
        self._evaluation = self.look

    def note_cuts(self, root: Tensor, site: Site) -> None:
        """A backward begins during a close look: which cuts lie behind its root?"""
        if self.look is None or self.look.over or self.evaluating:
            return
        self._keep_cuts(self.look.cuts_behind(root, site))

    def _keep_cuts(self, found: list[CutFact]) -> None:
        known = {(c.operation, c.site, c.root) for c in self.run.cuts}
        new = {(c.operation, c.site, c.root): c for c in found}
        self.run.cuts += [c for key, c in new.items() if key not in known]

    def end_look(self) -> None:
        """The turn that was looked at is over."""
        if self.look is not None:
            for fact in self.look.comparisons:
                self.run.comparisons.setdefault(fact.site, replace(fact, step=self.run.steps))
            self._keep_cuts(self.look.constant_derivatives())
            self.look.over = True
            self.leave_look()

    def leave_look(self) -> None:
        """Take the function mode off, once it is the innermost: inside its own handler it is not."""
        if self.look is not None and torch.overrides._get_current_function_mode() is self.look:  # pyright: ignore
            self.look.__exit__(None, None, None)
            self.look = None

    def finish(self) -> None:
        """The program has ended: close what is open and take the last look."""
        self.end_look()
        self.graph_lines.close()
        self.thinning.wake()
        for action in self.at_finish:
            action()
        self.by_hand.forget()
        self.ledger.close()
        self.take_census()
        self.run.ended = True
        if self.guard.strangers:
            self.run.blind.append(BlindFact("other threads", "only the thread that trains was watched"))
        self.run.blind += [BlindFact("Osler", sentence) for sentence in self.guard.failures]

    @property
    def seconds(self) -> float:
        """Time spent in Osler's handlers."""
        return self.guard.nanoseconds / 1e9

    @property
    def training_seconds(self) -> float:
        """Time from the first to the latest event, without Osler's own."""
        return max(0.0, self.measuring.nanoseconds / 1e9 - self.seconds)


def do_nothing(_: Pulse) -> None:
    """For a graph whose use is no news."""
