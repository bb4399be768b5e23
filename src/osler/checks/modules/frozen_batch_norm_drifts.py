"""A part of the model is frozen, but its BatchNorm statistics still move.

`requires_grad = False` keeps the weights. The running mean and variance are no parameters: in train mode
every forward moves them towards the new data. What was meant to stay a pretrained feature extractor changes
all the same, without a gradient and without an optimizer.

## Bad

```python
for parameter in model[:3].parameters():
    parameter.requires_grad = False
optimizer = torch.optim.SGD(model[4].parameters(), lr=0.05)
for epoch in range(epochs):
    model.train()
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
```

## Good

```python
for parameter in model[:3].parameters():
    parameter.requires_grad = False
optimizer = torch.optim.SGD(model[4].parameters(), lr=0.05)
for epoch in range(epochs):
    model.train()
    model[1].eval()
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
```

## Not a problem

- BatchNorm layers in eval mode, or without running statistics.
- Only the scale and shift of BatchNorm are frozen, the layer before it learns.
- A teacher or target network whose weights follow another model.
- A discriminator that is frozen while the generator is trained, and learns in between.
- A frozen part that learns again later.
- Statistics that are adapted to new data without training anything.

## Sources

- [Easy way to "freeze" BatchNorm](https://github.com/pytorch/pytorch/issues/86590)
- Reported in [lightly](https://github.com/lightly-ai/lightly/issues/1438)
"""

from __future__ import annotations

from collections.abc import Iterator

from osler.model import Check, Evidence, Finding, FrozenNormFact, Kind, Run, Severity, Site, listed

PATIENCE = 2
"""Calls that moved the statistics, with steps between the first and the last, before we speak."""

check = Check(
    __name__,
    severity=Severity.WARNING,
    expected="statistics of frozen layers stay what they were",
    why="The frozen part computes other features with every batch, and those of its pretraining are lost.",
    fix="Call `eval()` on the frozen part after each `model.train()`.",
    symptoms=("batch-norm-statistics-stale", "batch-norm-fed-two-distributions"),
)


@check.applies_when
def nothing_is_frozen(run: Run) -> str:
    return "" if run.frozen_norms else "no frozen BatchNorm was called in train mode"


@check.in_run
def statistics_move(run: Run) -> Iterator[Finding]:
    models: dict[str, list[FrozenNormFact]] = {}
    for fact in run.frozen_norms.values():
        if PATIENCE <= fact.moved == fact.looks and fact.step > fact.since:
            models.setdefault(fact.model, []).append(fact)
    for model, facts in models.items():
        if is_copy(run, model) or not serves_training(run, facts[0].site):
            continue
        names, first = [f.name for f in facts], facts[0]
        plural = len(facts) > 1
        yield check.finding(
            first.site,
            f"{listed(names)} of `{model}` {'are' if plural else 'is'} frozen, but each of the {first.moved} "
            f"calls that were looked at moved {'their' if plural else 'its'} running mean and variance: "
            f"`{model}` is in train mode.",
            step=first.since,
            subject=f"{model}.{first.name}",
            related=[(switched_on(run, model), "train mode is set here")],
            evidence=[Evidence("calls that moved the statistics", first.moved, "0", step=first.step)],
        )


def is_copy(run: Run, model: str) -> bool:
    """Whether the model follows another one, or may still do so: a target network waits for many steps."""
    known = run.models.get(model)
    may_follow = known is not None and not known.trainable and not run.ended
    return model in run.context.copies or may_follow


def serves_training(run: Run, forward: Site) -> bool:
    """Whether something is trained in the turns in which the model is called."""
    return any(
        any(e.kind is Kind.FORWARD and e.site == forward for e in p.events) and p.trains for p in run.patterns
    )


def switched_on(run: Run, model: str) -> Site:
    """Where the model is put in train mode."""
    return next((e.site for e in run.of(Kind.MODE, model) if "train" in e.traits), ())
