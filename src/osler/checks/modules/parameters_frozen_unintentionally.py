"""An attribute that torch does not know is set where gradients were to be switched off or on.

Python accepts any attribute: `param.require_grad = False` and `module.requires_grad = False` create a new
one and change nothing. What was to be frozen trains on, or what was to be trained stays frozen.

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

## Sources

- [Locally disabling gradient
  computation](https://docs.pytorch.org/docs/stable/notes/autograd.html#locally-disabling-gradient-computation)
- Reported in [PyTorch](https://github.com/pytorch/pytorch/issues/72332) and
  [MONAI](https://github.com/Project-MONAI/MONAI/issues/8819)
"""

from collections.abc import Iterator

from osler.model import CallFact, Check, Code, Finding, Network, Severity, Tensor

MISSPELT = (
    "require_grad",
    "require_grads",
    "requires_grads",
    "required_grad",
    "requiresgrad",
    "requires_gradient",
)
"""Names that are meant to be `requires_grad`."""

check = Check(
    __name__,
    severity=Severity.ERROR,
    expected="`requires_grad` is set on parameters, by this very name",
    why="The parameters keep training, or stay frozen, against what was meant.",
    fix="Set `param.requires_grad` on each parameter, or call `module.requires_grad_(...)`.",
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
