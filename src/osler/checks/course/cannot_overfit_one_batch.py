"""The model cannot memorise one batch, or a hundred samples.

The oldest test of a training loop: give it the same few samples again and again, with dropout and weight
decay off. Any healthy network of usual size drives the loss to its floor. One that stays where it began
has a cut graph, a loss that does not fit its outputs, an optimizer that holds other parameters, or labels
that have lost their samples; more data and more epochs will not help.

Osler asks this in `osler preflight`, with the script's own loop as the step, at its own learning rate and
at a third and three times of it.

## Bad

```python
for x, y in loader:
    loss = loss_fn(model(x), y)
    loss.backward()
    optimizer.zero_grad()
    optimizer.step()  # always on empty gradients: no batch is ever learned
```

## Good

```python
for x, y in loader:
    loss = loss_fn(model(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
```

## Not a problem

- Equal inputs with different labels: the loss cannot fall below their entropy, which is taken into
  account.
- A loss that still falls when the test ends: it is slow, not stuck.
- Losses whose floor is not known, and several networks with losses of their own: they are not judged.

## Sources

- [A recipe for training neural networks](https://karpathy.github.io/2019/04/25/recipe/), "overfit one
  batch"
- [The deep learning book, chapter 11.5](https://www.deeplearningbook.org/contents/guidelines.html), "fit
  a tiny dataset"
"""

from __future__ import annotations

from collections.abc import Iterator

from osler.model import (
    Check,
    Confidence,
    Evidence,
    Finding,
    OverfitFact,
    Setup,
    Severity,
    counted,
)

LEARNED = 0.5
"""Share of the way to the floor that any network which learns at all goes within 200 turns."""

LITTLE = 0.1
"""Share of the first loss that must lie above the floor: else there is next to nothing to learn."""

STUCK = 0.05
"""Share below which nothing at all was learned."""

check = Check(
    __name__,
    severity=Severity.ERROR,
    expected="with the same few samples in every step the loss falls to its floor",
    why="A model that cannot memorise a few samples cannot learn from many.",
    fix="Look for what keeps the gradients from the weights: a cut graph, an optimizer that holds other "
    "parameters, a loss that does not fit the outputs; compare the labels with the samples.",
    symptoms=("loss-plateaus", "no-better-than-baseline", "model-underfits"),
)


@check.in_setup
def stays_where_it_began(setup: Setup) -> Iterator[Finding]:
    stuck = [f for f in setup.all(OverfitFact) if is_stuck(f)]
    if stuck:
        yield describe(min(stuck, key=progress))


def progress(fact: OverfitFact) -> float:
    """Share of the way from the first loss to the floor that was gone."""
    way = fact.first - fact.floor
    return (fact.first - fact.best) / way if way > 0 else 1.0


def is_stuck(fact: OverfitFact) -> bool:
    """Whether neither the loss nor the accuracy has moved far, and no more is to be hoped for."""
    if fact.falling or progress(fact) >= LEARNED or fact.first - fact.floor < LITTLE * fact.first:
        return False
    if fact.accuracy is None or fact.majority is None:
        return True
    return fact.accuracy < fact.majority + LEARNED * (1 - fact.majority)


def describe(fact: OverfitFact) -> Finding:
    rates = "at the learning rate of the script" if len(fact.rates) == 1 else "at any of three learning rates"
    whose = f"{counted(fact.samples, 'sample')}, repeated in" if fact.samples else "One batch, repeated in"
    best = f"the best accuracy was {fact.accuracy:.0%}" if fact.accuracy is not None else ""
    return check.finding(
        fact.site,
        f"{whose} {counted(fact.steps, 'turn')}, {'were' if fact.samples > 1 else 'was'} not memorised "
        f"{rates}: "
        f"the loss went from {fact.first:.4g} to {fact.best:.4g}{f', {best}' if best else ''}.",
        evidence=[
            Evidence("best loss", fact.best, f"close to {fact.floor:.4g}"),
            *([Evidence("best accuracy", fact.accuracy, "1")] if fact.accuracy is not None else []),
        ],
        confidence=Confidence.CERTAIN if progress(fact) < STUCK else Confidence.LIKELY,
    )
