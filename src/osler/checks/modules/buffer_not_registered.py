"""A tensor that belongs to a module is kept as a plain attribute instead of a buffer.

`nn.Module` knows parameters, buffers and submodules. A tensor that is only assigned to an attribute is none
of them: `model.to(device)` leaves it on the CPU, where the next forward fails on it, and `state_dict()` does
not hold it. What was drawn at random in `__init__` is another one after loading.

## Bad

```python
class Features(nn.Module):
    def __init__(self):
        super().__init__()
        self.directions = torch.randn(8, 16)
        self.head = nn.Linear(16, 4)

    def forward(self, x):
        return self.head(torch.cos(x @ self.directions))


net = Features().to("cpu")
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(net(x), y).backward()
        optimizer.step()
```

## Good

```python
class Features(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("directions", torch.randn(8, 16))
        self.head = nn.Linear(16, 4)

    def forward(self, x):
        return self.head(torch.cos(x @ self.directions))


net = Features().to("cpu")
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(net(x), y).backward()
        optimizer.step()
```

## Not a problem

- A tensor that the module moves itself: `self.table.to(x.device)`, `device=`, an own `_apply()`.
- Single numbers, sizes, and indices: torch accepts these from the CPU.
- Tensors made in `forward`, or replaced there at every call.

## Sources

- [register_buffer](https://docs.pytorch.org/docs/stable/generated/torch.nn.Module.html)
- Reported in [kornia](https://github.com/kornia/kornia/pull/4319),
  [MONAI](https://github.com/Project-MONAI/MONAI/issues/8819) and
  [darts](https://github.com/unit8co/darts/issues/3052)
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from osler.model import Check, Code, Edit, Finding, Pages, Severity
from osler.static.edits import replaced, statement_at, text_of
from osler.static.plain_tensors import plain_tensors

MOVING = frozenset({"to", "cuda", "prepare", "setup"})
"""Methods by which modules get to a device."""

KEEPING = frozenset({"state_dict", "load_state_dict", "save_pretrained"})
"""Methods that write or read the state of a module."""

check = Check(
    __name__,
    severity=Severity.WARNING,
    expected="tensors that a module computes with are parameters or buffers",
    why="The tensor stays on the CPU when the module is moved, and is missing from `state_dict()`.",
    fix='Call `self.register_buffer("name", tensor)` instead of assigning the attribute.',
)


@check.in_code
def left_behind(code: Code) -> Iterator[Finding]:
    for tensor in plain_tensors(code):
        is_lost = tensor.is_random and code.methods & KEEPING
        matters = bool(code.methods & MOVING or is_lost)
        drawn = "drawn at random and " if tensor.is_random else ""
        yield check.finding(
            (tensor.place,),
            f"`self.{tensor.name}` is a tensor, {drawn}not registered as a buffer: "
            "`to()` leaves it behind and `state_dict()` does not hold it.",
            subject=tensor.name,
            severity=None if matters else Severity.HINT,
            related=[((tensor.used,), "the module computes with it here")],
        )


@check.mends
def as_a_buffer(finding: Finding, pages: Pages) -> Iterator[list[Edit]]:
    kept = statement_at(pages, finding.place)
    match kept.statement if kept is not None else None:
        case ast.Assign(targets=[ast.Attribute(attr=name)], value=value) if kept is not None:
            text = f'self.register_buffer("{name}", {text_of(kept.page, value)})'
            yield [replaced(kept.page, kept.statement, text)]
        case _:
            pass
