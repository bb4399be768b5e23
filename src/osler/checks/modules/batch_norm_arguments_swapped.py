"""The numbers given to BatchNorm fit another argument or another library.

`BatchNorm2d(channels, 0.8)` sets eps to 0.8, not the momentum: every channel whose variance is small is
flattened. A momentum of 0.9 or more means, in torch, that the running statistics are nearly those of the
last batch; other libraries count the other way round.

## Bad

```python
body = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16, 0.8), nn.ReLU(), nn.Linear(16, 4))
optimizer = torch.optim.SGD(body.parameters(), lr=0.05)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(body(x), y).backward()
        optimizer.step()
```

## Good

```python
body = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16, momentum=0.2), nn.ReLU(), nn.Linear(16, 4))
optimizer = torch.optim.SGD(body.parameters(), lr=0.05)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(body(x), y).backward()
        optimizer.step()
```

## Not a problem

- The usual values: eps from 1e-6 to 1e-3, momentum from 0.001 to 0.5.
- A momentum of 1, which keeps the statistics of the last batch on purpose.
- A layer without running statistics: its momentum moves nothing.
- In a pre-flight: a model whose weights were loaded came with its numbers.

## Sources

- [BatchNorm2d](https://docs.pytorch.org/docs/stable/generated/torch.nn.BatchNorm2d.html)
- Reported in [PyTorch-GAN](https://github.com/eriklindernoren/PyTorch-GAN/issues/116) and
  [vision](https://github.com/pytorch/vision/pull/8312)
"""

from collections.abc import Iterator

from osler.model import Check, Code, Const, Evidence, Finding, Network, PartsFact, Setup, Severity

LARGE_EPS = 1e-2
"""Added to a variance that is meant to be near 1: nobody chooses so much for the sake of stability."""

HEAVY = 0.9
"""Momentum from which the other convention is meant: the running mean would forget within two batches."""

NAMED = 4
"""Layers whose lines are named."""

check = Check(
    __name__,
    severity=Severity.WARNING,
    expected="eps is tiny, and momentum is the weight of the new batch",
    why="Normalisation or its running statistics are not what was meant.",
    fix="Pass `momentum=` by name: it is the weight of the new batch, not of the old ones.",
)


@check.in_code
def numbers_of_another(code: Code) -> Iterator[Finding]:
    for layer in code.networks:
        if "BatchNorm" not in layer.kind or type(layer) is not Network:  # a class made from it has its own
            continue
        eps, momentum = number(layer, 1, "eps"), number(layer, 2, "momentum")
        if eps >= LARGE_EPS:
            yield check.finding(
                (layer.place,),
                f"`{layer.kind}` is given eps = {eps:g}: the second argument is eps, not momentum.",
            )
        elif HEAVY <= momentum < 1 and not is_without_statistics(layer):
            yield check.finding(
                (layer.place,),
                f"`{layer.kind}` is given momentum = {momentum:g}: the statistics are "
                "almost those of the last batch.",
            )


@check.in_setup
def as_it_ran(setup: Setup) -> Iterator[Finding]:
    for model in setup.all(PartsFact):
        wrong = [p for p in model.parts if p.eps >= LARGE_EPS or HEAVY <= p.momentum < 1]
        if not wrong or model.pretrained:
            continue
        first = wrong[0]
        who = f"`{first.name}` and {len(wrong) - 1} more normalise"
        who = who if len(wrong) > 1 else f"`{first.name}` normalises"
        has_large_eps = first.eps >= LARGE_EPS
        name, value = ("eps", first.eps) if has_large_eps else ("momentum", first.momentum)
        what = (
            "which is added to every variance; the second argument is eps, not the momentum."
            if has_large_eps
            else "so that its statistics are almost those of the last batch."
        )
        yield check.finding(
            first.built or first.site,
            f"{who} with {name} = {value:g}, {what}",
            subject=first.name,
            related=[(p.built or p.site, "another one") for p in wrong[1:NAMED]],
            evidence=[Evidence(name, value, "1e-05" if has_large_eps else "0.1")],
        )


def is_without_statistics(layer: Network) -> bool:
    """It normalises by each batch alone: the momentum moves nothing."""
    return layer.options.get("track_running_stats", layer.options.get(4)) == Const(False)


def number(layer: Network, position: int, name: str) -> float:
    """An argument as a number; 0 if it is not known."""
    value = layer.options.get(name, layer.options.get(position))
    match value:
        case Const(value=int() | float() as given):
            return float(given)
        case _:
            return 0.0
