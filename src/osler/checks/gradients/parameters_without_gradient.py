"""Trainable parameters that are used in the forward never receive a gradient.

What a layer computes is not part of the loss: an output that is returned and dropped, a head whose loss was
forgotten, a result that is overwritten. The optimizer holds these parameters and skips them at every step.

## Bad

```python
class TwoHeads(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(8, 16)
        self.labels = nn.Linear(16, 4)
        self.sizes = nn.Linear(16, 1)

    def forward(self, x):
        h = torch.relu(self.body(x))
        return self.labels(h), self.sizes(h)


model = TwoHeads()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        labels, sizes = model(x)
        loss_fn(labels, y).backward()
        optimizer.step()
```

## Good

```python
class TwoHeads(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(8, 16)
        self.labels = nn.Linear(16, 4)
        self.sizes = nn.Linear(16, 1)

    def forward(self, x):
        h = torch.relu(self.body(x))
        return self.labels(h), self.sizes(h)


model = TwoHeads()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        labels, sizes = model(x)
        loss = loss_fn(labels, y) + F.mse_loss(sizes, x.norm(dim=1, keepdim=True))
        loss.backward()
        optimizer.step()
```

## Not a problem

- Frozen parameters.
- Layers that are never called, such as a head that is switched off, while the rest of the model learns: told
  as a hint at the end.
- Heads and experts that take turns, once each had its turn.
- A small leftover of a pretrained model, such as an unused pooling layer: told as a hint.

## Sources

- [Autograd mechanics](https://docs.pytorch.org/docs/stable/notes/autograd.html)
- [DistributedDataParallel:
  find_unused_parameters](https://docs.pytorch.org/docs/stable/generated/torch.nn.parallel.DistributedDataParallel.html)
- Asked for in [PyTorch](https://github.com/pytorch/pytorch/issues/57776)
"""

from __future__ import annotations

from collections.abc import Iterator

from osler.model import (
    Check,
    Confidence,
    Evidence,
    Finding,
    Kind,
    ParameterFact,
    Run,
    Severity,
    Site,
    by_model,
    counted,
    elements_of,
    listed,
    needs_step,
    since,
)

STEPS = 20
"""Steps before a running program is judged: parts that take turns have had theirs."""

STEPS_AT_END = 10
"""Steps before a finished program is judged: fewer are a trial."""

SMALL = 0.01
"""Share of a model's trainable elements below which a leftover that nothing uses is only worth knowing."""

check = Check(
    __name__,
    severity=Severity.WARNING,
    expected="a gradient reaches every trainable parameter that is used",
    why="These parameters keep their initial values: that part of the model learns nothing.",
    fix="Let what they compute take part in the loss, or freeze or remove them.",
    symptoms=(
        "cannot-overfit-one-batch",
        "updates-absent",
    ),
)


@check.applies_when
def optimizer_stepped(run: Run) -> str:
    return needs_step(run) or ("" if run.parameters else "no parameters were seen")


@check.in_run
def never_reached(run: Run) -> Iterator[Finding]:
    enough = run.parameters_step >= (STEPS_AT_END if run.ended else STEPS)
    if not enough or not run.backwards or not (run.ended or run.passes):
        return
    stepping = {name for name in run.optimizers if run.steps_of(name)}
    waiting = [p for p in run.parameters.values() if p.trainable and not (p.reached or p.updated)]
    held = [p for p in waiting if stepping.intersection(p.optimizers)]
    learning = {p.model for p in run.parameters.values() if p.trainable and (p.reached or p.updated)}
    idle = [p for p in held if not p.used and p.model in learning]
    for model, unreached in by_model(p for p in held if p not in idle).items():
        yield describe(run, model, unreached)
    if run.ended:
        for model, unused in by_model(idle).items():
            yield describe_idle(run, model, unused)


def describe(run: Run, model: str, unreached: list[ParameterFact]) -> Finding:
    family = run.parameters_of(model)
    elements, total = run.share_of(unreached)
    fact = run.models.get(model)
    unsure = fact is not None and fact.compiled
    part = f"{len(unreached)} of {len(family)}" if len(family) > 1 else "the only"
    built = (run.holder_site(unreached[0]), "the optimizer that holds them is built here")
    unrecorded, taken = called_without_gradients(run, model), taken_out(run, unreached)
    is_leftover = elements < SMALL * total and not taken
    return check.finding(
        unrecorded or run.usual_site(run.of(Kind.BACKWARD)) or built[0],
        f"No gradient reached {part} trainable parameter{'s' * (len(family) > 1)}{of(model)} in "
        f"{run.parameters_step} steps: {listed([p.name for p in unreached])}. "
        f"That is {elements / total:.1%} of {'its' if model else 'the'} trainable elements."
        f"{' Gradients are switched off wherever it is called.' if unrecorded else ''}",
        step=since(unreached),
        subject=model,
        related=[(called_at(run, model), f"`{model}` is called here"), *taken, built],
        evidence=[
            Evidence("elements without a gradient", elements, f"0 of {total}", step=run.parameters_step)
        ],
        severity=Severity.HINT if unsure or is_leftover else None,
        confidence=Confidence.POSSIBLE if unsure else Confidence.LIKELY,
        fix="Call it outside of `torch.no_grad()` where it is to learn." if unrecorded else "",
    )


def called_without_gradients(run: Run, model: str) -> Site:
    """Where a model is called, if no call of it was ever recorded."""
    calls = list(run.of(Kind.FORWARD, model)) if model else []
    return () if any(e.is_recorded for e in calls) else run.usual_site(calls)


def describe_idle(run: Run, model: str, unused: list[ParameterFact]) -> Finding:
    """Layers that the optimizer holds but nothing calls: switched off on purpose, or forgotten."""
    built = (run.holder_site(unused[0]), "the optimizer that holds them is built here")
    whose = "its" if len(unused) == 1 else "their"
    layers = "layer was" if len({p.name.rpartition(".")[0] for p in unused}) == 1 else "layers were"
    return check.finding(
        called_at(run, model) or built[0],
        f"{counted(len(unused), 'trainable parameter')}{of(model)} got no gradient because {whose} {layers} "
        f"never called: {listed([p.name for p in unused])}.",
        step=since(unused),
        subject=model,
        related=[built],
        evidence=[Evidence("elements never used", elements_of(unused), "0", step=run.parameters_step)],
        severity=Severity.HINT,
        fix="Call these layers in `forward()`, or remove them.",
    )


def of(model: str) -> str:
    return f" of `{model}`" if model else ""


def called_at(run: Run, model: str) -> Site:
    return run.usual_site(e for e in run.of(Kind.FORWARD, model) if e.is_recorded)


def taken_out(run: Run, unreached: list[ParameterFact]) -> list[tuple[Site, str]]:
    """The first cut behind these parameters."""
    names = {p.name for p in unreached}
    cuts = [c for c in run.cuts if names.intersection(c.parameters)]
    return [(c.site, f"{c.spelled} takes what they compute out of the graph") for c in cuts[:1]]
