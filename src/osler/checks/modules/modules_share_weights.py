"""One layer stands several times in a list, so that all places share its weights.

Multiplying a list repeats references, not layers: `[layer] * 3` is one layer, applied three times. The
model has a third of the parameters that it seems to have.

## Bad

```python
body = nn.Sequential(*[nn.Linear(8, 8), nn.Tanh()] * 3, nn.Linear(8, 4))
optimizer = torch.optim.SGD(body.parameters(), lr=0.05)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(body(x), y).backward()
        optimizer.step()
```

## Good

```python
rows = [layer for _ in range(3) for layer in (nn.Linear(8, 8), nn.Tanh())]
body = nn.Sequential(*rows, nn.Linear(8, 4))
optimizer = torch.optim.SGD(body.parameters(), lr=0.05)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(body(x), y).backward()
        optimizer.step()
```

## Not a problem

- Weights shared on purpose, as in recurrent or tied networks.
- A layer that has a name, and is therefore meant: `zip([model] * n, batches)`.
- Layers without parameters, such as activations.

## Sources

- [ModuleList](https://docs.pytorch.org/docs/stable/generated/torch.nn.ModuleList.html)
- Reported in [Liger-Kernel](https://github.com/linkedin/Liger-Kernel/pull/269)
"""

from collections.abc import Iterator

from osler.model import Check, Code, Evidence, Finding, Network, PartFact, PartsFact, Setup, Severity
from osler.static.queries import learns

check = Check(
    __name__,
    severity=Severity.HINT,
    expected="each place in a list of layers has a layer of its own",
    why="The model has fewer parameters than it seems to have.",
    fix="Build each layer anew: `[make_layer() for _ in range(n)]`.",
)


@check.in_code
def repeated(code: Code) -> Iterator[Finding]:
    for call in code.calls_of("list.*"):
        layers = [v for v in call.arguments.values() if isinstance(v, Network)]
        if any(learns(inner) for layer in layers for inner in layer.walk()):
            yield check.finding(
                (call.place,),
                f"`{layers[0].kind or layers[0].name}` is repeated by reference: "
                "all places share its weights.",
            )


@check.in_setup
def the_same_again(setup: Setup) -> Iterator[Finding]:
    for model in setup.all(PartsFact):
        told: set[str] = set()
        for layer in model.parts:
            if not layer.again or not layer.elements or (place := in_the_list(layer)) in told:
                continue
            told.add(place)
            what = f"`{place}`, a {layer.kind}," if place == layer.name else f"`{place}`"
            yield check.finding(
                layer.built or layer.site,
                f"{what} stands {len(layer.again) + 1} times in its list: all places share its weights.",
                subject=place,
                evidence=[Evidence("places", len(layer.again) + 1, "1")],
            )


def in_the_list(layer: PartFact) -> str:
    """The name of what stands in the list: the layer itself, or what it is a part of."""
    own = layer.name.split(".")
    at = next(n for n, (a, b) in enumerate(zip(own, layer.again[0].split("."), strict=True)) if a != b)
    return ".".join(own[: at + 1])
