"""Do all terms of a summed loss have a say in the gradient, and can the code of an autoencoder pay?"""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from statistics import fmean
from typing import cast

import torch
from torch import Tensor
from torch.autograd.graph import GradientEdge

from osler.model import Place, Site, counted, percent
from osler.model.setupterms import CodePriceFact, TermFact, TermsFact
from osler.preflight.bench import Bench, stand_still
from osler.preflight.outcome import Outcome, Steps
from osler.preflight.summands import FUNCTIONS, Compared, Edge, compared, core, price_of_code, summands
from osler.replay.turn import Seen, Turn
from osler.runtime.graph import leaves
from osler.runtime.graph_lines import GraphLines
from osler.runtime.guard import Gate, Guard

QUESTION = "do all terms of the loss have a say?"
COST = 4
"""Turns in which the gradient of each term is measured."""

LONGEST = 256
"""Turns through which the rising weight of a divergence is followed, at most."""

WORTHLESS = math.log(2) / 2
"""Nats below which a code is worth too little to follow its weight further: half a bit for each sample."""

FOLLOWED = 0.25
"""Part of the time that is left, for following a weight."""

STEADY = 0.99
"""Part of the highest weight of a divergence below which it is on its way down again."""

MOST = 8
"""Terms of which each is measured."""


@dataclass(frozen=True, slots=True)
class Weighed:
    """One term in one turn.

    Attributes:
        line: where it is computed.
        weight: what it is multiplied by.
        whole: norm of its gradient.
        shared: the same for the parameters that several terms reach; None if it reaches none of them.
        compared: what its loss function says; None if that is none of torch.
    """

    line: Place | None
    weight: float
    whole: float
    shared: float | None
    compared: Compared | None


@dataclass(frozen=True, slots=True)
class Paid:
    """What a code gains and costs in one turn, and where that is computed."""

    gain: float
    price: float
    elements: int
    reconstruction: Place | None
    divergence: Place | None


@dataclass(slots=True, eq=False)
class Scales:
    """Reads the loss whenever backward is about to begin.

    Attributes:
        lines: tells where operations were called.
        trained: identities of the parameters whose gradient counts.
        measuring: gradients are measured, and not only the price of a code.
        turns: the terms, in each turn.
        paid: of each turn, if the loss is that of a variational autoencoder.
    """

    lines: GraphLines
    trained: set[int]
    measuring: bool = True
    turns: list[list[Weighed]] = field(default_factory=list[list[Weighed]])
    paid: list[Paid] = field(default_factory=list[Paid])

    def read(self, roots: list[Tensor]) -> None:
        """The first backward call of a turn begins."""
        self.lines.close()
        if len(roots) != 1 or roots[0].numel() != 1 or roots[0].grad_fn is None:
            return
        terms = summands((roots[0].grad_fn, roots[0].output_nr))
        price = price_of_code(roots[0], terms)
        if price is not None:
            places = (self.lines.place(price.reconstruction), self.lines.place(price.divergence))
            self.paid.append(Paid(price.gain, price.price, price.elements, *places))
        if self.measuring:
            self.turns.append(self._weighed(roots[0], self._grouped(terms)))

    def _grouped(self, terms: list[Edge]) -> list[list[Edge]]:
        """Terms that one line computes by the same operation, as a penalty of each parameter is, are one."""
        groups: dict[object, list[Edge]] = {}
        for edge in terms:
            line = self.lines.place(edge[0])
            alone = line is None or core(edge)[0].name() in FUNCTIONS
            groups.setdefault(edge if alone else (line, edge[0].name()), []).append(edge)
        return list(groups.values())

    def _weighed(self, root: Tensor, groups: list[list[Edge]]) -> list[Weighed]:
        if not 1 < len(groups) <= MOST:
            return [Weighed(None, 1.0, 0.0, None, None)] * len(groups)
        parameters = [leaf for leaf in leaves([root]) if id(leaf) in self.trained]
        reached = [gradient_norms(root, group, parameters) for group in groups]
        several = {at for at in range(len(parameters)) if sum(at in norms for _, norms in reached) > 1}
        return [
            Weighed(
                self.lines.place(group[0][0]), weight, math.hypot(*norms.values()),
                math.hypot(*(norms[at] for at in shared)) if (shared := several & norms.keys()) else None,
                compared(core(group[0])[0]) if len(group) == 1 else None,
            )
            for group, (weight, norms) in zip(groups, reached, strict=True)
        ]  # fmt: skip


def gradient_norms(
    root: Tensor, group: list[Edge], parameters: list[Tensor]
) -> tuple[float, dict[int, float]]:
    """The weight of a term, and the norm of its gradient for each parameter that it reaches, by number."""
    edges = [GradientEdge(*edge) for edge in group]
    weights = torch.autograd.grad(root, edges, retain_graph=True)
    slopes = torch.autograd.grad(edges, parameters, weights, retain_graph=True, allow_unused=True)
    norms = {
        at: float(torch.linalg.vector_norm(slope.to_dense(), dtype=wide(slope.dtype)))
        for at, slope in enumerate(cast("tuple[Tensor | None, ...]", slopes))
        if slope is not None
    }
    return fmean(float(weight.double().mean()) for weight in weights), norms


def wide(kind: torch.dtype) -> torch.dtype:
    """A type of numbers in which squares of others can be added up."""
    return torch.promote_types(kind, torch.float32)


def reason(bench: Bench) -> str:
    """Why it cannot be asked."""
    if bench.root is None:
        return "no loss was seen in the first turn"
    if len(bench.seen.roots) > 1:
        return f"the first turn has {len(bench.seen.roots)} backward calls"
    if not bench.root.complete:
        return "custom functions, checkpoints or compiled code lie behind the loss"
    if any(leaf._backward_hooks for leaf in bench.root.leaves):  # pyright: ignore[reportPrivateUsage]
        return "hooks of the script's own hear every gradient"
    return ""


def perform(bench: Bench) -> Steps:
    """Differentiate each term in the first turns; follow the weight of a divergence while it rises."""
    gate = Guard(stand_still).gate("the terms of the loss")
    scales = Scales(GraphLines(bench.observer.lines, gate), trained(bench))
    for turn in range(COST):
        yield from turned(bench, scales, gate, turn)
        if not gate.open or (turn == 0 and not several(scales)):
            break
    if not gate.open:
        return Outcome(skipped="the graph behind the loss could not be differentiated term by term")
    if not several(scales):
        return Outcome(skipped="the loss is one term")
    scales.measuring = False
    turn, until = COST, bench.seconds_left * (1 - FOLLOWED)
    while is_rising(scales.paid) and turn < LONGEST and bench.seconds_left > until and bench.turns_left > 1:
        yield from turned(bench, scales, gate, turn)
        turn += 1
    return outcome(bench, scales, len(scales.turns))


def trained(bench: Bench) -> set[int]:
    """Identities of what optimizers hold; of all leaves behind the loss if there is no optimizer of torch."""
    assert bench.root is not None
    held = {id(p) for o in bench.optimizers for group in o.param_groups for p in group["params"]}
    return held or {id(leaf) for leaf in bench.root.leaves}


def turned(bench: Bench, scales: Scales, gate: Gate, turn: int) -> Generator[Turn, Seen, None]:
    """Make one turn in which the loss is read."""

    def read(roots: list[Tensor]) -> None:
        bench.observer.on_graph = None  # only what the first backward call of a turn starts from
        gate.call(scales.read, roots)

    bench.observer.on_graph = read
    if scales.measuring:
        scales.lines.open()
    try:
        yield Turn(turn % max(1, len(bench.first.pool.entries)))
    finally:
        bench.observer.on_graph = None
        scales.lines.close()


def several(scales: Scales) -> bool:
    """Whether the loss was seen to have more than one term."""
    return any(len(terms) > 1 for terms in scales.turns)


def is_rising(paid: list[Paid]) -> bool:
    """Whether the weight of a divergence still goes up and a code could still pay."""
    if len(paid) < COST or max(p.gain for p in paid) < WORTHLESS * paid[-1].price:
        return False
    return paid[-1].price > paid[-2].price


def outcome(bench: Bench, scales: Scales, turns: int) -> Outcome:
    """What the readings say together."""
    first = scales.turns[0]
    if len(first) > MOST:
        return Outcome(skipped=f"the loss has {len(first)} terms")
    if any([w.line for w in one] != [w.line for w in first] for one in scales.turns):
        return Outcome(skipped="the terms of the loss are others in each turn")
    whole = [shares([w.whole for w in one]) for one in scales.turns]
    if not all(math.isfinite(share) for one in whole for share in one) or not any(map(sum, whole)):
        return Outcome(skipped="the gradient is not finite, or there is none")
    shared = [shares([w.shared or 0.0 for w in one if w.shared is not None]) for one in scales.turns]
    assert bench.root is not None
    site = bench.root.site
    terms = tuple(summed_up(at, scales.turns, whole, shared) for at in range(len(first)))
    fact = TermsFact(terms, turns, min(turns, len(bench.first.pool.entries)), site)
    facts: tuple[object, ...] = (fact, *priced(scales.paid, site))
    means = [fmean(term.whole) for term in terms]
    told = ", ".join(
        f"{f'line {term.site[0].line}' if term.site else f'number {at}'} {percent(mean)}"
        for at, (term, mean) in enumerate(zip(terms, means, strict=True), 1)
    )
    values = {"terms": float(len(terms)), "largest": max(means), "smallest": min(means)}
    return Outcome(f"{counted(len(terms), 'term')}: {told} of the gradient", values, facts)


def shares(norms: list[float]) -> list[float]:
    """Each norm over the sum of all."""
    total = sum(norms)
    return [norm / total if total else 0.0 for norm in norms]


def summed_up(
    at: int, turns: list[list[Weighed]], whole: list[list[float]], shared: list[list[float]]
) -> TermFact:
    """One term over all turns."""
    seen = [one[at] for one in turns]
    rank = sum(w.shared is not None for w in turns[0][:at])
    compares = [w.compared for w in seen if w.compared is not None]
    known = len(compares) == len(seen)
    return TermFact(
        weight=seen[0].weight,
        whole=tuple(one[at] for one in whole),
        shared=tuple(one[rank] for one in shared) if all(w.shared is not None for w in seen) else (),
        value=fmean(c.value for c in compares) if known else None,
        guess=fmean(c.guess for c in compares) if known else None,
        floor=fmean(c.floor for c in compares) if known else None,
        site=(seen[0].line,) if seen[0].line is not None else (),
    )


def priced(paid: list[Paid], site: Site) -> Iterator[CodePriceFact]:
    """What a code gains at most and costs where it costs most."""
    dearest = max(range(len(paid)), key=lambda at: paid[at].price, default=0)
    if len(paid) < COST or paid[-1].price < STEADY * paid[dearest].price:
        return
    first = paid[0]
    yield CodePriceFact(
        gain=max(p.gain for p in paid),
        price=paid[dearest].price,
        turn=dearest + 1,
        rising=paid[-1].price > paid[-2].price,
        elements=first.elements,
        reconstruction=(first.reconstruction,) if first.reconstruction is not None else (),
        site=(first.divergence,) if first.divergence is not None else site,
    )
