"""Part of the model is replaced after the optimizer was built.

The optimizer keeps the parameters that it was given. A head that is exchanged afterwards is not among them:
the optimizer goes on updating the old one, which nothing uses, and the new one keeps its initial values.

## Bad

```python
net = Net()
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
net.head = nn.Linear(16, 4)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(net(x), y).backward()
        optimizer.step()
```

## Good

```python
net = Net()
net.head = nn.Linear(16, 4)
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(net(x), y).backward()
        optimizer.step()
```

## Not a problem

- A new optimizer, or `add_param_group`, after the exchange.
- A part that is exchanged to be frozen.

## Sources

- [Constructing an optimizer](https://docs.pytorch.org/docs/stable/optim.html#constructing-it)
- Reported in [ART](https://github.com/Trusted-AI/adversarial-robustness-toolbox/pull/1580)
"""

from collections.abc import Iterator

from osler.model import Action, Check, Code, Finding, Kind, Network, Optimizer, Severity, flat
from osler.static.queries import shown
from osler.static.reach import is_out_of_use, steppers

check = Check(
    __name__,
    severity=Severity.ERROR,
    expected="the optimizer is built when the model is complete",
    why="The new part is never updated; the optimizer updates parameters that nothing uses.",
    fix="Build the optimizer after the last change to the model.",
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
                    if optimizer in steppers(code, trace) and not is_out_of_use(code, optimizer):
                        yield describe(action, optimizer, made)


def describe(action: Action, optimizer: Optimizer, made: Action) -> Finding:
    part = next(w.removeprefix("part:") for w in action.words if w.startswith("part:"))
    return check.finding(
        action.site,
        f"`{part}` is replaced here, but {shown(optimizer)} was built before, in line {made.place.line}, "
        "and keeps the old one.",
        subject=part,
        related=[(made.site, "the optimizer is built here")],
    )
