"""`cross_entropy` receives probabilities although it applies softmax itself.

Softmax applied twice squeezes the scores of a row into a range of at most 1. The gradients become small,
training is slow, and the loss cannot fall below a floor: 0.74 with four classes, 1.46 with ten, however
good the model is.

## Bad

```python
model = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 4), nn.Softmax(dim=1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
```

## Good

```python
model = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 4))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
```

## Not a problem

- Log-probabilities, the output of `log_softmax`: the second `log_softmax` changes nothing. This is a
  hint at most.
- Probabilities as the *target*: soft labels are allowed.
- Probabilities in a loss that is only computed without gradient.

## Sources

- [CrossEntropyLoss](https://docs.pytorch.org/docs/stable/generated/torch.nn.CrossEntropyLoss.html): the
  input holds unnormalized logits
- [Softmax and CrossEntropyLoss](https://github.com/nishnik/Deep-Semantic-Similarity-Model-PyTorch/issues/2)
- [Duplicate log_softmax](https://github.com/Randl/MobileNetV2-pytorch/issues/5): the harmless case
"""

import math
from collections.abc import Iterator
from dataclasses import replace

from osler.model import Check, Code, Edit, Evidence, Finding, LossInputFact, Pages, Run, Severity, needs_loss
from osler.static.mending import other_place, without_activation
from osler.static.queries import loss_inputs

check = Check(
    __name__,
    severity=Severity.ERROR,
    expected="`cross_entropy` receives logits",
    why="It applies softmax itself; applied twice, gradients are small and the loss cannot come near 0.",
    fix="Pass the logits: remove this softmax, and apply it only where you read probabilities.",
    symptoms=(
        "cannot-overfit-one-batch",
        "gradients-vanish",
        "initial-loss-unexpected",
        "learning-rate-too-low",
        "loss-plateaus",
        "model-underfits",
        "no-better-than-baseline",
    ),
)


check.applies_when(needs_loss("cross_entropy"))


@check.in_code
def probabilities_flow_in(code: Code) -> Iterator[Finding]:
    for loss, activation in loss_inputs(code, "cross_entropy"):
        if activation.name == "softmax":
            yield check.finding(
                loss.site,
                f"`cross_entropy` receives the output of softmax in line {activation.place.line}.",
                related=[((activation.place,), "softmax is applied here")],
            )
        elif activation.name == "log_softmax":
            harmless = check.finding(
                loss.site,
                f"`cross_entropy` receives the output of log_softmax in line {activation.place.line}: "
                "harmless but redundant.",
                related=[((activation.place,), "log_softmax is applied here")],
                severity=Severity.HINT,
                fix="Remove the `log_softmax`, or keep it and use `nll_loss`.",
            )
            yield replace(harmless, why="It applies log_softmax itself; another one only takes time.")


@check.mends
def pass_the_logits(finding: Finding, pages: Pages) -> Iterator[list[Edit]]:
    softmax = other_place(finding)
    yield without_activation(pages, softmax, "softmax", "Softmax")
    yield without_activation(pages, softmax, "log_softmax", "LogSoftmax")


@check.in_run
def normalized_before_loss(run: Run) -> Iterator[Finding]:
    for fact in run.inputs_of("cross_entropy"):
        step = run.steps_before(fact)
        if step is None:
            continue
        if fact.are_probabilities:
            yield softmax_twice(fact, step)
        elif fact.are_log_probabilities:
            yield log_softmax_twice(fact, step)


def softmax_twice(fact: LossInputFact, step: int) -> Finding:
    floor = math.log(math.e + fact.classes - 1) - 1
    return check.finding(
        fact.made_at or fact.site,
        f"`cross_entropy` received probabilities{fact.origin}: all {fact.rows} rows tested lie in [0, 1] "
        f"and sum to 1 ({fact.sum_low:.4f} to {fact.sum_high:.4f}).",
        step=step,
        related=[(fact.site, "the loss is computed here")],
        evidence=[
            Evidence("rows that are probabilities", fact.probability_rows, "0", "rows", step),
            Evidence("lowest loss that can be reached", round(floor, 4), "0", "nat", step),
        ],
    )


def log_softmax_twice(fact: LossInputFact, step: int) -> Finding:
    finding = check.finding(
        fact.made_at or fact.site,
        f"`cross_entropy` received log-probabilities{fact.origin}: the exponentials of all {fact.rows} rows "
        "tested sum to 1. This is harmless but redundant.",
        step=step,
        related=[(fact.site, "the loss is computed here")],
        evidence=[Evidence("rows that are log-probabilities", fact.log_probability_rows, "0", "rows", step)],
        severity=Severity.HINT,
        fix="Remove the `log_softmax`, or keep it and use `nll_loss`.",
    )
    return replace(finding, why="It applies log_softmax itself; another one changes nothing but takes time.")
