"""The loss is summed over several batches, but not divided by their number.

Each `backward()` adds the gradient of a mean over its batch. After N of them the gradient is N times too
large, which acts like an N times larger learning rate for plain SGD, and like clipping at a different
threshold everywhere.

## Bad

```python
for i, (x, y) in enumerate(loader):
    loss = loss_fn(model(x), y)
    loss.backward()
    if (i + 1) % 4 == 0:
        optimizer.step()
        optimizer.zero_grad()
```

## Good

```python
for i, (x, y) in enumerate(loader):
    loss = loss_fn(model(x), y) / 4
    loss.backward()
    if (i + 1) % 4 == 0:
        optimizer.step()
        optimizer.zero_grad()
```

## Not a problem

- A learning rate that was chosen for the sum.
- Losses that are sums already.
- A framework that divides.

## Sources

- [Gradient
  accumulation](https://docs.pytorch.org/docs/stable/notes/amp_examples.html#gradient-accumulation)
- Reported in [nanoGPT](https://github.com/karpathy/nanoGPT/issues/168)
"""

from collections.abc import Iterator

from osler.model import Branch, Check, Code, Finding, Kind, Severity, Tensor, flat
from osler.static.queries import every_loop

check = Check(
    __name__,
    severity=Severity.WARNING,
    expected="the loss is divided by the number of batches per step",
    why="The gradient grows with the number of batches: the step size is not what it seems.",
    fix="Divide the loss by the number of batches before `backward()`.",
)


@check.in_code
def summed_over_batches(code: Code) -> Iterator[Finding]:
    if code.frameworks:
        return
    for trace in code.traces:
        for loop in every_loop(trace.nodes):
            own = [a for a in loop.body if not isinstance(a, Branch)]
            backwards = [a for a in flat(own) if a.kind is Kind.BACKWARD]
            now_and_then = [b for b in loop.body if isinstance(b, Branch) and "%" in b.key]
            steps = [a for b in now_and_then for a in flat(b.ways[0]) if a.kind is Kind.STEP]
            everywhere = [a for a in flat(loop.body) if a.kind is Kind.STEP]
            if len(backwards) != 1 or not steps or len(steps) != len(everywhere):
                continue
            if any(a.kind is Kind.CLEAR for a in flat(own)):
                continue  # nothing adds up
            root = backwards[0].value
            if isinstance(root, Tensor) and root.reduced == "mean":
                yield check.finding(
                    backwards[0].site,
                    f"the mean loss of every batch is added up until the step in line {steps[0].place.line}, "
                    "but never divided by the number of batches.",
                    related=[(steps[0].site, "the optimizer steps once in several batches")],
                )
