"""Labels that come sorted, and how likely that is."""

from itertools import permutations

import pytest
import torch

from osler.runtime.label_order import LabelOrder


def order_of(*batches: list[int], passes: int = 0) -> LabelOrder:
    order = LabelOrder(0)
    for batch in batches:
        order.add(torch.tensor(batch), passes)
    return order


@pytest.mark.parametrize("ids", [[0, 0, 1], [0, 1, 1, 2], [3, 3, 3], [0, 1, 2, 3, 4]])
def test_the_chance_is_that_of_all_orders(ids: list[int]) -> None:
    ways = list(permutations(ids))
    share = sum(list(way) == sorted(ids) for way in ways) / len(ways)
    assert 10 ** order_of(ids).chance == pytest.approx(share)


def test_batches_are_one_sequence() -> None:
    assert order_of([0, 0], [1, 1]).labels == 4
    assert order_of([0, 1], [0, 1]).labels == 0


def test_one_class_proves_nothing() -> None:
    assert order_of([2] * 99).chance == pytest.approx(0.0)


def test_another_pass_ends_it() -> None:
    order = order_of([0, 1, 2])
    order.add(torch.tensor([0, 1]), 1)
    assert order.labels == 3


@pytest.mark.parametrize("target", [torch.tensor([0.0, 1.0]), torch.zeros(2, 2, dtype=torch.int64)])
def test_only_class_ids_count(target: torch.Tensor) -> None:
    order = LabelOrder(0)
    order.add(target, 0)
    order.add(torch.tensor([0, 1]), 0)
    assert order.labels == 0
