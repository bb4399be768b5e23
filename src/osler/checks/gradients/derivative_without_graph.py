"""A derivative in the loss is a constant: it was computed without a graph of its own.

`torch.autograd.grad` returns plain numbers unless `create_graph=True` is given; `retain_graph=True` does not
change that. The residual of a differential equation, a penalty on gradients, or forces made of such a
derivative look right, but this part of the loss trains nothing. Another part hides it: without one,
`backward()` fails.

## Bad

```python
model = Net()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        x.requires_grad_()
        scores = model(x)
        slope = torch.autograd.grad(scores.sum(), x, retain_graph=True)[0]
        loss = loss_fn(scores, y) + slope.pow(2).mean()
        loss.backward()
        optimizer.step()
```

## Good

```python
model = Net()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        x.requires_grad_()
        scores = model(x)
        slope = torch.autograd.grad(scores.sum(), x, create_graph=True)[0]
        loss = loss_fn(scores, y) + slope.pow(2).mean()
        loss.backward()
        optimizer.step()
```

## Not a problem

- Gradients that move an input: adversaries, samplers, guidance.
- Gradients of parameters that are applied by hand, as in first-order meta-learning.
- A derivative that weighs another loss, or that another network shall learn.
- `.detach()` behind the derivative says that it is meant; `create_graph=False` makes it a hint.

## Sources

- [torch.autograd.grad](https://docs.pytorch.org/docs/stable/generated/torch.autograd.grad.html)
- Gulrajani et al., [Improved Training of Wasserstein GANs](https://arxiv.org/abs/1704.00028)
- Raissi et al., [Physics-informed neural networks](https://doi.org/10.1016/j.jcp.2018.10.045)
"""

from __future__ import annotations

from collections.abc import Iterator

from osler.model import (
    DERIVATIVE,
    Check,
    Code,
    Derivative,
    Finding,
    Network,
    Place,
    Run,
    Severity,
    Site,
    Tensor,
    by_model,
    counted,
    listed,
)
from osler.static.reach import backwards_of, below, groups, learning, named, steppers

BACKWARD = "this backward starts from a loss with that derivative in it"

check = Check(
    __name__,
    severity=Severity.WARNING,
    expected="a derivative that is part of the loss has a graph of its own",
    why="What the loss shall teach through this derivative, it does not teach.",
    fix="Pass `create_graph=True` to `autograd.grad`.",
    symptoms=("loss-plateaus", "no-better-than-baseline", "model-underfits"),
)


@check.in_code
def constants_in_losses(code: Code) -> Iterator[Finding]:
    told: set[Place] = set()
    for trace in code.traces:
        stepped = {n for o in steppers(code, trace) for n in groups(o)}
        for backward, root in backwards_of(trace):
            for derivative in root.graphless.derivatives if root.graphless else ():
                idle = learning(below(derivative.networks & root.networks) & stepped)
                if idle and not derivative.fed and derivative.place not in told:
                    told.add(derivative.place)
                    yield describe(derivative, backward.site, named(holders(root, idle)))


def holders(root: Tensor, layers: list[Network]) -> list[Network]:
    """The models behind a loss that hold some of these layers, or else the layers."""
    return [m for m in root.models if not below(frozenset({m})).isdisjoint(layers)] or layers


def describe(derivative: Derivative, backward: Site, parts: list[str]) -> Finding:
    how = "with `create_graph=False`" if derivative.explicit else "without `create_graph=True`"
    return check.finding(
        (derivative.place,),
        f"`autograd.grad` is called {how}, so the derivative is a constant in the loss: "
        f"this part of the loss does not train {listed(parts)}.",
        related=[(backward, BACKWARD)],
        severity=Severity.HINT if derivative.explicit else None,
    )


@check.in_run
def constants_seen(run: Run) -> Iterator[Finding]:
    """Those that trained the same parameters another way; others are cut off, which is another problem."""
    told: set[Place] = set()
    for cut in run.cuts:
        idle = [p for p in run.parameters.values() if p.reached and p.optimizers and cut.is_behind(p)]
        if cut.operation != DERIVATIVE or cut.site[0] in told or not idle:
            continue
        told.add(cut.site[0])
        owners = listed([model for model in by_model(idle) if model])
        yield check.finding(
            cut.site,
            "`autograd.grad` was called without `create_graph=True`, so the derivative is a constant in the "
            f"loss: this part of the loss gives no gradient to {counted(len(idle), 'parameter')}"
            f"{f' of {owners}' if owners else ''}.",
            related=[(cut.root, BACKWARD)],
        )
