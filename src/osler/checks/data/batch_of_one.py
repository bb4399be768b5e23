"""The last batch of a pass holds a single sample.

BatchNorm cannot compute a variance from one value and stops training with an error; `squeeze()` without an
axis also removes the batch axis; and the gradient of this step comes from one sample alone.

## Bad

```python
uneven = DataLoader(rows(97), batch_size=16, shuffle=True)
net = nn.Sequential(nn.Linear(8, 16), nn.LayerNorm(16), nn.ReLU(), nn.Linear(16, 4))
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for epoch in range(epochs):
    for x, y in uneven:
        optimizer.zero_grad()
        loss_fn(net(x), y).backward()
        optimizer.step()
```

## Good

```python
uneven = DataLoader(rows(97), batch_size=16, shuffle=True, drop_last=True)
net = nn.Sequential(nn.Linear(8, 16), nn.LayerNorm(16), nn.ReLU(), nn.Linear(16, 4))
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for epoch in range(epochs):
    for x, y in uneven:
        optimizer.zero_grad()
        loss_fn(net(x), y).backward()
        optimizer.step()
```

## Not a problem

- Batches of one on purpose: `batch_size=1`.
- A last batch that is merely smaller, or left out by `drop_last=True`.
- A loader that is only evaluated.

## Sources

- [Expected more than 1 value per channel when training](https://github.com/pytorch/pytorch/issues/4534)
- Reported in [tacotron2](https://github.com/NVIDIA/tacotron2/pull/303)
"""

from collections.abc import Iterator

from osler.model import Check, Evidence, Finding, Kind, Run, Severity

FAILED = "Expected more than 1 value per channel"
"""What BatchNorm says of a single sample."""

check = Check(
    __name__,
    severity=Severity.HINT,
    expected="batches of at least two samples",
    why="BatchNorm has no variance to compute, and this step follows a single sample.",
    fix="Pass `drop_last=True` to the training loader, or choose a batch size that leaves no rest of 1.",
)


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
            related=[(run.crash.site, "BatchNorm fails here")] if crashed and run.crash else [],
            evidence=[Evidence("samples in the last batch", 1, "at least 2", "samples")],
        )


def ending(run: Run, *, crashed: bool) -> str:
    """What it did or may do to BatchNorm."""
    if crashed:
        return ", and BatchNorm stopped training there"
    layers = any(m.kind.startswith("BatchNorm") for m in run.modules.values())
    return ", and the model has BatchNorm" if layers else ""
