"""A class id is not one of the classes that the model scores.

With C scores per sample the ids run from 0 to C - 1. Torch stops with `Target 4 is out of bounds`, on a GPU
with an assertion that names neither the batch nor the value, and at a line that is not the guilty one. Ids
that start at 1, a mark for "unknown" such as -1, or a head that is one class short are the usual reasons.

## Bad

```python
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss = loss_fn(model(x), y + 1)
        loss.backward()
        optimizer.step()
```

## Good

```python
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
```

## Not a problem

- Ids that are left out on purpose: -100, or what `ignore_index` says.
- Probabilities of the classes as target, of the same shape as the scores.
- A mark that is replaced before the loss, and whose samples then count nothing.

## Sources

- [CrossEntropyLoss](https://docs.pytorch.org/docs/stable/generated/torch.nn.CrossEntropyLoss.html): ids in
  [0, C)
- [device-side assert triggered](https://github.com/pytorch/pytorch/issues/1204)
"""

from collections.abc import Iterator

from osler.model import Check, Evidence, Finding, IndexFact, Run, Severity, counted

FUNCTIONS = ("cross_entropy", "nll_loss")

ADVICE = {
    "from one": "Subtract 1 from the labels: class ids start at 0.",
    "negative": "Pass `ignore_index={}` to the loss, or take these samples out.",
    "type": "Pass class ids as whole numbers: `target.long()`.",
}

check = Check(
    __name__,
    severity=Severity.ERROR,
    expected="class ids from 0 to one less than the number of scores",
    why="The loss looks up the score of the labelled class: there is none, and training stops.",
    fix="Make the last layer as wide as there are classes, or map the labels to 0 … C - 1.",
)


@check.applies_when
def no_class_ids(run: Run) -> str:
    known = {f.function for f in [*run.loss_calls.values(), *run.indices.values()]}
    return "" if known & set(FUNCTIONS) else "no loss with class ids was computed"


@check.in_run
def ids_outside(run: Run) -> Iterator[Finding]:
    for fact in run.indices.values():
        if fact.function not in FUNCTIONS:
            continue
        yield check.finding(
            fact.site,
            wrong_type(fact) if fact.kind else out_of_range(fact),
            step=fact.step,
            evidence=[]
            if fact.kind
            else [Evidence("labels outside", fact.outside, "0", "labels", fact.step)],
            fix=advice(fact),
        )


def out_of_range(fact: IndexFact) -> str:
    ignored = "" if fact.ignored in (None, -100) else f" and {fact.ignored}, which is ignored"
    return (
        f"Label {fact.value} in sample {fact.position[0] if fact.position else 0} of the batch after step "
        f"{fact.step}: `{fact.function}` got {fact.size} scores per sample and allows 0 to {fact.size - 1}"
        f"{ignored}. The labels of this batch run from {fact.lowest} to {fact.highest}; "
        f"{counted(fact.outside, 'lies', 'lie')} outside."
    )


def wrong_type(fact: IndexFact) -> str:
    return f"`{fact.function}` got labels of type {fact.kind} where it needs whole numbers, int64."


def advice(fact: IndexFact) -> str:
    if fact.kind:
        return ADVICE["type"]
    if fact.value < 0:
        return ADVICE["negative"].format(fact.value)
    return ADVICE["from one"] if fact.lowest == 1 and fact.highest == fact.size else ""
