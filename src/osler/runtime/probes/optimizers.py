"""Optimizers: where they are built, when they step and clear, and what was in the gradients."""

# pyright: reportPrivateUsage=false

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from threading import get_ident
from time import perf_counter_ns
from types import FrameType
from typing import Any

from torch import nn
from torch.compiler import is_compiling
from torch.optim import Optimizer
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook

from osler.model import Kind
from osler.runtime.gradients import Holder
from osler.runtime.measures import rate
from osler.runtime.patches import Patches
from osler.runtime.restored_rates import RestoredRates
from osler.runtime.thinning import MOST
from osler.runtime.updates import Updates
from osler.runtime.variables import variables_of
from osler.runtime.watcher import Watcher

DISCARDS = frozenset({"discards"})
NOTHING: frozenset[str] = frozenset()

PHASES = 8
"""Optimizers built in the midst of training that mean a new phase of it; more are a method's own (MAML)."""

SOON = 4
"""Backward calls from there to a look at all parameters: the usual ones lie ever further apart."""

CLEAR, STEP = Kind.CLEAR, Kind.STEP
"""Names of this module are found faster than members of an enumeration."""


def install(watcher: Watcher, patches: Patches) -> None:
    """Rebind construction and clearing, and register torch's global step hooks."""
    watch = Optimizers(watcher)
    patches.rebind(Optimizer, "__init__", watch.wrap_init)
    patches.rebind(Optimizer, "load_state_dict", watch.wrap_load)
    patches.rebind(Optimizer, "zero_grad", watch.wrap_clear)
    patches.rebind(nn.Module, "zero_grad", watch.wrap_clear)
    patches.on_undo(register_optimizer_step_pre_hook(watch.before_step).remove)
    patches.on_undo(register_optimizer_step_post_hook(watch.after_step).remove)


class Optimizers:
    """Observes optimizers. A step inside another optimizer's step belongs to the outer one."""

    def __init__(self, watcher: Watcher) -> None:
        self.watcher = watcher
        self.measuring, self.thinning, self.given = watcher.measuring, watcher.thinning, watcher.given
        self.guard, self.log = watcher.guard, watcher.thinning.log
        self.newest = (0, "")
        self.gate_built = watcher.gate("construction of optimizers")
        self.gate_clear = watcher.gate("zero_grad")
        self.gate_before = watcher.gate("gradients before steps")
        self.gate_after = watcher.gate("optimizer steps")
        self.gate_following = watcher.gate("networks that may follow others")
        self.gate_resuming = watcher.gate("training that goes on from a file")
        self.gate_rates = watcher.gate("learning rates that are loaded")
        self.restored = RestoredRates(watcher.run, watcher.registry)
        watcher.at_finish.append(lambda: self.gate_rates.within(self.restored.finish))
        self.stepping: list[int] = []
        self.updates = Updates(watcher.run)
        self.traits: frozenset[str] = NOTHING
        self.phases = 0

    def wrap_init(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """The replacement of ``Optimizer.__init__``."""

        def __init__(self_: Optimizer, *args: Any, **kwargs: Any) -> None:
            original(self_, *args, **kwargs)
            if not is_compiling():
                self.gate_built.call(self.built, self_, sys._getframe(1))

        return __init__

    def built(self, optimizer: Optimizer, frame: FrameType) -> None:
        """An optimizer was built: remember where, and look anew if training was under way (fine-tuning)."""
        watcher = self.watcher
        self.newest = (0, "")  # it may have the identity of one that is gone
        watcher.holder(optimizer, frame)
        if watcher.run.steps and self.phases < PHASES:
            self.phases += 1
            watcher.thinning.attend()
            watcher.next_census = min(watcher.next_census, watcher.run.backwards + SOON)

    def wrap_load(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """The replacement of ``load_state_dict``."""

        def load_state_dict(self_: Optimizer, *args: Any, **kwargs: Any) -> Any:
            self.gate_rates.call(self.restored.about, self_)
            result = original(self_, *args, **kwargs)
            self.gate_rates.call(self.loaded, self_, sys._getframe(1))
            return result

        return load_state_dict

    def loaded(self, optimizer: Optimizer, frame: FrameType) -> None:
        """A state was loaded: with it come the rates with which an earlier training has ended."""
        if self.restored.loaded(optimizer, self.watcher.lines.site(frame)):
            self.thinning.attend()

    def wrap_clear(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """The replacement of ``zero_grad``."""
        thinning = self.watcher.thinning

        def zero_grad(self_: Any, *args: Any, **kwargs: Any) -> Any:
            if is_compiling():
                return original(self_, *args, **kwargs)
            if thinning.on:
                thinning.note(CLEAR)
                return original(self_, *args, **kwargs)
            discarded = self.gate_clear.call(self.before_clear, self_)
            result = original(self_, *args, **kwargs)
            self.gate_clear.call(self.after_clear, self_, bool(discarded), sys._getframe(1))
            return result

        return zero_grad

    def concerned(self, owner: Any) -> list[Holder]:
        """States whose gradients this object clears."""
        if isinstance(owner, Optimizer):
            return [self.watcher.holder(owner)]
        own = {id(p) for p in owner.parameters()}
        return [h for h in self.watcher.all_holders() if any(id(p) in own for p in h.probes)]

    def before_clear(self, owner: Any) -> bool:
        """Whether the clear is about to throw something away."""
        moment = self.watcher.ledger.moments
        used = self.watcher.used_backward
        discarding = [h.discards(moment, used) for h in self.concerned(owner)]  # each one takes note
        return True in discarding

    def after_clear(self, owner: Any, discarded: bool, frame: FrameType) -> None:
        """Gradients were cleared."""
        watcher = self.watcher
        for holder in self.concerned(owner):
            holder.was_cleared()
        if isinstance(owner, Optimizer):
            name = watcher.registry.optimizer(owner)
        else:
            name = (
                watcher.registry.model(owner).name if watcher.registry.known(owner) else type(owner).__name__
            )
        watcher.ledger.emit(Kind.CLEAR, name, watcher.lines.site(frame), DISCARDS if discarded else NOTHING)

    def before_step(self, optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        """Torch's hook ahead of every step; returns nothing, so the arguments stay."""
        if not is_compiling() and not self.watcher.thinning.on:
            self.gate_before.call(self.inspect, optimizer, args, kwargs, sys._getframe(1))

    def after_step(self, optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        """Torch's hook behind every step."""
        if is_compiling():
            return
        if self.thinning.on:
            self.lightly(optimizer)
        else:
            self.gate_after.call(self.stepped, optimizer, sys._getframe(1))

    def lightly(self, optimizer: Optimizer) -> None:
        """A step while the watcher rests: only noted. Nothing here can fail, and no mode sees it."""
        guard, thinning, now = self.guard, self.thinning, perf_counter_ns()
        if get_ident() != guard.owner or guard.busy:
            self.gate_after.call(thinning.catch_up)  # the thread that was watched may be gone
            return
        newest, name = self.newest
        if newest != id(optimizer):
            name = self.watcher.registry.optimizer(optimizer)
            self.newest = (id(optimizer), name)
        groups = optimizer.param_groups
        found = groups[0].get("lr") if groups else None
        number = found if type(found) is float else self.gate_after.call(rate, optimizer)
        self.log.append((STEP, name, number, self.measuring.since_step(now)))
        self.given.held = None
        if thinning.last_step >= 0 or (thinning.in_batch and len(self.log) >= MOST):
            self.gate_after.call(thinning.catch_up)
        elif not thinning.in_batch and thinning.is_due(now):
            self.gate_after.call(thinning.settle)
        else:
            if not thinning.in_batch:
                thinning.loose, thinning.mark = True, len(self.log)
            guard.nanoseconds += perf_counter_ns() - now

    def inspect(self, optimizer: Optimizer, args: Any, kwargs: Any, frame: FrameType) -> None:
        """What is in the gradients that are about to be used."""
        if self.stepping and self.stepping[-1] != id(optimizer) and is_stepping(self.stepping[-1], frame):
            self.stepping.append(id(optimizer))
            return
        self.stepping = [id(optimizer)]
        if self.watcher.resuming.pending is not None:
            self.gate_resuming.within(self.watcher.resuming.stepping, optimizer)
        if self.restored.waits:
            self.gate_rates.within(self.restored.stepping, optimizer)
        holder = self.watcher.holder(optimizer)
        measuring = self.measuring
        measuring.about(STEP, holder.name)
        measuring.moment.optimizer = optimizer
        measuring.ahead(STEP)
        measuring.moment.optimizer = None
        closure = callable(args[1] if len(args) > 1 else kwargs.get("closure"))
        self.watcher.census.glance()
        if closure:
            holder.in_step, holder.again, holder.is_own = True, False, is_written_by_user(optimizer)
            return
        self.updates.before(optimizer, holder)
        first = () if holder.ever else ("first-ever",)
        self.traits = traits_of(holder.status(closure=False), *first)

    def stepped(self, optimizer: Optimizer, frame: FrameType) -> None:
        """A step has been taken."""
        if not self.stepping or self.stepping.pop() != id(optimizer):
            self.stepping = []
        if self.stepping:
            return
        watcher = self.watcher
        holder = watcher.holder(optimizer)
        watcher.measuring.about(Kind.STEP, holder.name)
        moment = watcher.measuring.moment
        moment.optimizer, moment.seconds = optimizer, watcher.measuring.since_step(perf_counter_ns())
        watcher.measuring.take(Kind.STEP)
        moment.optimizer = None
        if holder.in_step:
            own = ("own",) if holder.is_own else ()
            self.traits = traits_of(holder.status(closure=True), "closure", *own)
        else:
            self.updates.after(optimizer, holder.name)
        if not holder.stepped:
            watcher.census.hold(holder.name, holder.parameters)
        watcher.by_hand.release(holder.parameters)
        watcher.used_backward = max(watcher.used_backward, holder.number)
        watcher.scale_read = False
        site = watcher.lines.site(frame)
        holders = watcher.all_holders()
        if len(holders) > 1:
            watcher.leaks.stepped(holder, holders, site)
        if watcher.following.is_due():
            self.gate_following.within(watcher.following.stepped)
        holder.after_step()
        watcher.ledger.step(holder.name, site, self.traits)


def is_written_by_user(optimizer: Optimizer) -> bool:
    """Whether the step is no function of torch's."""
    return not type(optimizer).step.__module__.startswith("torch.")


def is_stepping(identity: int, frame: FrameType | None) -> bool:
    """Whether the step of this optimizer is on the stack: a step that raised never said that it was over."""
    while frame is not None:
        if frame.f_code.co_name == "wrapper" and id(variables_of(frame).get("self")) == identity:
            return True
        frame = frame.f_back
    return False


@functools.cache
def traits_of(*names: str) -> frozenset[str]:
    """One object for each combination of traits."""
    return frozenset(names)
