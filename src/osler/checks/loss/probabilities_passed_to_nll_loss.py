"""`nll_loss` receives probabilities although it expects their logarithms.

`nll_loss` takes no logarithm: it only negates the entry of the right class. With probabilities it lies
between -1 and 0, a confident mistake costs hardly more than a doubtful one, and the gradient vanishes
where the model is most wrong.

## Bad

```python
model = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 4), nn.Softmax(dim=1))
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
model = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 4), nn.LogSoftmax(dim=1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss = F.nll_loss(model(x), y)
        loss.backward()
        optimizer.step()
```

## Not a problem

- The output of `log_softmax`, or the logarithm of a mixture of probabilities.
- Probabilities in a loss that is only computed without gradient.

## Sources

- [NLLLoss](https://docs.pytorch.org/docs/stable/generated/torch.nn.NLLLoss.html): the input holds
  log-probabilities
- [Change Softmax to LogSoftmax to use NLLLoss](https://github.com/clvrai/ACGAN-PyTorch/pull/4)
- [NLLLoss of softmax is always
  negative](https://github.com/AnubhavGupta3377/Text-Classification-Models-Pytorch/issues/9)
"""

from collections.abc import Iterator

from osler.model import Check, Code, Edit, Evidence, Finding, Pages, Run, Severity, needs_loss
from osler.static.edits import call_at, renamed
from osler.static.mending import other_place
from osler.static.queries import loss_inputs

check = Check(
    __name__,
    severity=Severity.ERROR,
    expected="`nll_loss` receives log-probabilities",
    why="It takes no logarithm, so the gradient vanishes where the model is most wrong and training is slow.",
    fix="Replace softmax by `log_softmax`, or pass the logits to `cross_entropy`.",
    symptoms=(
        "cannot-overfit-one-batch",
        "gradients-vanish",
        "initial-loss-unexpected",
        "loss-plateaus",
        "loss-suspiciously-low",
        "model-underfits",
        "no-better-than-baseline",
    ),
)


check.applies_when(needs_loss("nll_loss"))


@check.in_code
def probabilities_flow_in(code: Code) -> Iterator[Finding]:
    for loss, activation in loss_inputs(code, "nll_loss"):
        if activation.name == "softmax":
            yield check.finding(
                loss.site,
                f"`nll_loss` receives the output of softmax in line {activation.place.line}: "
                "probabilities, not their logarithms.",
                related=[((activation.place,), "softmax is applied here")],
            )


@check.mends
def take_the_logarithm(finding: Finding, pages: Pages) -> Iterator[list[Edit]]:
    softmax = other_place(finding)
    yield renamed(call_at(pages, softmax, "softmax"), "log_softmax")
    yield renamed(call_at(pages, softmax, "Softmax"), "LogSoftmax")


@check.in_run
def no_logarithm_before_loss(run: Run) -> Iterator[Finding]:
    for fact in run.inputs_of("nll_loss"):
        step = run.steps_before(fact)
        if step is None or not fact.are_probabilities:
            continue
        yield check.finding(
            fact.made_at or fact.site,
            f"`nll_loss` received probabilities{fact.origin}: all {fact.rows} rows tested lie in [0, 1] "
            f"and sum to 1 ({fact.sum_low:.4f} to {fact.sum_high:.4f}).",
            step=step,
            related=[(fact.site, "the loss is computed here")],
            evidence=[
                Evidence("rows that are probabilities", fact.probability_rows, "0", "rows", step),
                Evidence("smallest entry", fact.lowest, "below 0", step=step),
            ],
        )
