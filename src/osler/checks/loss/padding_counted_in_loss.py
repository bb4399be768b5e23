"""The loss counts the padding of sequences as if it were data.

Sequences of one batch are filled up to the same length. If the loss is averaged over all positions, the model
learns above all to predict padding, which is easy: the loss looks small, longer sequences count less, and
accuracy over positions is flattered. `ignore_index` of the loss, or a mask before the mean, leaves them out.

Osler asks this in `osler preflight`, where the program itself says what padding is: by `padding_idx` of an
embedding, or by a mask that comes with the batch. It puts other scores where padding stands, and the loss
must stay what it was. `osler lint` follows targets from `pad_sequence` in a collate function to the loss.

## Bad

```python
texts = [torch.randint(2, 20, (count,)) for count in torch.randint(4, 13, (96,)).tolist()]


def filled_up(texts):
    words = nn.utils.rnn.pad_sequence(texts, batch_first=True)
    tags = nn.utils.rnn.pad_sequence([(text > 10).long() + 1 for text in texts], batch_first=True)
    return words, tags


batches = DataLoader(texts, batch_size=16, collate_fn=filled_up)
tagger = nn.Sequential(nn.Embedding(20, 16, padding_idx=0), nn.Linear(16, 3))
optimizer = torch.optim.SGD(tagger.parameters(), lr=0.05)
for epoch in range(epochs):
    for x, y in batches:
        optimizer.zero_grad()
        loss_fn(tagger(x).flatten(0, 1), y.flatten()).backward()
        optimizer.step()
```

## Good

```python
texts = [torch.randint(2, 20, (count,)) for count in torch.randint(4, 13, (96,)).tolist()]


def filled_up(texts):
    words = nn.utils.rnn.pad_sequence(texts, batch_first=True)
    tags = nn.utils.rnn.pad_sequence([(text > 10).long() + 1 for text in texts], batch_first=True)
    return words, tags


batches = DataLoader(texts, batch_size=16, collate_fn=filled_up)
tagger = nn.Sequential(nn.Embedding(20, 16, padding_idx=0), nn.Linear(16, 3))
optimizer = torch.optim.SGD(tagger.parameters(), lr=0.05)
for epoch in range(epochs):
    for x, y in batches:
        optimizer.zero_grad()
        F.cross_entropy(tagger(x).flatten(0, 1), y.flatten(), ignore_index=0).backward()
        optimizer.step()
```

## Not a problem

- Padding that is left out by `ignore_index`, by a weight of zero, by packing, or by a mask.
- The first padding of a sequence where nothing else tells that it ends: then it is a hint only.
- A last id that nobody has declared to be padding: it may be data.

## Sources

- [CrossEntropyLoss](https://docs.pytorch.org/docs/stable/generated/torch.nn.CrossEntropyLoss.html):
  `ignore_index`
- [Padding in the loss of a language model](https://github.com/huggingface/transformers/issues/2759)
"""

from __future__ import annotations

from collections.abc import Iterator

from osler.model import Check, Code, Confidence, Evidence, Finding, PaddingFact, Setup, Severity

LITTLE = 0.02
"""Share of the positions below which padding hardly moves the loss."""

check = Check(
    __name__,
    severity=Severity.ERROR,
    expected="the loss is the same whatever the model says at padded positions",
    why="The model learns to predict padding, and the loss and the accuracy look better than they are.",
    fix="Pass the padded id to the loss as `ignore_index`, or multiply the losses of the positions by a mask "
    "and divide by its sum.",
    symptoms=("loss-suspiciously-low", "predictions-collapsed"),
)


@check.in_code
def counts_what_was_filled_up(code: Code) -> Iterator[Finding]:
    for fact in code.padded:
        yield check.finding(
            fact.site,
            f"`{fact.function}` counts every position of `{fact.target}`, which `pad_sequence` has filled up "
            f"with {fact.value}.",
            related=[(fact.padded, "sequences are filled up here")],
            severity=Severity.WARNING,
            confidence=Confidence.LIKELY,
        )


@check.in_setup
def padding_moves_the_loss(setup: Setup) -> Iterator[Finding]:
    for fact in setup.all(PaddingFact):
        share = fact.padded / max(1, fact.positions)
        loud = fact.ended and share >= LITTLE
        yield check.finding(
            fact.site,
            f"{fact.padded} of the {fact.positions} positions that `{fact.function}` counts are padding "
            f"(id {fact.id}, by {fact.said_by}): other scores there change the loss from {fact.before:.4g} "
            f"to {fact.after:.4g}.",
            evidence=[Evidence("share of padding among the positions", share, "0")],
            severity=Severity.ERROR if loud else Severity.HINT,
        )
