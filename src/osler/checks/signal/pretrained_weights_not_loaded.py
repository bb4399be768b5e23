"""Weights were loaded with `strict=False`, and next to none of them found its place.

`strict=False` passes over every name that does not fit. If all names differ, by the `module.` of a parallel
wrapper say, nothing is loaded and nothing is said: the model trains from its random start.

## Bad

```python
pretrained = {f"module.{name}": value for name, value in model.state_dict().items()}
model = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.1), nn.Linear(16, 4))
model.load_state_dict(pretrained, strict=False)
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
```

## Good

```python
pretrained = {f"module.{name}": value for name, value in model.state_dict().items()}
model = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.1), nn.Linear(16, 4))
model.load_state_dict({name.removeprefix("module."): value for name, value in pretrained.items()})
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
```

## Not a problem

- A new head, or adapters beside a model whose own weights fit.
- A second attempt that succeeds.
- In the source: entries that were chosen by hand, or a result that somebody looks at.
- `strict=True`, the default: torch raises an error.

## Sources

- [load_state_dict](https://docs.pytorch.org/docs/stable/generated/torch.nn.Module.html#torch.nn.Module.load_state_dict)
- Reported in [PyTorch](https://github.com/pytorch/pytorch/issues/141256) and
  [examples](https://github.com/pytorch/examples/issues/1029)
"""

from __future__ import annotations

from collections.abc import Iterator

from osler.model import Check, Code, Confidence, Evidence, Finding, LoadFact, Run, Severity, counted

check = Check(
    __name__,
    severity=Severity.WARNING,
    expected="the weights that are loaded fit the model by name and shape",
    why="The model keeps its random start, although everything looks as if it were pretrained.",
    fix="Look at what `load_state_dict()` returns, make the names agree, and load with `strict=True`.",
    symptoms=("initial-loss-unexpected", "no-better-than-baseline"),
)


@check.applies_when
def nothing_missed(run: Run) -> str:
    return "" if run.loads else "no weights were loaded that do not fit"


@check.in_code
def nobody_looks(code: Code) -> Iterator[Finding]:
    for fact in code.loose_loads:
        yield check.finding(
            fact.site,
            "`strict=False` passes over every name that does not fit, and nobody looks at what was missing: "
            "if all names differ, nothing is loaded.",
            related=[(fact.origin, "the weights come from here")],
            severity=Severity.HINT,
            confidence=Confidence.POSSIBLE,
            fix="Look at `missing_keys` and `unexpected_keys` of what `load_state_dict()` returns.",
        )


@check.in_run
def did_not_fit(run: Run) -> Iterator[Finding]:
    for fact in run.loads.values():
        yield describe(fact)


def describe(fact: LoadFact) -> Finding:
    fits = "none" if not fact.matched else f"only {fact.matched}"
    return check.finding(
        fact.site,
        f"{fits} of the {counted(fact.parameters, 'parameter')} of `{fact.model}` found a value of its name "
        f"and shape in what was loaded, and `strict=False` passes over that: {reason(fact)}.",
        step=fact.step,
        subject=fact.model,
        evidence=[Evidence("parameters that were loaded", fact.matched, f"{fact.parameters}")],
        fix=remedy(fact),
    )


def reason(fact: LoadFact) -> str:
    if not fact.entries:
        return "it holds no tensors by name"
    if fact.renamed > fact.matched:
        side = "the loaded names" if fact.on_entries else "the model's names"
        return f"{side} begin with `{fact.prefix}`, without which {fact.renamed} would"
    return f"the first entry is `{fact.entry}`, the model's first parameter `{fact.parameter}`"


def remedy(fact: LoadFact) -> str:
    if fact.renamed <= fact.matched:
        return ""
    if fact.on_entries:
        return f'Take the prefix off, `name.removeprefix("{fact.prefix}")`, and load with `strict=True`.'
    part = fact.prefix.rstrip(".")
    return f"Load the weights into that part of the model, `model.{part}.load_state_dict(...)`."
