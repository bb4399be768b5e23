"""The mean of a batch's inputs."""

import pytest
import torch

from osler.runtime.measures import Moment, input_mean

torch.set_num_threads(1)
IMAGES = torch.tensor([[1.0, 3.0], [1.0, 3.0]])


@pytest.mark.parametrize(
    "batch",
    [IMAGES, [IMAGES, torch.zeros(2)], {"ids": torch.zeros(9).long(), "x": IMAGES}, (IMAGES.half(), "b")],
    ids=["alone", "with labels", "the first of real numbers", "half precision"],
)
def test_over_all_axes(batch: object) -> None:
    found = input_mean.take(Moment(batch=batch))
    assert found is not None
    assert (found.subjects, found.values.tolist()) == (("",), [2.0])


@pytest.mark.parametrize(
    "batch",
    [None, [], torch.zeros(0), torch.zeros(3).long(), torch.zeros(2, device="meta"), "text"],
    ids=["nothing", "empty list", "empty", "whole numbers", "no values", "text"],
)
def test_nothing_to_measure(batch: object) -> None:
    assert input_mean.take(Moment(batch=batch)) is None
