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

from collections.abc import Iterator

from osler.model import Check, Code, Finding, Severity

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
