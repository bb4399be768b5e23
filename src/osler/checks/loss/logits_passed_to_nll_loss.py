"""`nll_loss` receives raw scores although it expects log-probabilities.

`nll_loss` only negates the entry of the right class. Nothing holds raw scores together: the model lowers
the loss without limit by raising all scores at once, so the loss runs towards minus infinity and says
nothing about the fit.

## Bad

```python
model = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 4))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss = F.nll_loss(model(x), y)
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
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
```

## Not a problem

- Log-probabilities that do not sum to 1, such as a part of a larger distribution: they are never above 0.
- Raw scores in a loss that is only computed without gradient.

## Sources

- [NLLLoss](https://docs.pytorch.org/docs/stable/generated/torch.nn.NLLLoss.html): the input holds
  log-probabilities
- [Fix missing final activation in NLLLoss second example](https://github.com/pytorch/pytorch/pull/12703)
- [wrong label loss in PointNetLoss](https://github.com/yanx27/Pointnet_Pointnet2_pytorch/issues/30)
"""

from collections.abc import Iterator

from osler.model import Check, Code, Edit, Evidence, Finding, LossInputFact, Pages, Run, Severity, needs_loss
from osler.static.edits import call_at, only_call, renamed
from osler.static.queries import loss_inputs

POSITIVE_SHARE = 0.5
"""Share of rows that must hold an entry above 0: rounding may lift a few log-probabilities above it."""

NORMALIZED_SHARE = 0.01
"""Share of rows from which on the input counts as log-probabilities, whatever the rest is."""

check = Check(
    __name__,
    severity=Severity.ERROR,
    expected="`nll_loss` receives log-probabilities, which are never above 0",
    why="It only negates a score: the loss falls without limit and says nothing about the fit.",
    fix="Use `cross_entropy` on the logits, or apply `log_softmax` before `nll_loss`.",
    symptoms=(
        "cannot-overfit-one-batch",
        "activations-not-finite",
        "gradients-explode",
        "gradients-not-finite",
        "initial-loss-unexpected",
        "loss-diverges",
        "loss-not-finite",
        "loss-suspiciously-low",
        "no-better-than-baseline",
        "predictions-collapsed",
        "updates-too-large",
    ),
)


check.applies_when(needs_loss("nll_loss"))


@check.in_code
def scores_flow_in(code: Code) -> Iterator[Finding]:
    for loss, activation in loss_inputs(code, "nll_loss"):
        if activation.name in {"linear", "relu"}:
            layer = "a layer" if activation.name == "linear" else "relu"
            yield check.finding(
                loss.site,
                f"`nll_loss` receives the output of {layer} in line {activation.place.line}: raw scores.",
                related=[((activation.place,), "the scores are computed here")],
            )


@check.mends
def use_cross_entropy(finding: Finding, pages: Pages) -> Iterator[list[Edit]]:
    yield renamed(call_at(pages, finding.place, "nll_loss"), "cross_entropy")
    yield renamed(only_call(pages, finding.place.file, "NLLLoss"), "CrossEntropyLoss")


@check.in_run
def scores_above_zero(run: Run) -> Iterator[Finding]:
    for fact in run.inputs_of("nll_loss"):
        step = run.steps_before(fact)
        if step is None or not holds_logits(fact):
            continue
        yield check.finding(
            fact.made_at or fact.site,
            f"`nll_loss` received values above 0{fact.origin} in {fact.positive_rows} of {fact.rows} rows "
            f"tested (highest {fact.highest:.3g}): these are not log-probabilities.",
            step=step,
            related=[(fact.site, "the loss is computed here")],
            evidence=[
                Evidence("rows with an entry above 0", fact.positive_rows, "0", "rows", step),
                Evidence("largest entry", fact.highest, "at most 0", step=step),
            ],
        )


def holds_logits(fact: LossInputFact) -> bool:
    """Most rows hold an entry above 0, and next to none are log-probabilities."""
    return (
        fact.tested
        and fact.probability_rows < fact.rows
        and fact.positive_rows > fact.rows * POSITIVE_SHARE
        and fact.log_probability_rows < fact.rows * NORMALIZED_SHARE
    )
