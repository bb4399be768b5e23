"""Part of the program could not be watched, so silence about it means nothing.

Osler sees what goes through torch: calls of modules, backward, optimizer steps. Gradients that are
computed elsewhere, code that runs in other threads and the inside of compiled models stay dark. What was
not seen is said, so that a clean report is never taken for more than it is.

## Bad

```python
weights = torch.zeros(8, requires_grad=True)
optimizer = torch.optim.SGD([weights], lr=0.01)
for epoch in range(epochs):
    for x, y in loader:
        error = x @ weights.detach() - y.float()
        weights.grad = x.T @ error / len(y)
        optimizer.step()
```

## Good

```python
model = nn.Linear(8, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss = F.mse_loss(model(x).squeeze(1), y.float())
        loss.backward()
        optimizer.step()
```

## Not a problem

- A compiled model: its calls, losses and gradients are seen, only its inside is not. This is a hint.
- Threads that load data.

## Sources

- [Autograd mechanics](https://docs.pytorch.org/docs/stable/notes/autograd.html)
- [torch.compile](https://docs.pytorch.org/docs/stable/generated/torch.compile.html)
"""

from collections.abc import Iterator

from osler.model import Check, Evidence, Finding, Kind, Run, Severity, counted, listed

PATIENCE = 3
"""Steps without forward and backward before we speak: one step before training starts schedulers quietly."""

check = Check(
    __name__,
    severity=Severity.WARNING,
    expected="everything that trains is seen",
    why="Most checks cannot speak about what was not seen: their silence is no proof.",
    fix="Read the report with this in mind, or train through modules, `backward()` and `torch.optim`.",
)


@check.applies_when
def always(run: Run) -> str:
    """A run in which nothing was seen is the blindest of all."""
    del run
    return ""


@check.in_run
def unseen(run: Run) -> Iterator[Finding]:
    if run.steps >= PATIENCE and not run.backwards and not run.of(Kind.FORWARD):
        yield steps_alone(run)
    for reasons, subjects in grouped(run).items():
        essential = any(f.essential for f in run.blind if f.subject in subjects)
        yield check.finding(
            (),
            f"Not everything about {listed(subjects)} was seen: {'; '.join(reasons)}.",
            subject=", ".join(subjects),
            evidence=[Evidence("parts that were not watched fully", len(subjects), "0")],
            severity=Severity.WARNING if essential else Severity.HINT,
        )


def steps_alone(run: Run) -> Finding:
    step = run.of(Kind.STEP)[0]
    return check.finding(
        step.site,
        f"{counted(run.steps, 'optimizer step')} were seen, but neither a forward nor a backward call.",
        step=0,
        subject=step.subject,
        evidence=[
            Evidence("steps", run.steps, "any", "steps"),
            Evidence("backward calls", run.backwards, "at least one per step"),
        ],
    )


def grouped(run: Run) -> dict[tuple[str, ...], list[str]]:
    """Subjects that were not watched fully, under what is known of the reasons."""
    reasons: dict[str, dict[str, None]] = {}
    for fact in run.blind:
        reasons.setdefault(fact.subject or "the program", {})[fact.reason.rstrip(".")] = None
    groups: dict[tuple[str, ...], list[str]] = {}
    for subject, why in reasons.items():
        groups.setdefault(tuple(why), []).append(subject)
    return groups
