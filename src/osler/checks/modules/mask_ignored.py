"""A mask does not keep padding out of what the model says of the rest.

Sequences of one batch are filled up to the same length, and a mask says which positions are padding. If it
gets lost on the way (an argument that is never read, a decoder without the mask of its memory, a mean over
all positions) or is inverted (for torch's attention `True` in a key padding mask means: leave this out), the
answer for a sequence depends on how far its batch was filled up: it gets another answer in another batch.

Osler asks this in `osler preflight`. It gives the model other masks, after a few steps of training: one that
changes not one bit of the output is ignored. And in a transformer whose embedding has a `padding_idx`, it
puts another vector in the place of padding: no output of a real position may change.

## Bad

```python
class Reader(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(20, 16, padding_idx=0)
        self.layer = nn.TransformerEncoderLayer(16, 2, 32, dropout=0.0, batch_first=True)
        self.head = nn.Linear(16, 4)

    def forward(self, words, mask):
        return self.head(self.layer(self.embed(words))[:, 0])  # the mask is not passed on


words = torch.randint(1, 20, (96, 12))
words[torch.arange(12) >= torch.randint(4, 13, (96, 1))] = 0
texts = DataLoader(TensorDataset(words, words[:, 0] % 4), batch_size=16)
reader = Reader()
optimizer = torch.optim.Adam(reader.parameters(), lr=1e-3)
for epoch in range(epochs):
    for x, y in texts:
        optimizer.zero_grad()
        loss_fn(reader(x, x == 0), y).backward()
        optimizer.step()
```

## Good

```python
class Reader(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(20, 16, padding_idx=0)
        self.layer = nn.TransformerEncoderLayer(16, 2, 32, dropout=0.0, batch_first=True)
        self.head = nn.Linear(16, 4)

    def forward(self, words, mask):
        return self.head(self.layer(self.embed(words), src_key_padding_mask=mask)[:, 0])


words = torch.randint(1, 20, (96, 12))
words[torch.arange(12) >= torch.randint(4, 13, (96, 1))] = 0
texts = DataLoader(TensorDataset(words, words[:, 0] % 4), batch_size=16)
reader = Reader()
optimizer = torch.optim.Adam(reader.parameters(), lr=1e-3)
for epoch in range(epochs):
    for x, y in texts:
        optimizer.zero_grad()
        loss_fn(reader(x, x == 0), y).backward()
        optimizer.step()
```

## Not a problem

- A mask that says the same of all positions of the batch, and one that is multiplied with zeros.
- Convolutions, recurrent layers and batch normalisation, which carry padding to its neighbours.
- Padding behind a causal mask: nothing before it sees it.
- A transformer without any mask: that is a hint only.

## Sources

- [TransformerEncoderLayer](https://docs.pytorch.org/docs/stable/generated/torch.nn.TransformerEncoderLayer.html):
  `src_key_padding_mask`
- [Attention is all you need](https://arxiv.org/abs/1706.03762), section 3.2.3
"""

from __future__ import annotations

from collections.abc import Iterator
from math import isnan

from osler.model import (
    Check,
    Evidence,
    Finding,
    IgnoredMaskFact,
    LeakyPaddingFact,
    Setup,
    Severity,
    counted,
)

SMALL = 1e-3
"""Change of real outputs, over the largest, that no rounding makes."""

check = Check(
    __name__,
    severity=Severity.ERROR,
    expected="what the model says of real positions does not depend on the padding beside them",
    why="The answer for a sequence depends on how far its batch was filled up.",
    fix="Pass the mask to every attention layer, as `src_key_padding_mask` or `memory_key_padding_mask`, and "
    "to the mean over the positions.",
    symptoms=("no-better-than-baseline",),
)


@check.in_setup
def padding_is_seen(setup: Setup) -> Iterator[Finding]:
    for ignored in setup.all(IgnoredMaskFact):
        if ignored.steps:
            yield check.finding(
                ignored.site,
                f"After {counted(ignored.steps, 'step')} `{ignored.model}` gives the same output bit for bit "
                f"whatever `{ignored.name}` it is given.",
                subject=ignored.model,
                evidence=[Evidence("outputs that another mask changes", 0, "some")],
                expected="another mask changes the output",
            )
            return
    for leak in setup.all(LeakyPaddingFact):
        if leak.inverted:
            yield turned_round(leak)
            return
        if leak.changed and leak.difference > SMALL:
            yield leaking(leak)
            return


def leaking(leak: LeakyPaddingFact) -> Finding:
    """Padding reaches the outputs of real positions."""
    given = "although attention is given a mask" if leak.masked else "and no attention layer is given a mask"
    return check.finding(
        leak.site,
        f"Another vector in the place of padding changes the outputs of `{leak.model}` for {leak.changed} of "
        f"{leak.real} {leak.unit}, by up to {leak.difference:.2g} of the largest, {given}.",
        subject=leak.model,
        evidence=[Evidence("real outputs that padding changes", leak.changed, "0")],
        severity=Severity.ERROR if leak.masked else Severity.HINT,
    )


def turned_round(leak: LeakyPaddingFact) -> Finding:
    """Attention leaves out what is real and keeps what is padding."""
    broken = isnan(leak.difference)
    effect = (
        f"the outputs for {leak.changed} of {leak.real} {leak.unit} are not finite"
        if broken
        else f"another vector in the place of padding changes the outputs for {leak.changed} of {leak.real} "
        f"{leak.unit}, by up to {leak.difference:.2g} of the largest"
    )
    told = "outputs that are not finite" if broken else "real outputs that padding changes"
    return check.finding(
        leak.site,
        f"The key padding mask that attention is given in `{leak.model}` is inverted: it leaves out every "
        f"real position and keeps the padding; {effect}.",
        subject=leak.model,
        expected="the mask is True at padding: True means that a position is left out",
        fix="Invert the mask where it is passed on: `src_key_padding_mask=~mask`.",
        evidence=[Evidence(told, leak.changed, "0")],
    )
