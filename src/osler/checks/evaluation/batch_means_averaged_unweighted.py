"""The means of batches are averaged as if all batches were equally large.

`loss.item()` is the mean over one batch. Adding these means and dividing by the number of batches gives the
mean over all samples only if every batch has as many of them. The last batch is usually smaller, and its
samples then weigh more than the others. Dividing the same sum by the number of samples is further off: the
result is too small by the size of a batch.

## Bad

```python
test_loader = DataLoader(rows(50), batch_size=16)
for epoch in range(epochs):
    model.train()
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
    model.eval()
    total = 0.0
    with torch.no_grad():
        for x, y in test_loader:
            total += loss_fn(model(x), y).item()
    test_loss = total / len(test_loader)
    print(test_loss)
```

## Good

```python
test_loader = DataLoader(rows(50), batch_size=16)
for epoch in range(epochs):
    model.train()
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
    model.eval()
    total = 0.0
    with torch.no_grad():
        for x, y in test_loader:
            total += loss_fn(model(x), y).item() * len(x)
    test_loss = total / len(test_loader.dataset)
    print(test_loss)
```

## Not a problem

- Batches of equal size: `drop_last=True`, or a number of samples that the batch size divides.
- The average loss of a training epoch: the model changes while it is taken, so it is a display anyway.
- Sums of right answers, or losses with `reduction="sum"`, divided by the number of samples.

## Sources

- [DataLoader](https://docs.pytorch.org/docs/stable/data.html): `drop_last`
- Reported in [transformers](https://github.com/huggingface/transformers/issues/41898) and
  [tez](https://github.com/abhishekkrthakur/tez/issues/19)
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from osler.model import (
    Action,
    CallFact,
    Check,
    Code,
    Const,
    Edit,
    Evidence,
    Finding,
    Kind,
    Length,
    Loader,
    Pages,
    Place,
    Run,
    Series,
    Severity,
    Tensor,
    Value,
    flat,
)
from osler.static.edits import SIMPLE, replaced, statement_around, statement_at, text_of
from osler.static.lengths import batch_size, is_whole, samples
from osler.static.queries import every_loop, goes_backward
from osler.static.values import Doing
from osler.static.walking import walk

MEANS = ("numpy.mean", "torch.mean", "Tensor.mean")
CHOOSING = frozenset({"**", "sampler", "batch_sampler", 3, 4})
"""Options of a loader behind which it is not known how many samples it hands out."""

check = Check(
    __name__,
    severity=Severity.HINT,
    expected="each sample weighs the same in the average",
    why="The samples of a smaller last batch weigh more: the metric depends on the batch size.",
    fix="Add each mean times the size of its batch, and divide by the number of samples.",
)


@check.in_code
def means_averaged(code: Code) -> Iterator[Finding]:
    told: set[Place] = set()
    kept = list(kept_means(code))
    for call in (*code.calls_of("/"), *code.calls_of(*MEANS)):
        for loader, added in averaged(code, call, kept):
            message = described(code, call, loader)
            if message and call.place not in told:
                told.add(call.place)
                related = [((added,), "the means are added here")] if added.line != call.place.line else []
                yield check.finding((call.place,), message, related=related)


def kept_means(code: Code) -> Iterator[tuple[Loader, Action]]:
    """What keeps the mean of each batch of a loader that is only evaluated."""
    for trace in code.traces:
        for loop in every_loop(trace.nodes):
            if not isinstance(loop.over, Loader) or goes_backward(loop) or not may_be_ragged(loop.over):
                continue
            for action in flat(loop.body):
                mean = action.value
                is_mean = isinstance(mean, Tensor) and mean.reduced == "mean"
                if action.kind is Kind.KEEP and is_mean and "outer" in action.words:
                    yield loop.over, action


def averaged(code: Code, call: CallFact, kept: list[tuple[Loader, Action]]) -> Iterator[tuple[Loader, Place]]:
    """Loaders whose batch means this division or mean averages, with the lines at which they are added."""
    value, divisor = call.arguments.get(0), length_of(call)
    for loader, action in kept:
        is_list = action.subject is not None and (value is action.subject or divisor is action.subject)
        is_sum = isinstance(value, Tensor) and action.place in value.sites
        by_loader = divisor is loader or is_data_of(divisor, loader)
        if is_list or (is_sum and (by_loader or call.name != "/")):
            yield loader, action.place
    loader = divisor.receiver if isinstance(divisor, Doing) else divisor
    for added in code.calls_of("builtins.sum"):
        means = added.arguments.get(0)
        items = means.items if isinstance(means, Series) else []
        are_means = items and all(isinstance(m, Tensor) and m.reduced == "mean" for m in items)
        if added.result is value and are_means and isinstance(loader, Loader) and may_be_ragged(loader):
            yield loader, added.place


def length_of(call: CallFact) -> Value | None:
    """What the divisor is the length of."""
    divisor = call.arguments.get(1)
    return divisor.of if call.name == "/" and isinstance(divisor, Length) else None


def is_data_of(length: Value | None, loader: Loader) -> bool:
    """It is `loader.dataset`."""
    return isinstance(length, Doing) and length.receiver is loader and length.name == "dataset"


def may_be_ragged(loader: Loader) -> bool:
    """It is built here, from samples it may not divide into equal batches."""
    options = loader.options
    drops = options.get("drop_last", options.get(8))
    keeps_the_rest = drops is None or (isinstance(drops, Const) and drops.value is False)
    size = options.get("batch_size", options.get(1))
    alone = size is None or is_whole(loader) or (isinstance(size, Const) and size.value in (None, 1))
    return bool(loader.made) and keeps_the_rest and not alone and not CHOOSING & options.keys()


def described(code: Code, call: CallFact, loader: Loader) -> str:
    """What is wrong with the average; empty if all batches are known to be equally large."""
    size, counts = batch_size(loader), samples(code, loader)
    name = f"`{loader.name.removeprefix('self.')}`" if loader.name else "the loader"
    if is_data_of(length_of(call), loader):
        of = f" of up to {size}" if size else ""
        return f"means of batches{of} are added and divided by the number of samples of {name}."
    if size and any(count % size == 0 for count in counts):
        return ""
    if size and len(counts) == 1:
        rest = counts.pop() % size
        return (
            f"the means of the batches of {name} are averaged: the last batch has {rest} of {size} samples "
            "and weighs as much as the others."
        )
    return (
        f"the means of the batches of {name} are averaged: a smaller last batch weighs as much as the others."
    )


@check.in_run
def kept_as_such(run: Run) -> Iterator[Finding]:
    for fact in run.batch_means.values():
        off = Evidence("average", fact.value, f"{fact.weighted:.6g}, the mean over all samples")
        if fact.by_samples:
            message = (
                f"the means of {fact.batches} batches of up to {fact.size} were added and divided by the "
                f"number of samples: `{fact.variable}` is {fact.value:.6g}, the mean is {fact.weighted:.6g}."
            )
        else:
            message = (
                f"`{fact.variable}` holds the mean of the means of {fact.batches} batches: the last has "
                f"{fact.rest} of {fact.size} samples and weighs as much as the others. It is "
                f"{fact.value:.6g}, the mean over all samples {fact.weighted:.6g}."
            )
        yield check.finding(fact.site, message, evidence=[off])


@check.mends
def weigh_by_size(finding: Finding, pages: Pages) -> Iterator[list[Edit]]:
    divided = statement_at(pages, finding.place)
    kept = next((r.place for r in finding.related), None)
    added = statement_at(pages, kept) if kept else None
    loop = statement_around(pages, kept, ast.For) if kept else None
    lengths = [
        n
        for n in (walk(divided.statement) if divided else ())
        if isinstance(n, ast.Call) and isinstance(n.func, ast.Name) and n.func.id == "len" and n.args
    ]
    match (loop.statement if loop else None), (added.statement if added else None):
        case (
            ast.For(target=ast.Tuple(elts=[ast.Name(id=batch), *_]), iter=ast.Name() as over),
            ast.AugAssign(value=mean),
        ) if added and divided and len(lengths) == 1 and not isinstance(lengths[0].args[0], ast.Attribute):
            if text_of(divided.page, lengths[0].args[0]) == over.id:
                text = text_of(added.page, mean)
                text = text if isinstance(mean, SIMPLE) else f"({text})"
                yield [
                    replaced(added.page, mean, f"{text} * len({batch})"),
                    replaced(divided.page, lengths[0], f"len({over.id}.dataset)"),
                ]
        case _:
            pass
