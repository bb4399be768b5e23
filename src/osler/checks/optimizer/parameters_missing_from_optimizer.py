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
- Parts that are unfrozen later and are held by an optimizer that steps, or joined to it then.
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
from dataclasses import replace
from itertools import takewhile

from osler.model import (
    Check,
    Code,
    Evidence,
    Finding,
    Kind,
    Network,
    OptimizerFact,
    ParameterFact,
    Run,
    Severity,
    Trace,
    by_model,
    elements_of,
    listed,
    needs_optimizer,
    needs_step,
    since,
)
from osler.static.queries import shown
from osler.static.reach import backwards_of, held, is_fresh, learning, steppers, updated_by_hand

PATIENCE = 3
"""Steps of the optimizer before we speak: parameters may be added after the first."""

LATER = 20
"""Turns after gradients came to unfrozen parameters by which whoever holds them has stepped."""

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
    return needs_optimizer(run) or needs_step(run)


@check.in_code_by_absence
def never_given(code: Code) -> Iterator[Finding]:
    optimized = held(code)
    if optimized is None or any(o.handed for o in code.optimizers):
        return
    given = optimized | updated_by_hand(code)
    for trace in code.traces:
        yield from left_out_of(code, trace, given)


def left_out_of(code: Code, trace: Trace, given: set[Network]) -> Iterator[Finding]:
    models = {m for _, root in backwards_of(trace) for m in root.models}
    reached = {n for _, root in backwards_of(trace) for n in root.networks}
    stepping = [o for o in steppers(code, trace) if o.made]
    for model in sorted((m for m in models if is_fresh(m)), key=lambda m: m.place.line):
        own = learning(reached & set(model.walk()))
        missing = [n for n in own if n not in given]
        if not missing or len(missing) == len(own) or not stepping:
            continue
        optimizer = next((o for o in stepping if o.holds(model)), stepping[0])
        names = sorted(n.name.removeprefix("self.") or n.kind for n in missing)
        yield check.finding(
            (optimizer.place,),
            f"{shown(optimizer)} is not given all of {shown(model)}: {listed(names)} receive gradients, "
            "but no optimizer holds them.",
            subject=optimizer.name,
            related=[((missing[0].place,), "built here, never updated")],
        )


@check.in_run
def left_out(run: Run) -> Iterator[Finding]:
    registered = (p for p in run.parameters.values() if p.model and p.trainable and p.registered)
    for parameters in by_model(registered).values():
        missing = [p for p in parameters if p.reached and not p.optimizers and not p.updated]
        optimizer = guardian(run, parameters, missing)
        if optimizer and missing:
            yield describe(run, parameters, missing, optimizer)
        left = [p for p in parameters if is_left_behind(run, p) and stepping_since(run, p.unfrozen)]
        if left and (optimizer := stepping_since(run, max(p.unfrozen for p in left))):
            found = describe(run, parameters, left, optimizer)
            yield replace(found, message=unfrozen(parameters, left, optimizer))


def is_left_behind(run: Run, parameter: ParameterFact) -> bool:
    """It was unfrozen, gradients come to it, and whoever holds it made the last step before that."""
    if parameter.unfrozen < 0 or not parameter.optimizers or parameter.updated:
        return False
    return all(run.latest_step_of(name) < parameter.unfrozen for name in parameter.optimizers)


def stepping_since(run: Run, turn: int) -> OptimizerFact | None:
    """The youngest of the optimizers that have stepped long enough after a turn."""
    found = [o for o in run.optimizers.values() if run.latest_step_of(o.name) >= turn + LATER]
    return max(found, key=lambda o: o.born, default=None)


def unfrozen(parameters: list[ParameterFact], left: list[ParameterFact], optimizer: OptimizerFact) -> str:
    """What was seen of parameters that were unfrozen for an optimizer that has nothing of them."""
    holders = " and ".join(f"`{n}`" for n in dict.fromkeys(n for p in left for n in p.optimizers))
    happened, them = "were unfrozen and receive", "them"
    if len(left) == 1:
        happened, them = "was unfrozen and receives", "it"
    share = elements_of(left) / max(1, elements_of(parameters))
    return (
        f"{len(left)} of {len(parameters)} trainable parameters of `{left[0].model}` {happened} gradients, "
        f"but `{optimizer.name}` does not hold {them}, and {holders} stopped stepping before: "
        f"{listed([p.name for p in left])}. That is {share:.1%} of its trainable elements."
    )


def guardian(run: Run, parameters: list[ParameterFact], missing: list[ParameterFact]) -> OptimizerFact | None:
    """The stepping optimizer that should hold the missing ones.

    It holds their nearest relatives by dotted name and, of several that do, most elements of the model.
    """
    kin: dict[str, tuple[int, int]] = {}
    for parameter in parameters:
        near = max((shared_parts(parameter.name, m.name) for m in missing), default=0)
        for name in parameter.optimizers:
            nearest, elements = kin.get(name, (0, 0))
            kin[name] = (max(nearest, near), elements + parameter.elements)
    stepping = [n for n in kin if n in run.optimizers and run.steps_at_look(n) >= PATIENCE]
    return run.optimizers[max(stepping, key=lambda n: kin[n])] if stepping else None


def shared_parts(one: str, other: str) -> int:
    """How many of the modules that two parameters lie in, outermost first, are the same."""
    pairs = zip(one.split(".")[:-1], other.split(".")[:-1], strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def describe(
    run: Run, parameters: list[ParameterFact], missing: list[ParameterFact], optimizer: OptimizerFact
) -> Finding:
    model = missing[0].model
    elements, total = elements_of(missing), max(1, elements_of(parameters))
    forward = next((e.site for e in run.of(Kind.FORWARD, model)), ())
    receive = "receives gradients but is" if len(missing) == 1 else "receive gradients but are"
    return check.finding(
        optimizer.site,
        f"{len(missing)} of {len(parameters)} trainable parameters of `{model}` {receive} in no optimizer: "
        f"{listed([p.name for p in missing])}. That is {elements / total:.1%} of its trainable elements.",
        step=since(missing),
        subject=optimizer.name,
        related=[(forward, f"`{model}` is called here")],
        evidence=[
            Evidence("elements in no optimizer", elements, f"0 of {total}", step=run.parameters_step),
            Evidence("share of the trainable elements", elements / total, "0", step=run.parameters_step),
        ],
        severity=Severity.WARNING if elements < SMALL * total else None,
    )
