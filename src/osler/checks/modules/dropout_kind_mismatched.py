"""Dropout for feature maps behind a layer that gives vectors.

`Dropout2d` drops whole channels of pictures. Behind a linear layer there are no channels: depending on the
version of torch it drops whole samples, drops as `Dropout` does, or warns.

## Bad

```python
net = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Dropout2d(0.5), nn.Linear(32, 4))
print(net)
```

## Good

```python
net = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Dropout(0.5), nn.Linear(32, 4))
print(net)
```

## Not a problem

- `Dropout2d` behind a convolution.
- Vectors that are made a picture again before.

## Sources

- [Dropout2d](https://docs.pytorch.org/docs/stable/generated/torch.nn.Dropout2d.html)
"""

from __future__ import annotations

from collections.abc import Iterator

from osler.model import Check, Code, Edit, Finding, Network, Pages, Severity
from osler.static.edits import call_at, renamed
from osler.static.knowledge import WITHOUT_PARAMETERS

OF_MAPS = frozenset({"Dropout1d", "Dropout2d", "Dropout3d"})
OF_VECTORS = frozenset({"torch.nn.Linear", "torch.nn.BatchNorm1d", "torch.nn.Flatten"})

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
