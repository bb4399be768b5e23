"""An activation overwrites the tensor that is added back as the residual.

A residual block returns `x + f(x)`. If `f` begins with an activation that works in place, `x` itself is
rectified before it is added: the skip connection carries `relu(x)`, no block passes a negative value on, and
what the identity was to keep open is closed. Nothing fails.

## Bad

```python
class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.ReLU(inplace=True), nn.Linear(8, 8))
        self.start = nn.Linear(8, 8)
        self.head = nn.Linear(8, 4)

    def forward(self, x):
        x = self.start(x)
        return self.head(x + self.body(x))


net = Block()
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for x, y in loader:
    optimizer.zero_grad()
    loss_fn(net(x), y).backward()
    optimizer.step()
```

## Good

```python
class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.ReLU(), nn.Linear(8, 8))
        self.start = nn.Linear(8, 8)
        self.head = nn.Linear(8, 4)

    def forward(self, x):
        x = self.start(x)
        return self.head(x + self.body(x))


net = Block()
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for x, y in loader:
    optimizer.zero_grad()
    loss_fn(net(x), y).backward()
    optimizer.step()
```

## Not a problem

- `out = relu(out)` before `out += identity`, as in ResNet: what is overwritten is not the identity.
- `x = relu(x)`: the name stands for the rectified tensor from then on, and that is what is added.
- A first activation that follows a normalisation, which makes a tensor of its own.
- Blocks that end in the same activation: what they get has no negative values to lose.

## Sources

- [Identity mappings in deep residual networks](https://arxiv.org/abs/1603.05027)
- Reported in [vq-vae-2-pytorch](https://github.com/rosinality/vq-vae-2-pytorch/issues/60) and in
  PyTorch as [5687](https://github.com/pytorch/pytorch/issues/5687)
"""

from __future__ import annotations

from collections.abc import Iterator

from osler.model import CallFact, Check, Code, Edit, Finding, Network, Pages, Place, Severity
from osler.static.edits import calls, replaced

RECTIFIERS = ("nn.ReLU", "nn.ReLU6", "torch.relu", "torch.nn.functional.relu", "Tensor.relu", "Tensor.relu_")

check = Check(
    __name__,
    severity=Severity.ERROR,
    expected="the tensor that is added back is the one that came in",
    why="The skip connection carries the activated tensor: what is negative in it is lost at every block.",
    fix="Leave `inplace=True` out of the first activation of the block.",
)


@check.in_code
def identity_overwritten(code: Code) -> Iterator[Finding]:
    told: set[Place] = set()
    for total in code.calls_of("+ overwritten"):
        term = total.arguments.get(0)
        changed = next((c for c in code.calls_of("in place") if c.arguments.get(0) is term), None)
        if changed is None or changed.place in told or is_rectified(code, total):
            continue
        told.add(changed.place)
        layer = changed.arguments.get(1)
        where = "in the same line" if changed.place == total.place else f"in line {total.place.line}"
        yield check.finding(
            (changed.place,),
            f"an activation overwrites the tensor that is added as the residual {where}.",
            related=[
                ((total.place,), "the overwritten tensor is added here"),
                ((layer.place,) if isinstance(layer, Network) else (), "the layer is built in place here"),
            ],
        )


def is_rectified(code: Code, total: CallFact) -> bool:
    """The sum is rectified next: further blocks get nothing negative."""
    return any(c.arguments.get(0) is total.result for c in code.calls_of(*RECTIFIERS))


@check.mends
def not_in_place(finding: Finding, pages: Pages) -> Iterator[list[Edit]]:
    for place in (finding.place, *(r.place for r in finding.related)):
        page = pages.get(place.file)
        for call in calls(page.tree) if page is not None else ():
            flags = [k.value for k in call.keywords if k.arg == "inplace"]
            if page is not None and call.lineno == place.line and len(flags) == 1:
                yield [replaced(page, flags[0], "False")]
