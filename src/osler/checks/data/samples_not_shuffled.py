"""The training loader hands out the samples in the order of their files.

A loader does not shuffle unless it is told to. Image folders are sorted by class, so that each batch holds
a single class and the model forgets one class while it learns the next. Some data sets have no such order,
so this is a hint.

## Bad

```python
fixed = DataLoader(rows(192), batch_size=16)
for epoch in range(epochs):
    for x, y in fixed:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
```

## Good

```python
mixed = DataLoader(rows(192), batch_size=16, shuffle=True)
for epoch in range(epochs):
    for x, y in mixed:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
```

## Not a problem

- A sampler, an iterable data set, or batches that were mixed before.
- Time series and text in their order.
- Evaluation.

## Sources

- [DataLoader](https://docs.pytorch.org/docs/stable/data.html)
- Reported in [super-gradients](https://github.com/Deci-AI/super-gradients/issues/416)
"""

from collections.abc import Iterator

from osler.model import Check, Code, Const, Finding, Kind, Loader, Severity, flat
from osler.static.queries import every_loop

check = Check(
    __name__,
    severity=Severity.WARNING,
    expected="the training loader shuffles",
    why="Batches are no random samples: training is noisy and may forget class by class.",
    fix="Pass `shuffle=True` to the training loader.",
)


@check.in_code
def in_order(code: Code) -> Iterator[Finding]:
    for trace in code.traces:
        for loop in every_loop(trace.nodes):
            loader = loop.over
            steps = (a for a in flat(loop.body) if a.kind in (Kind.BACKWARD, Kind.STEP))
            if isinstance(loader, Loader) and keeps_order(loader) and len({a.kind for a in steps}) > 1:
                yield check.finding(
                    (loader.place,),
                    f"`{loader.name or 'the loader'}` trains without shuffling.",
                    severity=Severity.HINT,
                    related=[((loop.place,), "training goes through it here")],
                )


def keeps_order(loader: Loader) -> bool:
    """It is a loader of torch that was told nothing about the order, or not to shuffle."""
    chosen = {"**", "sampler", "batch_sampler", "shuffle", 2} & loader.options.keys()
    shuffle = loader.options.get("shuffle", loader.options.get(2))
    plain = loader.made.startswith("torch.utils.data") and bool(loader.options)
    return plain and (not chosen or (isinstance(shuffle, Const) and shuffle.value is False))
