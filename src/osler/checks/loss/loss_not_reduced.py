"""`backward()` starts from the losses of single samples, which nothing has averaged.

With `reduction="none"` a loss function gives one number for each sample. Without arguments `backward()`
refuses that; given a tensor of ones it adds up the gradients of all samples, so that the step grows with the
batch.

## Bad

```python
for x, y in loader:
    optimizer.zero_grad()
    loss = F.cross_entropy(model(x), y, reduction="none")
    loss.backward(torch.ones_like(loss))
    optimizer.step()
```

## Good

```python
for x, y in loader:
    optimizer.zero_grad()
    loss = F.cross_entropy(model(x), y, reduction="none")
    loss.mean().backward()
    optimizer.step()
```

## Not a problem

- Losses that are weighted and then summed or averaged.
- The gradient of a single sample: `loss[0].backward()`.
- Weights that are given to `backward(gradient=…)`; ones are none.

## Sources

- [Tensor.backward](https://docs.pytorch.org/docs/stable/generated/torch.Tensor.backward.html)
- [cross_entropy](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.cross_entropy.html)
"""

from __future__ import annotations

from collections.abc import Iterator

from osler.model import Action, Check, Code, Edit, Finding, Kind, Pages, Severity, Tensor
from osler.static.edits import calls_in, receiver, replaced, statement_at
from osler.static.lengths import batch_size
from osler.static.queries import everywhere

ONES = ("torch.ones_like", "torch.ones", "Tensor.new_ones")
"""What makes the gradient to start from that adds all samples up."""

check = Check(
    __name__,
    severity=Severity.WARNING,
    expected="`backward()` starts from one number, the mean over the batch",
    why="The step grows with the size of the batch, or the call raises an error.",
    fix="Call `loss.mean().backward()`.",
    symptoms=("updates-too-large", "loss-diverges"),
)


@check.in_code
def one_number_for_each_sample(code: Code) -> Iterator[Finding]:
    losses = {loss.place for loss in code.actions(Kind.LOSS)}

    def is_per_sample(root: object) -> bool:
        if not isinstance(root, Tensor) or root.reduced != "none" or root.place not in losses:
            return False
        return not root.loaders or any(not o.made or batch_size(o) != 1 for o in root.loaders)

    for backward in everywhere(
        code.actions(Kind.BACKWARD),
        lambda a: a.place,
        lambda a: is_per_sample(a.value) and counts_alike(code, a),
    ):
        yield check.finding(
            backward.site,
            '`backward()` starts from a loss with `reduction="none"`: one number for each sample.',
        )


def counts_alike(code: Code, backward: Action) -> bool:
    """Every sample counts 1: nothing else is said, or ones are given."""
    if "gradient-only" in backward.words:  # samples of which each asks for the gradient of its own input
        return False
    start = backward.target
    ones = (call.place for call in code.calls_of(*ONES))
    given = isinstance(start, Tensor) and any(p == start.place and p.span == start.place.span for p in ones)
    return given or "weighted" not in backward.words


@check.mends
def average(finding: Finding, pages: Pages) -> Iterator[list[Edit]]:
    statement = statement_at(pages, finding.place)
    for call in calls_in(statement, "backward") if statement is not None else ():
        if statement is not None and (loss := receiver(statement.page, call)):
            yield [replaced(statement.page, call, f"{loss}.mean().backward()")]
