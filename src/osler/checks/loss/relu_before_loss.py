"""A rectifier is the last thing that happens to the scores before the loss.

`cross_entropy` and its binary form compare scores; a ReLU cuts off the negative half of them. Wherever a
score is cut off it gets no gradient, so classes can only be ruled out by raising all others.

## Bad

```python
net = nn.Sequential(nn.Linear(8, 4), nn.ReLU())
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss = loss_fn(net(x), y)
        loss.backward()
        optimizer.step()
```

## Good

```python
net = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss = loss_fn(net(x), y)
        loss.backward()
        optimizer.step()
```

## Not a problem

- A regression whose targets are never negative.

## Sources

- [CrossEntropyLoss](https://docs.pytorch.org/docs/stable/generated/torch.nn.CrossEntropyLoss.html)
"""

from collections.abc import Iterator

from osler.model import Check, Code, Finding, Run, Severity, needs_call
from osler.static.queries import loss_inputs

check = Check(
    __name__,
    severity=Severity.HINT,
    expected="scores reach the loss as the last layer makes them",
    why="Scores below 0 become 0 and receive no gradient.",
    fix="Remove the ReLU behind the last layer.",
)

FUNCTIONS = ("cross_entropy", "binary_cross_entropy_with_logits")

check.applies_when(needs_call(*FUNCTIONS))


@check.in_code
def rectified_flow_in(code: Code) -> Iterator[Finding]:
    for loss, activation in loss_inputs(code, *FUNCTIONS):
        if activation.name == "relu":
            yield check.finding(
                loss.site,
                f"the scores go through ReLU in line {activation.place.line} just before the loss.",
                related=[((activation.place,), "negative scores end here")],
            )


@check.in_run
def rectified_before_loss(run: Run) -> Iterator[Finding]:
    for fact in run.calls_of(*FUNCTIONS):
        if fact.made_by == "relu":
            yield check.finding(
                fact.made_at or fact.site,
                f"The scores that `{fact.function}` received come out of `relu`: none of them can "
                "be below 0.",
                step=fact.step,
                related=[(fact.site, "the loss is computed here")],
            )
