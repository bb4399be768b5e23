"""A whole pass of the loader is loaded to look at one batch.

A `DataLoader` has no index. `list(loader)[0]` works, but it loads and keeps every batch of the epoch first.

## Bad

```python
x, y = list(loader)[0]
print(model(x).shape)
```

## Good

```python
x, y = next(iter(loader))
print(model(x).shape)
```

## Not a problem

- `next(iter(loader))`.
- Indexing the dataset.

## Sources

- [DataLoader](https://docs.pytorch.org/docs/stable/data.html)
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from osler.model import Check, Code, Edit, Finding, Pages, Severity
from osler.static.edits import call_at, replaced, text_of
from osler.static.walking import walk

check = Check(
    __name__,
    severity=Severity.HINT,
    expected="one batch is taken with `next(iter(loader))`",
    why="All batches are loaded into memory to use one.",
    fix="Take one batch with `next(iter(loader))`.",
)


@check.in_code
def indexed(code: Code) -> Iterator[Finding]:
    for call in code.calls_of("Loader.[]"):
        yield check.finding((call.place,), "a loader is indexed: every batch is loaded to use one.")


@check.mends
def take_the_first(finding: Finding, pages: Pages) -> Iterator[list[Edit]]:
    listed = call_at(pages, finding.place, "list")
    for node in walk(listed.page.tree) if listed is not None else ():
        match node:
            case ast.Subscript(value=ast.Call(args=[loader]) as call, slice=ast.Constant(value=0)):
                if listed is not None and call is listed.call:
                    yield [replaced(listed.page, node, f"next(iter({text_of(listed.page, loader)}))")]
            case _:
                pass
