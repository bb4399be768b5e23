"""Is each label of a language model the token after the one that it is predicted from?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from osler.model.setupfacts import ShiftFact
from osler.preflight.bench import Bench, main_output
from osler.preflight.outcome import Outcome, Steps
from osler.replay.trees import mapped, tensors
from osler.replay.turn import ForwardCall

QUESTION = "is each label the token after the one that it is predicted from?"
COST = 0
SHIFTS = (0, 1, 2)
"""Tokens from the one at which a label is predicted to that label: none, one, two."""

ALL = 0.99
"""Share of labels that must agree with a shift."""

CHANCE = 0.5
"""Share of labels that may agree with the next token by chance, in text that repeats itself."""

FEWEST = 32
"""Labels below which agreement may be chance."""

SMALL = 1e-4
"""Change, over the largest output, that rounding does not make."""


@dataclass(frozen=True, slots=True, eq=False)
class Pairing:
    """How labels belong to positions.

    Attributes:
        tokens: (batch, time) that the model was given.
        labels: (batch, positions).
        start: first position that has a label.
        time: axis of time in what the model was given.
    """

    tokens: Tensor
    labels: Tensor
    start: int
    time: int


def reason(bench: Bench) -> str:
    """Why it cannot be asked."""
    if bench.forward is None:
        return "no model was called in the first turn"
    if bench.loss is None or bench.loss.function not in ("cross_entropy", "nll_loss"):
        return "the first turn does not have one loss over classes"
    found = [agreements(bench, pairing) for pairing in pairings(bench)]
    if not found:
        return "the labels do not belong to the positions of a sequence of tokens"
    if not any(count >= FEWEST and share >= ALL for shares in found for share, count in shares):
        return "the labels are neither the tokens themselves nor later ones"
    return ""


def pairings(bench: Bench) -> Iterator[Pairing]:
    """The positions of the output that the scores of the loss come from, for each axis that may be time."""
    assert bench.forward is not None
    assert bench.loss is not None
    scores, target = bench.loss.given.get("input"), bench.loss.given.get("target")
    output = main_output(bench.forward.output)
    if not isinstance(scores, Tensor) or not isinstance(target, Tensor) or output is None:
        return
    if target.is_floating_point() or scores.dim() < 2 or output.dim() != 3:
        return
    rows = scores.movedim(1, -1).reshape(-1, scores.shape[1])
    for tokens in tensors((bench.forward.args, list(bench.forward.kwargs.values()))):
        if tokens.is_floating_point() or tokens.dim() != 2 or tokens.shape != output.shape[:2]:
            continue
        found = (at_positions(output, rows, target.reshape(-1), tokens, time) for time in (1, 0))
        yield from (pairing for pairing in found if pairing is not None)


def at_positions(output: Tensor, rows: Tensor, target: Tensor, tokens: Tensor, time: int) -> Pairing | None:
    """The labels as a table, if the scores are those of a stretch of positions."""
    batch, length = tokens.shape[1 - time], tokens.shape[time]
    count = len(rows) // batch
    if rows.shape[1] != output.shape[2] or len(rows) != len(target) or count * batch != len(rows):
        return None
    for start in range(max(0, length - count) + 1):
        part = output.narrow(time, start, count) if count <= length else None
        if part is None:
            return None
        flat = part.reshape(len(rows), -1)
        for shown in (flat, flat.log_softmax(1)):
            if torch.allclose(shown.to(rows), rows, rtol=1e-3, atol=1e-4):
                table = target.reshape(part.shape[:2])
                along = (tokens, table) if time == 1 else (tokens.T, table.T)
                return Pairing(*along, start, time)
    return None


def agreements(bench: Bench, pairing: Pairing) -> list[tuple[float, int]]:
    """For each shift the share of labels that are that token, and how many could be compared."""
    assert bench.loss is not None
    ignored = bench.loss.given.get("ignore_index", -100)
    found: list[tuple[float, int]] = []
    for shift in SHIFTS:
        first = pairing.start + shift
        width = min(pairing.labels.shape[1], pairing.tokens.shape[1] - first)
        labels, tokens = pairing.labels[:, :width], pairing.tokens[:, first : first + width]
        counted = labels != ignored
        total = int(counted.sum())
        found.append((float((labels == tokens)[counted].double().mean()) if total else 0.0, total))
    return found


def perform(bench: Bench) -> Steps:
    """Compare labels with tokens; then see whether the model knows the token that it is at, and no later."""
    yield from ()
    forward = bench.forward
    assert forward is not None
    assert bench.loss is not None
    asked = [(pairing, agreements(bench, pairing)) for pairing in pairings(bench)]
    told = ""
    for pairing, shares in sorted(asked, key=lambda pair: -pair[1][1][0]):
        same, following, after = (share for share, _ in shares)
        values = {"same": same, "next": following, "after": after}
        if following >= ALL:
            return Outcome("yes", values)
        if following >= CHANCE:
            return Outcome("not clear: the text repeats itself", values)
        shift = 0 if same >= ALL else 2
        if shares[shift][0] < ALL or shares[shift][1] < FEWEST:
            continue
        told = in_the_way(bench, forward, pairing)
        if not told:
            name, (share, count) = type(forward.module).__name__, shares[shift]
            fact = ShiftFact(name, shift, share, count, following, bench.loss.site)
            which = "the tokens themselves" if shift == 0 else "two tokens later"
            return Outcome(f"no: the labels are {which}", values, (fact,))
    return Outcome(f"not clear: {told}")


def in_the_way(bench: Bench, forward: ForwardCall, pairing: Pairing) -> str:
    """Why labels may be other tokens than the next: the model does not read from left to right.

    Returns:
        Empty text if outputs depend on the token at which they stand, and on earlier ones, but
        on none after it.
    """
    length = pairing.tokens.shape[1]
    middle = length // 2

    def at_middle(tensor: Tensor) -> Tensor:
        shape = pairing.tokens.shape if pairing.time == 1 else pairing.tokens.T.shape
        if tensor.shape != shape or tensor.is_floating_point():
            return tensor
        twin = tensor.clone()
        row = twin.select(pairing.time, middle)
        row.copy_(torch.where(row.roll(1, 0) != row, row.roll(1, 0), tensor.select(pairing.time, 0)))
        return twin

    with bench.evaluating(forward):
        bench.observer.stills = True
        base, again = main_output(bench.call(forward)), main_output(bench.call(forward))
        args, kwargs = mapped(forward.args, at_middle), mapped(forward.kwargs, at_middle)
        other = main_output(bench.call(forward, args, kwargs))
    if base is None or again is None or other is None or not torch.equal(base, again):
        return "two evaluations of the same batch differ"
    scale = float(base.abs().max()) or 1.0
    change = (other - base).abs().movedim(pairing.time, 0).flatten(1).amax(1) / scale
    before, here, after = change[:middle], change[middle], change[middle + 1 :]
    if (before > SMALL).any():
        return "the model sees the whole sequence, to fill gaps or to repeat it"
    if here <= SMALL:
        return "the model does not see the token that it is at: it shifts its tokens itself"
    return "" if (after > SMALL).any() else "the model sees each token by itself"
