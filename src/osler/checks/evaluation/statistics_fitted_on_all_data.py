"""Statistics for normalisation are taken of all data, the held-out part included.

A scaler that is fitted before the split has seen the test samples: their mean, spread or extremes are in
every number that the model is trained on. The result on the test data is then too good, a little with a mean,
much with selected features, imputed values or trends in time.

## Bad

```python
from torch.utils.data import random_split

x = torch.randn(200, 8) * 3 + 1
y = x[:, :4].argmax(dim=1)
x = (x - x.mean(dim=0)) / x.std(dim=0)
train_set, test_set = random_split(TensorDataset(x, y), [150, 50])
for x, y in DataLoader(train_set, batch_size=16, shuffle=True):
    optimizer.zero_grad()
    loss_fn(model(x), y).backward()
    optimizer.step()
```

## Good

```python
x = torch.randn(200, 8) * 3 + 1
y = x[:, :4].argmax(dim=1)
x_train, x_test = x[:150], x[150:]
mean, std = x_train.mean(dim=0), x_train.std(dim=0)
x_train, x_test = (x_train - mean) / std, (x_test - mean) / std
for x, y in DataLoader(TensorDataset(x_train, y[:150]), batch_size=16, shuffle=True):
    optimizer.zero_grad()
    loss_fn(model(x), y).backward()
    optimizer.step()
```

## Not a problem

- A scaler fitted on the training part, also if it then transforms everything.
- One mean and one deviation of all numbers, as of the pixels of all pictures: there is next to nothing in
  them of any sample, and Osler gives a hint at most.
- Statistics of one sample, such as the mean over its own features.
- Constants known beforehand: division by 255, the published mean and deviation of a data set.
- Encoders of class names, which learn nothing from how often they meet one.

## Sources

- [scikit-learn: data leakage](https://scikit-learn.org/stable/common_pitfalls.html)
- Reported in [gpytorch](https://github.com/cornellius-gp/gpytorch/pull/2761) and
  [d2l](https://github.com/d2l-ai/d2l-en/issues/843)
"""

from __future__ import annotations

from collections.abc import Iterator

from osler.model import Check, Code, Finding, Place, Severity

check = Check(
    __name__,
    severity=Severity.WARNING,
    expected="statistics come from the training part alone",
    why="The model is trained with numbers that hold the test samples: its result on them says too much.",
    fix="Compute the statistics from the training part, after the split, and apply them to both parts.",
)


@check.in_code
def fitted_before_split(code: Code) -> Iterator[Finding]:
    told: set[Place] = set()
    for fit in code.fitted:
        if fit.place in told:
            continue
        told.add(fit.place)
        are = "are" if " and " in fit.by else "is"
        done = f"`{fit.by}` is fitted on" if fit.by[:1].isupper() else f"{fit.by} {are} taken of"
        when = "before" if fit.split.line > fit.place.line else "after"
        yield check.finding(
            (fit.place,),
            f"{done} all of `{fit.data}` {when} line {fit.split.line} splits it.",
            subject=fit.data,
            severity=Severity.HINT if fit.is_one_number else None,
            related=[((fit.split,), "the data are split here")],
        )
