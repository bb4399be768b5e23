"""A batch holds NaN or infinite values, and the loss with it.

One such value in one sample makes every gradient of the step NaN, and the step writes NaN into all weights.
Missing values, a division by the spread of a constant column and a logarithm of 0 are the usual sources.

## Bad

```python
x = torch.randn(192, 8)
x[100, 3] = float("nan")
broken = DataLoader(TensorDataset(x, torch.randint(4, (192,))), batch_size=16)
for epoch in range(epochs):
    for x, y in broken:
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
```

## Good

```python
x = torch.randn(192, 8)
x[100, 3] = float("nan")
clean = DataLoader(TensorDataset(x.nan_to_num(), torch.randint(4, (192,))), batch_size=16, shuffle=True)
for epoch in range(epochs):
    for x, y in clean:
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
```

## Not a problem

- NaN that marks missing values and is masked or filled before the loss: the loss stays finite.
- A loss that is not finite although the batch is: another check speaks of it.
- Other variables that are not finite: masks of 0 and -inf, a lowest loss that begins at infinity, records of
  losses and scores that the model made.

## Sources

- [On the first NaN](https://github.com/pytorch/pytorch/issues/2421)
- [nan_to_num](https://docs.pytorch.org/docs/stable/generated/torch.nan_to_num.html)
"""

from collections.abc import Iterator

from osler.model import Check, Evidence, Finding, InputFact, Kind, Run, Severity, counted

check = Check(
    __name__,
    severity=Severity.ERROR,
    expected="batches of finite numbers",
    why="Every gradient of the step becomes NaN, and so do all weights after it.",
    fix="Replace or leave out these samples, and look for a division by 0 in the preparation of the data.",
    symptoms=(
        "activations-not-finite",
        "gradients-not-finite",
        "loss-diverges",
        "loss-not-finite",
        "no-better-than-baseline",
    ),
)


@check.applies_when
def no_backward(run: Run) -> str:
    return "" if run.backwards or run.inputs else "no backward was seen"


@check.in_run
def broken_batch(run: Run) -> Iterator[Finding]:
    batches = [(e.site, "batches are handed out here") for e in run.of(Kind.BATCH)]
    for fact in run.inputs.values():
        weights = run.not_finite.get("weights")
        if weights is not None and weights.step <= fact.step:
            continue  # the model was broken already: what it makes of its batch is no input
        yield check.finding(
            fact.site,
            f"`{fact.name}`, of shape ({', '.join(map(str, fact.shape))}), held {named(fact)} in "
            f"{counted(fact.samples, 'sample')}, first in sample {fact.first}, when the loss of step "
            f"{fact.step} was no finite number.",
            step=fact.step,
            related=batches,
            evidence=[Evidence("values that are not finite", fact.wrong, "0", "values", fact.step)],
        )


def named(fact: InputFact) -> str:
    """What the values are."""
    if fact.nans == fact.wrong:
        return f"{fact.wrong:,} NaN"
    infinite = counted(fact.wrong - fact.nans, "infinite value")
    return f"{fact.nans:,} NaN and {infinite}" if fact.nans else infinite
