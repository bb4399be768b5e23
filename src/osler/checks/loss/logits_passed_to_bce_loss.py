"""`binary_cross_entropy` receives raw scores instead of probabilities.

The function takes the logarithm of its input and of one minus its input. Scores outside of 0 to 1 raise an
error or, where an older version clamps them, give a constant loss without a gradient.

## Bad

```python
judge = nn.Linear(8, 1)
optimizer = torch.optim.SGD(judge.parameters(), lr=0.05)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss = F.binary_cross_entropy(judge(x).squeeze(1), (y > 1).float())
        loss.backward()
        optimizer.step()
```

## Good

```python
judge = nn.Linear(8, 1)
optimizer = torch.optim.SGD(judge.parameters(), lr=0.05)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss = F.binary_cross_entropy_with_logits(judge(x).squeeze(1), (y > 1).float())
        loss.backward()
        optimizer.step()
```

## Not a problem

- The output of sigmoid or softmax.
- Scores that are brought between 0 and 1 in another way.

## Sources

- [BCELoss](https://docs.pytorch.org/docs/stable/generated/torch.nn.BCELoss.html)
- Reported in [PyTorch](https://github.com/pytorch/pytorch/issues/2209)
"""

from collections.abc import Iterator

from osler.model import (
    LAYERS,
    Check,
    Code,
    Edit,
    Evidence,
    Finding,
    LossCallFact,
    Pages,
    Run,
    Severity,
    needs_call,
)
from osler.static.edits import call_at, only_call, renamed
from osler.static.queries import loss_inputs

check = Check(
    __name__,
    severity=Severity.ERROR,
    expected="`binary_cross_entropy` receives probabilities between 0 and 1",
    why="The logarithm of a raw score is undefined: training stops with an error or learns nothing.",
    fix="Use `binary_cross_entropy_with_logits` on the scores.",
    symptoms=(
        "cannot-overfit-one-batch",
        "loss-not-finite",
        "loss-plateaus",
    ),
)

check.applies_when(needs_call("binary_cross_entropy"))


@check.in_code
def scores_flow_in(code: Code) -> Iterator[Finding]:
    for loss, activation in loss_inputs(code, "binary_cross_entropy"):
        if activation.name in {"linear", "relu", "tanh"}:
            source = "a layer" if activation.name == "linear" else activation.name
            yield check.finding(
                loss.site,
                f"`binary_cross_entropy` receives the output of {source} in line {activation.place.line}: "
                "raw scores, not probabilities.",
                related=[((activation.place,), "the scores are computed here")],
            )


@check.mends
def use_the_logits(finding: Finding, pages: Pages) -> Iterator[list[Edit]]:
    function = call_at(pages, finding.place, "binary_cross_entropy")
    yield renamed(function, "binary_cross_entropy_with_logits")
    yield renamed(only_call(pages, finding.place.file, "BCELoss"), "BCEWithLogitsLoss")


@check.in_run
def scores_before_loss(run: Run) -> Iterator[Finding]:
    for fact in run.calls_of("binary_cross_entropy"):
        raw = fact.made_by in {"relu", "tanh", *LAYERS}
        if not raw and not leaves_range(fact):
            continue
        source = f", the output of {fact.origin}" if raw else ""
        limits = "which is outside 0 to 1" if leaves_range(fact) else "which nothing keeps between 0 and 1"
        yield check.finding(
            fact.made_at or fact.site,
            f"`binary_cross_entropy` received values from {fact.lowest:.3g} to {fact.highest:.3g}{source}, "
            f"{limits}.",
            step=fact.step,
            related=[(fact.site, "the loss is computed here")],
            evidence=[Evidence("smallest value", fact.lowest, "at least 0", step=fact.step)],
        )


def leaves_range(fact: LossCallFact) -> bool:
    """Some value is no probability."""
    return fact.lowest < 0 or fact.highest > 1
