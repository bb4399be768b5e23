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

- No scaler, as with bfloat16.
- A framework that takes the scale out itself.

## Sources

- [Gradient clipping with a
  scaler](https://docs.pytorch.org/docs/stable/notes/amp_examples.html#gradient-clipping)
- Reported in [TorchSSL](https://github.com/TorchSSL/TorchSSL/pull/59) and
  [examples](https://github.com/pytorch/examples/issues/1196)
"""

from collections.abc import Iterator

from osler.model import Action, Check, Code, Finding, Kind, Severity
from osler.static.queries import innermost_loops

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
    for trace in code.traces:
        for actions in innermost_loops(trace, Kind.STEP):
            clip: Action | None = None
            scaled = False
            for action in actions:
                if action.kind in (Kind.BACKWARD, Kind.UNSCALE):
                    clip = None if action.kind is Kind.BACKWARD else clip
                    scaled = action.kind is Kind.BACKWARD
                elif action.kind is Kind.CLIP and scaled:
                    clip = action
                elif action.kind is Kind.STEP and "scaler" in action.words and clip is not None:
                    yield check.finding(
                        clip.site,
                        "gradients are clipped before `unscale_()`, although a scaler steps in line "
                        f"{action.place.line}.",
                        related=[(action.site, "the scaler steps here")],
                    )
