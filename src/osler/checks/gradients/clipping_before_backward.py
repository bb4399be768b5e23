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

from osler.model import (
    Check,
    ClipFact,
    Code,
    Edit,
    Event,
    Evidence,
    Finding,
    Kind,
    Pages,
    Pattern,
    Run,
    Severity,
    needs_clipping,
    turns,
)
from osler.static.edits import move_behind, statement_at
from osler.static.mending import neighbours
from osler.static.queries import everywhere, shown

PATIENCE = 2
"""Turns before we speak: the first may meet gradients that do not exist yet."""

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


check.applies_when(needs_clipping)


@check.mends
def clip_after_backward(finding: Finding, pages: Pages) -> Iterator[list[Edit]]:
    clip = statement_at(pages, finding.place)
    for backward in neighbours(clip, "backward") if clip is not None else ():
        if clip is not None and backward.statement.lineno > clip.statement.lineno:
            yield move_behind(clip, backward)


@check.in_run
def clipped_nothing(run: Run) -> Iterator[Finding]:
    for clip in run.of(Kind.CLIP):
        if "empty" not in clip.traits or "measures" in clip.traits:
            continue
        events = [(p, backward_after(p, clip)) for e, p in run.events(Kind.CLIP) if e is clip]
        seen = [(p, b) for p, b in events if b is not None and not p.clips("fresh")]
        if turns(p for p, _ in seen) < PATIENCE:
            continue
        pattern, backward = seen[0]
        count = sum(p.times(clip) for p, _ in seen)
        yield check.finding(
            clip.site,
            f"`{clip.subject}` was called {count} times while there were no gradients: "
            "`backward()` only ran afterwards.",
            step=pattern.step,
            related=[(backward.site, "the gradients are computed here, after the clipping")],
            evidence=[Evidence("clippings without gradients", count, "0", step=pattern.step)],
        )


def backward_after(pattern: Pattern, clip: Event) -> Event | None:
    """The backward that comes next, if no step comes before it."""
    following = pattern.around(pattern.events.index(clip))
    first = next((e for e in following if e.trains), None)
    return first if first is not None and first.is_backward else None
