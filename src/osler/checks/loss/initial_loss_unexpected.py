"""The first loss is far from what guessing would give.

A network that knows nothing should be undecided. With C classes its first cross-entropy is about ln C;
with yes-and-no labels about ln 2. A first loss far above says that the network is *confidently wrong*
before it has seen anything. Its last layer starts too large, its inputs are far too large, or the labels
do not mean what the loss takes them for. The first hundred steps are then spent on unlearning this.

Osler asks this in `osler preflight`. It compares the loss with what the same scores would give for labels
drawn at random: if that explains the excess, it is the scale of the scores; if not, it is the labels or
the loss.

## Bad

```python
head = nn.Linear(16, 4)
nn.init.normal_(head.weight, std=3.0)  # scores of ±10 before the first step
model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), head)
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
```

## Good

```python
head = nn.Linear(16, 4)
nn.init.normal_(head.weight, std=0.02)
model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), head)
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
```

## Not a problem

- Pretrained weights, class weights, label smoothing.
- Cosines times a scale, as in contrastive losses and losses with a margin: the scale is chosen.
- A loss up to half a nat above chance, or within five standard errors of it while the scores are small.
- A deep residual network as torch initialises it: each branch adds variance, and the scores have the sum.
  Up to two and a half nats above chance this is only worth knowing.

## Sources

- [A recipe for training neural networks](https://karpathy.github.io/2019/04/25/recipe/), "verify loss @
  init"
- [Accurate, large minibatch SGD](https://arxiv.org/abs/1706.02677), section 5.1: residual branches
  that start at nothing
- [CS231n: sanity checks](https://cs231n.github.io/neural-networks-3/#sanitycheck), "look for correct loss
  at chance performance"
"""

from __future__ import annotations

from collections.abc import Iterator

from osler.model import Check, Confidence, Evidence, Finding, InitialLossFact, Setup, Severity

STANDARD_ERRORS = 5.0
"""Distance from chance below which the batch may be an unlucky one."""

EXCESS = 0.5
"""Nats above chance that default initialisations of networks without many residual branches do not exceed."""

DEEP = 2.5
"""Nats above chance by large scores, below which this is a hint.

Residual networks of 2 to 16 branches with BatchNorm, as torch initialises them, begin 0.1 to 2.3 above.
"""

EXPLAINED = 0.5
"""Share of the excess that scores of this size give for random labels: then the labels are not the reason."""

LARGE_INPUT = 20.0
"""Largest input above which its scale is the first suspect."""

check = Check(
    __name__,
    severity=Severity.WARNING,
    expected="before training a network is undecided: ln C for C classes, ln 2 for yes and no",
    why="The first steps unlearn a confidence that rests on nothing, and large learning rates diverge.",
    fix="Make the last layer start small, for example with `nn.init.normal_(head.weight, std=0.02)`, "
    "and its bias at 0.",
    symptoms=("loss-spikes",),
)


@check.in_setup
def confidently_wrong(setup: Setup) -> Iterator[Finding]:
    for fact in setup.all(InitialLossFact):
        if fact.classes >= 2 and is_unexpected(fact):
            yield describe(fact)
            return


def is_unexpected(fact: InitialLossFact) -> bool:
    """Whether the loss is too far above chance for a batch that happens to be hard."""
    if fact.pretrained or fact.weighted or fact.angles:
        return False
    excess = fact.value - fact.chance
    if excess <= EXCESS:
        return False
    return fact.expected - fact.chance > EXCESS or excess > STANDARD_ERRORS * fact.error


def describe(fact: InitialLossFact) -> Finding:
    by_scores = fact.expected - fact.chance > EXPLAINED * (fact.value - fact.chance)
    is_small = by_scores and fact.value - fact.chance <= DEEP
    reason, fix = cause(fact, by_scores=by_scores)
    return check.finding(
        fact.site,
        f"Before the first step `{fact.function}` gives {fact.value:.3g} for {fact.rows} predictions; a "
        f"guess gives ln {fact.classes} = {fact.chance:.3g}. {reason}",
        evidence=[
            Evidence("first loss", fact.value, f"about {fact.chance:.3g}"),
            Evidence("standard deviation of the scores", fact.scores, "below 1"),
        ],
        severity=Severity.HINT if is_small else None,
        confidence=Confidence.CERTAIN if by_scores else Confidence.LIKELY,
        fix=fix,
    )


def cause(fact: InitialLossFact, *, by_scores: bool) -> tuple[str, str]:
    """What explains the excess, and what to do about it if it is not the last layer."""
    if not by_scores:
        return (
            "Random labels would fare better than these: the labels or the loss do not fit the scores.",
            "Compare the order of the classes in the labels with that of the outputs, and the sign of "
            "the loss.",
        )
    if fact.inputs is not None and fact.inputs > LARGE_INPUT:
        return (
            f"The scores are large because the inputs are: up to {fact.inputs:.3g}.",
            "Scale the inputs to mean 0 and standard deviation 1 before they enter the network.",
        )
    return f"The scores are large before anything was learned: standard deviation {fact.scores:.3g}.", ""
