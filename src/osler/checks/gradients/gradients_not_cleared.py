"""Gradients pile up from step to step because nothing clears them.

`backward()` adds to `param.grad`. Unless the gradients are reset, each optimizer step follows the sum of
every batch seen so far: old batches, whose gradients belong to weights that no longer exist, outweigh the new
one. The effective step size grows and the loss soon oscillates or diverges.

## Bad

```python
for epoch in range(epochs):
    for x, y in loader:
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
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

- Several `backward()` calls per step, as long as the gradients are cleared once after each step.
- Clearing with `model.zero_grad()`, with `param.grad = None`, or right after the step.
- A closure that clears the gradients itself.

## Sources

- [Zeroing out gradients](https://docs.pytorch.org/tutorials/recipes/recipes/zeroing_out_gradients.html)
- [Optimizer.zero_grad](https://docs.pytorch.org/docs/stable/generated/torch.optim.Optimizer.zero_grad.html)
- Reported in [wekws](https://github.com/wenet-e2e/wekws/pull/73),
  [generative-recommenders](https://github.com/meta-recsys/generative-recommenders/pull/332), and asked for as
  a warning in [PyTorch](https://github.com/pytorch/pytorch/issues/47175)
"""

from __future__ import annotations

from collections.abc import Iterator

from osler.model import (
    BY_HAND,
    Check,
    Code,
    Confidence,
    Edit,
    Event,
    Evidence,
    Finding,
    GradientState,
    Kind,
    Pages,
    Pattern,
    Run,
    Severity,
    StepFact,
    needs_step,
)
from osler.static.edits import insert_after, statement_at
from osler.static.ledger import NO, concerns
from osler.static.mending import stepped
from osler.static.queries import everywhere, shown

PATIENCE = 3
"""Steps on old gradients before we speak: one missed reset can be deliberate."""

SELDOM = 0.05
"""Share of the steps below which the harm is small: the usual step still follows its own batch."""

check = Check(
    __name__,
    severity=Severity.ERROR,
    expected="each step follows gradients computed since the step before",
    why="Every step follows the sum of all batches so far: steps grow, training oscillates or diverges.",
    fix="Call `optimizer.zero_grad()` once per `optimizer.step()`, before `backward()`.",
    symptoms=(
        "cannot-overfit-one-batch",
        "gradients-explode",
        "gradients-not-finite",
        "gradients-always-clipped",
        "updates-too-large",
        "learning-rate-too-high",
        "loss-oscillates",
        "loss-spikes",
        "loss-diverges",
        "loss-plateaus",
        "loss-not-finite",
    ),
)


check.applies_when(needs_step)


@check.in_code_by_absence
def nothing_clears(code: Code) -> Iterator[Finding]:
    for fact in everywhere(code.stepped, lambda f: f.step.place, piled_up):
        state = piled_up(fact)
        optimizer = fact.optimizer
        if state is None or optimizer.handed or not fact.loops or may_be_cleared_by_caller(code, fact):
            continue
        others = f"; `zero_grad()` in line {fact.clears[0].place.line} is not enough" if fact.clears else ""
        yield check.finding(
            fact.step.site,
            f"{shown(optimizer)} steps on gradients that still contain those of the steps before: "
            f"nothing clears them between one step and the next{others}.",
            subject=optimizer.name,
            related=[
                (state.backward.site if state.backward else (), "`backward()` adds to the old gradients")
            ],
            confidence=Confidence.CERTAIN if optimizer.made else Confidence.LIKELY,
        )


def may_be_cleared_by_caller(code: Code, fact: StepFact) -> bool:
    """The loop is not in these files, and the optimizer is not the class's own or is cleared somewhere."""
    if not all(loop.framework for loop in fact.loops):
        return False
    clears = (concerns(fact.optimizer, a.subject) for a in code.actions(Kind.CLEAR))
    return not fact.optimizer.made or any(c != NO for c in clears)


def piled_up(fact: StepFact) -> GradientState | None:
    """A state in which old gradients are left, if they always are or if nothing could clear them."""
    return fact.always("carried") or (None if fact.clears else fact.sometimes("carried"))


@check.mends
def clear_after_the_step(finding: Finding, pages: Pages) -> Iterator[list[Edit]]:
    step = statement_at(pages, finding.place)
    if step is not None and (optimizer := stepped(step)):
        yield insert_after(step, f"{optimizer}.zero_grad()")


@check.in_run
def stepped_on_old_gradients(run: Run) -> Iterator[Finding]:
    piled: dict[str, list[tuple[Event, Pattern]]] = {}
    for step, pattern in run.events(Kind.STEP):
        if "carried" in step.traits and not cleared_inside(run, step, pattern):
            piled.setdefault(step.subject, []).append((step, pattern))
    for subject, seen in piled.items():
        count = sum(p.times(e) for e, p in seen)
        if count >= PATIENCE:
            yield describe(run, subject, seen, count)


def cleared_inside(run: Run, step: Event, pattern: Pattern) -> bool:
    """A closure clears and computes gradients inside the step, where order says little."""
    if "closure" not in step.traits:
        return False
    return any(run.clears(clear.subject, step.subject) for clear in pattern.of(Kind.CLEAR))


def describe(run: Run, subject: str, seen: list[tuple[Event, Pattern]], count: int) -> Finding:
    step, pattern = max(seen, key=lambda pair: pair[1].count)
    steps = run.steps_of(subject)
    first = min(p.step for _, p in seen)
    backward = next((e.site for e in reversed(pattern.backwards)), ())
    cleared = run.usual_site(e for e, _ in run.events(Kind.CLEAR) if e.subject == subject)
    return check.finding(
        backward or step.site,
        f"{said(subject, pattern, count)} on gradients that still contained those of earlier steps: "
        f"{cleared_instead(run, subject)}",
        step=first,
        subject=subject,
        related=[(step.site, "stepped here"), (cleared, "cleared here, but not for each step")],
        evidence=[Evidence("steps on gradients of earlier steps", count, f"0 of {steps}", step=first)],
        severity=Severity.WARNING if count < SELDOM * steps else None,
    )


def said(subject: str, pattern: Pattern, count: int) -> str:
    who = "The parameters were updated by hand" if subject == BY_HAND else f"`{subject}` stepped"
    return f"{who} {count} times" + (" in a row" if pattern.longest == count else "")


def cleared_instead(run: Run, subject: str) -> str:
    """What was cleared, if not these gradients."""
    own = 0
    names: set[str] = set()
    for clear, pattern in run.events(Kind.CLEAR):
        if clear.subject == subject:
            own += pattern.times(clear)
        else:
            names.add(clear.subject)
    if own:
        return f"`zero_grad()` ran only {f'{own} times' if own > 1 else 'once'}."
    if names:
        return f"only the gradients of {' and '.join(f'`{n}`' for n in sorted(names)[:2])} were cleared."
    return "nothing cleared them."
