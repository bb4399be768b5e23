"""The loss is a sum over the batch, so steps grow with the size of the batch.

With `reduction="sum"`, or a `.sum()` of one's own, two copies of the same samples give twice the loss and
twice the gradient. Plain gradient descent then steps twice as far: a learning rate that fits one batch
size does not fit another, the smaller last batch of an epoch counts less, and a limit for clipping means
something else with every batch size. Adam and its kin bring gradients to one size by themselves, so with
them nothing is said.

Osler asks this in `osler preflight`: it gives the loss the same samples twice.

## Bad

```python
model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))
optimizer = torch.optim.SGD(model.parameters(), lr=0.001)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        F.cross_entropy(model(x), y, reduction="sum").backward()
        optimizer.step()
```

## Good

```python
model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()
```

## Not a problem

- A sum that is divided by the number of samples or tokens afterwards.
- Optimizers that divide by the size of the gradient: Adam, RMSprop, Adagrad and others.
- A sum on purpose, with a learning rate chosen for this batch size: it is a hint only.

## Sources

- [CrossEntropyLoss](https://docs.pytorch.org/docs/stable/generated/torch.nn.CrossEntropyLoss.html):
  `reduction`
- [Accurate, large minibatch SGD](https://arxiv.org/abs/1706.02677): learning rate and batch size
"""

from __future__ import annotations

from collections.abc import Iterator

from osler.model import Check, CopiesFact, Evidence, Finding, Setup, Severity, counted

DOUBLED = 0.01
"""Relative distance from twice the loss up to which it counts as doubled."""

check = Check(
    __name__,
    severity=Severity.HINT,
    expected="the same samples given twice have the same loss",
    why="The step size changes with the batch size, and so does what gradient clipping lets through.",
    fix="Take the mean over the samples, or divide the sum by their number.",
)


@check.in_setup
def two_copies_double_it(setup: Setup) -> Iterator[Finding]:
    for fact in setup.all(CopiesFact):
        if fact.optimizer and fact.once and abs(fact.twice / fact.once - 2) <= 2 * DOUBLED:
            yield check.finding(
                fact.site,
                f"The loss of {counted(fact.samples, 'sample')} is {fact.once:.4g}, that of two copies of "
                f"them {fact.twice:.4g}: the steps of `{fact.optimizer}` grow with the batch.",
                evidence=[Evidence("loss of two copies over loss of one", fact.twice / fact.once, "1")],
            )
