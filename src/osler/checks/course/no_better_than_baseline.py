"""The model does no better than always giving the same answer.

A constant answer with the shares of the classes reaches a cross entropy equal to the entropy of the labels. A
model whose loss stays there has learned how frequent the classes are, and nothing from its inputs: inputs and
labels do not belong together, the signal does not get through, or the steps are too large or too small.

## Bad

```python
labels = loader.dataset.tensors[1]
labels.copy_(labels[torch.randperm(len(labels))])
for epoch in range(12):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x * 0), y).backward()
        optimizer.step()
```

## Good

```python
for epoch in range(12):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
```

## Not a problem

- The first pass over the data, or a loss that is still falling.
- Classes that are weighted, label smoothing, a loss with any factor: the baseline is another one.
- Losses of several lines, as in a GAN; targets that come from a model.
- Other losses than cross entropy, and more classes than are counted.

## Sources

- [A recipe for training neural networks](https://karpathy.github.io/2019/04/25/recipe/): "verify decreasing
  training loss", "input-independent baseline"
"""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite, log, sqrt
from statistics import fmean, stdev

from osler.model import (
    Check,
    Confidence,
    Evidence,
    Finding,
    Run,
    Severity,
    learns_from_models,
    repeats_data,
    single_loss,
)

FEWEST = 80
"""Losses before we speak: the mean of the last quarter is then one of 20."""

SURE = 3.29
"""Standard errors below the mean: in 1 of 2000 runs the true one lies lower."""

GAIN = 0.05
"""Part of the baseline that a model must gain to be better: what is significant may still be nothing."""

COUNTED = 64
"""Classes whose labels are counted."""

ENOUGH = 8
"""Labels per class from which the entropy is taken; its bias is corrected."""

check = Check(
    __name__,
    severity=Severity.WARNING,
    expected="a loss below that of a constant answer",
    why="The model has learned the shares of the classes and nothing from its inputs.",
    fix="Look at a few batches: inputs and labels must belong together, and the first layer must learn.",
    symptoms=("loss-plateaus", "predictions-collapsed"),
)


@check.in_run
def learns_the_shares_only(run: Run) -> Iterator[Finding]:
    column, fact = run.columns.get("loss"), single_loss(run)
    if not run.ended or column is None or column.total < FEWEST or fact is None:
        return
    if fact.averages != (("cross_entropy", 1.0),) or not repeats_data(run) or learns_from_models(run):
        return
    losses, entropy = run.inputs_of("cross_entropy"), entropy_of_labels(run)
    if len(losses) != 1 or losses[0].classes > COUNTED or not entropy:
        return
    values = column.history()[1]
    quarter = len(values) // 4
    first, last = values[quarter : 2 * quarter], values[-quarter:]
    if not all(map(isfinite, (*first, *last))):
        return
    mean, error = fmean(last), stdev(last) / sqrt(quarter)
    if mean - SURE * error < (1 - GAIN) * entropy or mean < fmean(first) - GAIN * entropy:
        return
    yield check.finding(
        fact.site,
        f"The mean loss of the last {quarter} batches is {mean:.3g}; the same answer for every sample, the "
        f"shares of the {losses[0].classes} classes, has {entropy:.3g}.",
        step=run.steps,
        related=[(losses[0].site, "the loss is computed here")],
        evidence=[Evidence("mean loss of the last quarter", mean, f"below {entropy:.3g}", step=run.steps)],
        confidence=Confidence.LIKELY,
    )


def entropy_of_labels(run: Run) -> float:
    """Entropy of the labels that were counted, in nats, corrected for their number; 0 if they are too few."""
    prefix = "label_count:"
    counts = [sum(c.history()[1]) for key, c in run.columns.items() if key.startswith(prefix)]
    whole = sum(counts)
    if len(counts) < 2 or whole < ENOUGH * len(counts):
        return 0.0
    plain = -sum(n / whole * log(n / whole) for n in counts if n)
    return plain + (len(counts) - 1) / (2 * whole)
