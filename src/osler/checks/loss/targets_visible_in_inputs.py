"""The model sees the token that it is to predict.

A language model predicts the next token from those before it. If what comes later reaches the outputs of
earlier positions, the answer is among the inputs: the causal mask is missing, inverted or not passed on,
the attention or the recurrent layer is bidirectional, or a convolution is padded on both sides. The loss
falls fast and far, and generation is nonsense, because there the future does not exist yet.

Osler asks this in `osler preflight` where the labels are the inputs shifted by one: it exchanges the
second half of the tokens, and the outputs for the first half must stay what they were.

## Bad

```python
class Reader(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(20, 16)
        self.layer = nn.TransformerEncoderLayer(16, 2, 32, dropout=0.0, batch_first=True)
        self.head = nn.Linear(16, 20)

    def forward(self, tokens):
        return self.head(self.layer(self.embed(tokens)))  # every position attends to all others


text = torch.randint(0, 20, (64, 13))
texts = DataLoader(TensorDataset(text), batch_size=16)
reader = Reader()
optimizer = torch.optim.Adam(reader.parameters(), lr=1e-3)
for epoch in range(epochs):
    for (tokens,) in texts:
        optimizer.zero_grad()
        scores = reader(tokens[:, :-1])
        loss_fn(scores.reshape(-1, 20), tokens[:, 1:].reshape(-1)).backward()
        optimizer.step()
```

## Good

```python
class Reader(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(20, 16)
        self.layer = nn.TransformerEncoderLayer(16, 2, 32, dropout=0.0, batch_first=True)
        self.head = nn.Linear(16, 20)

    def forward(self, tokens):
        mask = nn.Transformer.generate_square_subsequent_mask(tokens.shape[1])
        return self.head(self.layer(self.embed(tokens), src_mask=mask, is_causal=True))


text = torch.randint(0, 20, (64, 13))
texts = DataLoader(TensorDataset(text), batch_size=16)
reader = Reader()
optimizer = torch.optim.Adam(reader.parameters(), lr=1e-3)
for epoch in range(epochs):
    for (tokens,) in texts:
        optimizer.zero_grad()
        scores = reader(tokens[:, :-1])
        loss_fn(scores.reshape(-1, 20), tokens[:, 1:].reshape(-1)).backward()
        optimizer.step()
```

## Not a problem

- Bidirectional models that fill gaps or label tokens: their labels are not the next tokens.

## Sources

- [Attention is all you need](https://arxiv.org/abs/1706.03762), section 3.2.3 -
  [generate_square_subsequent_mask](https://docs.pytorch.org/docs/stable/generated/torch.nn.Transformer.html)
"""

from __future__ import annotations

from collections.abc import Iterator

from osler.model import Check, Evidence, Finding, FutureFact, Setup, Severity

SMALL = 1e-3
"""Change of earlier outputs, over the largest, that no rounding makes."""

check = Check(
    __name__,
    severity=Severity.ERROR,
    expected="what the model says at a position does not depend on the tokens after it",
    why="The loss falls because the answer is among the inputs; when text is generated it is not.",
    fix="Pass a causal mask to every attention layer, make recurrent layers unidirectional, pad on "
    "the left only in convolutions.",
    symptoms=("loss-suspiciously-low",),
)


@check.in_setup
def the_future_reaches_the_past(setup: Setup) -> Iterator[Finding]:
    for fact in setup.all(FutureFact):
        if fact.changed and fact.difference > SMALL:
            yield check.finding(
                fact.site,
                f"The labels are the next tokens, but exchanging the tokens from position {fact.position} "
                "on changes "
                f"the outputs of `{fact.model}` at {fact.changed} of the {fact.position} positions "
                "before, by "
                f"{fact.difference:.2g} of the largest output.",
                subject=fact.model,
                evidence=[Evidence("earlier positions that changed", fact.changed, "0")],
            )
