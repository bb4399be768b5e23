"""The optimizer was built before the model, or a part of it, was replaced.

An optimizer holds tensors, not a model. When a head is exchanged or the model is built anew afterwards, the
optimizer goes on stepping on tensors that nothing uses any more; the new ones are never updated.

## Bad

```python
model = Net()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
model.head = nn.Linear(16, 4)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
```

## Good

```python
model = Net()
model.head = nn.Linear(16, 4)
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
```

## Not a problem

- An optimizer of a model that is trained in another phase.
- Parameters beside the model, such as learned weights of the losses.
- A part that is left out on purpose while nothing was replaced, or exchanged to be frozen.
- A new optimizer, or `add_param_group`, after the exchange.

## Sources

- [Optimizer with replaced parameters](https://github.com/pytorch/pytorch/issues/14467)
- Reported in [adversarial-robustness-toolbox](https://github.com/Trusted-AI/adversarial-robustness-toolbox/pull/1580)
"""

from __future__ import annotations

from collections.abc import Iterator

from osler.model import (
    Action,
    Check,
    Code,
    Evidence,
    Finding,
    Kind,
    Network,
    Optimizer,
    OptimizerFact,
    ParameterFact,
    Run,
    Severity,
    Trace,
    by_model,
    counted,
    flat,
    listed,
    needs_optimizer,
    needs_step,
)
from osler.static.queries import every_loop, shown
from osler.static.reach import is_out_of_use

PATIENCE = 3
"""Steps of the optimizer before we speak: parameters may be added after the first."""

check = Check(
    __name__,
    severity=Severity.ERROR,
    expected="the optimizer holds the parameters of the model that is trained",
    why="These parameters keep their initial values; the optimizer updates tensors that nothing uses.",
    fix="Build the optimizer after the last change of the model's layers.",
    symptoms=(
        "cannot-overfit-one-batch",
        "parameters-missing-from-optimizer",
        "optimizer-never-steps",
        "gradients-not-cleared",
        "step-before-backward",
        "updates-absent",
        "loss-plateaus",
        "no-better-than-baseline",
    ),
)


@check.applies_when
def optimizer_stepped(run: Run) -> str:
    return needs_optimizer(run) or needs_step(run)


@check.in_run
def holds_what_nobody_uses(run: Run) -> Iterator[Finding]:
    trainable = (p for p in run.parameters.values() if p.model and p.trainable and p.registered and p.reached)
    for model, parameters in by_model(trainable).items():
        missing = [p for p in parameters if not p.optimizers and not p.updated]
        optimizer = holder_of_the_old(run, parameters, missing)
        if optimizer is not None:
            yield describe(run, model, missing, optimizer)


def holder_of_the_old(
    run: Run, parameters: list[ParameterFact], missing: list[ParameterFact]
) -> OptimizerFact | None:
    """The stepping optimizer that holds as many unknown tensors as are missing, and the rest of the model."""
    kept = {name for p in parameters for name in p.optimizers}
    for optimizer in run.optimizers.values():
        is_its_own = optimizer.name in kept or optimizer.strange == optimizer.tensors
        same = missing and optimizer.strange == len(missing) and is_its_own
        if same and run.steps_at_look(optimizer.name) >= PATIENCE:
            return optimizer
    return None


def describe(run: Run, model: str, missing: list[ParameterFact], optimizer: OptimizerFact) -> Finding:
    forward = next((e.site for e in run.of(Kind.FORWARD, model)), ())
    return check.finding(
        optimizer.site,
        f"`{optimizer.name}` holds {counted(optimizer.strange, 'tensor')} that no model uses, while "
        f"{listed([p.name for p in missing])} of `{model}` are in no optimizer: they were replaced after it "
        "was built.",
        step=run.parameters_step,
        subject=optimizer.name,
        related=[(forward, f"`{model}` is called here")],
        evidence=[Evidence("tensors that no model uses", optimizer.strange, "0", step=run.parameters_step)],
    )


@check.in_code
def replaced_afterwards(code: Code) -> Iterator[Finding]:
    for trace in code.traces:
        built: list[tuple[Optimizer, Action]] = []
        for action in flat(trace.nodes):
            if action.kind is Kind.BUILD and isinstance(action.subject, Optimizer):
                built.append((action.subject, action))
            elif "replaces" in action.words and isinstance(action.subject, Network):
                holding = [(o, a) for o, a in built if o.held and action.subject in o.held]
                for optimizer, made in holding:
                    if steps_later(trace, action, optimizer) and not is_out_of_use(code, optimizer):
                        yield read(action, optimizer, made)


def steps_later(trace: Trace, action: Action, optimizer: Optimizer) -> bool:
    """The optimizer still steps when the action is done, or in the next turn of a loop around it."""
    order = list(flat(trace.nodes))
    bodies = [list(flat(loop.body)) for loop in every_loop(trace.nodes)]
    following = order[order.index(action) :] + [a for body in bodies if action in body for a in body]
    steps = [a.subject for a in following if a.kind is Kind.STEP]
    return any(isinstance(s, Optimizer) and optimizer in (s, *s.variants) for s in steps)


def read(action: Action, optimizer: Optimizer, made: Action) -> Finding:
    part = next(w.removeprefix("part:") for w in action.words if w.startswith("part:"))
    return check.finding(
        action.site,
        f"`{part}` is replaced here, but {shown(optimizer)} was built before, in line {made.place.line}, "
        "and keeps the old one.",
        subject=part,
        related=[(made.site, "the optimizer is built here")],
    )
