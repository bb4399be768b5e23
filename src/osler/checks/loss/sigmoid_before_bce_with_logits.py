"""`binary_cross_entropy_with_logits` receives probabilities: sigmoid is applied twice.

The function applies sigmoid itself. After a first sigmoid its input lies between 0 and 1, so that what it
takes for the probability lies between 0.5 and 0.73: the loss cannot come near 0 and no score falls below
one half.

## Bad

```python
judge = nn.Sequential(nn.Linear(8, 1), nn.Sigmoid())
optimizer = torch.optim.SGD(judge.parameters(), lr=0.05)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss = F.binary_cross_entropy_with_logits(judge(x).squeeze(1), (y > 1).float())
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

- Sigmoid on the *target*.
- Sigmoid on a copy that is only read, for accuracy or thresholds.
- Logits that happen to lie between 0 and 1 in the beginning.

## Sources

- [BCEWithLogitsLoss](https://docs.pytorch.org/docs/stable/generated/torch.nn.BCEWithLogitsLoss.html)
- Reported in [Merlin](https://github.com/NVIDIA-Merlin/models/pull/1175)
"""

from collections.abc import Iterator
from math import prod

from osler.model import (
    Check,
    Code,
    Confidence,
    Edit,
    Evidence,
    Finding,
    LossCallFact,
    Pages,
    Run,
    Severity,
    needs_call,
)
from osler.static.mending import other_place, without_activation
from osler.static.queries import loss_inputs

LOOKS = 5
"""Calls that were looked at before values alone tell: a young model knows little."""

SCORES = 256
"""Scores in them: as many that are spread by chance over the whole range do not all stay inside it."""

EDGE = 0.1
"""How near to 0 and to 1 they come at least. Small positive logits fill no such range."""

check = Check(
    __name__,
    severity=Severity.ERROR,
    expected="`binary_cross_entropy_with_logits` receives logits",
    why="Probabilities are squeezed between 0.5 and 0.73: gradients are small and the loss has a floor.",
    fix="Remove this sigmoid, or use `binary_cross_entropy` on its output.",
    symptoms=(
        "cannot-overfit-one-batch",
        "initial-loss-unexpected",
        "loss-plateaus",
        "model-underfits",
    ),
)

check.applies_when(needs_call("binary_cross_entropy_with_logits"))


@check.in_code
def sigmoid_flows_in(code: Code) -> Iterator[Finding]:
    for loss, activation in loss_inputs(code, "binary_cross_entropy_with_logits"):
        if activation.name in {"sigmoid", "softmax"}:
            yield check.finding(
                loss.site,
                f"`binary_cross_entropy_with_logits` receives the output of {activation.name} "
                f"in line {activation.place.line}.",
                related=[((activation.place,), f"{activation.name} is applied here")],
            )


@check.mends
def pass_the_logits(finding: Finding, pages: Pages) -> Iterator[list[Edit]]:
    for function, layer in (("sigmoid", "Sigmoid"), ("softmax", "Softmax")):
        yield without_activation(pages, other_place(finding), function, layer)


@check.in_run
def sigmoid_before_loss(run: Run) -> Iterator[Finding]:
    for fact in run.calls_of("binary_cross_entropy_with_logits"):
        if fact.made_by not in {"sigmoid", "softmax"}:
            if are_probabilities(fact):
                yield by_value(fact)
            continue
        yield check.finding(
            fact.made_at or fact.site,
            f"`binary_cross_entropy_with_logits` received the output of `{fact.made_by}`, values between "
            f"{fact.lowest:.3f} and {fact.highest:.3f}, and applies sigmoid to them once more.",
            step=fact.step,
            related=[(fact.site, "the loss is computed here")],
            evidence=[Evidence("largest score", fact.highest, "logits without a limit", step=fact.step)],
        )


def are_probabilities(fact: LossCallFact) -> bool:
    """Whether all scores fill the range from 0 to 1 and never leave it, with targets on both sides."""
    fills = 0 <= fact.lowest < EDGE and 1 - EDGE < fact.highest <= 1
    are_many = fact.tests >= LOOKS and fact.tests * prod(fact.input_shape) >= SCORES
    return fills and are_many and fact.target_lowest < EDGE and fact.target_highest > 1 - EDGE


def by_value(fact: LossCallFact) -> Finding:
    return check.finding(
        fact.site,
        f"all scores that `binary_cross_entropy_with_logits` received in {fact.tests} looks lie between "
        f"{fact.lowest:.3f} and {fact.highest:.3f}, as probabilities do; it takes a score of 0 for one half.",
        step=fact.step,
        confidence=Confidence.LIKELY,
        evidence=[
            Evidence("smallest score", fact.lowest, "below 0 where the target is 0", step=fact.step),
            Evidence("largest score", fact.highest, "logits without a limit", step=fact.step),
        ],
    )
