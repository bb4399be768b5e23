import math

import pytest
import torch

from osler.model import Kind
from osler.runtime.measures import Moment, clip_ratio


@pytest.mark.parametrize(
    ("norm", "limit", "ratio"),
    [
        (torch.tensor(4.0), 2.0, 2.0),
        (torch.tensor(1.0), 2.0, 0.5),
        (torch.tensor(4.0), math.inf, None),
        (torch.tensor(4.0), 0.0, None),
        (torch.tensor(4.0, device="meta"), 2.0, None),
        (None, 1.0, None),
    ],
)
def test_norm_over_limit(norm: torch.Tensor | None, limit: float, ratio: float | None) -> None:
    assert clip_ratio.take(Moment(norm=norm, limit=limit)) == ratio


def test_it_is_taken_at_every_clipping() -> None:
    assert (clip_ratio.WHEN, clip_ratio.measure.name) == (Kind.CLIP, "clip_ratio")
