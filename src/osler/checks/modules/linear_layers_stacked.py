"""Two linear layers follow each other with nothing between them that bends.

The product of two matrices is a matrix: without a non-linearity between them, two linear layers can do
nothing that one could not. Where an activation was forgotten, the network has less depth than it seems to
have.

## Bad

```python
net = nn.Sequential(nn.Linear(8, 32), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 4))
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(net(x), y).backward()
        optimizer.step()
```

## Good

```python
net = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 4))
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(net(x), y).backward()
        optimizer.step()
```

## Not a problem

- A narrow layer between two wide ones: a matrix of low rank, made on purpose.
- Normalisation or dropout between them.
- In a pre-flight: what lies between them is used elsewhere as well, also in evaluation alone; one of them
  is frozen, shares its weights or is called several times; weights were loaded.

## Sources

- [Deep Learning](https://www.deeplearningbook.org/contents/mlp.html), section 6.1
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from osler.model import (
    Check,
    Code,
    Confidence,
    Const,
    Evidence,
    Finding,
    HandoverFact,
    Network,
    PartsFact,
    Setup,
    Severity,
)

check = Check(
    __name__,
    severity=Severity.WARNING,
    expected="an activation stands between two linear layers",
    why="The two layers do what one could do: the network is less deep than it seems.",
    fix="Put an activation such as `nn.ReLU()` between them, or leave one of them out.",
)


@check.in_code
def nothing_between(code: Code) -> Iterator[Finding]:
    for sequence in code.networks:
        if sequence.layer != "torch.nn.Sequential" or not sequence.known:
            continue
        layers = [n for _, n in sequence.children() if n.kind != "Identity"]
        for one, other in pairwise(layers):
            are_linear = {one.layer, other.layer} == {"torch.nn.Linear"} and one is not other
            if are_linear and is_wide(one, other):
                yield check.finding(
                    (other.place,),
                    f"two linear layers follow each other: {width(one, 0)} to {width(one, 1)} to "
                    f"{width(other, 1)} features without an activation.",
                    related=[((one.place,), "the first of them")],
                )


@check.in_setup
def nothing_on_the_way(setup: Setup) -> Iterator[Finding]:
    for model in setup.all(PartsFact):
        for pair in model.handovers if not model.pretrained else ():
            one, other = pair.giver, pair.taker
            if one.kind != "Linear" or other.kind != "Linear" or not is_for_nothing(pair):
                continue
            before, between, behind = one.inputs[-1], other.inputs[-1], other.outputs[-1]
            if is_wide_enough(before, between, behind):
                yield check.finding(
                    other.built or other.site,
                    f"the output of `{one.name}` goes straight into `{other.name}`: {before} to {between} to "
                    f"{behind} features without an activation.",
                    subject=other.name,
                    related=[(one.built or one.site, "the first of them")],
                    confidence=Confidence.LIKELY,
                    evidence=[Evidence("layers between them", 0, "1")],
                )


def is_for_nothing(pair: HandoverFact) -> bool:
    """Both layers are trained, once in a pass, and nothing but the second sees what the first returns."""
    both = (pair.giver, pair.taker)
    return pair.alone and all(p.is_free and p.calls == 1 and p.inputs and p.outputs for p in both)


def is_wide(one: Network, other: Network) -> bool:
    """The space between them is as large as it can be of use: no bottleneck."""
    return is_wide_enough(width(one, 0), width(one, 1), width(other, 1))


def is_wide_enough(before: int, between: int, behind: int) -> bool:
    """The space between is as large as it can be of use: no bottleneck."""
    return min(before, between, behind) > 0 and between >= min(before, behind)


def width(layer: Network, position: int) -> int:
    """Features that go in (0) or come out (1); 0 if that is not known."""
    name = ("in_features", "out_features")[position]
    match layer.options.get(name, layer.options.get(position)):
        case Const(value=int() as number):
            return number
        case _:
            return 0
