"""An iterator of parameters is gone through a second time, when nothing is left of it.

`model.parameters()`, `named_parameters()`, `buffers()`, `modules()`, `children()`, a `filter(...)` or a
generator expression over them hand out each item once. Whatever comes second finds no parameter and says
nothing: no gradient is clipped, no penalty is added, no average is updated, nothing is frozen.

## Bad

```python
params = filter(lambda p: p.requires_grad, model.parameters())
optimizer = torch.optim.Adam(params, lr=1e-3)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        nn.utils.clip_grad_norm_(params, 1.0)
        optimizer.step()
```

## Good

```python
params = [p for p in model.parameters() if p.requires_grad]
optimizer = torch.optim.Adam(params, lr=1e-3)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        nn.utils.clip_grad_norm_(params, 1.0)
        optimizer.step()
```

## Not a problem

- `list(model.parameters())`, or `model.parameters()` anew for each use, perhaps by a property.
- An iterator of which only a part was taken: by `next`, by a loop with a `break`.
- What is done in the first step alone, such as the first copy of an average.
- A class with a `parameters()` of its own that returns a list.
- Iterators over data.
- A first use that leaves nothing for the optimizer: torch itself stops there.

## Sources

- [Iterators, in the glossary of Python](https://docs.python.org/3/glossary.html#term-iterator)
- [`clip_grad_norm_` with an exhausted generator](https://github.com/pytorch/pytorch/issues/148259)
- Reported in [PixArt-alpha](https://github.com/PixArt-alpha/PixArt-alpha/pull/160) and
  [Dive into Deep Learning](https://github.com/ShusenTang/Dive-into-DL-PyTorch/issues/101)
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from osler.model import Check, Code, Edit, Finding, Pages, Place, Severity
from osler.static.edits import replaced, statement_at, text_of
from osler.static.used_up import UsedUp, used_up

EFFECTS = {
    "clip": "has no gradient to clip",
    "group": "gives the optimizer a group without parameters",
    "loop": "goes through nothing",
}
"""What becomes of a line that finds nothing, by what it does."""

check = Check(
    __name__,
    severity=Severity.WARNING,
    expected="a list of parameters, or a new iterator for each use",
    why="Nothing fails, but gradients stay unclipped, a penalty is 0 or an average stands still.",
    fix="Keep a list, `list(model.parameters())`, or ask the model anew at each use.",
    symptoms=(
        "parameters-missing-from-optimizer",
        "updates-absent",
        "gradients-not-cleared",
        "loss-diverges",
    ),
)


@check.in_code
def nothing_left(code: Code) -> Iterator[Finding]:
    for fact in used_up(code):
        yield describe(fact)


def describe(fact: UsedUp) -> Finding:
    once, by, then = fact.once, fact.by.place, fact.then.place
    effect = next(text for how, text in EFFECTS.items() if how in fact.then.words)
    before = "from the second time on," if fact.again else f"{line(once.place, by)} does so, and"
    taken = [] if fact.again else [((by,), "all of it is taken here")]
    return check.finding(
        (once.place,),
        f"`{once.name}` draws from `{once.text}`, an iterator that can be gone through once: {before} "
        f"{line(once.place, then)} {effect}.",
        subject=once.name,
        related=[*taken, ((then,), f"this {effect}")],
    )


def line(here: Place, there: Place) -> str:
    return f"line {there.line}" + ("" if here.file == there.file else f" of {Path(there.file).name}")


@check.mends
def keep_a_list(finding: Finding, pages: Pages) -> Iterator[list[Edit]]:
    spot = statement_at(pages, finding.place)
    match spot.statement if spot is not None else None:
        case ast.Assign(targets=[ast.Name() | ast.Attribute()], value=ast.Call() as made) if spot is not None:
            yield [replaced(spot.page, made, f"list({text_of(spot.page, made)})")]
        case _:
            return
