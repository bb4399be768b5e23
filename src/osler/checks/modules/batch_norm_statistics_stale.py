"""BatchNorm is evaluated with running statistics that do not belong to its weights: nothing has moved them.

In training BatchNorm normalises by the batch and moves its running statistics a little; evaluation
normalises by these. With momentum 0 they never move: the training loss looks well and evaluation does not.
A layer that is in eval mode while it is trained does not move them either, and a new one then normalises
nothing at all.

A copy of a network, such as an average of its weights, a teacher or a target network, has statistics of its
own. They are buffers, not parameters: `zip(average.parameters(), model.parameters())` leaves them as they
were when the copy was made.

Osler asks this in `osler preflight`: after some turns of training not one bit of the statistics has changed,
and the loss of a batch is another with them than with the batch's own. `osler run` sees copies that are
evaluated with weights that follow a trained network and with statistics that do not, and layers with
momentum 0.

## Bad

```python
model = nn.Sequential(
    nn.Linear(8, 16),
    nn.BatchNorm1d(16, momentum=0.0),  # the share of the new batch, not of the old statistics
    nn.ReLU(),
    nn.Linear(16, 4),
)
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
for epoch in range(epochs):
    model.train()
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        losses = [loss_fn(model(x), y).item() for x, y in val_loader]
```

## Good

```python
import copy

model = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 4))
average = copy.deepcopy(model).eval()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
        with torch.no_grad():
            for mine, theirs in zip(average.parameters(), model.parameters()):
                mine.lerp_(theirs, 0.1)
            for mine, theirs in zip(average.buffers(), model.buffers()):
                mine.copy_(theirs)
    with torch.no_grad():
        losses = [loss_fn(average(x), y).item() for x, y in val_loader]
```

## Not a problem

- `momentum=None`, a small momentum, or few steps so far: the statistics move, and that is enough.
- Statistics that were loaded, or that the script sets itself.
- A frozen BatchNorm in eval mode, and a frozen network with weights drawn at random.
- Layers without running statistics.
- A copy that gets the buffers as well, by `copy_`, `load_state_dict` or as an `AveragedModel`; one whose
  statistics are computed anew with `update_bn`; one that stays in train mode.
- A copy whose weights stay what they were, and one whose statistics are near those of the trained network.

## Sources

- [BatchNorm1d](https://docs.pytorch.org/docs/stable/generated/torch.nn.BatchNorm1d.html), "momentum"
- [AveragedModel](https://docs.pytorch.org/docs/stable/optim.html#weight-averaging-swa-and-ema), which copies
  the buffers of the model
"""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite

from osler.model import (
    Check,
    Confidence,
    Evidence,
    Finding,
    Kind,
    ParameterFact,
    Run,
    Setup,
    Severity,
    StillNormFact,
    UnmovedNormFact,
    counted,
)

SAME = 1e-4
"""Relative difference of two losses below which the data are normalised already."""

SHIFT = 0.5
"""Distance of two running means, in standard deviations, from which another network comes out."""

FACTOR = 2.0
"""The same for the ratio of two variances."""

PATIENCE = 200
"""Steps with the same statistics before we speak of a run that goes on: they may be brought up to date."""

NAMED = 2
"""Layers that are named."""

check = Check(
    __name__,
    severity=Severity.WARNING,
    expected="the running statistics follow the data that the layer sees in training",
    why="Evaluation normalises by other numbers than training did: it is of another network.",
    fix="Leave `momentum` at 0.1 and the layer in train mode while it is trained.",
    symptoms=("model-overfits",),
)


@check.applies_when
def always_moved(run: Run) -> str:
    return "" if run.unmoved_norms else "no network in eval mode had statistics that its weights left behind"


@check.in_setup
def never_move(setup: Setup) -> Iterator[Finding]:
    for fact in setup.all(StillNormFact):
        if is_same(fact):
            continue
        count = len(fact.names)
        have = "have" if count > 1 else "has"
        how = "momentum is 0" if fact.training else "the layer is in eval mode while it is trained"
        yield check.finding(
            fact.site,
            f"BatchNorm {named(fact.names)} still {have} a running mean of 0 and variance of 1 after "
            f"{counted(fact.turns, 'turn')} of training: {how}.{apart(fact)}",
            subject=fact.names[0],
            confidence=Confidence.LIKELY,
            evidence=[Evidence("layers with unmoved statistics", count, "0"), *losses(fact)],
        )


@check.in_run
def left_behind(run: Run) -> Iterator[Finding]:
    for fact in run.unmoved_norms.values():
        if not run.ended and fact.step - fact.first < PATIENCE:
            continue
        if not fact.leader:
            if any(is_trained(p) for p in belonging(run, fact.model, fact.part)):
                yield by_momentum(fact)
        elif is_clear(fact) and follows(run, fact):
            yield by_copy(run, fact)


def is_clear(fact: UnmovedNormFact) -> bool:
    """Whether the statistics are so far from those of the leader that it shows."""
    return fact.shift >= SHIFT or fact.factor >= FACTOR


def follows(run: Run, fact: UnmovedNormFact) -> bool:
    """Whether the leader is trained, and the other one gets its weights from nobody else."""
    own = belonging(run, fact.model, fact.part)
    led = belonging(run, fact.leader, fact.leader_part)
    return any(map(is_trained, led)) and not any(p.optimizers or p.reached for p in own)


def belonging(run: Run, model: str, part: str) -> list[ParameterFact]:
    """The parameters of a model or of a part of it."""
    inside = f"{part}." if part else ""
    return [p for p in run.parameters.values() if p.model == model and p.name.startswith(inside)]


def is_trained(parameter: ParameterFact) -> bool:
    """Whether steps move it."""
    return parameter.reached and bool(parameter.optimizers or parameter.updated)


def by_momentum(fact: UnmovedNormFact) -> Finding:
    count = len(fact.names)
    batches = counted(fact.batches, "batch", "batches")
    return check.finding(
        fact.site,
        f"`{fact.name}` is evaluated with the running mean of 0 and variance of 1 that BatchNorm "
        f"{named(fact.names)} {'were' if count > 1 else 'was'} built with: {batches} "
        "of training moved nothing, momentum is 0.",
        step=fact.first,
        subject=fact.names[0],
        confidence=Confidence.LIKELY,
        evidence=[Evidence("layers with unmoved statistics", count, "0")],
    )


def by_copy(run: Run, fact: UnmovedNormFact) -> Finding:
    count = len(fact.names)
    what = "mean 0 and variance 1" if fact.fresh else f"the same as after {counted(fact.first, 'step')}"
    trained = [e for e in run.of(Kind.FORWARD, fact.leader) if "grad" in e.traits]
    return check.finding(
        fact.site,
        f"`{fact.name}` is evaluated with weights that follow `{fact.leader_name}`, but the running "
        f"statistics of BatchNorm {named(fact.names)} are still {what}. {difference(fact)}",
        step=fact.step,
        subject=fact.names[0],
        related=[(run.usual_site(trained), "the network that it follows is trained here")],
        evidence=[
            Evidence("layers with unmoved statistics", count, "0", step=fact.step),
            Evidence(f"running variance of {fact.layer}", fact.variance, f"near {fact.leader_variance:.4g}"),
        ],
        expected="a copy has the running statistics that belong to its weights",
        fix="Copy the buffers with the parameters: `for mine, theirs in zip(copy.buffers(), "
        "model.buffers()): mine.copy_(theirs)`.",
    )


def difference(fact: UnmovedNormFact) -> str:
    """How far the statistics of one layer are from those of the leader."""
    return (
        f"The variance of `{fact.layer}` is {fact.variance:.3g}, in `{fact.leader_name}` "
        f"{fact.leader_variance:.3g} on average over the channels; the means are {fact.shift:.2g} standard "
        "deviations apart."
    )


def named(names: tuple[str, ...]) -> str:
    """The first layers by name, and how many more there are."""
    shown = ", ".join(f"`{name}`" for name in names[:NAMED])
    return f"{shown} and {len(names) - NAMED} more" if len(names) > NAMED else shown


def is_same(fact: StillNormFact) -> bool:
    """Whether the loss is the same with either: there was nothing to normalise."""
    return abs(fact.running - fact.batch) <= SAME * max(abs(fact.batch), abs(fact.running))


def losses(fact: StillNormFact) -> Iterator[Evidence]:
    """The loss with these statistics, if it is known."""
    if isfinite(fact.running) and isfinite(fact.batch):
        yield Evidence("loss with the running statistics", fact.running, f"near {fact.batch:.4g}")


def apart(fact: StillNormFact) -> str:
    """What difference it makes, if that is known."""
    if not isfinite(fact.running) or not isfinite(fact.batch):
        return ""
    return f" The loss of a batch is {fact.running:.4g} with them and {fact.batch:.4g} with its own."
