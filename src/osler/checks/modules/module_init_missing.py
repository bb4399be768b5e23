"""A module does not start `nn.Module` before it assigns its layers.

`nn.Module.__init__` creates the tables in which layers and parameters are registered. Without it the first
assignment of a layer fails with "cannot assign module before Module.__init__() call".

## Bad

```python
class Silent(nn.Module):
    def __init__(self):
        self.body = nn.Linear(8, 4)

    def forward(self, x):
        return self.body(x)


try:
    silent = Silent()
except AttributeError as error:
    print(error)
```

## Good

```python
class Loud(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(8, 4)

    def forward(self, x):
        return self.body(x)


loud = Loud()
```

## Not a problem

- A class without an `__init__` of its own.
- `nn.Module.__init__(self)`, the old way.

## Sources

- [Module](https://docs.pytorch.org/docs/stable/generated/torch.nn.Module.html)
"""

from collections.abc import Iterator

from osler.model import Check, Code, Finding, Network, Severity

check = Check(
    __name__,
    severity=Severity.WARNING,
    expected="`super().__init__()` comes first in `__init__`",
    why="Building the module fails with an AttributeError.",
    fix="Call `super().__init__()` first in `__init__`.",
)


@check.in_code
def never_started(code: Code) -> Iterator[Finding]:
    for call in code.calls_of("Module without __init__"):
        module = call.arguments.get(0)
        if isinstance(module, Network) and any(True for _ in module.children()):
            yield check.finding(
                (call.place,), f"`{module.name}` assigns layers without calling `super().__init__()`."
            )
