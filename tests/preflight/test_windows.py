"""Windows that reach into their targets, and those that are rebuilt, stand still or only come near."""

import pytest
import torch
from torch import Tensor

from osler.preflight.windows import Overlap, overlap, time_axis

COUNT, LENGTH = 200, 24


def series(features: int = 1) -> Tensor:
    torch.manual_seed(3)
    return torch.randn(COUNT + 80, features).cumsum(0)


def windows(values: Tensor, start: int, length: int) -> Tensor:
    """(samples, length, features), of which each begins one step after the one before."""
    return torch.stack([values[i + start : i + start + length] for i in range(COUNT)])


ONE, THREE = series(), series(3)
PAST = windows(ONE, 0, LENGTH)
PASTS = windows(THREE, 0, LENGTH)
STILL = ONE[:: len(ONE) // 2].repeat_interleave(len(ONE), 0)[: len(ONE)]

REACHING = {
    "one step": (PAST, windows(ONE, LENGTH - 1, 1)[..., 0], Overlap(1, -1, exact=True)),
    "without an axis": (PAST, windows(ONE, LENGTH - 1, 1)[:, 0, 0], Overlap(1, -1, exact=True)),
    "in another unit": (PAST, 3 - 7 * windows(ONE, LENGTH - 1, 1)[..., 0], Overlap(1, -1, exact=False)),
    "one of twelve": (PAST, windows(ONE, LENGTH - 1, 12)[..., 0], Overlap(1, -1, exact=True)),
    "with all axes": (PAST, windows(ONE, LENGTH - 1, 12), Overlap(1, -1, exact=True)),
    "four of twelve": (PAST, windows(ONE, LENGTH - 4, 12)[..., 0], Overlap(4, -1, exact=True)),
    "all of four": (PAST, windows(ONE, LENGTH - 4, 4)[..., 0], Overlap(4, -1, exact=True)),
    "one feature": (PASTS, windows(THREE, LENGTH - 1, 1)[..., 1], Overlap(1, 1, exact=True)),
    "one feature, far": (PASTS, windows(THREE, LENGTH - 2, 9)[..., 2], Overlap(2, 2, exact=True)),
    "all features": (PASTS, windows(THREE, LENGTH - 1, 1)[:, 0], Overlap(1, -1, exact=True)),
    "all features, far": (PASTS, windows(THREE, LENGTH - 2, 6), Overlap(2, -1, exact=True)),
    "an outlier": (
        PAST.index_fill(0, torch.tensor([5]), 1e9),
        windows(ONE, LENGTH - 1, 1)[..., 0].index_fill(0, torch.tensor([5]), 1e9),
        Overlap(1, -1, exact=True),
    ),
}


@pytest.mark.parametrize(("inputs", "targets", "expected"), REACHING.values(), ids=REACHING.keys())
def test_a_window_that_reaches_its_target(inputs: Tensor, targets: Tensor, expected: Overlap) -> None:
    assert overlap(inputs, targets) == expected


SLOW = torch.linspace(0, 6, len(ONE)).sin()[:, None]
HEALTHY = {
    "what follows": (PAST, windows(ONE, LENGTH, 1)[..., 0]),
    "what follows, far": (PAST, windows(ONE, LENGTH, 12)[..., 0]),
    "what follows, of all features": (PASTS, windows(THREE, LENGTH, 1)[:, 0]),
    "a slow series": (windows(SLOW, 0, LENGTH), windows(SLOW, LENGTH, 1)[..., 0]),
    "a series that stands still": (windows(STILL, 0, LENGTH), windows(STILL, LENGTH, 1)[..., 0]),
    "one exception": (
        PAST,
        windows(ONE, LENGTH - 1, 1)[..., 0].index_fill(0, torch.tensor([5]), 1.0),
    ),
    "the target with noise": (PAST, windows(ONE, LENGTH - 1, 1)[..., 0] + 0.01 * torch.rand(COUNT, 1)),
    "the step from the last": (PAST, windows(ONE, LENGTH, 1)[..., 0] - PAST[:, -1]),
    "a mean of the window": (PAST, PAST.mean(1)),
    "the first step, to be remembered": (PAST, PAST[:, 0]),
    "a step of long ago": (PAST, PAST[:, 3]),
    "the window itself": (PAST, PAST),
    "the window itself, flat": (PAST, PAST[..., 0]),
    "the window backwards": (PAST, PAST.flip(1)),
    "its last half backwards": (PAST, PAST.flip(1)[:, : LENGTH // 2]),
    "its last steps, to be repeated": (PAST, PAST[:, -LENGTH // 2 :]),
    "one step later, with teacher forcing": (PAST, windows(ONE, 1, LENGTH)),
    "what came before and what follows": (PAST, windows(ONE, 0, LENGTH + 6)[..., 0]),
    "the largest": (PAST, PAST.amax(1)),
    "targets that are all the same": (PAST, torch.ones(COUNT, 1)),
    "a window that is all the same": (torch.ones(COUNT, LENGTH, 1), windows(ONE, LENGTH, 1)[..., 0]),
    "one feature that stands still and follows": (
        torch.cat([PAST, PAST[:, :1].expand(-1, LENGTH, -1)], 2),
        torch.cat([windows(ONE, LENGTH, 1), PAST[:, :1]], 2)[:, 0],
    ),
    "features of another kind": (PASTS, windows(THREE, LENGTH - 1, 2)[..., :2]),
}


@pytest.mark.parametrize(("inputs", "targets"), HEALTHY.values(), ids=HEALTHY.keys())
def test_what_only_looks_like_it(inputs: Tensor, targets: Tensor) -> None:
    assert overlap(inputs, targets) is None


@pytest.mark.parametrize(
    ("shape", "axis"),
    [((8, 24), 1), ((8, 24, 3), 1), ((8, 3, 24), 2), ((8, 3), None), ((8, 6, 6), None), ((8, 3, 2), None),
     ((8, 1, 9, 9), None)],
)  # fmt: skip
def test_the_axis_of_the_steps(shape: tuple[int, ...], axis: int | None) -> None:
    assert time_axis(torch.zeros(shape)) == axis
