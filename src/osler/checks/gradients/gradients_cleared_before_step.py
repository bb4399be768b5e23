"""Gradients are cleared after `backward()` has computed them and before the optimizer uses them.

`zero_grad()` between `backward()` and `step()` throws the gradients away: the step sees nothing, or, in
gradient accumulation, only the last of several batches. The program runs without an error and learns nothing,
or learns from a fraction of its data.

## Bad

```python
for epoch in range(epochs):
    for x, y in loader:
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.zero_grad()
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

- Clearing right after the step, gradients that were only looked at, or that another optimizer used (GAN).
- A `GradScaler` that skips a step because of an overflow.

## Sources

- [Gradient accumulation](https://docs.pytorch.org/docs/stable/notes/amp_examples.html#gradient-accumulation)
- [Optimizer.zero_grad](https://docs.pytorch.org/docs/stable/generated/torch.optim.Optimizer.zero_grad.html)
- Reported in [torchtitan](https://github.com/pytorch/torchtitan/pull/3575),
  [RAE](https://github.com/bytetriper/RAE/issues/67) and
  [accelerate](https://github.com/huggingface/accelerate/issues/1299)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from osler.model import (
    BY_HAND,
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
    needs_step,
    turns,
)
from osler.static.edits import insert_after, remove, statement_at, text_of, together
from osler.static.mending import other_place
from osler.static.queries import everywhere, late_backward, shown

PATIENCE = 3
"""Lost updates before we speak: a single one can be deliberate."""

OFTEN = 0.5
"""Share of the steps that lose batches from which it is the loop that does it, not an exception in it."""

check = Check(
    __name__,
    severity=Severity.ERROR,
    expected="gradients are cleared after the step that used them, or before `backward()`",
    why="The gradients of these batches never reach the weights.",
    fix="Call `zero_grad()` once per step, right after `step()` or before the first `backward()`.",
    symptoms=(
        "cannot-overfit-one-batch",
        "updates-absent",
        "loss-plateaus",
        "no-better-than-baseline",
        "predictions-collapsed",
        "model-underfits",
    ),
)


check.applies_when(needs_step)


@check.in_code
def cleared_on_every_way(code: Code) -> Iterator[Finding]:
    for fact in everywhere(code.stepped, lambda f: f.step.place, lambda f: f.always("empty")):
        state = fact.always("empty")
        if state and state.clear and state.backward and not late_backward(fact):
            yield check.finding(
                state.clear.site,
                f"the gradients are cleared between `backward()` in line {state.backward.place.line} and "
                f"the step of {shown(fact.optimizer)} in line {fact.step.place.line}, which finds none.",
                subject=fact.optimizer.name,
                related=[
                    (state.backward.site, "gradients are computed here"),
                    (fact.step.site, "stepped here"),
                ],
            )


@check.mends
def clear_after_the_step(finding: Finding, pages: Pages) -> Iterator[list[Edit]]:
    clear, step = statement_at(pages, finding.place), statement_at(pages, other_place(finding, "stepped"))
    if clear and step:
        yield remove(clear)
        yield together(remove(clear), insert_after(step, text_of(clear.page, clear.statement)))


@check.in_run
def cleared_too_early(run: Run) -> Iterator[Finding]:
    for optimizer in run.subjects(Kind.STEP):
        if optimizer == BY_HAND:
            yield from updated_by_nothing(run)
        else:
            yield from cleared_before_every_step(run, optimizer)
            yield from cleared_inside_a_window(run, optimizer)


def cleared_before_every_step(run: Run, optimizer: str) -> Iterator[Finding]:
    """Steps that found no gradients because a clear came after the backward."""
    lost: Counter[tuple[Event, Event, Event]] = Counter()
    first = run.steps
    for pattern in run.patterns:
        for index, step in enumerate(pattern.events):
            if step.kind is Kind.STEP and step.subject == optimizer and step.traits & {"empty", "closure"}:
                pair = cleared_between(run, pattern, index)
                if pair and not step.traits & {"first-ever", "own"}:  # in one's own, use may come first (SAM)
                    lost[(*pair, step)] += pattern.count
                    first = min(first, pattern.step)
    if lost.total() < PATIENCE:
        return
    (clear, backward, step), _ = lost.most_common(1)[0]
    count, steps = lost.total(), run.steps_of(optimizer)
    yield check.finding(
        clear.site,
        f"`zero_grad()` cleared the gradients between `backward()` and `step()`: "
        f"`{optimizer}` stepped {count} times without any gradient.",
        step=first,
        subject=optimizer,
        related=[(backward.site, "gradients are computed here"), (step.site, "the step finds none here")],
        evidence=[Evidence("steps without gradients", count, f"0 of {steps}", step=first)],
    )


def updated_by_nothing(run: Run) -> Iterator[Finding]:
    """Updates by hand that left every value as it was, although a backward had just run."""
    empty = [p for e, p in run.events(Kind.STEP) if e.subject == BY_HAND and "empty" in e.traits]
    if (count := turns(empty)) < PATIENCE:
        return
    pattern = empty[0]
    yield check.finding(
        next((e.site for e in pattern.backwards), ()),
        f"The parameters were updated by hand {count} times, but no value changed: "
        "by then the gradients computed here were zero again.",
        step=pattern.step,
        evidence=[Evidence("updates by nothing", count, "0", step=pattern.step)],
        fix="Clear the gradients after the update that uses them, not between `backward()` and the update.",
    )


def cleared_between(run: Run, pattern: Pattern, index: int) -> tuple[Event, Event] | None:
    """The clear and the backward ahead of a step, looking back through the turn and the one before."""
    if pattern.late_backward(index):
        return None  # the step came too early, which is another problem
    optimizer = pattern.events[index].subject
    clear: Event | None = None
    for event in reversed(pattern.around(index)):
        if event.is_backward:
            return (clear, event) if clear else None
        if event.kind is Kind.CLEAR and clear is None and run.clears(event.subject, optimizer):
            clear = event
    return None


def cleared_inside_a_window(run: Run, optimizer: str) -> Iterator[Finding]:
    """Accumulation in which only the last batch before each step counts."""
    discards: Counter[Event] = Counter()
    steps, short, across, first = 0, 0, 0, run.steps
    for pattern in run.patterns:
        for clear in thrown(run, pattern, optimizer):
            discards[clear] += pattern.count
        fresh = [e for e in pattern.of(Kind.STEP) if e.subject == optimizer and "fresh" in e.traits]
        if not fresh:
            continue
        steps += pattern.count
        before_step = pattern.events[: pattern.events.index(fresh[0])]
        early = [c for c in thrown(run, pattern, optimizer) if c in before_step]
        if early:
            short += pattern.count
            first = min(first, pattern.step)
            inside = any(e.is_backward for e in pattern.events[: pattern.events.index(early[0])])
            across += 0 if inside else pattern.count
    if short - run.skipped_steps_of(optimizer) < PATIENCE or short < OFTEN * steps:
        return
    if across > turns(p for p in run.patterns if p.unfinished) or another_never_steps(run):
        return
    yield describe_window(run, optimizer, discards, first)


def describe_window(run: Run, optimizer: str, discards: Counter[Event], first: int) -> Finding:
    clear, _ = discards.most_common(1)[0]
    thrown_away, steps = discards.total(), run.steps_of(optimizer)
    pattern = max((p for p in run.patterns if clear in p.events), key=lambda p: p.count)
    backward = next((e.site for e in pattern.backwards), ())
    step = run.of(Kind.STEP, optimizer)[0]
    return check.finding(
        clear.site,
        f"`{optimizer}` stepped {steps} times for {run.backwards} backward calls, but `zero_grad()` threw "
        f"away the gradients of at least {thrown_away}: only the last batch before each step counts.",
        step=first,
        subject=optimizer,
        related=[(backward, "gradients are computed here"), (step.site, "stepped here")],
        evidence=[Evidence("backward calls thrown away", thrown_away, f"0 of {run.backwards}", step=first)],
        fix="Clear the gradients only after a step: move `zero_grad()` into the block that calls `step()`.",
    )


def thrown(run: Run, pattern: Pattern, optimizer: str) -> list[Event]:
    """Clears of a turn that throw away gradients which no other optimizer uses."""
    clears = (i for i, e in enumerate(pattern.events) if "discards" in e.traits)
    own = (i for i in clears if run.clears(pattern.events[i].subject, optimizer))
    return [pattern.events[i] for i in own if not used_elsewhere(run, pattern, i, optimizer)]


def used_elsewhere(run: Run, pattern: Pattern, index: int, optimizer: str) -> bool:
    """Another optimizer steps on the gradients of the backward ahead of this clear."""
    start = max((i for i in range(index) if pattern.events[i].is_backward), default=-1)
    cleared: list[str] = []
    for event in pattern.events[start + 1 :]:
        if event.kind is Kind.CLEAR:
            cleared.append(event.subject)
        used = event.kind is Kind.STEP and event.subject != optimizer
        if used and not any(run.clears(subject, event.subject) for subject in cleared):
            return True
    return False


def another_never_steps(run: Run) -> bool:
    """An optimizer that is cleared but never steps: the gradients thrown away may be meant for it."""
    return bool((run.optimizers.keys() - set(run.subjects(Kind.STEP))) & set(run.subjects(Kind.CLEAR)))
