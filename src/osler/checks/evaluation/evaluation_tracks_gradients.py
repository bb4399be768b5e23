"""The model is evaluated with gradient recording on, so every forward builds a graph that nobody uses.

Each graph keeps the activations of its batch in memory until the output is released: evaluation needs as
much memory as training and more time, and an output that is kept or summed keeps its graph with it.
`eval()` does not switch recording off.

## Bad

```python
for epoch in range(epochs):
    model.train()
    for x, y in loader:
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
    model.eval()
    val_loss = sum(loss_fn(model(x), y).item() for x, y in val_loader) / len(val_loader)
```

## Good

```python
for epoch in range(epochs):
    model.train()
    for x, y in loader:
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        val_loss = sum(loss_fn(model(x), y).item() for x, y in val_loader) / len(val_loader)
```

## Not a problem

- Evaluations that need gradients: saliency maps, adversarial attacks, gradient penalties.
- Forwards whose backward comes batches later.
- Rollouts and other forwards in train mode outside of any loader are a hint at most.

## Sources

- [no_grad](https://docs.pytorch.org/docs/stable/generated/torch.no_grad.html)
- [Evaluation mode does not disable gradients](https://docs.pytorch.org/docs/stable/notes/autograd.html)
- ["out of memory" during validation](https://github.com/hszhao/semseg/issues/60)
- [Should use torch.no_grad in validation_step()?](https://github.com/skorch-dev/skorch/issues/218)
"""

from collections.abc import Iterator

from osler.model import Check, Event, Evidence, Finding, Kind, Pattern, Run, Severity

PATIENCE = 3
"""Turns whose forward serves no backward before we speak: a trial of the model is no evaluation."""

check = Check(
    __name__,
    severity=Severity.WARNING,
    expected="evaluation runs under `torch.no_grad()`",
    why="Every forward builds a graph that keeps its activations: evaluation takes the memory of training.",
    fix="Put the evaluation under `with torch.no_grad():`, or decorate its function with `@torch.no_grad()`.",
    symptoms=("graph-kept-in-accumulator", "memory-grows"),
)


@check.applies_when
def never_called(run: Run) -> str:
    return "" if any(True for _ in run.events(Kind.FORWARD)) else "no forward of a model was seen"


@check.in_run
def graphs_nobody_uses(run: Run) -> Iterator[Finding]:
    used = {(e.subject, e.site, e.traits) for e, _ in run.events(Kind.USED)}
    trained = run.context.trained | {subject for subject, _, _ in used}
    if not used and not run.steps:
        return
    for event in dict.fromkeys(e for e, _ in run.events(Kind.FORWARD)):
        if "grad" not in event.traits or (event.subject, event.site, event.traits) in used:
            continue
        certain = "eval" in event.traits and event.subject in trained
        holding = [p for p in run.patterns if event in p.events and (certain or trains_nothing(p))]
        if sum(p.count for p in holding) >= PATIENCE and is_settled(run, holding):
            yield recorded_for_nothing(event, holding)


def trains_nothing(pattern: Pattern) -> bool:
    return not any(e.kind in (Kind.BACKWARD, Kind.STEP) for e in pattern.events)


def is_settled(run: Run, holding: list[Pattern]) -> bool:
    """Whether a pass has ended since, so that no backward of an accumulation can still come."""
    first = holding[0].first
    return run.ended or any(p.last > first for _, p in run.events(Kind.PASS_END))


def recorded_for_nothing(event: Event, holding: list[Pattern]) -> Finding:
    forwards = sum(p.count * p.events.count(event) for p in holding)
    evaluates = "eval" in event.traits or any(p.events[0].kind is Kind.BATCH for p in holding)
    mode = " in eval mode" if "eval" in event.traits else ""
    step = holding[0].step - len(holding[0].of(Kind.STEP))
    return check.finding(
        event.site,
        f"`{event.subject}` was called {forwards} times{mode} with gradient recording on, "
        "and no backward ever went through its outputs.",
        step=step,
        subject=event.subject,
        evidence=[Evidence("forwards with a graph that nobody used", forwards, "0", "forwards", step)],
        severity=Severity.WARNING if evaluates else Severity.HINT,
    )
