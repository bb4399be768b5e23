"""Labels that come sorted, and how likely that is."""

from itertools import pairwise, permutations

import pytest
import torch

from osler.runtime.label_order import LabelOrder


def order_of(*batches: list[int], passes: int = 0) -> LabelOrder:
    order = LabelOrder(0)
    for batch in batches:
        order.add(torch.tensor(batch), passes)
    return order


@pytest.mark.parametrize(
    "batches",
    [[[0], [0], [1]], [[0, 1], [1, 2]], [[0, 0], [0, 1], [2]], [[3, 3], [3]], [[0], [1, 2], [3, 4]]],
)
def test_the_chance_is_that_of_all_deals(batches: list[list[int]]) -> None:
    ids = [i for batch in batches for i in batch]
    ways = list(permutations(ids))
    share = sum(is_ascending(way, [len(b) for b in batches]) for way in ways) / len(ways)
    assert 10 ** order_of(*batches).chance == pytest.approx(share)


def is_ascending(ids: tuple[int, ...], sizes: list[int]) -> bool:
    """Whether no id is smaller than one of a batch before, if the ids are cut into batches."""
    rest = iter(ids)
    batches = [[next(rest) for _ in range(size)] for size in sizes]
    return all(max(a) <= min(b) for a, b in pairwise(batches))


def test_batches_are_one_sequence() -> None:
    assert order_of([0, 0], [1, 1]).labels == 4
    assert order_of([0, 1], [0, 1]).labels == 0


def test_the_order_inside_a_batch_does_not_matter() -> None:
    assert order_of([0, 0, 1, 0], [1, 2, 1]).labels == 7
    assert order_of([0] * 50 + [1] * 50 + [2] * 50).chance == pytest.approx(0.0)


def test_one_class_proves_nothing() -> None:
    assert order_of([2] * 99, [2] * 99).chance == pytest.approx(0.0)


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
