"""`F.interpolate` is given the sizes of all axes, although it wants those of the picture only.

`size=` counts the axes behind batch and channels: height and width. The whole shape of another tensor also
holds its batch and channels, and the call fails.

## Bad

```python
class Up(nn.Module):
    def __init__(self):
        super().__init__()
        self.down = nn.Conv2d(3, 8, 3, stride=2)
        self.skip = nn.Conv2d(3, 8, 1)

    def forward(self, x):
        skip = self.skip(x)
        return skip + F.interpolate(self.down(x), size=skip.shape)


print(Up())
```

## Good

```python
class Up(nn.Module):
    def __init__(self):
        super().__init__()
        self.down = nn.Conv2d(3, 8, 3, stride=2)
        self.skip = nn.Conv2d(3, 8, 1)

    def forward(self, x):
        skip = self.skip(x)
        return skip + F.interpolate(self.down(x), size=skip.shape[2:])


print(Up())
```

## Not a problem

- `shape[2:]` and `shape[-2:]`, for pictures and for volumes.
- The shape of an array that is no tensor and has no batch, and `labels.shape[1:]`, which have no channels.

## Sources

- [interpolate](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.interpolate.html)
"""

from __future__ import annotations

from collections.abc import Iterator

from osler.model import Check, Code, Edit, Finding, Pages, Severity, Sizes, Tensor
from osler.static.edits import call_at, replaced, text_of

FUNCTIONS = ("torch.nn.functional.interpolate", "torch.nn.functional.upsample")

BEFORE = 2
"""Axes before those of the picture: batch and channels."""

check = Check(
    __name__,
    severity=Severity.ERROR,
    expected="`size` has one number for each axis behind batch and channels",
    why="The call raises an error, or scales axes that are no part of the picture.",
    fix="Pass `size=other.shape[2:]`.",
)


@check.in_code
def whole_shape(code: Code) -> Iterator[Finding]:
    for call in code.calls_of(*FUNCTIONS):
        size = call.argument(1, "size")
        if isinstance(size, Sizes) and 0 <= size.first < BEFORE and has_more(size):
            more = "batch and channels" if size.first == 0 else "channels"
            yield check.finding((call.place,), f"`{call.last}` is given a `size` that includes the {more}.")


def has_more(size: Sizes) -> bool:
    """The first of these sizes certainly is that of the batch, or of channels: labels may have none."""
    of = size.of
    if not isinstance(of, Tensor):
        return False
    layer = of.activation.layer if of.activation is not None else None
    is_layered = layer is not None and layer.kind.startswith("Conv")
    return is_layered or (size.first == 0 and of.rows)


@check.mends
def only_the_picture(finding: Finding, pages: Pages) -> Iterator[list[Edit]]:
    called = call_at(pages, finding.place, "interpolate", "upsample")
    if called is not None:
        sizes = [*called.call.args[1:2], *(k.value for k in called.call.keywords if k.arg == "size")]
        yield from ([replaced(called.page, s, f"{text_of(called.page, s)}[{BEFORE}:]")] for s in sizes)
