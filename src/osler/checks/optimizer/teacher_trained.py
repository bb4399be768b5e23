"""A network that follows another one as its mean or copy is trained by the same optimizer as well.

A mean teacher or a target network holds still while the other one learns: its weights are a mean of the
other's. If it is in the optimizer and its output carries a gradient, each step pulls it towards the student.
Both agree sooner, on anything.

## Bad

```python
import copy

teacher = copy.deepcopy(model)
optimizer = torch.optim.SGD([*model.parameters(), *teacher.parameters()], lr=0.05)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        scores, aim = model(x), teacher(x)
        loss = loss_fn(scores, y) + (scores.softmax(1) - aim.softmax(1)).square().mean()
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            for slow, fast in zip(teacher.parameters(), model.parameters()):
                slow.lerp_(fast, 0.01)
```

## Good

```python
import copy

teacher = copy.deepcopy(model).requires_grad_(False)
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        scores = model(x)
        with torch.no_grad():
            aim = teacher(x)
        loss = loss_fn(scores, y) + (scores.softmax(1) - aim.softmax(1)).square().mean()
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            for slow, fast in zip(teacher.parameters(), model.parameters()):
                slow.lerp_(fast, 0.01)
```

## Not a problem

- A teacher that no optimizer holds, or whose weights no gradient reaches.
- Two networks that learn from each other, each with an optimizer of its own.
- A network that starts as a copy of another one, or is set back to it from time to time by another optimizer.

## Sources

- [Mean teachers are better role models](https://arxiv.org/abs/1703.01780)
- [Bootstrap your own latent](https://arxiv.org/abs/2006.07733)
- Reported in [easy-rl](https://github.com/datawhalechina/easy-rl/pull/117)
"""

from __future__ import annotations

from collections.abc import Iterator

from osler.model import (
    Check,
    Evidence,
    Finding,
    FollowFact,
    Kind,
    OptimizerFact,
    ParameterFact,
    Run,
    Severity,
    counted,
    needs_optimizer,
    needs_step,
    since,
)

PATIENCE = 2
"""Times that a network was seen to be overwritten with another one: once may be its start."""

STEPS = 3
"""Steps of the optimizer before we speak."""

check = Check(
    __name__,
    severity=Severity.WARNING,
    expected="the network that follows is moved by its leader alone",
    why="The target moves towards what is to reach it: both may agree on something that means nothing.",
    fix="Build the optimizer without it, and compute its output under `torch.no_grad()`.",
    symptoms=("target-requires-grad", "predictions-collapsed", "representation-collapsed"),
)


@check.applies_when
def nobody_follows(run: Run) -> str:
    unable = needs_optimizer(run) or needs_step(run)
    return unable or ("" if run.follows else "no network was seen to follow another one")


@check.in_run
def follows_and_learns(run: Run) -> Iterator[Finding]:
    for fact in run.follows.values():
        if fact.times < PATIENCE:
            continue
        reached = [p for p in belonging(run, fact.model, fact.part) if p.trainable and p.reached]
        led = belonging(run, fact.leader, fact.leader_part)
        for optimizer in run.optimizers.values():
            held = [p for p in reached if optimizer.name in p.optimizers]
            both = held and any(optimizer.name in p.optimizers and p.reached for p in led)
            if both and run.steps_of(optimizer.name) >= STEPS:
                yield describe(run, fact, optimizer, held)


def belonging(run: Run, model: str, part: str) -> list[ParameterFact]:
    """The parameters of a model or of a part of it."""
    inside = f"{part}." if part else ""
    return [p for p in run.parameters.values() if p.model == model and p.name.startswith(inside)]


def describe(run: Run, fact: FollowFact, optimizer: OptimizerFact, held: list[ParameterFact]) -> Finding:
    how = "a copy of" if fact.share == 1 else f"a mean with {fact.share:.3g} of"
    calls = [e for e in run.of(Kind.FORWARD, fact.model) if "grad" in e.traits]
    return check.finding(
        optimizer.site,
        f"`{fact.name}` follows `{fact.leader_name}`, {how} which it becomes after each step, but "
        f"`{optimizer.name}` trains both: gradients reach {counted(len(held), 'parameter')} of the follower.",
        step=since(held),
        subject=fact.name,
        related=[
            (run.usual_site(calls), "it is called here with gradients"),
            (fact.site, "it is overwritten here"),
            (run.usual_site(run.of(Kind.STEP, optimizer.name)), "this step moves it as well"),
        ],
        evidence=[Evidence("parameters of the follower that are trained", len(held), "0")],
    )
