"""Each turn of the loop starts the loader anew and takes its first batch.

`next(iter(loader))` makes a new iterator. Inside the loop, a loader that does not shuffle hands out the
same first batch at every step: the model trains on one batch and never sees the rest.

## Bad

```python
fixed = DataLoader(rows(192), batch_size=16)
for step in range(40):
    x, y = next(iter(fixed))
    optimizer.zero_grad()
    loss_fn(model(x), y).backward()
    optimizer.step()
```

## Good

```python
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
```

## Not a problem

- `next` on an iterator that was made before the loop.
- A loader that shuffles: each new iterator draws another batch.
- One batch taken before the loop, to overfit it on purpose.

## Sources

- [DataLoader](https://docs.pytorch.org/docs/stable/data.html)
- Reported in [face.evoLVe](https://github.com/ZhaoJ9014/face.evoLVe/pull/39)
"""

from collections.abc import Iterator

from osler.model import (
    Action,
    Check,
    Code,
    Const,
    Event,
    Evidence,
    Finding,
    Kind,
    Loader,
    Run,
    Severity,
    Tensor,
)
from osler.static.queries import innermost_loops

check = Check(
    __name__,
    severity=Severity.ERROR,
    expected="each step sees the next batch",
    why="The model trains on one batch over and over.",
    fix="Make the iterator before the loop, or loop over the loader itself.",
)

PATIENCE = 6
"""First batches in a row, each from a new iterator, after which nobody is just having a look."""


@check.applies_when
def no_loader(run: Run) -> str:
    return "" if run.loaders else "no loader was iterated"


@check.in_code
def starts_anew(code: Code) -> Iterator[Finding]:
    for trace in code.traces:
        for actions in innermost_loops(trace, Kind.BATCH):
            if not {Kind.BACKWARD, Kind.STEP} <= {a.kind for a in actions}:
                continue
            for action in actions:
                loader = action.subject
                if action.kind is not Kind.BATCH or not isinstance(loader, Loader):
                    continue
                if keeps_order(loader) and may_be_trained_on(actions, loader):
                    yield check.finding(
                        action.site,
                        f"`next(iter({loader.name}))` inside the loop takes the same first batch "
                        "at every step.",
                        subject=loader.name,
                    )


def may_be_trained_on(actions: list[Action], loader: Loader) -> bool:
    """No, if every backward certainly goes through batches of other loaders."""
    roots = [a.value for a in actions if a.kind is Kind.BACKWARD]
    return not all(isinstance(r, Tensor) and r.loaders and loader not in r.loaders for r in roots)


def keeps_order(loader: Loader) -> bool:
    """Its first batch is always the same."""
    chosen = {"**", "sampler", "batch_sampler", "shuffle", 2} & loader.options.keys()
    shuffle = loader.options.get("shuffle", loader.options.get(2))
    return bool(loader.made) and (not chosen or (isinstance(shuffle, Const) and shuffle.value is False))


@check.in_run
def takes_the_first_batch(run: Run) -> Iterator[Finding]:
    for fact in run.loaders.values():
        handed = run.of(Kind.BATCH, fact.name)
        count = sum(map(run.count, handed))
        always_first = fact.order == "sequential" and fact.batches > 1 and count <= fact.begun
        if not always_first or count < PATIENCE or not all(is_trained_on(run, event) for event in handed):
            continue
        yield check.finding(
            run.usual_site(handed),
            f"The loader was started anew for each of {count} batches and does not shuffle: every step "
            f"trained on the first {fact.batch_size} of {fact.samples:,} samples.",
            step=0,
            subject=fact.name,
            evidence=[Evidence("batches that were ever used", 1, f"{fact.batches}", "batches")],
        )


def is_trained_on(run: Run, event: Event) -> bool:
    """Something steps in turns that begin with this batch."""
    return any(p.trains for p in run.patterns if event in p.events)
