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

from osler.model import Check, Evidence, Finding, Kind, LossInputFact, Run, Severity

ENOUGH_ROWS = 32
"""Rows that must all be probabilities: other scores do not sum to 1 that often by chance."""

check = Check(
    __name__,
    severity=Severity.ERROR,
    expected="`nll_loss` receives log-probabilities",
    why="It takes no logarithm, so the gradient vanishes where the model is most wrong and training is slow.",
    fix="Replace softmax by `log_softmax`, or pass the logits to `cross_entropy`.",
    symptoms=(
        "gradients-vanish",
        "initial-loss-unexpected",
        "loss-plateaus",
        "loss-suspiciously-low",
        "model-underfits",
        "no-better-than-baseline",
    ),
)


@check.applies_when
def never_called(run: Run) -> str:
    return "" if any(f.function == "nll_loss" for f in run.losses.values()) else "nll_loss was not called"


@check.in_run
def no_logarithm_before_loss(run: Run) -> Iterator[Finding]:
    for fact in run.losses.values():
        if fact.function != "nll_loss" or fact.rows < ENOUGH_ROWS or fact.classes < 2:
            continue
        step = first_step(run, fact)
        if step is None or fact.probability_rows < fact.rows:
            continue
        yield check.finding(
            fact.made_at or fact.site,
            f"`nll_loss` received probabilities{maker(fact)}: all {fact.rows} rows tested lie in [0, 1] "
            f"and sum to 1 ({fact.sum_low:.4f} to {fact.sum_high:.4f}).",
            step=step,
            related=[(fact.site, "the loss is computed here")],
            evidence=[
                Evidence("rows that are probabilities", fact.probability_rows, "0", "rows", step),
                Evidence("smallest entry", fact.lowest, "below 0", step=step),
            ],
        )


def first_step(run: Run, fact: LossInputFact) -> int | None:
    """The first step whose loss was computed here with gradient; None if training never came by."""
    here = (fact.function, fact.site)
    calls = (p for e, p in run.events(Kind.LOSS) if (e.subject, e.site) == here and "grad" in e.traits)
    return min((p.step - len(p.of(Kind.STEP)) for p in calls), default=None)


def maker(fact: LossInputFact) -> str:
    return f" from `{fact.made_by}`" if fact.made_by else ""
