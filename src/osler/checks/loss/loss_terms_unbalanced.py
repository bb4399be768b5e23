"""One term of a summed loss swamps the others, so that these are not learned.

Terms are added as numbers, without regard for what they measure. An error in dollars squared beside a
cross-entropy, or a mean over all pixels beside a sum over the code, leaves one of them without a say: the
parameters that both share follow the other alone.

Osler asks this in `osler preflight`, by the gradient of each term in the first turns. A small share alone
says little: a penalty is meant to be small, and a term near its best has no gradient. So two things are
told only:

- a loss function with less than 1% of the gradient of the shared parameters that is still no better than a
  guess, beside others of the same kind and with the same weight;
- a variational autoencoder whose divergence costs more than any code can gain. With a constant code the
  reconstruction is that of the mean sample; where the price of one bit is more than all that could be gained
  from there, the decoder learns to ignore its code, whatever the network.

## Bad

```python
trunk = nn.Sequential(nn.Linear(8, 16), nn.ReLU())
kind, price = nn.Linear(16, 4), nn.Linear(16, 1)
optimizer = torch.optim.Adam([*trunk.parameters(), *kind.parameters(), *price.parameters()], lr=0.001)
for epoch in range(epochs):
    for x, y in loader:
        features = trunk(x)
        dollars = 1000 * x.sum(dim=1)
        loss = F.cross_entropy(kind(features), y)
        loss = loss + F.mse_loss(price(features)[:, 0], dollars)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
```

## Good

```python
trunk = nn.Sequential(nn.Linear(8, 16), nn.ReLU())
kind, price = nn.Linear(16, 4), nn.Linear(16, 1)
optimizer = torch.optim.Adam([*trunk.parameters(), *kind.parameters(), *price.parameters()], lr=0.001)
for epoch in range(epochs):
    for x, y in loader:
        features = trunk(x)
        thousands = x.sum(dim=1)
        loss = F.cross_entropy(kind(features), y)
        loss = loss + F.mse_loss(price(features)[:, 0], thousands)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
```

## Not a problem

- A factor of your own before one of the terms: their proportion is intended.
- Penalties, entropy bonuses and consistency terms, however small.
- A divergence whose weight rises from zero, as long as a code can pay at the end; one whose weight falls.

## Sources

- [GradNorm](https://arxiv.org/abs/1711.02257), on gradients of several tasks of different size
- [Don't blame the ELBO](https://arxiv.org/abs/1911.02469), on the scale of the reconstruction and the
  collapse of the posterior
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from osler.model import (
    Check,
    CodePriceFact,
    Confidence,
    Evidence,
    Finding,
    Setup,
    Severity,
    TermFact,
    TermsFact,
    percent,
)

SWAMPED = 0.99
"""Share of the gradient of the shared parameters above which the other terms have no say."""

BATCHES = 2
"""Different batches that must agree: one may be an odd one."""

UNLEARNED = 0.5
"""Part of the way from right answers to a guess above which a term has most of its learning before it."""

SAME_WEIGHT = 1.01
"""Ratio of two weights up to which no factor of the user's stands between the terms."""

ONE_BIT = math.log(2)
"""Nats below which a code cannot tell two kinds of samples apart."""

check = Check(
    __name__,
    severity=Severity.WARNING,
    expected="every term that is to be learned has a part in the gradient",
    why="The parameters that the terms share follow one of them alone.",
    fix="Scale the targets of each term to standard deviation 1, or give the terms weights.",
)


@check.in_setup
def without_a_say(setup: Setup) -> Iterator[Finding]:
    for price in setup.all(CodePriceFact):
        if price.nats < ONE_BIT:
            yield too_dear(price)
            return
    for fact in setup.all(TermsFact):
        if fact.batches >= BATCHES and all(is_comparable(term, fact.terms[0]) for term in fact.terms):
            largest = max(fact.terms, key=lambda term: sum(term.shared))
            if min(largest.shared) > SWAMPED:
                yield from (describe(term, largest, fact) for term in fact.terms if is_unlearned(term))


def is_comparable(term: TermFact, first: TermFact) -> bool:
    """Whether a term is to fit targets, reaches shared parameters, and has no factor of its own."""
    low, high = sorted((abs(term.weight), abs(first.weight)))
    return term.guess is not None and bool(term.shared) and 0 < high <= SAME_WEIGHT * low


def is_unlearned(term: TermFact) -> bool:
    """Whether a term without a say is about as bad as a guess."""
    if term.value is None or term.guess is None or term.floor is None or max(term.shared) > 1 - SWAMPED:
        return False
    return term.value - term.floor > UNLEARNED * (term.guess - term.floor)


def describe(term: TermFact, largest: TermFact, fact: TermsFact) -> Finding:
    share, rest = min(largest.shared), max(term.shared)
    where = f"the term of line {largest.site[0].line}" if largest.site else "another term"
    return check.finding(
        term.site or fact.site,
        f"In each of the first {fact.turns} turns {where} has at least {percent(share)} of the gradient of "
        f"the parameters that the terms share, this one at most {percent(rest)}, although it is at "
        f"{term.value:.3g} where a guess gives {term.guess:.3g}.",
        evidence=[Evidence("share of the gradient", rest, f"above {percent(1 - SWAMPED)}")],
        confidence=Confidence.LIKELY,
    )


def too_dear(price: CodePriceFact) -> Finding:
    where = f" of line {price.reconstruction[0].line}" if price.reconstruction else ""
    averaged = f", a mean over {price.elements} elements of each sample," if price.elements > 1 else ""
    when = f" in turn {price.turn}, and rising" if price.rising else ""
    return check.finding(
        price.site,
        f"The best code lowers the reconstruction{where}{averaged} by {price.gain:.2g} at most, and each nat "
        f"of this divergence costs {price.price:.2g}{when}: a code of more than {price.nats:.2g} nats, less "
        "than one bit, cannot pay, and the decoder learns to ignore it.",
        evidence=[Evidence("nats that can pay", price.nats, f"above {ONE_BIT:.2g}")],
        confidence=Confidence.CERTAIN if price.rising else Confidence.LIKELY,
        fix="Add up the reconstruction over the elements of a sample, as the divergence is over the code, "
        "and average both over the samples; or give the divergence a weight below the gain.",
    )
