"""Gradients are clipped before `backward()` has computed them.

Before `backward()` the gradients are empty, or those of the batch before. Clipping them does nothing for
the step that follows.

## Bad

```python
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        loss.backward()
        optimizer.step()
```

## Good

```python
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
```

## Not a problem

- Clipping again after the backward of the same step.
- Accumulation: clipping what earlier micro-batches have left.

## Sources

- [clip_grad_norm_](https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.clip_grad_norm_.html)
- Reported in [tabm](https://github.com/yandex-research/tabm/issues/20)
"""

from collections.abc import Iterator

from osler.model import Check, ClipFact, Code, Finding, Severity
from osler.static.queries import everywhere, shown

check = Check(
    __name__,
    severity=Severity.ERROR,
    expected="gradients are clipped between `backward()` and `step()`",
    why="Clipping has no effect: one large gradient can still throw the weights far away.",
    fix="Move the clipping between `backward()` and `step()`.",
    symptoms=(
        "gradients-explode",
        "loss-spikes",
    ),
)


@check.in_code
def clipped_when_empty(code: Code) -> Iterator[Finding]:
    useful = {id(f.optimizer) for f in code.clipped if not is_too_early(f)}
    for fact in everywhere(code.clipped, lambda f: f.clip.place, is_too_early):
        if id(fact.optimizer) not in useful:
            yield check.finding(
                fact.clip.site,
                f"the gradients of {shown(fact.optimizer)} are clipped while they are still empty.",
                subject=fact.optimizer.name,
            )


def is_too_early(fact: ClipFact) -> bool:
    """There is nothing to clip."""
    return fact.always("empty")
