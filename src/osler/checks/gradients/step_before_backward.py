"""The optimizer steps before `backward()` has computed new gradients.

With `step()` ahead of `backward()`, the step finds no gradients, or those of the batch before. Where it does
change the weights, `backward()` then fails because the weights it needs are gone: "modified by an inplace
operation". A second step without a new `backward()` follows the same gradients twice.

## Bad

```python
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        optimizer.step()
        loss.backward()
```

## Good

```python
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
```

## Not a problem

- One step ahead of the loop, or several to fast-forward a schedule, before any gradient exists.
- `step(closure)`, where the closure computes the gradients.
- An optimizer of a part that is still frozen.

## Sources

- [Optimization: taking an optimization step](https://docs.pytorch.org/docs/stable/optim.html)
- [What step(), backward() and zero_grad()
  do](https://discuss.pytorch.org/t/what-step-backward-and-zero-grad-do/33301)
- [A step of the discriminator between forward and backward](https://github.com/pytorch/pytorch/issues/39141)
"""

from __future__ import annotations

from collections.abc import Iterator

from osler.model import (
    Check,
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
    Site,
    needs_step,
)
from osler.static.edits import move_behind, statement_at
from osler.static.mending import other_place
from osler.static.queries import everywhere, late_backward, shown

PATIENCE = 2
"""Early steps from one line before we speak: a single one is a common idiom ahead of the loop."""

REPEATS = 3
"""Steps on the same gradients before we speak: one or two can come from an exception in the loop."""

IN_PLACE = "modified by an inplace operation"
"""What torch says when a step has changed weights that a backward still needs."""

check = Check(
    __name__,
    severity=Severity.ERROR,
    expected="`backward()` computes new gradients before each step",
    why="The weights do not move, or move along gradients that belong to another batch.",
    fix="Call `loss.backward()` before `optimizer.step()`.",
    symptoms=(
        "cannot-overfit-one-batch",
        "in-place-breaks-gradient",
        "updates-absent",
        "loss-plateaus",
        "no-better-than-baseline",
        "predictions-collapsed",
        "model-underfits",
    ),
)


@check.applies_when
def steps_and_backwards_seen(run: Run) -> str:
    return needs_step(run) or ("" if run.backwards else "backward was never called")


@check.in_code
def stepped_ahead(code: Code) -> Iterator[Finding]:
    for fact in everywhere(code.stepped, lambda f: f.step.place, late_backward):
        backward = late_backward(fact)
        if backward is not None and not fact.step.words & {"closure"}:
            yield check.finding(
                fact.step.site,
                f"{shown(fact.optimizer)} steps before `backward()` in line {backward.place.line} computes "
                "the gradients of this batch.",
                subject=fact.optimizer.name,
                related=[(backward.site, "the gradients are computed here, after the step")],
            )


@check.mends
def step_after_backward(finding: Finding, pages: Pages) -> Iterator[list[Edit]]:
    step, backward = statement_at(pages, finding.place), statement_at(pages, other_place(finding))
    if step is not None and backward is not None:
        yield move_behind(step, backward)


@check.in_run
def stepped_too_early(run: Run) -> Iterator[Finding]:
    early: dict[tuple[str, Site], list[tuple[Event, Pattern, Event]]] = {}
    stale: dict[tuple[str, Site], list[tuple[Event, Pattern]]] = {}
    for step, pattern in run.events(Kind.STEP):
        if "closure" in step.traits:
            continue
        backward = pattern.late_backward(pattern.events.index(step))
        if "empty" in step.traits and backward:
            early.setdefault((step.subject, step.site[:1]), []).append((step, pattern, backward))
        if "stale" in step.traits:
            stale.setdefault((step.subject, step.site[:1]), []).append((step, pattern))
    for seen in early.values():
        yield from without_gradients(seen)
    for again in stale.values():
        yield from on_the_same_gradients(again)
    yield from before_a_crash(run)


def without_gradients(seen: list[tuple[Event, Pattern, Event]]) -> Iterator[Finding]:
    count = sum(p.count for _, p, _ in seen)
    if count < PATIENCE:
        return
    step, _, backward = seen[0]
    first = min(p.step for _, p, _ in seen)
    yield check.finding(
        step.site,
        f"`{step.subject}` stepped {count} times without any gradient: `backward()` only ran after the step.",
        step=first,
        subject=step.subject,
        related=[(backward.site, "the gradients are computed here, after the step")],
        evidence=[Evidence("steps without gradients", count, "0", step=first)],
    )


def on_the_same_gradients(seen: list[tuple[Event, Pattern]]) -> Iterator[Finding]:
    count = sum(p.times(e) for e, p in seen)
    if count < REPEATS:
        return
    step, pattern = max(seen, key=lambda pair: pair[1].count)
    first = min(p.step for _, p in seen)
    backward = next((e.site for e in pattern.backwards), ())
    yield check.finding(
        step.site,
        f"`{step.subject}` stepped {count} times on gradients that the previous step had already used: "
        "no `backward()` changed them in between.",
        step=first,
        subject=step.subject,
        related=[(backward, "the gradients are computed here")],
        evidence=[Evidence("steps on gradients used before", count, "0", step=first)],
        fix="Call `optimizer.step()` once per `backward()`.",
    )


def before_a_crash(run: Run) -> Iterator[Finding]:
    """A step between the forward and the backward changed weights that the backward needed."""
    if run.crash is None or IN_PLACE not in run.crash.message or not run.patterns:
        return
    recent = sorted(run.patterns, key=lambda p: p.last)[-2:]
    events = [e for p in recent for e in p.events]
    done = [e for e in events if e.is_backward or e.is_recorded or e.kind is Kind.STEP]
    if done and done[-1].is_backward:
        done.pop()
    if not done or done[-1].kind is not Kind.STEP or not any(e.is_recorded for e in done):
        return
    step = done[-1]
    yield check.finding(
        step.site,
        f"`{step.subject}` stepped between a forward and its `backward()`, which then failed: "
        "the step had changed weights that `backward()` needed.",
        step=run.steps,
        subject=step.subject,
        related=[(run.crash.site, "backward fails here")],
        fix="Call `backward()` on every loss that uses these weights before `optimizer.step()`.",
    )
