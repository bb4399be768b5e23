"""Two axes were to change places, and `view` or `reshape` cut the numbers anew instead.

`view` and `reshape` move nothing: they read the same row of numbers with other sizes. An axis that stands at
another place afterwards is not the axis it was: with `view(B, heads, T, d)` on a tensor of (B, T, heads * d)
a "position" holds parts of several positions. Sizes agree, nothing is raised, and the network learns as well
as mixed rows allow. To move an axis, `transpose` or `permute` is needed, behind a split or ahead of a merge.

## Bad

```python
class Heads(nn.Module):
    def __init__(self):
        super().__init__()
        self.inside, self.out = nn.Linear(1, 6), nn.Linear(6, 4)

    def forward(self, x):
        h = self.inside(x.unsqueeze(2))
        h = h.view(len(x), 2, 8, 3).softmax(dim=2)
        return self.out(h.transpose(1, 2).reshape(len(x), 8, 6).mean(1))


model = Heads()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
for x, y in loader:
    optimizer.zero_grad()
    loss_fn(model(x), y).backward()
    optimizer.step()
```

## Good

```python
class Heads(nn.Module):
    def __init__(self):
        super().__init__()
        self.inside, self.out = nn.Linear(1, 6), nn.Linear(6, 4)

    def forward(self, x):
        h = self.inside(x.unsqueeze(2))
        h = h.view(len(x), 8, 2, 3).transpose(1, 2).softmax(dim=2)
        return self.out(h.transpose(1, 2).reshape(len(x), 8, 6).mean(1))


model = Heads()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
for x, y in loader:
    optimizer.zero_grad()
    loss_fn(model(x), y).backward()
    optimizer.step()
```

## Not a problem

- An axis that is split in its place, axes that are merged in their order: heads, patches, groups, flattening.
- Rows cut anew where no size comes back at another place.
- The shift of relative positions: (T, T + 1) read as (T + 1, T).
- Sizes of 1, which hold no order.

## Sources

- [Difference of view and permute](https://discuss.pytorch.org/t/different-between-permute-transpose-view-which-should-i-use/32916)
- [torch.Tensor.view](https://docs.pytorch.org/docs/stable/generated/torch.Tensor.view.html)
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate, pairwise
from math import prod
from operator import mul

from osler.model import Check, Confidence, Evidence, Finding, Run, Severity

Sizes = tuple[int, ...]

check = Check(
    __name__,
    severity=Severity.WARNING,
    expected="`view` and `reshape` split or merge axes where they stand",
    why="Numbers that belong to different positions are taken for one: what is learned from them is mixed.",
    fix="Move the axis with `transpose` or `permute`, behind a split where it stands or ahead of a merge.",
    symptoms=(
        "cannot-overfit-one-batch",
        "loss-plateaus",
        "no-better-than-baseline",
        "samples-leak-across-batch",
    ),
)


@check.applies_when
def nothing_reshaped(run: Run) -> str:
    if any(graph.reshaped for graph in run.graphs.values()):
        return ""
    return "no tensor behind a loss was given other sizes"


@check.in_run
def moved_by_reshape(run: Run) -> Iterator[Finding]:
    told: set[object] = set()
    for graph in run.graphs.values():
        for fact in graph.reshaped:
            place, size = graph.place(fact.position), moved_axis(fact.before, fact.after)
            size = size or (heads_merged(fact.before, fact.after) if fact.of_product else 0)
            if not size or place is None or place in told:
                continue
            told.add(place)
            yield check.finding(
                (place,),
                f"A tensor of {fact.before} is read as {fact.after} here: the axis of {size} seems to have "
                "moved, but no number has, and so each of its rows holds parts of others.",
                related=[(graph.site, "the loss behind it goes backward here")],
                evidence=[Evidence("size of the axis", size, "at its place, or split or merged there")],
                confidence=Confidence.LIKELY,
            )


def moved_axis(before: Sizes, after: Sizes) -> int:
    """The size of an axis that stands elsewhere afterwards although nothing was moved; 0 if there is none.

    Args:
        before: the sizes that a tensor had.
        after: those it was given; of the same number of elements.
    """
    old, new = (tuple(n for n in sizes if n > 1) for sizes in (before, after))
    return split_ahead(old, new) or permuted(old, new) or crossed(old, new)


def heads_merged(before: Sizes, after: Sizes) -> int:
    """(B, heads, T, d) or (B * heads, T, d), as attention makes them, read as (B, T, heads * d)."""
    if min(len(before), len(after)) < 3:
        return 0
    (*ahead, length, width), (*left, same, whole) = before, after
    heads = whole // width
    if same != length or not 1 < heads != length > 1 or heads * width != whole:
        return 0
    return length if prod(ahead) == heads * prod(left) else 0


def permuted(old: Sizes, new: Sizes) -> int:
    """Three axes or more in another order, as (…, H, W, C) read as (…, C, H, W).

    Of two it may be chance: (T, r * d) read as (r * T, d) makes r positions of one.
    """
    differ = [i for i, (a, b) in enumerate(zip(old, new, strict=False)) if a != b]
    if len(old) != len(new) or not differ:
        return 0
    stretch = slice(differ[0], differ[-1] + 1)
    same = sorted(old[stretch]) == sorted(new[stretch])
    return max(old[stretch]) if same and differ[-1] - differ[0] >= 2 else 0


def split_ahead(old: Sizes, new: Sizes) -> int:
    """(…, T, heads * d, …) read as (…, heads, T, d, …)."""
    if len(new) != len(old) + 1:
        return 0
    for i, (length, width) in enumerate(pairwise(old)):
        first, middle, last = new[i : i + 3]
        same = old[:i] == new[:i] and old[i + 2 :] == new[i + 3 :]
        if same and middle == length != first and first * last == width:
            return length
    return 0


def crossed(old: Sizes, new: Sizes) -> int:
    """An axis that comes back in a stretch where no splitting and merging leads from old to new sizes.

    Borders of axes are products of the sizes ahead of them. If of all borders each divides the next, finer
    axes exist of which both shapes are made.
    """
    ends_of_old, ends_of_new = ([1, *accumulate(sizes, mul)] for sizes in (old, new))
    common = sorted(set(ends_of_old) & set(ends_of_new))
    for begin, end in pairwise(common):
        borders = sorted({n for n in (*ends_of_old, *ends_of_new) if begin <= n <= end})
        if all(not n % m for m, n in pairwise(borders)):
            continue
        left = tuple(n for n, stop in zip(old, ends_of_old[1:], strict=True) if begin < stop <= end)
        right = tuple(n for n, stop in zip(new, ends_of_new[1:], strict=True) if begin < stop <= end)
        shared = set(left) & set(right)
        if shared and not is_shift(left, right):
            return max(shared)
    return 0


def is_shift(left: Sizes, right: Sizes) -> bool:
    """(T, T + 1) read as (T + 1, T) shifts each row by one more: relative positions (Transformer-XL)."""
    return left == right[::-1] and len(left) == 2 and abs(left[0] - left[1]) == 1
