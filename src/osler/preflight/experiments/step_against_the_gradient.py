"""Does a small step against the gradient lower the loss of the same batch, and does the script's own step?"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from osler.model.setupfacts import DescentFact
from osler.preflight.bench import Bench
from osler.preflight.contract import UNKNOWN, factor
from osler.preflight.outcome import Outcome, Steps
from osler.replay.trees import tensors
from osler.replay.turn import Seen, Turn

QUESTION = (
    "does a small step against the gradient lower the loss of the same batch, as the script's own does?"
)
COST = 9
SHARES = (1e-2, 3e-3, 1e-3)
"""Shares of the loss that the steps should take off: nearly straight lines, and far above rounding."""

FINER = (3e-4, 1e-4, 3e-5)
"""Shares that are tried where these do not agree: where the gradient is next to nothing beside the curvature,
as at the start of many a network, even a thousandth of the loss is a long way."""

ALIKE = 0.5
"""Difference of two ratios in a row up to which they lie on a straight line."""

RIGHT = 0.2
"""Distance from one up to which the loss has changed as the gradient promised."""

AGAINST = -0.5
"""Change over the promised fall of the loss, below which it has clearly risen."""

ROUNDING = 1e-6
"""Cosine below which a step of single precision is not told from one that stays on the level."""

PART = 1 << 20
"""Entries that are multiplied at once."""

Turns = Generator[Turn, Seen, list[float]]


def reason(bench: Bench) -> str:  # noqa: PLR0911
    """Why it cannot be asked."""
    if bench.root is None:
        return "no loss was seen in the first turn"
    if (teams := bench.teams) > 1:
        return f"{teams} optimizers take turns, and one may work against another on purpose"
    if any(group.get("maximize") for o in bench.optimizers for group in o.param_groups):
        return "an optimizer maximises on purpose"
    if factor(bench) is None:
        return UNKNOWN
    if not bench.root.complete:
        return "custom functions or checkpoints lie behind the loss and may turn gradients round on purpose"
    if not trained(bench):
        return "what is trained is no parameter of a model"
    return "" if bench.exact is not False else "the same batch does not give the same loss twice"


def trained(bench: Bench) -> list[Tensor]:
    """Parameters of models that backward reaches."""
    assert bench.root is not None
    owned = {id(p) for model in bench.models for p in model.parameters()}
    return [leaf for leaf in bench.root.leaves if id(leaf) in owned]


@dataclass(slots=True)
class Slope:
    """Notes what a backward call adds to the gradients.

    Attributes:
        parameters: whose gradients.
        gradients: what was added to them by the first call.
    """

    parameters: list[Tensor]
    gradients: list[Tensor] = field(default_factory=list[Tensor])
    _before: list[Tensor | None] = field(default_factory=list[Tensor | None])

    def note(self, done: bool) -> None:
        """A backward call begins or is done."""
        if self.gradients:
            return
        if not done:
            self._before = [None if p.grad is None else p.grad.clone() for p in self.parameters]
            return
        for p, before in zip(self.parameters, self._before, strict=True):
            now = torch.zeros_like(p) if p.grad is None else p.grad.detach().to_dense().clone()
            self.gradients.append(now if before is None else now - before.to_dense())
        self._before = []


def perform(bench: Bench) -> Steps:
    """Note the gradient and the script's own step, then go a little way along each from the start.

    Of the two only one is kept at a time, for which the first turn is made twice: memory is short.
    """
    share, parameters = factor(bench), trained(bench)
    assert share is not None
    assert bench.root is not None
    assert bench.loss is not None
    fresh = not any(o.state for o in bench.optimizers)
    slope = Slope(parameters)
    loss = yield from first_turn(bench, slope)
    steep = dot(slope.gradients, slope.gradients)
    if not loss or not steep:
        return Outcome(skipped="backward left no gradient behind")
    ends = dot(parameters, slope.gradients)
    yield from bench.begin()
    steepness = ends - dot(parameters, slope.gradients)
    against = yield from along(bench, parameters, slope.gradients, loss, -1.0, steep)
    slope.gradients.clear()
    moves = yield from own_step(bench, parameters)
    length = dot(moves, moves)
    moved = length > 0 and abs(steepness) > ROUNDING * (steep * length) ** 0.5
    after = (yield from at(bench, parameters, moves, 1.0)) if moved else loss
    own = (yield from along(bench, parameters, moves, loss, 1.0, steepness)) if fresh and moved else []
    fact = DescentFact(
        function=bench.loss.function, factor=share, before=loss / share, after=after / share,
        against=tuple(against), own=tuple(own),
        alignment=-steepness / (length * steep) ** 0.5 if moved else 0.0,
        labelled=is_labelled(bench), site=bench.root.site,
    )  # fmt: skip
    unasked = "it began before" if not fresh else "it has changed nothing yet" if not moved else ""
    return Outcome(in_words(fact, unasked), {"before": loss, "after": after}, (fact,))


def first_turn(bench: Bench, slope: Slope) -> Generator[Turn, Seen, float]:
    """Make the first turn; its loss, 0 if it has none."""
    bench.calm()
    bench.observer.on_backward = slope.note
    try:
        seen = yield Turn(0)
    finally:
        bench.observer.on_backward = None
    return seen.roots[0].value if seen.roots else 0.0


def own_step(bench: Bench, parameters: list[Tensor]) -> Generator[Turn, Seen, list[Tensor]]:
    """How the first turn moves the parameters."""
    yield from bench.begin()
    bench.calm()
    yield Turn(0)
    moves = [p.detach().clone() for p in parameters]
    yield from bench.begin()
    for move, p in zip(moves, parameters, strict=True):
        move.sub_(p.detach())
    return moves


def dot(one: Sequence[Tensor], other: Sequence[Tensor]) -> float:
    """The inner product, in double precision, without double copies of whole tensors."""
    pairs = ((a.flatten(), b.flatten()) for a, b in zip(one, other, strict=True))
    pairs = ((a.detach(), b.detach()) for a, b in pairs)
    parts = ((a[at : at + PART], b[at : at + PART]) for a, b in pairs for at in range(0, a.numel(), PART))
    return sum(float(a.double() @ b.double()) for a, b in parts)


def along(
    bench: Bench,
    parameters: list[Tensor],
    direction: list[Tensor],
    loss: float,
    sign: float,
    steepness: float,
) -> Turns:
    """How much the loss falls along a direction, over what the gradient promises: one if it is right."""
    ratios: list[float] = []
    for share in (*SHARES, *FINER):
        if len(ratios) >= len(SHARES) and is_straight(ratios):
            break
        promised = share * abs(loss)
        now = yield from at(bench, parameters, direction, sign * promised / abs(steepness))
        ratios.append((loss - now) / promised)
    return ratios[-len(SHARES) :]


def is_straight(ratios: Sequence[float]) -> bool:
    """Whether the last steps were small enough to tell: the last one was right, or they all say the same."""
    last = ratios[-len(SHARES) :]
    return any(abs(ratio - 1) <= RIGHT for ratio in last) or abs(last[-1] - last[-2]) <= ALIKE


def at(
    bench: Bench, parameters: list[Tensor], direction: list[Tensor], far: float
) -> Generator[Turn, Seen, float]:
    """The loss of the same batch with the parameters moved."""
    yield from bench.begin()
    bench.calm()
    with torch.no_grad():
        for p, move in zip(parameters, direction, strict=True):
            p.add_(move.to(p.dtype), alpha=far)
    seen = yield Turn(0)
    return seen.roots[0].value if seen.roots else float("nan")


def is_labelled(bench: Bench) -> bool:
    """Whether the loss compares with something that the loader has handed out."""
    target = bench.loss.given.get("target") if bench.loss is not None else None
    if not isinstance(target, Tensor) or not bench.first.from_loader:
        return False
    handed = tensors(bench.first.pool.entries[0])
    return any(t.numel() == target.numel() and torch.equal(t.reshape(-1).to(target), target.reshape(-1))
               for t in handed)  # fmt: skip


def in_words(fact: DescentFact, unasked: str) -> str:
    """What is told; with why the script's own step was not asked, if it was not."""
    right = any(abs(ratio - 1) <= RIGHT for ratio in fact.against)
    if right and fact.own and max(fact.own) <= AGAINST:
        return "against the gradient yes, but the script's own step raises it"
    if right:
        return f"yes; the script's own step was not followed: {unasked}" if unasked else "yes"
    shown = ", ".join(f"{ratio:.2f}" for ratio in fact.against)
    verdict = "no, it rises" if max(*fact.against, fact.limit) <= AGAINST else "not clear"
    return f"{verdict}: it falls by {shown} times what the gradient promises"
