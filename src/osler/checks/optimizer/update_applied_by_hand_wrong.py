"""An update written by hand changes nothing, or fails, because it makes a new tensor or is recorded.

`p = p - lr * p.grad` computes a new tensor and lets the name stand for it; the parameter stays what it was.
`p -= lr * p.grad` changes the parameter, and autograd forbids that while it records.

## Bad

```python
net = Net()
for epoch in range(epochs):
    for x, y in loader:
        net.zero_grad()
        loss_fn(net(x), y).backward()
        for p in net.parameters():
            p = p - 0.05 * p.grad
```

## Good

```python
net = Net()
for epoch in range(epochs):
    for x, y in loader:
        net.zero_grad()
        loss_fn(net(x), y).backward()
        with torch.no_grad():
            for p in net.parameters():
                p -= 0.05 * p.grad
```

## Not a problem

- A new leaf for every step: `w = (w - lr * w.grad).detach().requires_grad_()`.
- Steps of `p.data`, under `torch.no_grad()` or by an optimizer.
- Gradients left over from an earlier step, or cleared too soon: other checks tell these.

## Sources

- [Autograd tutorial: update by hand](https://docs.pytorch.org/tutorials/beginner/pytorch_with_examples.html)
- [Locally disabling gradient
  computation](https://docs.pytorch.org/docs/stable/notes/autograd.html#locally-disabling-gradient-computation)
"""

from __future__ import annotations

from collections.abc import Iterator

from osler.model import Check, Code, Evidence, Finding, HandUpdateFact, Kind, RebindFact, Run, Severity

PATIENCE = 4
"""Backward calls without any step before we speak."""

RECORDED = "leaf Variable that requires grad is being used in an in-place operation"
"""What torch says to a change of a parameter while it records."""

LOST = ("NoneType", "does not require grad", "as parameter")
"""What Python or torch say where a name no longer stands for a parameter."""

check = Check(
    __name__,
    severity=Severity.WARNING,
    expected="an update by hand changes the parameter itself, under `torch.no_grad()`",
    why="The parameters keep their values: nothing is learned.",
    fix="Change the parameter in place, without recording: `with torch.no_grad(): p -= lr * p.grad`.",
    symptoms=("optimizer-never-steps", "gradients-not-cleared", "graph-broken", "no-better-than-baseline"),
)


@check.applies_when
def no_gradients(run: Run) -> str:
    return "" if run.backwards else "backward was never called"


@check.in_code
def written_without_effect(code: Code) -> Iterator[Finding]:
    for fact in code.hand_updates:
        yield as_written(fact)


def as_written(fact: HandUpdateFact) -> Finding:
    made = [(fact.leaf, "the parameter is made here")]
    if fact.kind == "recorded":
        return check.finding(
            fact.site,
            f"the parameter `{fact.name}` is changed in place while autograd records, which torch refuses.",
            subject=fact.name,
            related=made,
            fix="Put the update under `with torch.no_grad():`.",
        )
    after = (
        "and forgets it in the next turn: no parameter changes"
        if fact.kind == "loop"
        else "which is no parameter: the next backward gives it no gradient"
    )
    return check.finding(
        fact.site,
        f"`{fact.name} = ...` gives the name `{fact.name}` to a new tensor, {after}.",
        subject=fact.name,
        related=made,
    )


@check.in_run
def update_without_effect(run: Run) -> Iterator[Finding]:
    if run.crash is not None and RECORDED in run.crash.message and run.backwards:
        yield recorded(run)
        return
    failed = run.crash is not None and any(words in run.crash.message for words in LOST)
    idle = run.backwards >= PATIENCE and not run.crash
    if not run.steps and (failed or idle):
        for fact in run.rebinds.values():
            yield rebound(run, fact)


def recorded(run: Run) -> Finding:
    return check.finding(
        run.crash.site if run.crash else (),
        "a parameter was changed in place while autograd recorded, which torch refuses.",
        step=run.steps,
        related=[(run.usual_site(run.of(Kind.BACKWARD)), "its gradient is computed here")],
        fix="Put the update under `with torch.no_grad():`.",
    )


def rebound(run: Run, fact: RebindFact) -> Finding:
    after = (
        "and forgets it in the next turn" if fact.in_loop else "which is no parameter and gets no gradient"
    )
    return check.finding(
        fact.site,
        f"`{fact.name} = ...` gives the name `{fact.name}` to a new tensor, {after}: after {run.backwards} "
        "backward calls no parameter has changed.",
        step=run.steps,
        subject=fact.name,
        related=[(run.usual_site(run.of(Kind.BACKWARD)), "gradients are computed here")],
        evidence=[Evidence("steps", 0, f"about {run.backwards}")],
    )
