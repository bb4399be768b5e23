"""An index points outside the table that it is looked up in.

An embedding of 1,000 rows has the indices 0 to 999. Torch says `index out of range in self`, on a GPU it
stops with an assertion at some later line, and neither names the value. Usually the table is one row short:
a padding or unknown token, or a vocabulary that has grown.

## Bad

```python
table = nn.Embedding(4, 8)
optimizer = torch.optim.SGD([*table.parameters(), *model.parameters()], lr=0.05)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss = loss_fn(model(x + table(y + 1)), y)
        loss.backward()
        optimizer.step()
```

## Good

```python
table = nn.Embedding(5, 8)
optimizer = torch.optim.SGD([*table.parameters(), *model.parameters()], lr=0.05)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss = loss_fn(model(x + table(y + 1)), y)
        loss.backward()
        optimizer.step()
```

## Not a problem

- A `padding_idx` inside the table.
- An index that is out of range on purpose and caught: as long as the script goes on, only the first is told.

## Sources

- [Embedding](https://docs.pytorch.org/docs/stable/generated/torch.nn.Embedding.html)
- [index out of range in self](https://github.com/huggingface/transformers/issues/5611)
"""

import re
from collections.abc import Iterator

from osler.model import Check, CrashFact, Evidence, Finding, IndexFact, Run, Severity, counted

OF_LABELS = ("cross_entropy", "nll_loss")
"""Functions whose indices are labels: another check speaks of them."""

SAID = re.compile(
    r"index (?P<value>-?\d+) is out of bounds for dimension (?P<axis>\d+) with size (?P<size>\d+)"
)

check = Check(
    __name__,
    severity=Severity.WARNING,
    expected="indices from 0 to one less than the length of the table",
    why="There is no such entry: training stops here.",
    fix="Make the table larger, or map the indices into it; count the padding and the unknown token.",
)


@check.applies_when
def nothing_seen(run: Run) -> str:
    return "" if run.turns or run.crash or run.indices else "no training was seen"


@check.in_run
def points_outside(run: Run) -> Iterator[Finding]:
    facts = [f for f in run.indices.values() if f.function not in OF_LABELS]
    for fact in facts:
        yield check.finding(
            fact.site,
            wrong_type(fact) if fact.kind else out_of_range(fact),
            step=fact.step,
            evidence=[]
            if fact.kind
            else [Evidence("indices outside", fact.outside, "0", "indices", fact.step)],
            fix="Convert them: `indices.long()`." if fact.kind else "",
        )
    if run.crash and not facts and (said := SAID.search(run.crash.message)):
        yield as_torch_says(run, run.crash, said)


def out_of_range(fact: IndexFact) -> str:
    return (
        f"Index {fact.value} at {list(fact.position)} of the batch after step {fact.step}: `{fact.function}` "
        f"has {fact.size} rows and allows 0 to {fact.size - 1}. The indices run from {fact.lowest} to "
        f"{fact.highest}; {counted(fact.outside, 'lies', 'lie')} outside."
    )


def wrong_type(fact: IndexFact) -> str:
    return f"`{fact.function}` got indices of type {fact.kind} where it needs int64 or int32."


def as_torch_says(run: Run, crash: CrashFact, said: re.Match[str]) -> Finding:
    value, axis, size = (int(said[name]) for name in ("value", "axis", "size"))
    return check.finding(
        crash.site,
        f"Index {value} on axis {axis}, which has {size} entries and allows 0 to {size - 1}.",
        step=run.steps,
        evidence=[Evidence("index", value, f"0 to {size - 1}", step=run.steps)],
    )
