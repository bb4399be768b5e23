"""A trainable parameter lies where what it goes through has no slope: it never gets a gradient.

`clamp` passes a gradient only to entries inside its limits, and `relu` only to those above 0. A parameter
that begins outside, such as a damping of 0 behind `clamp(min=0.02)`, has a gradient of exactly 0. Without a
gradient no step moves it, so it stays outside, and the model computes with the limit as if it were a
constant.

Zero itself is outside of `relu`: its slope there is 0.

Osler looks at the graph behind the loss. It speaks where all uses of a parameter lead, through nothing but
views of it, into such an operation, where all of its entries lie outside, and where in every look not one bit
of it had changed.

## Bad

```python
class Spring(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Linear(8, 4)
        self.damping = nn.Parameter(torch.tensor(0.0))

    def forward(self, x):
        return self.net(x) * torch.exp(-self.damping.clamp(min=0.02, max=5.0))


model = Spring()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
```

## Good

```python
class Spring(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Linear(8, 4)
        self.damping = nn.Parameter(torch.tensor(-2.0))

    def forward(self, x):
        return self.net(x) * torch.exp(-F.softplus(self.damping))


model = Spring()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
```

## Not a problem

- A parameter of which at least one entry lies inside, or that lies on a limit of `clamp`.
- A parameter with another use that does pass something back, such as a penalty.
- Rounding, which has no slope anywhere: that is `straight-through-missing`.
- Zeros that move later or that something else holds back: the first factor of LoRA, gates and scales that
  begin at 0, dead units behind a layer.
- `clamp` of activations, of losses and of functions of a parameter.
- A limit that is reached in the course of training.
- A parameter that the script itself changes between steps, and one that no optimizer holds.

## Sources

- [torch.clamp](https://docs.pytorch.org/docs/stable/generated/torch.clamp.html)
- [Autograd mechanics](https://docs.pytorch.org/docs/stable/notes/autograd.html), "Gradients for
  non-differentiable functions"
- Reported in [HypHC](https://github.com/HazyResearch/HypHC/issues/7): a scale of 0.001 behind
  `clamp_min(0.01)`
"""

from __future__ import annotations

from collections.abc import Iterator

from osler.model import Check, Evidence, Finding, OutsideFact, Run, Severity, counted, needs_step

LOOKS = 3
"""Backward calls that must have been looked at, besides the parameter itself at a later one or the end."""

STEPS = 7
"""Optimizer steps between the first look and the last, before we speak."""

check = Check(
    __name__,
    severity=Severity.WARNING,
    expected="a parameter begins where the operation it goes through has a slope",
    why="Its gradient is exactly 0, so no step moves it: the model computes with a constant.",
    fix="Make it begin inside the limits, keep it there with `softplus`, `sigmoid` or `exp`, or clamp the "
    "parameter itself after each step, under `torch.no_grad()`.",
)


@check.applies_when
def something_is_outside(run: Run) -> str:
    return needs_step(run) or ("" if run.outside else "every parameter had a way for a gradient")


@check.in_run
def never_moves(run: Run) -> Iterator[Finding]:
    for fact in run.outside.values():
        if fact.looks >= LOOKS and fact.step - fact.first >= STEPS and is_trained(run, fact):
            yield described(fact)


def is_trained(run: Run, fact: OutsideFact) -> bool:
    """Whether an optimizer that makes steps holds the parameter, and nobody else changes it."""
    known = run.parameters.get(fact.full_name)
    if known is None or not known.trainable or known.updated:
        return False
    return any(run.steps_of(name) for name in known.optimizers)


def described(fact: OutsideFact) -> Finding:
    site = (fact.place,) if fact.place is not None else fact.backward
    steps = counted(fact.step - fact.first, "step")
    return check.finding(
        site,
        f"`{fact.full_name}` is {values(fact)}, outside of `{fact.operation}` that it goes through: its "
        f"gradient is exactly 0, and {steps} have not moved it.",
        step=fact.first,
        subject=fact.full_name,
        evidence=[Evidence("backward calls that gave it nothing", fact.looks, "0", step=fact.step)],
    )


def values(fact: OutsideFact) -> str:
    """What the parameter is, or between what its entries lie."""
    if fact.elements == 1:
        return f"{fact.lowest:.4g}"
    if fact.lowest == fact.highest:
        return f"{fact.lowest:.4g} in all {fact.elements} entries"
    return f"between {fact.lowest:.4g} and {fact.highest:.4g} in all {fact.elements} entries"
