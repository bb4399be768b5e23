"""Gradients are computed but no optimizer step follows, or `backward()` is never called at all.

The loop runs, the loss is printed, and the weights stay exactly what they were. PyTorch raises no error: to
it, computing a gradient or a loss without using it is as good as any other computation.

## Bad

```python
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
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

- Programs without an optimizer that look at gradients: saliency, sensitivity, attacks.
- Updates by hand or in a hook of each gradient, and evaluation of a finished model.
- An optimizer that wraps another one and lets it step.

## Sources

- [Optimization: taking an optimization step](https://docs.pytorch.org/docs/stable/optim.html)
- Reported in [learn2refocus](https://github.com/tedlasai/learn2refocus/issues/5) and
  [deepfillv2](https://github.com/zhaoyuzhi/deepfillv2/issues/6)
"""

from __future__ import annotations

from collections.abc import Iterator

from osler.model import (
    BY_HAND,
    Action,
    Check,
    Code,
    Confidence,
    Edit,
    Event,
    Evidence,
    Finding,
    Kind,
    Network,
    Optimizer,
    OptimizerFact,
    Pages,
    Run,
    Severity,
    Trace,
    flat,
    needs_optimizer,
    since,
)
from osler.static.edits import calls_in, insert_after, statement_at
from osler.static.ledger import YES, concerns, reaches
from osler.static.queries import is_inspection, loops_of, shown
from osler.static.reach import groups, steppers

PATIENCE = 3
"""Backward calls, or losses, before we speak at the end: one or two are a test of the model."""

PASSES = 2
"""Loader passes after which a running program is judged: accumulation over one whole pass is possible."""

BACKWARDS = 50
"""Backward calls after which a running program is judged: more than a usual accumulation period."""

STEPS_OF_OTHERS = 100
"""Steps of the other optimizers after which one that never stepped is judged: GAN warm-ups are shorter."""

check = Check(
    __name__,
    severity=Severity.ERROR,
    expected="`backward()` and `step()` follow each other",
    why="The weights stay what they were: nothing is learned.",
    fix="Call `optimizer.step()` after `backward()`.",
    symptoms=(
        "parameters-without-gradient",
        "updates-absent",
        "loss-plateaus",
        "no-better-than-baseline",
        "predictions-collapsed",
        "model-underfits",
        "cannot-overfit-one-batch",
    ),
)


@check.applies_when
def optimizer_in_sight(run: Run) -> str:
    hidden = next((b for b in run.blind if b.essential), None)
    unseen = f"part of the program could not be watched: {hidden.reason}" if hidden else ""
    return needs_optimizer(run) or unseen


@check.in_code_by_absence
def no_step_in_sight(code: Code) -> Iterator[Finding]:
    steps = list(code.actions(Kind.STEP))
    if any(s.subject is None or "by hand" in s.words for s in steps):
        return
    for trace in code.traces:
        for optimizer in built_in(trace):
            if (backward := trained_for(trace, optimizer)) is None or is_inspection(code, backward):
                continue
            others = {n for other in steppers(code, trace) for n in groups(other)}
            if any(concerns(optimizer, s.subject) != "no" for s in steps) or groups(optimizer) <= others:
                continue
            yield check.finding(
                backward.site,
                f"{shown(optimizer)} never steps: `backward()` computes its gradients here, and nothing uses "
                "them.",
                subject=optimizer.name,
                related=[((optimizer.place,), "the optimizer is built here")],
            )


def built_in(trace: Trace) -> list[Optimizer]:
    """Optimizers of torch that are built on this way and stay in code that was read, with weights to move."""
    built = [a.subject for a in flat(trace.nodes) if a.kind is Kind.BUILD]
    kept = [o for o in built if isinstance(o, Optimizer) and o.held and not (o.handed or o.replaced)]
    return [o for o in kept if not all(isinstance(h, Network) and h.frozen for h in o.held or ())]


def trained_for(trace: Trace, optimizer: Optimizer) -> Action | None:
    """A backward that certainly computes gradients for the optimizer."""
    backwards = (a for a in flat(loops_of(trace)) if a.kind is Kind.BACKWARD)
    return next((b for b in backwards if reaches(optimizer, b) == YES), None)


@check.mends
def step_after_backward(finding: Finding, pages: Pages) -> Iterator[list[Edit]]:
    backward = statement_at(pages, finding.place)
    if backward is not None and not calls_in(backward, "scale"):
        yield insert_after(backward, f"{finding.place.subject}.step()")


@check.in_run
def never_stepped(run: Run) -> Iterator[Finding]:
    if not run.backwards:
        yield from never_went_backward(run)
    elif run.of(Kind.STEP):
        yield from one_never_stepped(run)
    elif not run.of(Kind.SCALER_STEP):
        yield from none_ever_stepped(run)


def none_ever_stepped(run: Run) -> Iterator[Finding]:
    backwards = training_backwards(run)
    count = sum(map(run.count, backwards))
    if count < PATIENCE or not (run.ended or (run.passes >= PASSES and count >= BACKWARDS)):
        return
    if any(p.updated for p in run.parameters.values()) or not trains_something(run):
        return
    built = list(run.optimizers.values())
    yield check.finding(
        run.usual_site(backwards),
        f"`backward()` computed gradients {count} times, but {named(built)} stepped: no weight has changed.",
        step=0,
        subject=built[0].name,
        related=[(o.site, f"`{o.name}` is built here") for o in built[:2]],
        evidence=[Evidence("optimizer steps", 0, f"one for every batch or few of {count} backward calls")],
    )


def trains_something(run: Run) -> bool:
    """Some gradient came to a parameter that an optimizer holds, as far as is known."""
    held = [p for p in run.parameters.values() if p.optimizers]
    return not held or any(p.reached for p in held)


def training_backwards(run: Run) -> list[Event]:
    """Backward calls that were not made for the gradient of an input."""
    unfit = {"gradient-only", "reaches-inputs", "no-graph"}
    return [e for e in run.of(Kind.BACKWARD) if not unfit & e.traits]


def named(built: list[OptimizerFact]) -> str:
    return f"`{built[0].name}` never" if len(built) == 1 else f"none of the {len(built)} optimizers ever"


def one_never_stepped(run: Run) -> Iterator[Finding]:
    """Others step, but this one's parameters only collect gradients."""
    stepped = set(run.subjects(Kind.STEP))
    others = sum(run.steps_of(name) for name in stepped if name != BY_HAND)
    if others < (PATIENCE if run.ended else STEPS_OF_OTHERS):
        return
    for optimizer in run.optimizers.values():
        held = [p for p in run.parameters.values() if optimizer.name in p.optimizers and p.trainable]
        reached = sum(p.reached for p in held)
        if optimizer.name in stepped or not reached:
            continue
        if any(p.updated or stepped.intersection(p.optimizers) for p in held):
            continue
        yield check.finding(
            optimizer.site,
            f"`{optimizer.name}` never stepped while other optimizers stepped {others} times, although "
            f"gradients reached {part_of_its(reached, len(held))}.",
            step=since(held),
            subject=optimizer.name,
            related=[(run.usual_site(run.of(Kind.BACKWARD)), "gradients are computed here")],
            evidence=[Evidence(f"steps of {optimizer.name}", 0, f"about {others}")],
            confidence=Confidence.CERTAIN if run.ended else Confidence.LIKELY,
        )


def part_of_its(reached: int, held: int) -> str:
    return f"{reached} of its {held} trainable parameters" if held > 1 else "its only trainable parameter"


def never_went_backward(run: Run) -> Iterator[Finding]:
    """Training was prepared and losses were computed, but nothing asked for gradients: not `grad` either."""
    losses = [e for e in run.of(Kind.LOSS) if "grad" in e.traits]
    forwards = [e for e in run.of(Kind.FORWARD) if "grad" in e.traits and "eval" not in e.traits]
    count = sum(map(run.count, losses))
    if not run.ended or run.crash or count < PATIENCE or sum(map(run.count, forwards)) < PATIENCE:
        return
    if evaluates_only(run) or run.of(Kind.STEP, BY_HAND) or run.of(Kind.BACKWARD):
        return
    optimizer = next(iter(run.optimizers.values()))
    yield check.finding(
        run.usual_site(losses),
        f"A loss was computed {count} times, but `backward()` was never called, so there are no gradients.",
        step=0,
        subject=optimizer.name,
        related=[
            (run.usual_site(run.of(Kind.STEP)), "this step finds no gradients"),
            (optimizer.site, f"`{optimizer.name}` is built here"),
        ],
        evidence=[Evidence("backward calls", 0, f"about {count}")],
        confidence=Confidence.CERTAIN if run.steps else Confidence.LIKELY,
        fix="Call `loss.backward()` before `optimizer.step()`.",
    )


def evaluates_only(run: Run) -> bool:
    """Models were switched to evaluation, none to training, and nothing stepped."""
    modes = {trait for e in run.of(Kind.MODE) for trait in e.traits}
    return "eval" in modes and "train" not in modes and not run.steps
