"""A module sets its layers before `super().__init__()`, or never calls it.

`nn.Module.__init__` makes the tables in which layers and parameters are registered. Without them the first
`self.layer = nn.Linear(…)` raises "cannot assign module before Module.__init__() call".

## Bad

```python
class Wide(nn.Module):
    def __init__(self):
        self.layer = nn.Linear(8, 4)


model = Wide()
```

## Good

```python
class Wide(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(8, 4)

    def forward(self, x):
        return self.layer(x)


model = Wide()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
for x, y in loader:
    optimizer.zero_grad()
    loss_fn(model(x), y).backward()
    optimizer.step()
```

## Not a problem

- A class without an `__init__` of its own, or the old way, `nn.Module.__init__(self)`.
- Plain numbers and settings that are assigned before `super().__init__()`.
- An attribute that is missing for another reason.

## Sources

- [torch.nn.Module](https://docs.pytorch.org/docs/stable/generated/torch.nn.Module.html): the call must come
  before any assignment
"""

from __future__ import annotations

from collections.abc import Iterator

from osler.model import Check, Code, CrashFact, Finding, Network, Run, Severity

TOO_EARLY = "before Module.__init__() call"
"""What torch says when something is registered too early."""

TABLES = ("_parameters", "_modules", "_buffers", "_forward_hooks", "_backward_hooks", "_forward_pre_hooks")
"""What a module lacks that was never initialised."""

check = Check(
    __name__,
    severity=Severity.WARNING,
    expected="`super().__init__()` comes first in the `__init__` of a module",
    why="The script ends here: the module has no place to register its layers.",
    fix="Call `super().__init__()` in the first line of `__init__`.",
)


@check.applies_when
def no_such_crash(run: Run) -> str:
    return "" if run.crash and is_uninitialised(run.crash) else "no module was used before it was initialised"


@check.in_run
def used_too_early(run: Run) -> Iterator[Finding]:
    crash = run.crash
    if crash is None or not is_uninitialised(crash):
        return
    what = "a layer or parameter is assigned" if TOO_EARLY in crash.message else "the module is used"
    yield check.finding(crash.site, f"{what} before `super().__init__()` has run.", step=run.steps)


def is_uninitialised(crash: CrashFact) -> bool:
    """Whether the exception says that a module was never initialised."""
    if crash.kind != "AttributeError":
        return False
    lacking = any(f"has no attribute '{name}'" in crash.message for name in TABLES)
    return TOO_EARLY in crash.message or lacking


@check.in_code
def never_started(code: Code) -> Iterator[Finding]:
    for call in code.calls_of("Module without __init__"):
        module = call.arguments.get(0)
        if isinstance(module, Network) and any(True for _ in module.children()):
            yield check.finding(
                (call.place,), f"`{module.name}` assigns layers without calling `super().__init__()`."
            )
