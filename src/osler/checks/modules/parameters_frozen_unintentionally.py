"""What was to be trained is frozen, or what was to be frozen is trained.

Python accepts any attribute: `param.require_grad = False` and `module.requires_grad = False` create a new
one and change nothing. And if every parameter of the model, or of an optimizer, is frozen, nothing can learn.

## Bad

```python
for p in model[0].parameters():
    p.require_grad = False
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
```

## Good

```python
for p in model[0].parameters():
    p.requires_grad = False
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
```

## Not a problem

- `module.requires_grad_(False)`, the method.
- Attributes of your own with another meaning, such as `self.requires_grad` in a module.
- A frozen backbone under a head that is trained, and models that are only evaluated.
- Networks that are frozen while another one takes its turn, and parts that are unfrozen later.

## Sources

- [Locally disabling gradient
  computation](https://docs.pytorch.org/docs/stable/notes/autograd.html#locally-disabling-gradient-computation)
- Reported in [PyTorch](https://github.com/pytorch/pytorch/issues/72332) and
  [MONAI](https://github.com/Project-MONAI/MONAI/issues/8819)
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from osler.model import (
    MISSPELT,
    CallFact,
    Check,
    Code,
    Confidence,
    Edit,
    Evidence,
    Finding,
    Kind,
    MisspeltFact,
    Network,
    OptimizerFact,
    Pages,
    Run,
    Severity,
    Tensor,
    counted,
    listed,
)
from osler.static.edits import replaced, statement_at, text_of

PATIENCE = 3
"""Steps of an optimizer with nothing but frozen parameters before we speak."""

check = Check(
    __name__,
    severity=Severity.ERROR,
    expected="what shall learn, and nothing else, requires a gradient",
    why="The parameters keep training, or stay frozen, against what was meant.",
    fix="Set `param.requires_grad` on each parameter, or call `module.requires_grad_(...)`.",
    symptoms=(
        "graph-broken",
        "optimizer-never-steps",
        "updates-absent",
        "parameters-without-gradient",
        "training-in-eval-mode",
    ),
)


@check.in_code
def unknown_attribute(code: Code) -> Iterator[Finding]:
    for name in MISSPELT:
        for call in code.calls_of(f"set.{name}"):
            yield check.finding(
                (call.place,),
                f"`{name}` is no attribute of torch: setting it freezes and unfreezes nothing.",
                severity=None if learns(call) else Severity.HINT,
            )
    own = {call.network for call in code.calls_of("set.requires_grad") if sets_its_own(call)}
    for call in code.calls_of("set.requires_grad"):
        owner = call.arguments.get(0)
        if isinstance(owner, Network) and owner not in own:
            yield check.finding(
                (call.place,), "`requires_grad` is set on a module, where it has no effect on its parameters."
            )


def sets_its_own(call: CallFact) -> bool:
    """A module sets the attribute of itself: there it has a meaning of the author's."""
    return call.network is not None and call.arguments.get(0) is call.network


def learns(call: CallFact) -> bool:
    """It is set on a module or a parameter, not on a tensor that never carries a gradient."""
    owner = call.arguments.get(0)
    return isinstance(owner, Network) or (isinstance(owner, Tensor) and owner.leaf is not None)


@check.applies_when
def nothing_trained(run: Run) -> str:
    return "" if run.backwards or run.crash else "backward was never called"


@check.in_run
def frozen_or_not(run: Run) -> Iterator[Finding]:
    for fact in run.misspelt.values():
        yield set_in_vain(fact)
    if run.crash is not None and "does not require grad" in run.crash.message:
        yield from nothing_can_learn(run)
    if run.ended:
        for optimizer in run.optimizers.values():
            yield from holds_only_frozen(run, optimizer)


def set_in_vain(fact: MisspeltFact) -> Finding:
    where = "modules" if fact.on_module else "parameters"
    kept = "they require a gradient all the same" if not fact.value else "they stay frozen"
    reached = f", and one has reached {fact.reached} of them" if fact.reached and not fact.value else ""
    return check.finding(
        fact.site,
        f"`{fact.name} = {fact.value}` was set on {where} of `{fact.model}`, but torch does not look at it "
        f"there: {counted(len(fact.parameters), 'parameter')} did not obey ({listed(fact.parameters)}); "
        f"{kept}{reached}.",
        subject=fact.model,
        evidence=[Evidence("parameters that did not obey", len(fact.parameters), "0")],
    )


def nothing_can_learn(run: Run) -> Iterator[Finding]:
    """Backward failed because every parameter of the models that were called is frozen."""
    forwards = [e for e in run.of(Kind.FORWARD) if not {"grad", "no-grad"} & e.traits]
    models = [run.models[e.subject] for e in forwards if e.subject in run.models]
    if not models or any(m.trainable or not m.parameters for m in models) or run.cuts:
        return
    failed = next((e.site for e in run.of(Kind.BACKWARD) if "no-graph" in e.traits), ())
    built = next((o.site for o in run.optimizers.values()), ())
    yield check.finding(
        forwards[0].site,
        f"every parameter of `{models[0].name}` is frozen, {models[0].parameters} numbers in all: "
        "`backward()` finds nothing that could learn and fails.",
        step=run.steps,
        subject=models[0].name,
        related=[(failed, "backward fails here"), (built, "the optimizer is built here")],
        evidence=[Evidence("trainable numbers", 0, f"up to {models[0].parameters}")],
        fix="Unfreeze what shall be trained with `requires_grad_(True)`.",
    )


def holds_only_frozen(run: Run, optimizer: OptimizerFact) -> Iterator[Finding]:
    """An optimizer stepped to the end on parameters that never required a gradient."""
    held = [p for p in run.parameters.values() if optimizer.name in p.optimizers]
    steps = run.steps_of(optimizer.name)
    if not held or len(held) < optimizer.tensors or steps < PATIENCE:
        return
    if any(p.trainable or p.reached or p.updated for p in held):
        return
    yield check.finding(
        optimizer.site,
        f"all {len(held)} parameters of `{optimizer.name}` are frozen: its {counted(steps, 'step')} changed "
        "nothing.",
        subject=optimizer.name,
        related=[(run.usual_site(run.of(Kind.STEP, optimizer.name)), "this step changes nothing")],
        evidence=[Evidence("trainable parameters", 0, f"up to {len(held)}")],
        severity=Severity.WARNING,
        confidence=Confidence.LIKELY,
        fix="Unfreeze them with `requires_grad_(True)`, or remove the optimizer.",
    )


@check.mends
def spelt_right(finding: Finding, pages: Pages) -> Iterator[list[Edit]]:
    setting = statement_at(pages, finding.place)
    match setting.statement if setting is not None else None:
        case ast.Assign(targets=[ast.Attribute(value=owner, attr=name) as target], value=value) if setting:
            text = text_of(setting.page, owner)
            if name in MISSPELT:
                yield [replaced(setting.page, target, f"{text}.requires_grad")]
            else:
                given = text_of(setting.page, value)
                yield [replaced(setting.page, setting.statement, f"{text}.requires_grad_({given})")]
        case _:
            pass
