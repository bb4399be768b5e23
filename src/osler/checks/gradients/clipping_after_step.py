"""Gradients are clipped after the optimizer has used them.

`optimizer.step()` reads the gradients as they are. Clipping them afterwards changes nothing: the next
`zero_grad()` throws them away, and the protection against large steps that clipping promises does not
exist.

## Bad

```python
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
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

- Clipping the gradients of another optimizer that steps later.
- Measuring the gradient norm with `max_norm=inf` after the step.

## Sources

- [clip_grad_norm_](https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.clip_grad_norm_.html)
- Reported in [graphstorm](https://github.com/awslabs/graphstorm/issues/1366) and
  [APPFL](https://github.com/APPFL/APPFL/pull/198)
"""

from collections.abc import Iterator
from itertools import chain

from osler.model import (
    Check,
    Code,
    Edit,
    Evidence,
    Finding,
    Kind,
    Pages,
    Run,
    Severity,
    needs_clipping,
    turns,
)
from osler.static.edits import move_before, statement_at
from osler.static.mending import neighbours
from osler.static.queries import anywhere, shown

PATIENCE = 2
"""Turns before we speak: an exception in the loop may leave one."""

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
def clipped_when_used(code: Code) -> Iterator[Finding]:
    for fact in anywhere(code.clipped, lambda f: f.clip.place, lambda f: f.always("stale")):
        yield check.finding(
            fact.clip.site,
            f"the gradients of {shown(fact.optimizer)} are clipped after the step that used them.",
            subject=fact.optimizer.name,
        )


check.applies_when(needs_clipping)


@check.mends
def clip_before_the_step(finding: Finding, pages: Pages) -> Iterator[list[Edit]]:
    clip = statement_at(pages, finding.place)
    for step in neighbours(clip, "step") if clip is not None else ():
        if clip is not None and step.statement.lineno < clip.statement.lineno:
            yield move_before(clip, step)


@check.in_run
def clipped_after_use(run: Run) -> Iterator[Finding]:
    for clip in run.of(Kind.CLIP):
        if "stale" not in clip.traits or "measures" in clip.traits:
            continue
        seen = [p for e, p in run.events(Kind.CLIP) if e is clip and not p.clips("fresh")]
        if turns(seen) < PATIENCE:
            continue
        pattern = seen[0]
        steps = [e for e in pattern.events[: pattern.events.index(clip)] if e.kind is Kind.STEP]
        step = next(chain(reversed(steps), run.of(Kind.STEP)), None)
        if step is None:
            continue
        count = sum(p.times(clip) for p in seen)
        yield check.finding(
            clip.site,
            f"`{clip.subject}` was called {count} times on gradients that `{step.subject}` "
            "had already stepped on.",
            step=pattern.step,
            subject=step.subject,
            related=[(step.site, "the step that uses the gradients")],
            evidence=[Evidence("clippings of gradients already used", count, "0", step=pattern.step)],
        )
