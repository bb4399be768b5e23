"""Parameters that receive gradients are in no optimizer, so they never move.

An optimizer updates the tensors it was given when it was built. A layer that was left out, added later, or
lost in a hand-written list of groups keeps its initial values, while `backward()` still spends time on its
gradients.

## Bad

```python
optimizer = torch.optim.SGD(model[0].parameters(), lr=0.05)

for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
```

## Good

```python
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)

for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
```

## Not a problem

- Parts that are frozen on purpose and say so: `part.requires_grad_(False)`.
- A whole network that no optimizer holds, such as a fixed feature extractor or the other player of a GAN.
- Parameters that are updated by hand, such as an exponential average.

## Sources

- [Optimization: constructing an optimizer](https://docs.pytorch.org/docs/stable/optim.html)
-
  [Optimizer.add_param_group](https://docs.pytorch.org/docs/stable/generated/torch.optim.Optimizer.add_param_group.html)
- Reported in [HVPNeT](https://github.com/zjunlp/HVPNeT/issues/5) and
  [mmf](https://github.com/facebookresearch/mmf/pull/620)
"""

from __future__ import annotations

from collections.abc import Iterator

from osler.model import Check, Evidence, Finding, Kind, OptimizerFact, ParameterFact, Run, Severity

PATIENCE = 3
"""Steps of the optimizer before we speak: parameters may be added after the first."""

NAMED = 4
"""Parameter names a message lists."""

SMALL = 0.001
"""Share of a model's trainable elements below which missing ones hardly change what it can learn."""

check = Check(
    __name__,
    severity=Severity.ERROR,
    expected="every trainable parameter that receives gradients is in an optimizer",
    why="These parameters keep their initial values while the rest of the model trains around them.",
    fix="Pass all of `model.parameters()` to the optimizer, or freeze the rest with `requires_grad_(False)`.",
    symptoms=(
        "updates-absent",
        "loss-plateaus",
        "no-better-than-baseline",
        "predictions-collapsed",
        "model-underfits",
        "cannot-overfit-one-batch",
    ),
)


@check.applies_when
def optimizer_stepped(run: Run) -> str:
    if not run.optimizers:
        return "no optimizer was built"
    return "" if run.steps else "no optimizer step was seen"


@check.in_run
def left_out(run: Run) -> Iterator[Finding]:
    models: dict[str, list[ParameterFact]] = {}
    for parameter in run.parameters.values():
        if parameter.model and parameter.trainable and parameter.registered:
            models.setdefault(parameter.model, []).append(parameter)
    for parameters in models.values():
        optimizer = holder(run, parameters)
        if optimizer and left_out_of(parameters):
            yield describe(run, parameters, optimizer)


def left_out_of(parameters: list[ParameterFact]) -> list[ParameterFact]:
    """Those that get gradients which nothing uses."""
    return [p for p in parameters if p.reached and not p.optimizers and not p.updated]


def holder(run: Run, parameters: list[ParameterFact]) -> OptimizerFact | None:
    """The stepping optimizer that holds most of these parameters."""
    held: dict[str, int] = {}
    for parameter in parameters:
        for name in parameter.optimizers:
            held[name] = held.get(name, 0) + parameter.elements
    stepping = [name for name in held if name in run.optimizers and steps_at_look(run, name) >= PATIENCE]
    return run.optimizers[max(stepping, key=lambda n: held[n])] if stepping else None


def steps_at_look(run: Run, optimizer: str) -> int:
    """Steps that the optimizer had surely done when the parameters were looked at."""
    return run.steps_of(optimizer) - (run.steps - run.parameters_step)


def describe(run: Run, parameters: list[ParameterFact], optimizer: OptimizerFact) -> Finding:
    model, missing = parameters[0].model, left_out_of(parameters)
    elements, total = sum(p.elements for p in missing), max(1, sum(p.elements for p in parameters))
    forward = next((e.site for e, _ in run.events(Kind.FORWARD) if e.subject == model), ())
    return check.finding(
        optimizer.site,
        f"{len(missing)} of {len(parameters)} trainable parameters of `{model}` receive gradients but are "
        f"in no optimizer: {listed([p.name for p in missing])}. "
        f"That is {elements / total:.1%} of its trainable elements.",
        step=run.parameters_step,
        subject=optimizer.name,
        related=[(forward, f"`{model}` is called here")],
        evidence=[
            Evidence("elements in no optimizer", elements, f"0 of {total}", step=run.parameters_step),
            Evidence("share of the trainable elements", elements / total, "0", step=run.parameters_step),
        ],
        severity=Severity.WARNING if elements < SMALL * total else None,
    )


def listed(names: list[str]) -> str:
    """The first few names, and how many more there are."""
    shown = ", ".join(f"`{name}`" for name in names[:NAMED])
    return shown if len(names) <= NAMED else f"{shown} and {len(names) - NAMED} more"
