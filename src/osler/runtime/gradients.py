"""Know what is in the gradients an optimizer steps on: fresh, left over, cleared, or never computed.

Nothing here relies on which function was called: what has happened to a gradient shows in the gradient.
"""

# pyright: reportPrivateUsage=false

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn.parameter import is_lazy

from osler.model import Site
from osler.runtime.copies import COPYABLE, copied, unchanged
from osler.runtime.marks import Mark, mark, replaced
from osler.runtime.registry import plain

READABLE = 65_536
"""Elements up to which the values of a gradient are read: a test takes microseconds."""

ALWAYS_READ = 16
"""Value tests on an accelerator before they become rare: each one waits for the device."""

Left = tuple[Site, str]
"""Where a backward was called, and the optimizer that stepped on its gradients."""


@dataclass(slots=True, eq=False)
class Holder:
    """The state of the gradients of one optimizer, or of the parameters that are updated by hand.

    Attributes:
        name: name of the optimizer.
        parameters: all trainable tensors.
        probes: the few that are looked at in every step.
        fresh: a backward has changed a gradient since the previous step or clear.
        carried: the gradients hold something from before the previous step.
        ever: some backward has reached a probe.
        stepped: it has stepped at least once.
        touched: a backward has run since the previous step.
        cleared: gradients were cleared since the last backward that reached them.
        moment: the ledger's clock at the last backward that reached them.
        number: which backward of the run that was.
        in_step: a closure is being called by the optimizer.
        again: a backward has run in it.
        is_own: its step is written by the user, who may clear gradients in it as the method has it.
        used: a backward in the step under way has reached these parameters.
        unscaled: the loss scale was taken out since the last backward that reached them.
        thread: where the optimizer was first met.
        stepped_on: the smallest gradient of the previous step, kept so that no new one gets its identity.
        source: where the last backward was called that reached them.
        left: an earlier backward whose gradients are here although another optimizer has stepped on them.
        leaked: the same, once a backward of their own has added to them.
    """

    name: str
    parameters: list[Tensor]
    probes: list[Tensor] = field(default_factory=list[Tensor])
    fresh: bool = False
    carried: bool = False
    ever: bool = False
    stepped: bool = False
    touched: bool = False
    cleared: bool = False
    moment: int = 0
    number: int = 0
    in_step: bool = False
    again: bool = False
    is_own: bool = False
    used: bool = False
    unscaled: bool = False
    thread: int = 0
    before: list[Mark] = field(default_factory=list[Mark])
    after: Mark = None
    at_step: list[Mark] = field(default_factory=list[Mark])
    stepped_on: Tensor | None = None
    source: Site = ()
    left: Left | None = None
    leaked: Left | None = None
    version: int = 0
    copy: Tensor | None = None
    suspect: bool = False
    reads: int = 0

    def __post_init__(self) -> None:
        self.choose(self.parameters)

    def choose(self, candidates: list[Tensor]) -> None:
        """Pick up to three probes of those that have a shape: the first, the last and the smallest."""
        trainable = [p for p in candidates if p.requires_grad and not is_lazy(p)]
        if not trainable:
            self.probes = []
            return
        smallest = min(trainable, key=torch.Tensor.numel)
        picked = {id(p): p for p in (smallest, trainable[0], trainable[-1])}
        self.probes = list(picked.values())

    def before_backward(self) -> None:
        """Note what the gradients are before a backward adds to them."""
        before = self.before = [mark(p.grad) for p in self.probes]
        if self.in_step and self.again and any(before):
            self.carried = self.holds_something([p.grad for p in self.probes])
        elif not any(before):
            self.carried = False
            if self.fresh:
                self.fresh = False
                self.cleared = True
        elif (self.stepped and not self.touched) or self.carried:
            self.carried = self.holds_something([p.grad for p in self.probes])
        self.touched = True
        self.again = self.in_step

    def after_backward(self, moment: int, number: int = 0) -> bool:
        """Note what a backward did; true if it reached these parameters.

        Args:
            moment: the ledger's clock.
            number: which backward of the run it was, from 1.
        """
        for probe, before in zip(self.probes, self.before, strict=False):
            if mark(probe.grad) != before:
                break
        else:
            return False
        self.fresh = self.ever = True
        self.used = self.in_step
        self.cleared = self.unscaled = False
        self.moment = moment
        self.number = number
        self.after = mark(self.probes[0].grad)
        self.version = self.probes[0]._version
        self.copy = copied(self.probes) if self.suspect else None
        return True

    def resume(self) -> None:
        """Watching begins again after a rest: what has happened to the gradients meanwhile is not known."""
        self.touched = self.unscaled = True
        self.fresh = self.carried = self.cleared = False
        self.after = self.copy = self.left = self.leaked = None

    def status(self, closure: bool) -> str:
        """What is in the gradients as the optimizer steps: ``fresh``, ``carried``, ``empty`` or ``stale``."""
        if self.fresh and all(p.grad is None for p in self.probes):  # cleared by a hand, which no probe sees
            self.fresh, self.cleared = False, True
        at_will = (
            closure and self.is_own and self.used
        )  # what a method of the user's leaves says little (SAM)
        if at_will or (self.fresh and not self.carried and not self.cleared):
            return "fresh"
        grads = [p.grad for p in self.probes]
        if all(g is None for g in grads):
            reached = [p for p in self.parameters if p.grad is not None]
            if not reached:
                return "empty"
            self.choose(reached)
            grads = [p.grad for p in self.probes]
        now = [mark(g) for g in grads]
        if (self.cleared or not self.ever) and not self.holds_something(grads):
            return "empty"
        if not closure and not self.fresh and self.stepped and now == self.at_step:
            return "stale"
        return "carried" if self.carried and not replaced(self.before, now) else "fresh"

    def at_clip(self) -> str:
        """What is in the gradients as they are clipped: ``fresh``, ``empty``, ``stale``, or not known."""
        if self.fresh:
            return "fresh"
        grads = [p.grad for p in self.probes]
        if all(g is None for g in grads):
            return ""
        if self.cleared or not self.ever:
            return "fresh" if self.holds_something(grads) else "empty"
        used = self.stepped and not self.touched
        return "stale" if used and [mark(g) for g in grads] == self.at_step else ""

    def after_step(self) -> None:
        """Begin to count anew."""
        self.at_step = [mark(p.grad) for p in self.probes]
        first = self.probes[0].grad if self.probes else None
        self.stepped_on = first if first is not None and first.numel() <= COPYABLE else None
        self.stepped = True
        self.fresh = self.touched = self.in_step = self.again = self.used = False
        self.copy = self.left = self.leaked = None

    def discards(self, moment: int, used: int) -> bool:
        """Whether clearing now would throw away gradients that nobody has used, of an earlier batch.

        Called before the clear with the ledger's clock and the number of the last backward that any optimizer
        stepped on: the gradients a generator's loss leaves in a discriminator were used by the generator.
        Parameters that a hand moved since the backward (SAM), or gradients that a hand rewrote (PCGrad),
        were used.
        """
        if not self.fresh or moment <= self.moment or self.number <= used:
            return False
        probe = self.probes[0]
        if probe.grad is None or mark(probe.grad) != self.after or probe._version != self.version:
            return False
        self.suspect = True
        return self.copy is not None and unchanged(self.probes, self.copy)

    def rewritten_by_clipping(self) -> None:
        """Clipping and unscaling change gradients in place; that is not a use of them."""
        if self.fresh:
            self.after = mark(self.probes[0].grad)

    def was_cleared(self) -> None:
        """Note that gradients were cleared, if they really are."""
        grads = [p.grad for p in self.probes]
        if any(g is not None for g in grads) and self.holds_something(grads):
            return
        self.fresh = self.carried = False
        self.cleared = self.ever
        self.at_step, self.stepped_on = [], None
        self.left = self.leaked = None

    def holds_something(self, grads: list[Tensor | None]) -> bool:
        """Whether any gradient differs from zero. Reads values; on an accelerator it soon becomes rare."""
        readable = [g for g in grads if g is not None and g.numel() <= READABLE and plain(g)]
        if not readable:
            return any(g is not None for g in grads)
        self.reads += 1
        if readable[0].is_cuda and self.reads > ALWAYS_READ and self.reads & (self.reads - 1):
            return self.carried
        return any(differs_from_zero(g) for g in readable)


def differs_from_zero(gradient: Tensor) -> bool:
    """Whether a gradient holds anything but zeros."""
    if gradient.layout is not torch.strided:
        return gradient._nnz() > 0  # pyright: ignore
    return bool(gradient.detach().any())
