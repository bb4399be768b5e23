"""A layer is declared in `__init__` and never used.

The line that was to call it is missing from `forward()`, or another layer took its place. A forgotten
dropout or normalisation leaves no trace in the loss; a forgotten layer makes the model smaller than it looks.

## Bad

```python
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(8, 16)
        self.drop = nn.Dropout(0.3)
        self.head = nn.Linear(16, 4)

    def forward(self, x):
        return self.head(torch.relu(self.body(x)))


model = Net()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
```

## Good

```python
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(8, 16)
        self.drop = nn.Dropout(0.3)
        self.head = nn.Linear(16, 4)

    def forward(self, x):
        return self.head(self.drop(torch.relu(self.body(x))))


model = Net()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
```

## Not a problem

- A head that is called under a condition, in evaluation only, or by other code.
- A layer whose weights are used without calling it, such as a tied embedding.
- Parts that a library declares: `nn.MultiheadAttention` never calls its `out_proj`.

## Sources

- [torch.nn.Module](https://docs.pytorch.org/docs/stable/generated/torch.nn.Module.html)
- Found in [timm](https://github.com/huggingface/pytorch-image-models)
"""

from __future__ import annotations

from collections.abc import Iterator

from osler.model import Check, Code, Evidence, Finding, IdleFact, Run, Severity, needs_step

STEPS = 10
"""Steps before a finished program is judged: fewer are a trial."""

check = Check(
    __name__,
    severity=Severity.HINT,
    expected="every layer that is declared is used",
    why="The model is another one than its `__init__` says.",
    fix="Call the layer in `forward()`, or remove it.",
    symptoms=("parameters-without-gradient",),
)


@check.applies_when
def no_step(run: Run) -> str:
    return needs_step(run)


@check.in_code
def named_once(code: Code) -> Iterator[Finding]:
    for fact in code.idle:
        yield check.finding(
            fact.site,
            f"`{fact.name}` of `{fact.model}`, a `{fact.kind}`, is declared here, and no other line names "
            "it.",
            subject=f"{fact.model}.{fact.name}",
            related=[(fact.owner, "`forward` goes without it")],
        )


@check.in_run
def declared_in_vain(run: Run) -> Iterator[Finding]:
    if run.ended and run.steps >= STEPS:
        for fact in run.idle.values():
            yield describe(run, fact)


def describe(run: Run, fact: IdleFact) -> Finding:
    size = f" with {fact.elements} weights" if fact.elements else ""
    return check.finding(
        fact.site,
        f"`{fact.name}` of `{fact.model}`, a `{fact.kind}`{size}, is declared here and never called; no "
        "other line names it.",
        step=run.steps,
        subject=f"{fact.model}.{fact.name}",
        related=[(fact.owner, "`forward` goes without it")],
        evidence=[Evidence("calls seen", 0, "at least 1")],
    )
