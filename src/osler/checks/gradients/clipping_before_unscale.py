"""Gradients are clipped while the loss scale is still in them.

A `GradScaler` multiplies the loss, and with it all gradients, by thousands. Clipped before `unscale_()`,
nearly every gradient exceeds the limit and is cut down to it; after the scale is taken out, next to nothing
is left of the step.

## Bad

```python
scaler = torch.amp.GradScaler("cpu")
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        scaler.scale(loss_fn(model(x), y)).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        scaler.step(optimizer)
        scaler.update()
```

## Good

```python
scaler = torch.amp.GradScaler("cpu")
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        scaler.scale(loss_fn(model(x), y)).backward()
        scaler.unscale_(optimizer)
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        scaler.step(optimizer)
        scaler.update()
```

## Not a problem

- No scaler, as with bfloat16, or one that is switched off.
- A limit that is multiplied by `scaler.get_scale()`, or infinite to measure the norm.
- Gradients that are divided by the scale by hand.
- A framework that takes the scale out itself.

## Sources

- [Gradient clipping with a
  scaler](https://docs.pytorch.org/docs/stable/notes/amp_examples.html#gradient-clipping)
- Reported in [TorchSSL](https://github.com/TorchSSL/TorchSSL/pull/59) and
  [examples](https://github.com/pytorch/examples/issues/1196)
"""

import math
from collections.abc import Iterator

from osler.model import (
    Action,
    Check,
    Code,
    Const,
    Edit,
    Event,
    Evidence,
    Finding,
    Kind,
    Maybe,
    Pages,
    Pattern,
    Run,
    Severity,
    Unknown,
    Value,
    turns,
)
from osler.static.edits import calls_in, insert_before, receiver, statement_at
from osler.static.mending import other_place, stepped
from osler.static.queries import innermost_loops

PATIENCE = 2
"""Turns before we speak: a scale is found in the first ones."""

NEXT = (Kind.BACKWARD, Kind.STEP, Kind.SCALER_STEP)
"""What tells for which step the gradients are clipped."""

SCALERS = ("torch.amp.GradScaler", "torch.cuda.amp.GradScaler", "torch.cpu.amp.GradScaler")
"""What is built to scale; with `enabled=False` it does nothing."""

check = Check(
    __name__,
    severity=Severity.ERROR,
    expected="`scaler.unscale_(optimizer)` comes before clipping",
    why="All gradients are cut to almost nothing: training is far slower than meant.",
    fix="Call `scaler.unscale_(optimizer)` before clipping.",
    symptoms=(
        "gradients-always-clipped",
        "loss-plateaus",
    ),
)


@check.in_code_by_absence
def clipped_while_scaled(code: Code) -> Iterator[Finding]:
    scalers = list(code.calls_of(*SCALERS))
    if scalers and all(call.arguments.get("enabled") == Const(False) for call in scalers):
        return
    for trace in code.traces:
        for actions in innermost_loops(trace, Kind.STEP):
            for clip, step in clips_of_scaled(actions):
                yield check.finding(
                    clip.site,
                    "gradients are clipped before `unscale_()`, although a scaler steps in line "
                    f"{step.place.line}.",
                    related=[(step.site, "the scaler steps here")],
                )


def clips_of_scaled(actions: list[Action]) -> Iterator[tuple[Action, Action]]:
    """Clipping of gradients that still carry the scale, with the step of the scaler that follows."""
    clip: Action | None = None
    scaled = False
    for action in actions:
        if action.kind is Kind.BACKWARD:
            clip, scaled = None, True
        elif action.kind is Kind.UNSCALE or (action.kind is Kind.TOUCH and "added" not in action.words):
            scaled = False
        elif action.kind is Kind.CLIP and scaled and is_plain(action.value):
            clip = action
        elif action.kind is Kind.STEP and "scaler" in action.words and clip is not None:
            yield clip, action


def is_plain(limit: Value | None) -> bool:
    """A number or a setting; not infinite, and not computed: the scale may be in it."""
    match limit:
        case Const(value=int() | float() as number):
            return math.isfinite(number)
        case Maybe():
            return is_plain(limit.value)
        case Unknown():
            return bool(limit.name)
        case _:
            return False


@check.applies_when
def no_scaler(run: Run) -> str:
    return "" if run.context.scaler else "no gradient scaler steps"


@check.mends
def unscale_before_clipping(finding: Finding, pages: Pages) -> Iterator[list[Edit]]:
    clip, step = statement_at(pages, finding.place), statement_at(pages, other_place(finding))
    if clip is not None and step is not None and (optimizer := stepped(step)):
        scaler = receiver(step.page, calls_in(step, "step")[0])
        yield insert_before(clip, f"{scaler}.unscale_({optimizer})")


@check.in_run
def clipped_with_its_scale(run: Run) -> Iterator[Finding]:
    for clip in run.of(Kind.CLIP):
        if "scaled" not in clip.traits or clip.traits & {"measures", "scale-read"}:
            continue
        steps = [(p, scaler_step_after(p, clip)) for e, p in run.events(Kind.CLIP) if e is clip]
        seen = [(p, s) for p, s in steps if s is not None]
        if turns(p for p, _ in seen) < PATIENCE:
            continue
        pattern, step = seen[0]
        count = sum(p.times(clip) for p, _ in seen)
        yield check.finding(
            clip.site,
            f"`{clip.subject}` was called {count} times on gradients that still contained the loss scale: "
            f"`unscale_()` of `{step.subject}` had not run.",
            step=pattern.step,
            subject=step.subject,
            related=[(step.site, "the scaler steps here")],
            evidence=[Evidence("clippings of scaled gradients", count, "0", step=pattern.step)],
        )


def scaler_step_after(pattern: Pattern, clip: Event) -> Event | None:
    """The scaler's step for which gradients are clipped."""
    following = pattern.events[pattern.events.index(clip) + 1 :]
    first = next((e for e in following if e.kind in NEXT), None)
    return first if first is not None and first.kind is Kind.SCALER_STEP else None
