"""A network goes on from one fold of a cross-validation to the next.

The rows that a fold holds out were trained on in the folds before. A network that is built before the loop
over the folds, and that nothing in the loop makes new, has learned them by heart when it is asked about them:
only the first fold says what it does on new data. A new optimizer changes nothing about it, for the weights
stay. Nor do weights that were put aside without a copy: `state_dict()` holds the live tensors, so that
loading them at the start of each fold puts nothing back.

## Bad

```python
from sklearn.model_selection import KFold

x = torch.randn(120, 8)
y = x[:, :4].argmax(dim=1)
for train, test in KFold(n_splits=3, shuffle=True, random_state=0).split(x):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    model.train()
    for batch in torch.from_numpy(train).split(16):
        optimizer.zero_grad()
        loss_fn(model(x[batch]), y[batch]).backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        print((model(x[test]).argmax(dim=1) == y[test]).float().mean().item())
```

## Good

```python
from sklearn.model_selection import KFold

x = torch.randn(120, 8)
y = x[:, :4].argmax(dim=1)
for train, test in KFold(n_splits=3, shuffle=True, random_state=0).split(x):
    model = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 4))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    model.train()
    for batch in torch.from_numpy(train).split(16):
        optimizer.zero_grad()
        loss_fn(model(x[batch]), y[batch]).backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        print((model(x[test]).argmax(dim=1) == y[test]).float().mean().item())
```

## Not a problem

- A network that is built, copied with `copy.deepcopy`, reset or loaded from a file in each fold.
- A network that is not trained in the loop, such as a frozen encoder under new heads.
- `TimeSeriesSplit` and other evaluations that move through time: there it is meant to go on.
- One network for each fold, kept in a list or dict.
- A loop over folds that asks the network only about data that no fold contains.

## Sources

- [scikit-learn: cross-validation](https://scikit-learn.org/stable/modules/cross_validation.html)
- Reported in [lfmc_from_sar](https://github.com/kkraoj/lfmc_from_sar/issues/5) and
  [camull-net](https://github.com/McSpooder/camull-net/issues/6)
"""

from __future__ import annotations

from collections.abc import Iterator

from osler.model import Check, Code, Finding, FoldFact, Place, Severity

check = Check(
    __name__,
    severity=Severity.WARNING,
    expected="each fold begins with a network that has seen none of the data",
    why="From the second fold on, the network is asked about rows that it was trained on before: "
    "the score is too good.",
    fix="Build the network inside the loop, or begin each fold with "
    "`model.load_state_dict(copy.deepcopy(start))`, where `start` is a deep copy of its first weights.",
)


@check.in_code
def goes_on(code: Code) -> Iterator[Finding]:
    for fact in code.folds:
        yield check.finding((made_at(fact),), told(fact), subject=fact.model, related=list(related(fact)))


def made_at(fact: FoldFact) -> Place:
    """The line to change: where the weights are put aside, else where the network is built."""
    return fact.kept or fact.made


def told(fact: FoldFact) -> str:
    """What was seen."""
    over = f"the folds of `{fact.splitter}`" if fact.splitter else "folds"
    line = fact.loop.line
    if fact.kept is not None and fact.loaded is not None:
        return (
            f"what line {fact.kept.line} puts aside are the live weights of `{fact.model}`: line "
            f"{fact.loaded.line} loads them into itself, so that it goes on from fold to fold in the loop "
            f"over {over} in line {line}."
        )
    anew = " with a new optimizer" if fact.optimizer_anew else ""
    return (
        f"`{fact.model}` is built before the loop over {over} in line {line}: each fold trains it on{anew} "
        "from where the fold before has left it."
    )


def related(fact: FoldFact) -> Iterator[tuple[tuple[Place], str]]:
    """The loop, the step and the evaluation."""
    yield (fact.loop,), "the loop over the folds"
    yield (fact.trained,), "each fold trains it here"
    yield (fact.evaluated,), "rows that earlier folds have trained it on are evaluated here"
