"""Predictions and targets are compared along the wrong axis, so the metric means nothing.

Predictions of shape (N, 1) compared with targets of shape (N,) give N times N answers: every prediction meets
every target. `argmax()` without `dim=` returns one position for the whole batch, and over an axis of length 1
it is always 0. No error is raised, and the number that comes out may even look plausible.

## Bad

```python
for x, y in loader:
    optimizer.zero_grad()
    loss_fn(model(x), y).backward()
    optimizer.step()
model.eval()
right = 0
with torch.no_grad():
    for x, y in val_loader:
        right += (model(x).argmax() == y).float().mean().item()
```

## Good

```python
for x, y in loader:
    optimizer.zero_grad()
    loss_fn(model(x), y).backward()
    optimizer.step()
model.eval()
right = 0
with torch.no_grad():
    for x, y in val_loader:
        right += (model(x).argmax(1) == y).float().mean().item()
```

## Not a problem

- Shapes that are equal, or a target that gets its axis on purpose in the same function.
- All pairs of a batch, where both sides come from the model or both from the data.
- A threshold or any other single number.
- What happens inside the model's own forward.

## Sources

- [Broadcasting semantics](https://docs.pytorch.org/docs/stable/notes/broadcasting.html)
- [argmax](https://docs.pytorch.org/docs/stable/generated/torch.argmax.html)
"""

from __future__ import annotations

from collections.abc import Iterator

from osler.model import (
    CallFact,
    Check,
    Code,
    ComparisonFact,
    Const,
    Evidence,
    Finding,
    Run,
    Severity,
    Tensor,
)
from osler.static.queries import everywhere

check = Check(
    __name__,
    severity=Severity.WARNING,
    expected="one answer of the model meets one target",
    why="The metric is not that of the model: good and bad models get the same number.",
    fix="Give both the same shape, for example by `squeeze(1)`, and take `argmax` over the classes.",
)


@check.in_code
def one_answer_for_a_batch(code: Code) -> Iterator[Finding]:
    calls = everywhere(code.calls_of("Tensor.argmax", "torch.argmax"), lambda c: c.place, takes_all)
    answers = {(c.place, c.place.span): c for c in calls}
    for comparison in code.calls_of("torch.eq", "Tensor.eq"):
        sides = [v for v in comparison.arguments.values() if isinstance(v, Tensor)]
        found = [answers[key] for v in sides if (key := (v.place, v.place.span)) in answers]
        if found and any(v.rows and not v.models for v in sides):
            yield check.finding(
                (comparison.place,),
                "the targets of a batch are compared with the one `argmax()` of the whole batch: it is given "
                "no `dim=`.",
                related=[((found[0].place,), "the answer is made here")],
            )


def takes_all(call: CallFact) -> bool:
    """It is given no axis, but answers of a model for several samples."""
    scores = call.argument(0, "input")
    if call.given(1, "dim") or not isinstance(scores, Tensor) or not scores.rows or not scores.models:
        return False
    size = scores.batch.options.get("batch_size", scores.batch.options.get(1)) if scores.batch else None
    return isinstance(size, Const) and isinstance(size.value, int) and size.value > 1


@check.in_run
def answers_meet_other_targets(run: Run) -> Iterator[Finding]:
    for fact in run.comparisons.values():
        yield check.finding(
            fact.site,
            described(fact),
            step=fact.step,
            related=[(fact.made_at, "the answers are made here")],
            evidence=[Evidence("entries of the result", entries(fact.result), f"{entries(fact.targets)}")],
        )


def described(fact: ComparisonFact) -> str:
    """What meets what."""
    if fact.kind == "spread":
        return (
            f"Answers of shape {shown(fact.answers)} and targets of shape {shown(fact.targets)} give "
            f"{shown(fact.result)}: every answer meets every target."
        )
    if "all" in fact.kind:
        return (
            f"Targets of shape {shown(fact.targets)} are compared with the one `argmax()` of the whole batch."
        )
    return (
        f"Targets of shape {shown(fact.targets)} are compared with an `argmax` over an axis of length 1, "
        "which is always 0."
    )


def shown(shape: tuple[int, ...]) -> str:
    """A shape as torch writes it: (16,)."""
    return str(tuple(shape))


def entries(shape: tuple[int, ...]) -> int:
    """How many numbers a tensor of this shape holds."""
    count = 1
    for length in shape:
        count *= length
    return count
