"""Dropout for feature maps behind a layer that gives vectors.

`Dropout2d` drops whole channels of pictures. Behind a linear layer there are no channels: depending on the
version of torch it drops whole samples, drops as `Dropout` does, or warns.

## Bad

```python
net = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Dropout2d(0.5), nn.Linear(32, 4))
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(net(x), y).backward()
        optimizer.step()
```

## Good

```python
net = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Dropout(0.5), nn.Linear(32, 4))
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(net(x), y).backward()
        optimizer.step()
```

## Not a problem

- `Dropout2d` behind a convolution.
- Vectors that are made a picture again before.

## Sources

- [Dropout2d](https://docs.pytorch.org/docs/stable/generated/torch.nn.Dropout2d.html)
"""

from __future__ import annotations

from collections.abc import Iterator

from osler.model import Check, Code, Edit, Evidence, Finding, Network, Pages, PartsFact, Setup, Severity
from osler.static.edits import call_at, renamed
from osler.static.knowledge import WITHOUT_PARAMETERS

OF_MAPS = frozenset({"Dropout1d", "Dropout2d", "Dropout3d"})
OF_VECTORS = frozenset({"torch.nn.Linear", "torch.nn.BatchNorm1d", "torch.nn.Flatten"})

VECTORS = 2
"""Axes of a batch of vectors."""

check = Check(
    __name__,
    severity=Severity.WARNING,
    expected="vectors are dropped by `Dropout`, feature maps by `Dropout2d`",
    why="Whole samples may be dropped, or the regularisation is not the one that was meant.",
    fix="Use `nn.Dropout` behind linear layers.",
)


@check.in_code
def behind_vectors(code: Code) -> Iterator[Finding]:
    for sequence in code.networks:
        if sequence.layer != "torch.nn.Sequential" or not sequence.known:
            continue
        layers = [n for _, n in sequence.children()]
        for number, layer in enumerate(layers):
            source = giver(layers[:number]) if layer.kind in OF_MAPS else None
            if source is not None and source.layer in OF_VECTORS:
                yield check.finding(
                    (layer.place,),
                    f"`{layer.kind}` follows `{source.kind}`, which gives vectors, not feature maps.",
                    related=[((source.place,), "the vectors come from here")],
                )


@check.in_setup
def given_vectors(setup: Setup) -> Iterator[Finding]:
    for model in setup.all(PartsFact):
        givers = {pair.taker.name: pair.giver for pair in model.handovers}
        for layer in model.parts:
            if layer.kind not in OF_MAPS or len(layer.inputs) != VECTORS or not layer.rate:
                continue
            source = givers.get(layer.name)
            related = [(source.built or source.site, "the vectors come from here")] if source else []
            yield check.finding(
                layer.built or layer.site,
                f"`{layer.name}` is a {layer.kind} and is given {layer.inputs[0]} vectors of "
                f"{layer.inputs[1]} numbers, not feature maps.",
                subject=layer.name,
                related=related,
                evidence=[Evidence("axes of its input", VECTORS, "3 or more")],
            )


def giver(before: list[Network]) -> Network | None:
    """The last layer that decides what its output looks like."""
    for layer in reversed(before):
        shapes = layer.kind in {"Flatten", "Unflatten"} or not layer.layer.startswith("torch.nn.")
        if shapes or not WITHOUT_PARAMETERS.match(layer.kind):
            return layer
    return None


@check.mends
def drop_vectors(finding: Finding, pages: Pages) -> Iterator[list[Edit]]:
    for kind in sorted(OF_MAPS):
        yield renamed(call_at(pages, finding.place, kind), "Dropout")
