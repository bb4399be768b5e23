"""Facts about the terms of a summed loss that experiments yield: their gradients, and what a code costs."""

from __future__ import annotations

from dataclasses import dataclass

from osler.model.event import Site


@dataclass(frozen=True, slots=True)
class TermFact:
    """One term of a summed loss, over the turns in which it was measured.

    Attributes:
        weight: what the term is multiplied by before it is added; the mean if each sample has its own.
        whole: share of the gradient of all parameters in each turn, norms over their sum; 0 to 1.
        shared: the same for the parameters that several terms reach; empty if there are none.
        value: mean of the loss function over elements, of all turns; None if it is none of torch.
        guess: the same for one answer given to all samples; None likewise.
        floor: the same for right answers; None likewise.
        site: where it is computed; empty if unknown.
    """

    weight: float
    whole: tuple[float, ...]
    shared: tuple[float, ...]
    value: float | None
    guess: float | None
    floor: float | None
    site: Site


@dataclass(frozen=True, slots=True)
class TermsFact:
    """How the terms of a summed loss share the gradient at the beginning.

    Attributes:
        terms: of the sum.
        turns: in which they were measured.
        batches: different ones among these.
        site: the backward call.
    """

    terms: tuple[TermFact, ...]
    turns: int
    batches: int
    site: Site


@dataclass(frozen=True, slots=True)
class CodePriceFact:
    """What the code of a variational autoencoder can gain and what it costs, both in units of the loss.

    Attributes:
        gain: by which the reconstruction exceeds its floor where every sample is given the same best answer.
        price: of one nat of divergence for each sample, at the highest weight that was seen.
        turn: in which that weight was seen.
        rising: the weight was still going up.
        elements: of a sample over which the reconstruction is averaged; 1 if it is added up.
        reconstruction: where that term is computed; empty if unknown.
        site: where the divergence is computed, or the backward call.
    """

    gain: float
    price: float
    turn: int
    rising: bool
    elements: int
    reconstruction: Site
    site: Site

    @property
    def nats(self) -> float:
        """Divergence per sample above which a code costs more than the best of codes can gain."""
        return self.gain / self.price if self.price else float("inf")
