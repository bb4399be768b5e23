"""Trainable parameters that are used in the forward never receive a gradient.

What a layer computes is not part of the loss: an output that is returned and dropped, a head whose loss was
forgotten, a result that is overwritten. The optimizer holds these parameters and skips them at every step.

## Bad

```python
class TwoHeads(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(8, 16)
        self.labels = nn.Linear(16, 4)
        self.sizes = nn.Linear(16, 1)

    def forward(self, x):
        h = torch.relu(self.body(x))
        return self.labels(h), self.sizes(h)


model = TwoHeads()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        labels, sizes = model(x)
        loss_fn(labels, y).backward()
        optimizer.step()
```

## Good

```python
class TwoHeads(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(8, 16)
        self.labels = nn.Linear(16, 4)
        self.sizes = nn.Linear(16, 1)

    def forward(self, x):
        h = torch.relu(self.body(x))
        return self.labels(h), self.sizes(h)


model = TwoHeads()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        labels, sizes = model(x)
        loss = loss_fn(labels, y) + F.mse_loss(sizes, x.norm(dim=1, keepdim=True))
        loss.backward()
        optimizer.step()
```

## Not a problem

- Frozen parameters, and layers that are never called.
- Heads and experts that take turns, once each had its turn.
- A small leftover of a pretrained model, such as an unused pooling layer: told as a hint.

## Sources

- [Autograd mechanics](https://docs.pytorch.org/docs/stable/notes/autograd.html)
- [DistributedDataParallel:
  find_unused_parameters](https://docs.pytorch.org/docs/stable/generated/torch.nn.parallel.DistributedDataParallel.html)
- Asked for in [PyTorch](https://github.com/pytorch/pytorch/issues/57776)
"""

from __future__ import annotations

from collections.abc import Iterator

from osler.model import Check, Confidence, Evidence, Finding, Kind, ParameterFact, Run, Severity, Site

STEPS = 20
"""Steps before a running program is judged: parts that take turns have had theirs."""

STEPS_AT_END = 10
"""Steps before a finished program is judged: fewer are a trial."""

SMALL = 0.01
"""Share of a model's trainable elements below which the leftover is only worth knowing."""

NAMED = 4
"""Parameter names a message lists."""

check = Check(
    __name__,
    severity=Severity.WARNING,
    expected="a gradient reaches every trainable parameter that is used",
    why="These parameters keep their initial values: that part of the model learns nothing.",
    fix="Let what they compute take part in the loss, or freeze or remove them.",
    symptoms=("updates-absent",),
)


@check.applies_when
def optimizer_stepped(run: Run) -> str:
    if not run.steps:
        return "no optimizer step was seen"
    return "" if run.parameters else "no parameters were seen"


@check.in_run
def never_reached(run: Run) -> Iterator[Finding]:
    enough = run.parameters_step >= (STEPS_AT_END if run.ended else STEPS)
    if not enough or not run.backwards or not (run.ended or run.passes):
        return
    stepping = {o.name for o in run.optimizers.values() if run.steps_of(o.name)}
    models: dict[str, list[ParameterFact]] = {}
    for p in run.parameters.values():
        if p.trainable and p.used and not (p.reached or p.updated) and stepping.intersection(p.optimizers):
            models.setdefault(p.model, []).append(p)
    for model, unreached in models.items():
        yield describe(run, model, unreached)


def describe(run: Run, model: str, unreached: list[ParameterFact]) -> Finding:
    elements = sum(p.elements for p in unreached)
    family = [p for p in run.parameters.values() if p.model == model and p.trainable]
    total = max(1, sum(p.elements for p in family))
    fact = run.models.get(model)
    unsure = fact is not None and fact.compiled
    optimizer = run.optimizers[next(n for n in unreached[0].optimizers if n in run.optimizers)]
    names = {p.name for p in unreached}
    cut = next((c for c in run.cuts if names.intersection(c.parameters)), None)
    return check.finding(
        most_frequent(run, Kind.BACKWARD) or optimizer.site,
        f"No gradient reached {len(unreached)} of {len(family)} trainable parameters{of(model)} in "
        f"{run.parameters_step} steps: {listed([p.name for p in unreached])}. "
        f"That is {elements / total:.1%} of its trainable elements.",
        step=run.parameters_step,
        subject=model,
        related=[
            (most_frequent(run, Kind.FORWARD, model), f"`{model}` is called here"),
            (
                cut.site if cut else (),
                f"`{cut.operation}` takes what they compute out of the graph" if cut else "",
            ),
            (optimizer.site, "the optimizer that holds them is built here"),
        ],
        evidence=[
            Evidence("elements without a gradient", elements, f"0 of {total}", step=run.parameters_step)
        ],
        severity=Severity.HINT if unsure or elements < SMALL * total else None,
        confidence=Confidence.POSSIBLE if unsure else Confidence.LIKELY,
    )


def of(model: str) -> str:
    return f" of `{model}`" if model else ""


def most_frequent(run: Run, kind: Kind, subject: str = "") -> Site:
    """Where most events of a kind and subject happen."""
    events = (e for e, _ in run.events(kind) if e.subject == subject and "no-grad" not in e.traits)
    most = max(events, key=run.count, default=None)
    return most.site if most else ()


def listed(names: list[str]) -> str:
    """The first few names, and how many more there are."""
    shown = ", ".join(f"`{name}`" for name in names[:NAMED])
    return shown if len(names) <= NAMED else f"{shown} and {len(names) - NAMED} more"
