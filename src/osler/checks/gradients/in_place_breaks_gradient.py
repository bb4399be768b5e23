"""A tensor that `backward()` needs was changed in place.

Many operations keep their input or their result for the backward: the exponential its result, a product
both factors. `x += 1`, `x[mask] = 0`, `x.clamp_()` or `inplace=True` overwrite it, and `backward()` raises
"one of the variables needed for gradient computation has been modified by an inplace operation".

## Bad

```python
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        weights = model(x).sigmoid()
        weights[:, 0] = 0
        loss = loss_fn(weights, y)
        loss.backward()
        optimizer.step()
```

## Good

```python
mask = torch.ones(4)
mask[0] = 0
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        scores = model(x) * mask
        loss = loss_fn(scores, y)
        loss.backward()
        optimizer.step()
```

## Not a problem

- Changing a tensor in place that no operation has kept, such as the output of a linear layer.
- An exception of another kind.

## Sources

- [In-place correctness checks](https://docs.pytorch.org/docs/stable/notes/autograd.html#in-place-correctness-checks)
"""

from __future__ import annotations

from collections.abc import Iterator

from osler.model import Check, Confidence, Finding, Run, Severity

check = Check(
    __name__,
    severity=Severity.ERROR,
    expected="what a backward needs stays as it was",
    why="`backward()` raises an exception, and training ends.",
    fix="Make a new tensor instead: `x = x + 1` for `x += 1`, `torch.where` or `masked_fill` for "
    "`x[mask] = …`, `inplace=False`.",
)


@check.applies_when
def no_crash(run: Run) -> str:
    return "" if run.in_place and run.crash else "no backward failed because of a change in place"


@check.in_run
def changed_in_place(run: Run) -> Iterator[Finding]:
    fact, crash = run.in_place, run.crash
    if fact is None or crash is None or "modified by an inplace operation" not in crash.message:
        return
    what = f"the result of `{fact.made_by}`" if fact.made_by else "a tensor"
    if fact.made_by == "as_strided":  # so autograd calls what was a view of a tensor that has changed
        what = "a view of a tensor"
    certain = len(fact.sites) == 1
    lines = [(s, "changes a tensor in place") for s in fact.sites]
    yield check.finding(
        fact.sites[0] if certain else crash.site,
        f"`backward()` failed because {what} was changed in place after the forward had kept it "
        f"for the gradient{': this statement does that' if certain else ''}.",
        step=run.steps,
        related=[*lines, (crash.site, "backward fails here")],
        confidence=Confidence.CERTAIN if certain else Confidence.LIKELY,
    )
