"""A running total or a list keeps the autograd graph of every batch alive.

`total += loss` adds a tensor that remembers how it was computed. The total then holds the graphs of all
batches so far, with whatever they saved: memory grows with every step until it runs out.

## Bad

```python
for epoch in range(epochs):
    total = 0
    for x, y in loader:
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
        total += loss
    print(total / len(loader))
```

## Good

```python
for epoch in range(epochs):
    total = 0.0
    for x, y in loader:
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
        total += loss.item()
    print(total / len(loader))
```

## Not a problem

- Totals under `torch.no_grad()`, or of `loss.item()` and `loss.detach()`.
- Losses of several batches that one `backward()` uses afterwards.

## Sources

- [Frequently asked questions: out of memory](https://docs.pytorch.org/docs/stable/notes/faq.html)
- Reported in [brax](https://github.com/google/brax/pull/152)
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from osler.model import (
    Action,
    Check,
    Code,
    Edit,
    Evidence,
    Finding,
    Kind,
    Pages,
    RetainedFact,
    Run,
    Severity,
    Site,
    Tensor,
)
from osler.static.edits import SIMPLE, replaced, statement_at, text_of
from osler.static.queries import everywhere, root_sites

PATIENCE = 3
"""Graphs of earlier turns alive at once before we speak: a few wait for their backward in some programs."""

check = Check(
    __name__,
    severity=Severity.WARNING,
    expected="the graph of a batch is freed after its step",
    why="Memory grows with every batch until it runs out, and the program slows down.",
    fix="Keep the number instead of the tensor: `.item()`, or `.detach()` to stay on the device.",
    symptoms=("memory-grows",),
)


@check.in_code
def loss_summed_with_graph(code: Code) -> Iterator[Finding]:
    used = {place for backward in code.actions(Kind.BACKWARD) for place in root_sites(backward)}

    def is_kept(action: Action) -> bool:
        value = action.value
        if not isinstance(value, Tensor) or action.recording is not True or "outer" not in action.words:
            return False
        return value.has_graph and bool(value.reduced) and action.place not in used

    for action in everywhere(code.actions(Kind.KEEP), lambda a: a.place, is_kept):
        name = next((w.removeprefix("name:") for w in action.words if w.startswith("name:")), "the list")
        yield check.finding(
            action.site,
            f"`{name}` keeps the graph of every batch: each turn of the loop adds a tensor with its history.",
            subject=name,
        )


@check.mends_safely
def keep_the_number(finding: Finding, pages: Pages) -> Iterator[list[Edit]]:
    kept = statement_at(pages, finding.place)
    match kept.statement if kept is not None else None:
        case ast.AugAssign(value=value) | ast.Expr(value=ast.Call(args=[value], keywords=[])) if kept:
            text = text_of(kept.page, value)
            is_one = isinstance(value, SIMPLE)
            yield [replaced(kept.page, value, f"{text if is_one else f'({text})'}.detach()")]
        case _:
            pass


@check.in_run
def graphs_kept(run: Run) -> Iterator[Finding]:
    for fact in run.retained.values():
        if fact.graphs >= PATIENCE and (fact.after_backward or not awaits_backward(run, fact.site)):
            yield describe(fact)


def awaits_backward(run: Run, site: Site) -> bool:
    """Some backward goes through the outputs of this forward: its graphs may wait for one."""
    return any(e.site == site for e, _ in run.events(Kind.USED))


def describe(fact: RetainedFact) -> Finding:
    holder = f"`{fact.holder}` keeps" if fact.holder else "Something keeps"
    after = (
        "although `backward()` has already used them"
        if fact.after_backward
        else "and no `backward()` uses them"
    )
    grows = "this line keeps the graph" if fact.holder_site else ""
    return check.finding(
        fact.holder_site or fact.site,
        f"{holder} the autograd graphs of {fact.graphs} earlier batches alive, {after}.",
        subject=fact.holder,
        related=[(fact.site, "the graphs begin here"), (fact.holder_site, grows)],
        evidence=[Evidence("graphs of earlier batches alive", fact.graphs, "0")],
        fix=""
        if fact.after_backward
        else "Run this under `torch.no_grad()`, or keep only `.item()` or `.detach()`.",
    )
