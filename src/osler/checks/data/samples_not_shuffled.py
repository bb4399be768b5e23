"""Training sees the samples in the order of their labels, or in the same order every epoch.

A model that gets all samples of the first class, then all of the second, learns each class and forgets the
one before: the gradient of a batch says nothing about the others, and BatchNorm sees one class at a time.

## Bad

```python
data = rows(192)
order = data.tensors[1].argsort()
sorted_rows = TensorDataset(data.tensors[0][order], data.tensors[1][order])
fixed = DataLoader(sorted_rows, batch_size=16)
for epoch in range(epochs):
    for x, y in fixed:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
```

## Good

```python
data = rows(192)
order = data.tensors[1].argsort()
sorted_rows = TensorDataset(data.tensors[0][order], data.tensors[1][order])
mixed = DataLoader(sorted_rows, batch_size=16, shuffle=True)
for epoch in range(epochs):
    for x, y in mixed:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
```

## Not a problem

- Data that were shuffled once before: the same order every epoch is a hint at most.
- Samplers of your own, buckets by length, streams, one batch that holds all samples.
- A loader that is only evaluated, also if the evaluation goes backward, as an attack does.
- Few labels, or a single class: their order may be chance.

## Sources

- [DataLoader](https://docs.pytorch.org/docs/stable/data.html): `shuffle` is off by default
- Reported in [super-gradients](https://github.com/Deci-AI/super-gradients/pull/416)
"""

from collections.abc import Iterator
from dataclasses import replace

from osler.model import (
    Check,
    Code,
    Const,
    Event,
    Evidence,
    Finding,
    Kind,
    Loader,
    LoaderFact,
    LossCallFact,
    Run,
    Severity,
    Site,
    flat,
)
from osler.static.queries import every_loop

CHANCE = -6.0
"""Power of ten: how unlikely the sorted order must be. One healthy run in a million comes that way."""

check = Check(
    __name__,
    severity=Severity.WARNING,
    expected="training samples in random order",
    why="Each batch speaks for one class only: the model follows it and forgets the others.",
    fix="Pass `shuffle=True` to the training loader, or shuffle the samples at the start of each epoch.",
    symptoms=("loss-oscillates", "loss-plateaus", "loss-spikes", "model-overfits", "no-better-than-baseline"),
)


@check.applies_when
def no_training(run: Run) -> str:
    return "" if run.steps else "no optimizer step was seen"


@check.in_run
def in_order(run: Run) -> Iterator[Finding]:
    ordered = [f for f in run.loss_calls.values() if f.labels_in_order and f.order_chance < CHANCE]
    if ordered and not is_shuffled(run):
        yield by_label(run, ordered[0])
        return
    for fact in run.loaders.values():
        trained = [e for e in run.of(Kind.BATCH, fact.name) if is_trained_on(run, e)]
        if fact.order == "sequential" and fact.batches > 1 and trained and run.passes > 1 and fact.begun > 1:
            yield same_order(fact, run.usual_site(trained))


def is_shuffled(run: Run) -> bool:
    """All loaders that are trained on draw at random: the labels came sorted all the same."""
    used = [f for f in run.loaders.values() if any(is_trained_on(run, e) for e in run.of(Kind.BATCH, f.name))]
    return bool(used) and all(f.order == "random" for f in used)


def is_trained_on(run: Run, event: Event) -> bool:
    """Something steps in turns that begin with this batch."""
    return any(p.of(Kind.STEP) for p in run.patterns if event in p.events)


def by_label(run: Run, fact: LossCallFact) -> Finding:
    batches = [e for e in run.of(Kind.BATCH) if is_trained_on(run, e)]
    return check.finding(
        run.usual_site(batches) or fact.site,
        f"The labels came in ascending order: all {fact.labels_in_order} that were looked at in the first "
        f"pass, batch after batch. By chance that happens once in 10^{-fact.order_chance:.0f}.",
        step=fact.step,
        related=[(fact.site, "the loss gets these labels")],
        evidence=[Evidence("labels in order", fact.labels_in_order, "a mixture", "labels", fact.step)],
    )


def same_order(fact: LoaderFact, site: Site) -> Finding:
    finding = check.finding(
        site,
        f"The loader hands out its {fact.samples:,} samples in the same order in every pass.",
        subject=fact.name,
        severity=Severity.HINT,
    )
    return replace(finding, why="The same neighbours share a batch in every epoch.")


@check.in_code
def told_nothing(code: Code) -> Iterator[Finding]:
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
