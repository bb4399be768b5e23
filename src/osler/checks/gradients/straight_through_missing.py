"""Every way from the parameters to the loss leads through rounding, whose derivative is 0 everywhere.

Autograd records `round`, `floor`, `ceil`, `trunc`, `sign` and `bernoulli`, so nothing fails and every
parameter gets a gradient. It is exactly 0: a step function is flat wherever it has a derivative. Weights
before it move by weight decay alone. Quantised and binary networks therefore let the gradient pass
straight through, as if the rounding were not there.

## Bad

```python
class Quantised(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(8, 16)
        self.head = nn.Linear(16, 4)

    def forward(self, x):
        h = torch.sigmoid(self.body(x))
        return self.head(torch.round(h * 15) / 15)


model = Quantised()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
```

## Good

```python
class Quantised(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(8, 16)
        self.head = nn.Linear(16, 4)

    def forward(self, x):
        h = torch.sigmoid(self.body(x)) * 15
        return self.head((h + (h.round() - h).detach()) / 15)


model = Quantised()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
```

## Not a problem

- A straight-through estimator: the rounding is detached, or a function of one's own hands the gradient on.
- Another way around the rounding: a residual, a second loss, the score function of REINFORCE.
- Rounding of inputs, of targets and of metrics.

## Sources

- [Estimating or propagating gradients through stochastic neurons](https://arxiv.org/abs/1308.3432): the
  straight-through estimator
- [torch.round](https://docs.pytorch.org/docs/stable/generated/torch.round.html)
"""

from __future__ import annotations

from collections.abc import Iterator

from osler.model import (
    Check,
    Evidence,
    Finding,
    Kind,
    ParameterFact,
    Run,
    Severity,
    Site,
    counted,
    listed,
    needs_step,
)

FLAT = {
    "RoundBackward0": "round",
    "RoundBackward1": "round",
    "FloorBackward0": "floor",
    "CeilBackward0": "ceil",
    "TruncBackward0": "trunc",
    "SignBackward0": "sign",
    "BernoulliBackward0": "bernoulli",
}
"""Operations that autograd records although their derivative is 0 everywhere, by the names of their nodes."""

MEASURED = 2
"""Gradients of a parameter that were measured and were 0, before we say that all are."""

check = Check(
    __name__,
    severity=Severity.ERROR,
    expected="a gradient passes everything between the parameters and the loss",
    why="A step function is flat wherever it has a derivative: what lies before it is never trained.",
    fix="Let the gradient pass straight through, as in `x + (x.round() - x).detach()`, or compute the loss "
    "from the values before this operation.",
    symptoms=(
        "updates-absent",
        "loss-plateaus",
        "no-better-than-baseline",
        "predictions-collapsed",
        "model-underfits",
        "cannot-overfit-one-batch",
    ),
)


@check.applies_when
def graphs_are_known(run: Run) -> str:
    return needs_step(run) or ("" if run.graphs else "no graph of a loss was seen")


@check.in_run
def every_way_is_flat(run: Run) -> Iterator[Finding]:
    if not all(graph.complete for graph in run.graphs.values()):
        return
    behind = [(g, g.only_through(frozenset(FLAT))) for g in run.graphs.values()]
    free = {
        name
        for graph, gates in behind
        for _, name in graph.parameters
        if not any(name in names for names in gates.values())
    }
    for graph, gates in behind:
        for position, names in gates.items():
            found = (run.parameters.get(name) for name in names if name not in free)
            lost = [p for p in found if p is not None and has_no_gradient(run, p)]
            place = graph.place(position)
            if lost and place is not None:
                yield describe(run, FLAT[graph.operations[position]], (place,), lost)


def has_no_gradient(run: Run, p: ParameterFact) -> bool:
    """An optimizer holds it, and whenever its gradient was measured it was 0."""
    column = run.columns.get(f"gradient_norm:{p.series or p.name}")
    values = column.history()[1] if column is not None else ()
    return p.trainable and bool(p.optimizers) and len(values) >= MEASURED and not any(values)


def describe(run: Run, operation: str, site: Site, lost: list[ParameterFact]) -> Finding:
    elements, total = run.share_of(lost)
    return check.finding(
        site,
        f"The derivative of `{operation}` is 0 everywhere, so every gradient of "
        f"{counted(len(lost), 'trainable parameter')} before it is 0: {listed([p.name for p in lost])}. "
        f"{run.share_in_words(lost)}",
        subject=lost[0].model,
        related=[
            (run.usual_site(run.of(Kind.BACKWARD)), "every gradient from here is 0 behind it"),
            (run.holder_site(lost[0]), "the optimizer that holds them is built here"),
        ],
        evidence=[Evidence("elements with gradient 0", elements, f"0 of {total}", step=run.parameters_step)],
    )
