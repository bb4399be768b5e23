"""Fetching a sample changes the stored data themselves, more with each epoch.

`self.images[index]` of a tensor or a NumPy array is no copy but a view of it, and an entry of a list is the
very object that the list holds. What `__getitem__`, a transform or `collate_fn` writes into it stays. In the
next epoch it is done once more to what is left: more and more is erased, noise is added to noise, what was
normalised is normalised again.

## Bad

```python
class Noisy(torch.utils.data.Dataset):
    def __init__(self, count):
        self.x = torch.randn(count, 8)
        self.y = self.x[:, :4].argmax(dim=1)

    def __len__(self):
        return len(self.x)

    def __getitem__(self, index):
        x = self.x[index]
        x += 0.1 * torch.randn(8)
        return x, self.y[index]


noisy = DataLoader(Noisy(192), batch_size=16, shuffle=True)
for epoch in range(epochs):
    for x, y in noisy:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
```

## Good

```python
class Noisy(torch.utils.data.Dataset):
    def __init__(self, count):
        self.x = torch.randn(count, 8)
        self.y = self.x[:, :4].argmax(dim=1)

    def __len__(self):
        return len(self.x)

    def __getitem__(self, index):
        x = self.x[index] + 0.1 * torch.randn(8)
        return x, self.y[index]


noisy = DataLoader(Noisy(192), batch_size=16, shuffle=True)
for epoch in range(epochs):
    for x, y in noisy:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
```

## Not a problem

- A copy that is changed: `.clone()`, `.copy()`, arithmetic, and indexing with a list or a mask.
- A cache that is filled when a sample is first asked for, and then stays.
- Data that the dataset replaces on purpose, or that the training loop writes: new samples for each epoch,
  pseudo-labels, replay buffers, weights of samples.
- One number per sample, such as a count or a score.
- A loader with workers: each has a copy of its own, which ends with the epoch. What `persistent_workers` keep
  is not seen.
- The same value at the same place each time, as in clipping.

## Sources

- [Views of tensors](https://docs.pytorch.org/docs/stable/tensor_view.html)
- [Copies and views in NumPy](https://numpy.org/doc/stable/user/basics.copies.html)
"""

from __future__ import annotations

from collections.abc import Iterator

from osler.model import Check, Code, Evidence, Finding, Kind, OverwriteFact, Run, Severity
from osler.static.stored_views import overwritten_views

check = Check(
    __name__,
    severity=Severity.WARNING,
    expected="a sample is copied before it is changed, and the stored data stay as they are",
    why="Each epoch changes what the last one has left, so the data get further from the real ones.",
    fix="Change a copy of the sample: `.clone()` of a tensor, `.copy()` of an array, list or dict.",
    symptoms=("inputs-not-finite",),
)


@check.applies_when
def no_loader(run: Run) -> str:
    return "" if run.loaders else "no loader was iterated"


@check.in_code
def written_into_a_view(code: Code) -> Iterator[Finding]:
    for found in overwritten_views(code):
        if found.name == f"self.{found.attribute}":
            message = f"each fetch computes `{found.name}` anew from what the last one left there."
        else:
            message = (
                f"`{found.name}` is no copy of what `self.{found.attribute}` stores: what is written into it "
                "stays there, and adds up from epoch to epoch."
            )
        yield check.finding(
            (found.place,),
            message,
            subject=found.attribute,
            related=[((found.loop.place,), "the loop trains on it here")],
        )


@check.in_run
def changed_while_fetched(run: Run) -> Iterator[Finding]:
    for fact in run.overwrites.values():
        handed = [e for name in fact.loaders for e in run.of(Kind.BATCH, name)]
        trained = [e for e in handed if any(p.trains for p in run.patterns if e in p.events)]
        if trained:
            yield check.finding(
                fact.site,
                told(fact),
                step=fact.step,
                subject=fact.attribute,
                related=[(run.usual_site(trained), "the loop trains on it here")],
                evidence=[Evidence("numbers that were not what they had been", fact.changed, "0")],
            )


def told(fact: OverwriteFact) -> str:
    """What was seen."""
    written = "this line writes into" if fact.is_statement else "fetching a sample changes"
    stored = f"`{fact.owner}.{fact.attribute}`"
    return (
        f"{written} what {stored} stores: {fact.samples} of {fact.followed} samples that were followed "
        f"changed while they were fetched, in {fact.passes} passes. Up to {fact.changed:,} of their "
        f"{fact.checked:,} numbers were no longer those from before the first pass."
    )
