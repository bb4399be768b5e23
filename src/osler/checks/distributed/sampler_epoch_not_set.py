"""A `DistributedSampler` is never told the epoch, so every epoch has the same order.

The sampler shuffles by a seed that it derives from the epoch. Unless `set_epoch()` is called, the seed and
with it the order, and the share that each process sees, stay the same in every epoch.

## Bad

```python
from torch.utils.data.distributed import DistributedSampler

data = rows(192)
sampler = DistributedSampler(data, num_replicas=2, rank=0)
batches = DataLoader(data, batch_size=16, sampler=sampler)
for epoch in range(epochs):
    for x, y in batches:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
```

## Good

```python
from torch.utils.data.distributed import DistributedSampler

data = rows(192)
sampler = DistributedSampler(data, num_replicas=2, rank=0)
batches = DataLoader(data, batch_size=16, sampler=sampler)
for epoch in range(epochs):
    sampler.set_epoch(epoch)
    for x, y in batches:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
```

## Not a problem

- A sampler for evaluation, or with `shuffle=False`.
- A single epoch.
- A sampler that is built anew in every turn, one for each fold or with a seed of its own.
- An epoch or a seed that is written into the sampler: `sampler.epoch = epoch`.
- A framework that sets the epoch itself.

## Sources

-
  [DistributedSampler](https://docs.pytorch.org/docs/stable/data.html#torch.utils.data.distributed.DistributedSampler)
- Reported in [SimCLR](https://github.com/Spijkervet/SimCLR/pull/26) and
  [ParallelWaveGAN](https://github.com/kan-bayashi/ParallelWaveGAN/issues/177)
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace

from osler.model import (
    Check,
    Code,
    Const,
    Edit,
    Finding,
    Helper,
    Loader,
    Loop,
    Pages,
    Place,
    Severity,
    Value,
)
from osler.model.values import Maybe
from osler.static.edits import insert_first, statement_around, statement_at, text_of
from osler.static.mending import other_place
from osler.static.queries import every_loop, goes_backward

TOLD = ("Sampler.set_epoch", "Sampler.epoch", "Sampler.seed")
"""What a sampler is asked for by another name, or given, when the order of its epochs changes."""

check = Check(
    __name__,
    severity=Severity.ERROR,
    expected="`sampler.set_epoch(epoch)` is called at the start of every epoch",
    why="Every epoch repeats the same order on the same share of the data.",
    fix="Call `sampler.set_epoch(epoch)` at the start of every epoch.",
)


@check.in_code_by_absence
def epoch_never_told(code: Code) -> Iterator[Finding]:
    told = "set_epoch" in code.methods or any(True for _ in code.calls_of(*TOLD))
    if told or code.frameworks:
        return
    for trace in code.traces:
        for epochs in every_loop(trace.nodes):
            for loop in every_loop(epochs.body):
                sampler = sampler_of(loop.over)
                if sampler is not None and goes_backward(loop) and not is_inside(sampler.place, epochs, loop):
                    yield check.finding(
                        (sampler.place,),
                        f"`{sampler.name or 'DistributedSampler'}` shuffles alike in every epoch: "
                        "nothing calls `set_epoch()`.",
                        related=[((loop.place,), "each epoch goes through the same order here")],
                    )


def is_inside(place: Place, outer: Loop, inner: Loop) -> bool:
    """Whether something is built in each turn of the outer loop."""
    same = (place.file, place.function) == (outer.place.file, outer.place.function)
    return same and outer.place.line < place.line < inner.place.line


def sampler_of(value: Value | None) -> Helper | None:
    """The shuffling distributed sampler of a loader."""
    given = value.options.get("sampler") if isinstance(value, Loader) else None
    sampler = given.value if isinstance(given, Maybe) else given
    if not isinstance(sampler, Helper) or not sampler.made.endswith("DistributedSampler"):
        return None
    shuffle = sampler.options.get("shuffle")
    return None if isinstance(shuffle, Const) and not shuffle.value else sampler


@check.mends
def tell_the_epoch(finding: Finding, pages: Pages) -> Iterator[list[Edit]]:
    built, head = statement_at(pages, finding.place), other_place(finding)
    epochs = statement_around(pages, replace(head, line=head.line - 1), ast.For)
    match built.statement if built is not None else None, epochs.statement if epochs is not None else None:
        case ast.Assign(targets=[target]), ast.For(target=ast.Name(id=epoch)) if built and epochs:
            yield insert_first(epochs, f"{text_of(built.page, target)}.set_epoch({epoch})")
        case _:
            pass
