"""The last batch of a pass holds a single sample.

BatchNorm cannot compute a variance from one value and stops training with an error; `squeeze()` without an
axis also removes the batch axis; and the gradient of this step comes from one sample alone.

A hint where nothing is known to stop at it. `osler preflight` calls the model and the loss function with a
single sample where the last batch of a pass holds one.

## Bad

```python
uneven = DataLoader(rows(321), batch_size=16, shuffle=True)
for epoch in range(epochs):
    for x, y in uneven:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()  # the model has BatchNorm
        optimizer.step()
```

## Good

```python
uneven = DataLoader(rows(321), batch_size=16, shuffle=True, drop_last=True)
for epoch in range(epochs):
    for x, y in uneven:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()  # the model has BatchNorm
        optimizer.step()
```

## Not a problem

- Batches of one on purpose: `batch_size=1`.
- A last batch that is merely smaller, or left out by `drop_last=True`.
- A loader that is only evaluated.
- A loop that leaves such batches out by itself, or that ends before them.

## Sources

- [Expected more than 1 value per channel when training](https://github.com/pytorch/pytorch/issues/4534)
- Reported in [tacotron2](https://github.com/NVIDIA/tacotron2/pull/303)
"""

from collections.abc import Iterator

from osler.model import (
    Check,
    Code,
    Evidence,
    Finding,
    Kind,
    Loader,
    LoneSampleFact,
    Network,
    Run,
    Setup,
    Severity,
)
from osler.static.lengths import batch_size, samples
from osler.static.queries import every_loop, goes_backward, in_each_turn, may_leave

FAILED = "Expected more than 1 value per channel"
"""What BatchNorm says of a single sample."""

NAME_THE_AXIS = "Name the axis, `squeeze(1)`, or pass `drop_last=True` to the training loader."
"""What to do where the axis of the samples is lost."""

check = Check(
    __name__,
    severity=Severity.WARNING,
    expected="batches of at least two samples",
    why="BatchNorm has no variance to compute, and this step follows a single sample.",
    fix="Pass `drop_last=True` to the training loader, or choose a batch size that leaves no rest of 1.",
)


@check.in_code
def one_left_over(code: Code) -> Iterator[Finding]:
    for trace in code.traces:
        for loop in every_loop(trace.nodes):
            loader = loop.over
            if not isinstance(loader, Loader) or not lets_it_through(loader) or may_leave(loop.body):
                continue
            counts, size = samples(code, loader), batch_size(loader)
            models = [a.subject for a in in_each_turn(loop.body) if a.kind is Kind.FORWARD]
            layers = [n for m in models if isinstance(m, Network) for n in m.walk() if is_batch_norm(n)]
            if len(counts) == 1 and size > 1 and min(counts) % size == 1 and layers and goes_backward(loop):
                yield check.finding(
                    (loop.place,),
                    f"{min(counts):,} samples in batches of {size} leave one over: the last batch of each "
                    "pass holds a single sample, and the model has BatchNorm.",
                    subject=loader.name,
                    severity=Severity.HINT,
                    related=[
                        ((loader.place,), "the loader is built here"),
                        ((layers[0].place,), "BatchNorm"),
                    ],
                )


def lets_it_through(loader: Loader) -> bool:
    """It hands out every sample once, in batches, and the last of them as it is."""
    own = loader.made == "torch.utils.data.DataLoader"
    return own and not {"**", "sampler", "batch_sampler", "drop_last", 3, 4, 8} & loader.options.keys()


def is_batch_norm(layer: Network) -> bool:
    """It computes a variance over the batch."""
    return layer.layer.startswith("torch.nn.BatchNorm")


@check.applies_when
def no_loader(run: Run) -> str:
    return "" if run.loaders else "no loader was iterated"


@check.in_run
def last_batch_of_one(run: Run) -> Iterator[Finding]:
    for fact in run.loaders.values():
        events = [
            e for e in run.of(Kind.BATCH, fact.name) if any(p.trains for p in run.patterns if e in p.events)
        ]
        if not events or fact.batch_size < 2 or fact.last_size != 1:
            continue
        crashed = run.crash is not None and FAILED in run.crash.message
        yield check.finding(
            run.usual_site(events),
            f"{fact.samples:,} samples in batches of {fact.batch_size} leave one over: the last batch of "
            f"each pass holds a single sample{ending(run, crashed=crashed)}.",
            subject=fact.name,
            severity=Severity.WARNING if crashed else Severity.HINT,
            related=[(run.crash.site, "BatchNorm fails here")] if crashed and run.crash else [],
            evidence=[Evidence("samples in the last batch", 1, "at least 2", "samples")],
        )


def ending(run: Run, *, crashed: bool) -> str:
    """What it did or may do to BatchNorm."""
    if crashed:
        return ", and BatchNorm stopped training there"
    layers = any(m.kind.startswith("BatchNorm") for m in run.modules.values())
    return ", and the model has BatchNorm" if layers else ""


@check.in_setup
def one_sample_is_not_taken(setup: Setup) -> Iterator[Finding]:
    for fact in setup.all(LoneSampleFact):
        over = f"{fact.samples:,} samples in batches of {fact.batch} leave one over"
        happens = (
            f"`{fact.name}` stops at a batch of one sample: {fact.error}"
            if fact.error
            else f"for a batch of one sample `{fact.name}` returns a tensor without an axis for samples"
        )
        yield check.finding(
            fact.site,
            f"{over}, and {happens}.",
            severity=Severity.WARNING if fact.error else Severity.HINT,
            related=[(fact.where, "fails here" if fact.error else "called here")],
            fix=NAME_THE_AXIS if fact.squeezed else "",
            evidence=[Evidence("samples in the last batch", 1, "at least 2", "samples")],
        )
