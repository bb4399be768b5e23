"""The labels of a language model are not the next tokens.

A causal language model is to say, at each token, which one comes next. If the labels are not shifted, they
are the tokens that the model has just been given: it learns to copy, and the loss falls towards zero. If they
are shifted twice, in the data and once more in the model or the loss, it learns to leave one token out.

Osler asks this in `osler preflight`: it compares the labels of the first batch with the tokens at which they
are predicted, and makes sure that the model sees that token and none that is later.

## Bad

```python
class Writer(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(20, 16)
        self.gru = nn.GRU(16, 16, batch_first=True)
        self.head = nn.Linear(16, 20)

    def forward(self, tokens):
        return self.head(self.gru(self.embed(tokens))[0])


texts = DataLoader(TensorDataset(torch.randint(0, 20, (64, 12))), batch_size=16)
writer = Writer()
optimizer = torch.optim.Adam(writer.parameters(), lr=1e-3)
for epoch in range(epochs):
    for (tokens,) in texts:
        optimizer.zero_grad()
        loss_fn(writer(tokens).flatten(0, 1), tokens.flatten()).backward()
        optimizer.step()
```

## Good

```python
class Writer(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(20, 16)
        self.gru = nn.GRU(16, 16, batch_first=True)
        self.head = nn.Linear(16, 20)

    def forward(self, tokens):
        return self.head(self.gru(self.embed(tokens))[0])


texts = DataLoader(TensorDataset(torch.randint(0, 20, (64, 12))), batch_size=16)
writer = Writer()
optimizer = torch.optim.Adam(writer.parameters(), lr=1e-3)
for epoch in range(epochs):
    for (tokens,) in texts:
        optimizer.zero_grad()
        loss_fn(writer(tokens[:, :-1]).flatten(0, 1), tokens[:, 1:].flatten()).backward()
        optimizer.step()
```

## Not a problem

- Models that see the whole sequence, to fill gaps or to repeat it: autoencoders, masked language models.
- Labels that the model shifts itself: what counts is which output they are compared with.
- Text that repeats one token, so that every shift fits.

## Sources

- [Labels are shifted inside the model](https://huggingface.co/docs/transformers/en/tasks/language_modeling)
- [Language models are unsupervised multitask learners](https://cdn.openai.com/better-language-models/language_models_are_unsupervised_multitask_learners.pdf)
"""

from __future__ import annotations

from collections.abc import Iterator

from osler.model import Check, Evidence, Finding, Setup, Severity, ShiftFact

check = Check(
    __name__,
    severity=Severity.ERROR,
    expected="the label at each position is the token after it",
    why="The model learns to copy a token or to skip one, and cannot write.",
    fix="Compare the scores at `tokens[:, :-1]` with the labels `tokens[:, 1:]`.",
    symptoms=("loss-suspiciously-low",),
)

TWICE = "Shift the labels once: in the data, in the model, or in the loss."


@check.in_setup
def labels_are_other_tokens(setup: Setup) -> Iterator[Finding]:
    for fact in setup.all(ShiftFact):
        which = "the very tokens at which they are predicted" if fact.shift == 0 else "two tokens later"
        yield check.finding(
            fact.site,
            f"{fact.share:.0%} of {fact.labels} labels of `{fact.model}` are {which}, {fact.following:.0%} "
            "the next ones, and the model sees no later token.",
            subject=fact.model,
            evidence=[Evidence("labels that are the next token", fact.following, "1")],
            fix="" if fact.shift == 0 else TWICE,
        )
