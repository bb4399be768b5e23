"""Clipping acts on nearly every step.

Clipping is meant for the rare large gradient. Where it acts always, every step has the same length, and the
limit, not the gradient, decides how far the weights move: the learning rate and the limit are one number
in two places.

## Bad

```python
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 0.01)
        optimizer.step()
```

## Good

```python
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 10.0)
        optimizer.step()
```

## Not a problem

- Training with normalised gradients on purpose.
- Clipping in the first steps, or now and then.

## Sources

- [Deep Learning Tuning Playbook](https://github.com/google-research/tuning_playbook): clipping more than
  half of the steps is extremely aggressive
"""

from __future__ import annotations

from collections.abc import Iterator
from math import comb

from osler.model import Check, Confidence, Evidence, Finding, Kind, Run, Severity

USUAL = 0.5
"""Share of clipped steps that is still called aggressive."""

CHANCE = 0.001
"""Chance that a run which clips that share of its steps clips as many as were seen."""

check = Check(
    __name__,
    severity=Severity.HINT,
    expected="clipping acts on the rare large gradient",
    why="Every step has the same length, whatever the gradient: the limit acts as the learning rate.",
    fix="Raise the limit above the usual norm, or lower the learning rate.",
)


@check.applies_when
def no_norm(run: Run) -> str:
    return "" if any(ratios(run)) else "no norm was clipped"


@check.in_run
def nearly_always(run: Run) -> Iterator[Finding]:
    for key, values in ratios(run):
        clipped = sum(v > 1 for v in values)
        if likelihood(len(values), clipped) > CHANCE:
            continue
        line = key.rpartition(":")[2]
        sites = [e.site for e in run.of(Kind.CLIP) if not line.isdigit() or e.place.line == int(line)]
        yield check.finding(
            sites[0] if sites else (),
            f"Clipping acted on {clipped} of {len(values)} steps that were seen; the norm was "
            f"{sorted(values)[len(values) // 2]:.3g} times the limit in the middle.",
            evidence=[Evidence("share of clipped steps", clipped / len(values), f"below {USUAL}")],
            confidence=Confidence.LIKELY,
        )


def ratios(run: Run) -> Iterator[tuple[str, list[float]]]:
    """Norm over limit at each clipping that was measured, by line."""
    for key, column in run.columns.items():
        if key.partition(":")[0] == "clip_ratio" and column.total:
            yield key, list(column.history()[1])


def likelihood(count: int, clipped: int) -> float:
    """Chance of at least so many clipped steps if each is clipped with the usual share."""
    if count > 1000:  # the same shares of fewer steps: enough to tell
        count, clipped = 1000, 1000 * clipped // count
    return sum(comb(count, k) for k in range(clipped, count + 1)) * USUAL**count
