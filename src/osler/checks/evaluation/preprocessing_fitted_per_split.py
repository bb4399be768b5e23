"""What prepares the data is learned anew from the held-out part: the same number means another thing.

A scale, principal axes, a vocabulary or codes of categories belong to the model: its weights fit the numbers
that came out for the training data. Learned once more from the validation or test data they are others. The
word that was number 7 is then number 5, and what lay far above the mean of the training data may lie at the
mean of the test data. Nothing fails; the model is only asked something else than it has learned.

## Bad

```python
def scaled(x):
    return (x - x.mean(dim=0)) / x.std(dim=0)


x = torch.randn(200, 8) * 3 + 1
y = x[:, :4].argmax(dim=1)
x_train, x_test = scaled(x[:150]), scaled(x[150:])
for x, y in DataLoader(TensorDataset(x_train, y[:150]), batch_size=16, shuffle=True):
    optimizer.zero_grad()
    loss_fn(model(x), y).backward()
    optimizer.step()
model.eval()
with torch.no_grad():
    print(model(x_test).argmax(dim=1))
```

## Good

```python
x = torch.randn(200, 8) * 3 + 1
y = x[:, :4].argmax(dim=1)
mean, std = x[:150].mean(dim=0), x[:150].std(dim=0)
x_train, x_test = (x[:150] - mean) / std, (x[150:] - mean) / std
for x, y in DataLoader(TensorDataset(x_train, y[:150]), batch_size=16, shuffle=True):
    optimizer.zero_grad()
    loss_fn(model(x), y).backward()
    optimizer.step()
model.eval()
with torch.no_grad():
    print(model(x_test).argmax(dim=1))
```

## Not a problem

- `transform` on the held-out part, with what `fit` has learned of the training part.
- A vocabulary, codes or a scale that are handed over: `Reviews(test_rows, vocab=train_set.vocab)`.
- Statistics of each sample, each picture or each recording.
- A scale of its own for each user, sensor or domain, where that is meant.
- A new fit in each fold of a cross-validation, or on all data for the last model.
- Fixed codes: a list of classes that is written down, folders of the same names, hashes.
- One mean and one deviation of everything, and classes numbered in their order: both parts hardly differ in
  them, and Osler gives a hint at most.

## Sources

- [scikit-learn: inconsistent preprocessing](https://scikit-learn.org/stable/common_pitfalls.html)
"""

from __future__ import annotations

from collections.abc import Iterator

from osler.model import Check, Code, Finding, RefitFact, Severity

check = Check(
    __name__,
    severity=Severity.WARNING,
    expected="what is learned from the training part prepares every part",
    why="The same number means something else in both parts: the model is asked another question than it has "
    "learned to answer.",
    fix="Take it from the training part alone and hand it over: `transform` in place of `fit_transform`, the "
    "mean and deviation, the vocabulary or the codes of the training data.",
)

LEARNED = {"class": "is fitted on", "scale": "are taken of", "codes": "numbers the values of"}


@check.in_code
def learned_anew(code: Code) -> Iterator[Finding]:
    for fact in code.refits:
        yield told(fact)


def told(fact: RefitFact) -> Finding:
    by = fact.by if fact.kind == "scale" or " " in fact.by else f"`{fact.by}`"
    learns = "is taken of" if fact.by == "range" else LEARNED[fact.kind]
    related = [((fact.trained,), "it is learned from the training data here")]
    if fact.function:
        message = (
            f"{by} {learns} what `{fact.function}` is given, for {fact.train} and anew for {fact.held_out}."
        )
        train, held = fact.calls
        related = [((train,), "called for training here"), ((held,), "called for held-out data here")]
    elif fact.trained.line == fact.place.line:
        message, related = f"{by} {learns} {fact.train}, and {fact.held_out} anew.", []
    else:
        message = f"{by} {learns} {fact.held_out} anew; line {fact.trained.line} did so with {fact.train}."
    return check.finding(
        (fact.place,), message, severity=Severity.HINT if fact.is_slight else None, related=related
    )
