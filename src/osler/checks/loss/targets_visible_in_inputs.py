"""The model sees what it is to predict.

A language model predicts the next token from those before it. If what comes later reaches the outputs of
earlier positions, the answer is among the inputs: the causal mask is missing, inverted or not passed on,
the attention or the recurrent layer is bidirectional, or a convolution is padded on both sides. The loss
falls fast and far, and generation is nonsense, because there the future does not exist yet.

Osler asks this in `osler preflight` where the labels are the inputs shifted by one: it exchanges the
second half of the tokens, and the outputs for the first half must stay what they were.

In a table or an image the label may stand among the inputs under another name: a column that was not taken
out, a copy of it in another unit, a channel painted by class, a pixel in a corner. `osler preflight` looks
for a column, channel or pixel that tells the label of each of at least 128 samples without exception, then
exchanges it: the outputs change if the model heeds it.

In a window over a series the last step may be the first target already, because the targets begin where the
inputs end and not behind. `osler preflight` compares the last steps with the first targets of at least 128
samples, and exchanges them; a series that stands still is left out, and what is rebuilt as a whole.

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
- Features that tell the label nearly always: one exception is enough.
- Drawings without noise, in which many pixels are told by the class, or those around hold the same value.
- Labels that are an argument of their own, as in conditional models, margin losses and teacher forcing.
- Models that are given the label and leave it out, as a causal one with teacher forcing.
- Autoencoders, and targets that are strongly correlated with the last step but not the same.

## Sources

- [Attention is all you need](https://arxiv.org/abs/1706.03762), section 3.2.3 -
  [generate_square_subsequent_mask](https://docs.pytorch.org/docs/stable/generated/torch.nn.Transformer.html)
"""

from __future__ import annotations

from collections.abc import Iterator

from osler.model import (
    Check,
    Evidence,
    Finding,
    FutureFact,
    LabelFeatureFact,
    Setup,
    Severity,
    WindowFact,
    counted,
    listed,
)

SMALL = 1e-3
"""Change of earlier outputs, over the largest, that no rounding makes."""

check = Check(
    __name__,
    severity=Severity.ERROR,
    expected="what the model says at a position does not depend on the tokens after it",
    why="The loss falls because the answer is among the inputs; where the model is used it is not there.",
    fix="Pass a causal mask to every attention layer, make recurrent layers unidirectional, pad on "
    "the left only in convolutions.",
    symptoms=("loss-suspiciously-low",),
)


@check.in_setup
def the_answer_is_among_the_inputs(setup: Setup) -> Iterator[Finding]:
    yield from the_future_reaches_the_past(setup)
    yield from a_feature_is_the_label(setup)
    yield from a_window_reaches_its_target(setup)


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


def a_feature_is_the_label(setup: Setup) -> Iterator[Finding]:
    for fact in setup.all(LabelFeatureFact):
        many = len(fact.places) > 1
        named = f"{fact.part.capitalize()}{'s' if many else ''} {listed([str(p) for p in fact.places])}"
        tells = "tell" if many else "tells"
        how = (
            f"{tells} the class of each of {fact.samples} samples, without exception, among {fact.classes} "
            "classes"
            if fact.classes
            else f"{tells} the target of each of {fact.samples} samples: it is that times a number, plus a "
            "number"
        )
        yield check.finding(
            fact.site,
            f"{named} of the {fact.parts} in the inputs, counted from 0, {how}; exchanging "
            f"{'them' if many else 'it'} changes the outputs of `{fact.model}` by {fact.difference:.2g} of "
            "the largest.",
            subject=fact.model,
            severity=Severity.ERROR if fact.classes else Severity.WARNING,
            expected="no part of the input is the label under another name",
            fix=f"Leave {'those' if many else 'that'} {fact.part}{'s' if many else ''} out of the inputs.",
            evidence=[Evidence("samples whose label it tells", fact.samples, "fewer than all")],
        )


def a_window_reaches_its_target(setup: Setup) -> Iterator[Finding]:
    for fact in setup.all(WindowFact):
        many, some = fact.steps > 1, fact.targets > 1
        last = f"last {fact.steps}" if many else "last"
        of = f" of feature `{fact.feature}`, counted from 0," if fact.feature >= 0 else ""
        first = (
            f"first {fact.steps} of {fact.targets} targets" if many else f"first of {fact.targets} targets"
        )
        unit = "" if fact.exact else ", times a number, plus a number"
        yield check.finding(
            fact.site,
            f"The {last} of the {fact.length} steps{of} in the inputs {'are' if many else 'is'} the "
            f"{first if some else 'target'} of each of {fact.samples} samples{unit}; exchanging "
            f"{'them' if many else 'it'} changes what `{fact.model}` says of the "
            f"{'first target' if some else 'target'} by {fact.difference:.2g} of the largest output.",
            subject=fact.model,
            severity=Severity.WARNING,
            expected="the targets begin after the last step of the inputs",
            fix=f"Begin the targets {counted(fact.steps, 'step')} later, or end the inputs "
            f"{counted(fact.steps, 'step')} earlier.",
            evidence=[Evidence("steps of the inputs that are targets", fact.steps, "0")],
        )
