"""What the model says of one sample depends on the others in its batch.

Samples of a batch have nothing to do with each other: they share a tensor only for speed. If exchanging
one sample changes the outputs for others, an axis was taken for another: `view` or `reshape` where
`transpose` was meant, a softmax or a normalisation over the batch axis, attention or recurrence over samples
instead of time, because a layer was built without `batch_first=True`. The loss still falls, because the model
learns what the company of a sample says, and predictions for single samples are worthless.

Osler asks this in `osler preflight`, in evaluation mode, by exchanging samples one at a time: where batch
and features are kept apart, the other outputs stay the same bit for bit. If they do not, it looks for the
innermost layer that is given the samples apart and returns them mixed.

A run shows one case of it. Where a loader draws its samples at random, their order means nothing. If the
input of a recurrent or attention layer with `batch_first=False` is as long, on its first axis, as the batch
is large, and no other axis can be that of the samples, the layer goes through them as if one followed the
other in time.

## Bad

```python
class Reader(nn.Module):
    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(2, 16)
        self.head = nn.Linear(16, 4)

    def forward(self, x):
        states, _ = self.gru(x[:, :6].reshape(len(x), 3, 2))  # samples, steps, features
        return self.head(states[:, -1])


model = Reader()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
```

## Good

```python
class Reader(nn.Module):
    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(2, 16, batch_first=True)
        self.head = nn.Linear(16, 4)

    def forward(self, x):
        states, _ = self.gru(x[:, :6].reshape(len(x), 3, 2))  # samples, steps, features
        return self.head(states[:, -1])


model = Reader()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
```

## Not a problem

- BatchNorm in training: Osler asks in evaluation mode.
- Recurrent and attention layers with `batch_first=False` that are given time first: after a `transpose`, or
  because the data is stored so.
- In a run: samples in the order in which they are stored, such as the steps of one long series; packed
  sequences; a state or a mask that is passed along; a single position for each sample; attention over
  samples beside attention over positions.
- Contrastive losses, which compare samples after the model has spoken.
- Models of sets and graphs whose batch is one sample: they are not asked.

## Sources

- [A recipe for training neural networks](https://karpathy.github.io/2019/04/25/recipe/), "use backprop to
  chart dependencies"
- [Tensor.view](https://docs.pytorch.org/docs/stable/generated/torch.Tensor.view.html)
- [LSTM](https://docs.pytorch.org/docs/stable/generated/torch.nn.LSTM.html): `batch_first`, inputs of two axes
- [MultiheadAttention](https://docs.pytorch.org/docs/stable/generated/torch.nn.MultiheadAttention.html):
  `batch_first`
"""

from __future__ import annotations

from collections.abc import Iterator

from osler.model import (
    Check,
    Evidence,
    Finding,
    MixingFact,
    Run,
    SequenceAxisFact,
    Setup,
    Severity,
    Site,
    counted,
    needs_step,
)

SMALL = 1e-4
"""Change of the other outputs, over the largest, that no rounding makes."""

FEWEST = 2
"""Samples that must have been exchanged: one alone may be special."""

check = Check(
    __name__,
    severity=Severity.ERROR,
    expected="the output for a sample depends on that sample alone",
    why="The model learns from the company of a sample: its predictions change with the batch it is in.",
    fix="Look for `view` or `reshape` where `transpose` or `permute` was meant, and for a softmax, a mean or "
    "attention over the batch axis.",
    symptoms=("cannot-overfit-one-batch", "mask-ignored"),
)


@check.in_setup
def others_change(setup: Setup) -> Iterator[Finding]:
    for fact in setup.all(MixingFact):
        if fact.changed and fact.difference > SMALL and fact.exchanged >= FEWEST:
            yield check.finding(
                fact.site,
                f"Exchanging one of {counted(fact.samples, 'sample')} changes the outputs of "
                f"`{fact.model}` for at least {counted(fact.changed, 'other')}, by up to "
                f"{fact.difference:.2g} of the largest output, in evaluation mode.{meeting_place(fact)}",
                subject=fact.model,
                evidence=[Evidence("other outputs that changed", fact.changed, "0")],
                fix=mending(fact),
            )


def meeting_place(fact: MixingFact) -> str:
    """Where the samples meet, as far as it is known."""
    layer = f" They meet in `{fact.layer}` ({fact.kind})"
    match fact.reads:
        case "time first":
            return f"{layer}, built with `batch_first=False`: it takes the axis of the samples for time."
        case "one sequence":
            return f"{layer}, given two axes: it takes the samples for the steps of one sequence."
        case _:
            return f"{layer}." if fact.layer else ""


def mending(fact: MixingFact) -> str:
    """What to do about a layer over sequences; empty if it is another one."""
    match fact.reads:
        case "time first":
            return (
                f"Build `{fact.layer}` with `batch_first=True`, or give it time first: time, batch, features."
            )
        case "one sequence":
            return f"Give `{fact.layer}` three axes, one of them for time: batch, time, features."
        case _:
            return ""


@check.applies_when
def no_step(run: Run) -> str:
    return needs_step(run)


@check.in_run
def samples_taken_for_time(run: Run) -> Iterator[Finding]:
    by_line: dict[Site, list[SequenceAxisFact]] = {}
    for fact in run.sequence_axes.values():
        by_line.setdefault(fact.built or fact.site, []).append(fact)
    for where, (fact, *more) in by_line.items():
        axis = f"the batch, {fact.samples}" if fact.sizes == 1 else f"the batch, up to {fact.samples}"
        also = f" So does {', '.join(f'`{other.name}`' for other in more)}." if more else ""
        yield check.finding(
            where,
            f"`{fact.name}` ({fact.kind}), built with `batch_first=False`, takes the samples that "
            f"`{fact.loader}` draws at random for steps in time: in all {fact.batches} batches looked at, "
            f"the first axis of its input was as long as {axis}, and the second {fact.across}.{also}",
            step=fact.step,
            subject=fact.name,
            related=list(calls(fact, where)),
            evidence=[Evidence("samples on the axis of time", fact.samples, "0")],
            fix=built_anew(fact),
        )


def calls(fact: SequenceAxisFact, where: Site) -> Iterator[tuple[Site, str]]:
    """Lines that call the layer and the model, apart from the line that is told."""
    if fact.site[:1] != where[:1]:
        yield fact.site, "called here"
    if fact.root_site[:1] not in (fact.site[:1], where[:1]):
        yield fact.root_site, f"`{fact.model}` is called here"


def built_anew(fact: SequenceAxisFact) -> str:
    """What to build otherwise."""
    what = f"`{fact.name}`" if fact.kind == fact.builder else f"the `{fact.builder}` of `{fact.name}`"
    return f"Build {what} with `batch_first=True`, or give it time first: time, batch, features."
