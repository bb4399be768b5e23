"""Gradients flow in float16, but the loss is not scaled.

The smallest number of float16 is 6e-8, the smallest normal one 6e-5. Gradients of a mean loss are often
smaller: they become zero or lose most of their digits before they reach the weights. A gradient scaler
multiplies the loss first and divides the gradients later. bfloat16 has the range of float32 and needs none.

## Bad

```python
for x, y in loader:
    optimizer.zero_grad()
    with torch.autocast("cpu", dtype=torch.float16):
        loss = loss_fn(model(x), y)
    loss.backward()
    optimizer.step()
```

## Good

```python
scaler = torch.amp.GradScaler("cpu")
for x, y in loader:
    optimizer.zero_grad()
    with torch.autocast("cpu", dtype=torch.float16):
        loss = loss_fn(model(x), y)
    scaler.scale(loss).backward()
    scaler.step(optimizer)
    scaler.update()
```

## Not a problem

- bfloat16 without a scaler. With one it is only a detour: a hint.
- A loss that is multiplied by hand, or by a framework.
- float16 in an evaluation or in a frozen part that nothing goes backward through.
- A backward that no optimizer steps on.

## Sources

- [Gradient scaling](https://docs.pytorch.org/docs/stable/amp.html#gradient-scaling)
- [Mixed precision training](https://arxiv.org/abs/1710.03740)
"""

from __future__ import annotations

from collections.abc import Iterator

from osler.model import (
    Check,
    Code,
    Evidence,
    Finding,
    Kind,
    PrecisionFact,
    Run,
    Severity,
    Tensor,
    TrainingFact,
    counted,
)
from osler.static.queries import everywhere, shown

PATIENCE = 2
"""Steps before we speak: one may be a trial of the hardware."""

check = Check(
    __name__,
    severity=Severity.WARNING,
    expected="a loss that is scaled up before float16 gradients are computed, and only then",
    why="Small gradients become zero in float16, so part of the model learns from noise or not at all.",
    fix="Use `torch.amp.GradScaler` around `backward()` and `step()`, or `dtype=torch.bfloat16`.",
    symptoms=("gradients-underflow", "gradients-vanish", "parameters-without-gradient"),
)


@check.in_code_by_absence
def no_scaler_anywhere(code: Code) -> Iterator[Finding]:
    scales = any(name.endswith("GradScaler") for name in code.calls) or "scale" in code.methods
    if scales or code.frameworks:
        return
    for fact in everywhere(code.trained, lambda t: t.backward.place, is_in_half):
        forward = next(s.forward for states in fact.visits for s in states if s.forward is not None)
        steps = [s.step for s in code.stepped if s.trace is fact.trace and fact.backward in s.backwards]
        if steps:
            yield check.finding(
                fact.backward.site,
                f"{shown(fact.model)} computes in float16 in line {forward.place.line}, and the loss is not "
                "scaled before `backward()`.",
                subject=fact.model.name,
                related=[(forward.site, "float16 begins here"), (steps[0].site, "the optimizer steps here")],
            )


def is_in_half(fact: TrainingFact) -> bool:
    """Every forward behind it is in float16, and the loss is what a loss function gave, not a multiple."""
    root = fact.backward.value
    plain = isinstance(root, Tensor) and root.reduced != "scaled" and fact.backward.words <= {"retain_graph"}
    forwards = [s.forward for states in fact.visits for s in states]
    half = [f is not None and "float16" in f.words for f in forwards]
    return plain and bool(half) and all(half)


@check.applies_when
def no_half_precision(run: Run) -> str:
    return "" if run.precisions else "no gradient has 16 bits"


@check.in_run
def unsuited_scale(run: Run) -> Iterator[Finding]:
    for fact in run.precisions.values():
        optimizers = sorted(run.stepping_on(fact.backward))
        if not optimizers or sum(run.steps_of(o) for o in optimizers) < PATIENCE:
            continue
        if fact.float16 and not fact.scaled and not run.context.scaler:
            yield unscaled(run, fact, optimizers)
        elif fact.bfloat16 and not fact.float16 and run.context.scaler and fact.scaled:
            yield scaled_in_vain(run, fact)


def unscaled(run: Run, fact: PrecisionFact, optimizers: list[str]) -> Finding:
    steps = [e for e in run.of(Kind.STEP) if e.subject in optimizers]
    verb = "have" if fact.float16 > 1 else "has"
    return check.finding(
        fact.backward,
        f"{counted(fact.float16, 'operation')} behind this loss {verb} gradients in float16, and the loss is "
        "not scaled.",
        step=fact.step,
        related=[(run.usual_site(steps), "the optimizer steps here")],
        evidence=[Evidence("operations with gradients in float16", fact.float16, "0 without a scaled loss")],
    )


def scaled_in_vain(run: Run, fact: PrecisionFact) -> Finding:
    scaled = run.of(Kind.SCALER_STEP)
    return check.finding(
        fact.backward,
        "The gradients behind this loss are in bfloat16, which has the range of float32, but a gradient "
        "scaler is in use.",
        step=fact.step,
        related=[(run.usual_site(scaled), "the scaler steps here")],
        evidence=[Evidence("operations with gradients in float16", 0, "at least 1")],
        severity=Severity.HINT,
        fix="Leave the scaler out: it can only skip steps.",
    )
