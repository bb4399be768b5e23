"""Prediction and target differ by an axis of length 1, so that each is compared with every other.

Of shapes (N, 1) and (N) torch makes (N, N): the loss compares every prediction with every target of the
batch. It falls and training runs, but the best the model can do is to predict the mean of the targets.

## Bad

```python
model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss = ((model(x) - y) ** 2).mean()
        loss.backward()
        optimizer.step()
```

## Good

```python
model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss = ((model(x).squeeze(1) - y) ** 2).mean()
        loss.backward()
        optimizer.step()
```

## Not a problem

- Tensors of one rank that were laid out against each other: (N, 1) and (1, N), as in contrastive losses.
- An axis that is made where it is used, `score[:, None] - score`, or by `keepdim=True`.
- A single number or a weight per class that is spread over the batch.
- A batch of one.

## Sources

- [MSELoss warns of different shapes](https://github.com/pytorch/pytorch/pull/18349)
- [Broadcasting semantics](https://docs.pytorch.org/docs/stable/notes/broadcasting.html)
"""

from collections.abc import Iterator

from osler.model import (
    BroadcastFact,
    Check,
    Code,
    Confidence,
    Evidence,
    Finding,
    Kind,
    Run,
    Severity,
    Shape,
    size_of,
)

check = Check(
    __name__,
    severity=Severity.ERROR,
    expected="prediction and target have the same shape",
    why="Every prediction is compared with every target of the batch: the model learns their mean.",
    fix="Give both the same shape: `prediction.squeeze(1)`, or `target.unsqueeze(1)`.",
    symptoms=(
        "cannot-overfit-one-batch",
        "loss-plateaus",
        "model-underfits",
        "no-better-than-baseline",
        "predictions-collapsed",
    ),
)


@check.applies_when
def no_backward(run: Run) -> str:
    return "" if run.backwards or run.of(Kind.BACKWARD) else "no backward was seen"


@check.in_code
def column_against_row(code: Code) -> Iterator[Finding]:
    for fact in code.spread:
        yield check.finding(
            fact.site,
            f"`{fact.operation}` compares one column, of shape (N, 1), from the layer in line "
            f"{fact.layer[0].line} with `{fact.target}`, of shape (N): every prediction with every target.",
            related=[(fact.layer, "one column comes out here")],
            confidence=Confidence.LIKELY,
        )


@check.in_run
def spread_against_each_other(run: Run) -> Iterator[Finding]:
    for fact in run.broadcasts.values():
        entries = max(size_of(fact.left), size_of(fact.right))
        yield check.finding(
            fact.site,
            f"{spelled(fact)} received shapes {shown(fact.left)} and {shown(fact.right)} and compared "
            f"{size_of(fact.result):,} pairs, {shown(fact.result)}, where there are {entries:,}.",
            step=fact.step,
            evidence=[Evidence("pairs compared", size_of(fact.result), f"{entries}", "pairs", fact.step)],
        )


def spelled(fact: BroadcastFact) -> str:
    """The operation as the user wrote it."""
    signs = {"sub": "`-`", "add": "`+`", "mul": "`*`", "div": "`/`"}
    return signs.get(fact.operation, f"`{fact.operation}`")


def shown(shape: Shape) -> str:
    """A shape as it is spoken of: (32, 1), (32)."""
    return f"({', '.join(map(str, shape))})"
