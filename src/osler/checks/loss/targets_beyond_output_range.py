"""The activation behind the last layer cannot reach many of the targets.

Sigmoid ends at 0 and 1, tanh at -1 and 1, and a rectifier at 0. A target outside is never met: the error has
a floor that no training lowers, and the outputs are pushed to the end of the activation, where its gradient
vanishes. Usually the data were standardised, or left as pixels up to 255, while the activation was chosen
for data between 0 and 1. A binary cross-entropy wants probabilities as targets for the same reason: with
others it has no lower limit.

## Bad

```python
net = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 8), nn.Sigmoid())
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for x, _ in loader:
    optimizer.zero_grad()
    F.mse_loss(net(x), x).backward()
    optimizer.step()
```

## Good

```python
net = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 8))
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for x, _ in loader:
    optimizer.zero_grad()
    F.mse_loss(net(x), x).backward()
    optimizer.step()
```

## Not a problem

- Targets that touch the ends, or lie a little outside: noise, jitter, labels of 1.2 for real pictures.
- An activation that is scaled, shifted or added to something.
- A few negative values where the output is rectified, or many that are small beside the rest: counts or
  intensities with noise.
- Entries with weights of their own, or a loss without reduction: what lies outside may count for nothing.

## Sources

- [How to choose an output unit](https://www.deeplearningbook.org/contents/mlp.html): section 6.2.2
- [Sigmoid](https://docs.pytorch.org/docs/stable/generated/torch.nn.Sigmoid.html) and
  [Tanh](https://docs.pytorch.org/docs/stable/generated/torch.nn.Tanh.html)
"""

import math
from collections.abc import Iterator

from osler.model import Check, Evidence, Finding, ReachFact, Run, Severity

LOOKS = 3
"""Calls that were looked at before the targets are believed to be always so."""

TARGETS = 64
"""Targets below which a few would decide."""

BETWEEN = 0.05
"""Share of targets far outside a range with two ends: of standardised ones tanh misses 13 % by so much."""

ABOVE = 0.2
"""Share far below a range with one end: of standardised targets 40 % lie so far below 0."""

check = Check(
    __name__,
    severity=Severity.WARNING,
    expected="the output can reach all targets",
    why="No output meets these targets: training only drives it to the end of its range.",
    fix="Remove the activation behind the last layer, or scale the targets into its range.",
    symptoms=(
        "cannot-overfit-one-batch",
        "loss-plateaus",
        "no-better-than-baseline",
        "units-saturated",
        "units-dead",
        "predictions-collapsed",
    ),
)


@check.applies_when
def nothing_limited(run: Run) -> str:
    return "" if run.reaches else "nothing limits what a loss compares with its targets"


@check.in_run
def targets_outside(run: Run) -> Iterator[Finding]:
    for fact in run.reaches.values():
        if not are_beyond(fact):
            continue
        share = fact.outside / fact.targets
        yield check.finding(
            fact.made_at or fact.site,
            f"`{fact.function}` compares {compared(fact)} with targets from {fact.lowest:.3g} to "
            f"{fact.highest:.3g}: {share:.0%} of them lie outside.",
            step=fact.step,
            related=[(fact.site, "the loss is computed here")],
            evidence=[
                Evidence("share of targets outside", share, "0"),
                Evidence("target farthest outside", fact.farthest, limits(fact)),
            ],
            fix="" if fact.made_by else "Scale the targets to 0 to 1, or use a loss for amounts or classes.",
        )


def are_beyond(fact: ReachFact) -> bool:
    """Whether many targets lie far outside, at first and still."""
    share = ABOVE if math.isinf(fact.high) else BETWEEN
    enough = fact.tests >= LOOKS and fact.targets >= TARGETS
    return enough and fact.far >= share * fact.targets and fact.lately >= share / 2


def compared(fact: ReachFact) -> str:
    """What meets the targets, with its range."""
    name = f"the output of `{fact.made_by}`" if fact.made_by else "probabilities"
    return f"{name}, {limits(fact)},"


def limits(fact: ReachFact) -> str:
    """The range in words."""
    if math.isinf(fact.high):
        return f"{fact.low:.3g} or more"
    return f"{fact.low:.3g} to {fact.high:.3g}"
