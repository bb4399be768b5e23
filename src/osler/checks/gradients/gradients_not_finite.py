"""A gradient is NaN or infinite although the loss is finite.

The derivative of some operations is infinite at a point where the value itself is not: the square root and
the norm at 0, powers below 1, `acos` at 1. `torch.where` does not help: the gradient of the branch that was
not taken is multiplied by 0, and 0 times infinity is NaN. One step writes the NaN into the weights.

## Bad

```python
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        scores = model(x)
        loss = loss_fn(scores, y) + 0.01 * (scores - scores).square().sum(dim=1).sqrt().mean()
        loss.backward()
        optimizer.step()
```

## Good

```python
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        scores = model(x)
        loss = loss_fn(scores, y) + 0.01 * ((scores - scores).square().sum(dim=1) + 1e-8).sqrt().mean()
        loss.backward()
        optimizer.step()
```

## Not a problem

- Infinite gradients while a `GradScaler` looks for its scale: it skips these steps.
- Gradients that are looked at and not stepped on.

## Sources

- [Gradient of zero norm is nan](https://github.com/pytorch/pytorch/issues/2421)
- [Anomaly detection](https://docs.pytorch.org/docs/stable/autograd.html#anomaly-detection): finds the
  operation
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from osler.model import Check, Evidence, Finding, GraphFact, Kind, Place, Run, Severity, Site, counted, listed

STEEP = {
    "Sqrt": "sqrt",
    "Rsqrt": "rsqrt",
    "LinalgVectorNorm": "norm",
    "Norm": "norm",
    "Pow": "pow",
    "Acos": "acos",
    "Asin": "asin",
    "Atan2": "atan2",
    "Log": "log",
    "Std": "std",
    "Cdist": "cdist",
    "Div": "division",
    "Where": "where",
}
"""Operations whose derivative can be infinite or undefined, by the name of their node in the graph."""

check = Check(
    __name__,
    severity=Severity.ERROR,
    expected="finite gradients",
    why="The step writes NaN into the weights, and from then on the loss is NaN too.",
    fix="Keep the operation away from the point where its derivative is infinite: add a small constant, or "
    "clamp, before a root, norm, logarithm or division.",
    symptoms=("loss-not-finite", "activations-not-finite", "no-better-than-baseline"),
)


@check.applies_when
def no_step(run: Run) -> str:
    return "" if run.steps and run.backwards else "no step followed a backward"


@check.in_run
def gradient_not_finite(run: Run) -> Iterator[Finding]:
    seen = in_weights(run) or in_gradients(run)
    if seen is None:
        return
    step, names, site = seen
    graph = run.graphs.get(site)
    name = nearest(graph, names)
    more = f" and that of {counted(len(names) - 1, 'more parameter')}" if len(names) > 1 else ""
    suspects = steep(graph, name)
    on_the_way = f"; on the way to it lies {listed(list(suspects))}" if suspects else ""
    steps = run.of(Kind.STEP)
    yield check.finding(
        site,
        f"At step {step} the loss was finite, but the gradient of `{name}`{more} was not{on_the_way}.",
        step=step,
        subject=name,
        related=[
            *(((place,), f"{kind} is computed here") for kind, place in suspects.items() if place),
            *((e.site, "this step writes it into the weights") for e in steps[:1]),
        ],
        evidence=[Evidence("parameters whose gradient is not finite", len(names), "0", step=step)],
    )


def in_weights(run: Run) -> tuple[int, tuple[str, ...], Site] | None:
    """The weights held NaN before the first loss that was not finite: the step before wrote it."""
    fact = run.not_finite.get("weights")
    if fact is None:
        return None
    sites = [e.site for e in run.of(Kind.BACKWARD) if e.is_backward]
    return fact.step - 1, fact.subjects, sites[0] if len(set(sites)) == 1 else fact.site


def in_gradients(run: Run) -> tuple[int, tuple[str, ...], Site] | None:
    """A norm that was taken at a step is not finite, and the loss of that step is."""
    broken = {key: step for key in run.columns if (step := first_broken(run, key)) is not None}
    if not broken:
        return None
    step = min(broken.values())
    losses = dict(zip(*run.columns["loss"].history(), strict=True)) if "loss" in run.columns else {}
    if not math.isfinite(losses.get(step, math.nan)):
        return None
    names = tuple(key.partition(":")[2] for key, first in broken.items() if first == step and ":" in key)
    sites = [e.site for e in run.of(Kind.BACKWARD) if e.is_backward]
    return (step, names, sites[0]) if names and sites else None


def first_broken(run: Run, key: str) -> int | None:
    """The first step at which this norm of gradients was NaN: a mere overflow is infinite."""
    if key.partition(":")[0] != "gradient_norm":
        return None
    steps, values = run.columns[key].history()
    return next((s for s, v in zip(steps, values, strict=True) if math.isnan(v)), None)


def nearest(graph: GraphFact | None, names: tuple[str, ...]) -> str:
    """The parameter nearest to the loss: what broke the gradient lies between the two."""
    order = [n for _, full in graph.parameters for n in (full.partition(".")[2], full)] if graph else []
    return next((name for name in order if name in names), names[0])


def steep(graph: GraphFact | None, name: str) -> dict[str, Place | None]:
    """Operations between loss and parameter that may be at fault, each with the first line that calls it."""
    if graph is None:
        return {}
    above = {number for number, full in graph.parameters if name in (full.partition(".")[2], full)}
    todo = list(above)
    givers: dict[int, list[int]] = {}
    for giver, taker in graph.edges:
        givers.setdefault(taker, []).append(giver)
    while todo:
        new = [g for g in givers.get(todo.pop(), ()) if g not in above]
        above.update(new)
        todo.extend(new)
    lines = dict(graph.called)
    found: dict[str, Place | None] = {}
    for number in sorted(above):
        kind = STEEP.get(graph.operations[number].partition("Backward")[0])
        if kind is not None and found.get(kind) is None:
            found[kind] = graph.places[lines[number]] if number in lines else None
    return found
