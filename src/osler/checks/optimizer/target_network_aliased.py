"""The target network is the very network that it is to follow: both names stand for the same weights.

`target = model` makes no copy, and neither does `load_state_dict(..., assign=True)`. The target then moves
with every step instead of holding still, and copying the weights to it from time to time does nothing.

## Bad

```python
target = model
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        with torch.no_grad():
            aim = target(x)
        loss = loss_fn(model(x), y) + 0.1 * F.mse_loss(model(x), aim)
        loss.backward()
        optimizer.step()
    target.load_state_dict(model.state_dict())
```

## Good

```python
import copy

target = copy.deepcopy(model)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        with torch.no_grad():
            aim = target(x)
        loss = loss_fn(model(x), y) + 0.1 * F.mse_loss(model(x), aim)
        loss.backward()
        optimizer.step()
    target.load_state_dict(model.state_dict())
```

## Not a problem

- Weights of another network, or a deep copy of one's own.
- Weights that are changed before they are loaded again, or loaded before training begins.
- `assign=True` with weights from a file.

## Sources

- [Reinforcement learning (DQN)
  tutorial](https://docs.pytorch.org/tutorials/intermediate/reinforcement_q_learning.html)
- Reported in [easy-rl](https://github.com/datawhalechina/easy-rl/pull/117)
"""

from __future__ import annotations

from collections.abc import Iterator

from osler.model import Check, Evidence, Finding, Kind, Run, SelfLoadFact, Severity, counted, needs_step

PATIENCE = 2
"""Times that weights were loaded into themselves: once may restore what was never changed."""

check = Check(
    __name__,
    severity=Severity.WARNING,
    expected="the target network has weights of its own",
    why="The target moves with every step: the network chases itself, and what should be stable is not.",
    fix="Make a copy, `target = copy.deepcopy(model)`, and load the weights into it without `assign=True`.",
    symptoms=("best-weights-aliased", "loss-oscillates", "loss-diverges"),
)


@check.applies_when
def nothing_loaded(run: Run) -> str:
    return needs_step(run) or ("" if run.self_loads else "no weights were loaded into their own memory")


@check.in_run
def follows_itself(run: Run) -> Iterator[Finding]:
    for fact in run.self_loads.values():
        if fact.times >= PATIENCE:
            yield describe(run, fact)


def describe(run: Run, fact: SelfLoadFact) -> Finding:
    how = "put in place of another network's" if fact.assigned else "loaded into the network they belong to"
    then = "both share them from then on" if fact.assigned else "nothing was copied"
    model = next((m for m in run.models if m.partition(" ")[0] == fact.model), fact.model)
    return check.finding(
        fact.site,
        f"the weights of `{fact.model}` were {how} {counted(fact.times, 'time')} while it was trained: "
        f"{then}.",
        step=fact.step,
        subject=fact.model,
        related=[
            (
                run.usual_site(e for e in run.of(Kind.FORWARD, model) if "no-grad" in e.traits),
                "it is called here",
            )
        ],
        evidence=[Evidence("times that weights were loaded into their own memory", fact.times, "0")],
    )
