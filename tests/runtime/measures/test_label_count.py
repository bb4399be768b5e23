"""Targets by class id."""

import pytest
import torch

from osler.runtime.measures import Moment, label_count

torch.set_num_threads(1)


def counts(targets: object) -> dict[str, float]:
    found = label_count.take(Moment(targets=targets))
    return dict(zip(found.subjects, found.values.tolist(), strict=True)) if found else {}


def test_ids_are_counted_and_ignored_ones_are_not() -> None:
    assert counts(torch.tensor([0, 2, 2, -100, 0, 2])) == {"0": 2, "2": 3}
    assert counts(torch.tensor([[1, 1], [3, -1]])) == {"1": 2, "3": 1}


def test_large_vocabularies_are_not_counted_beyond_the_limit() -> None:
    assert counts(torch.tensor([1, 63, 64, 50_000])) == {"1": 1, "63": 1}


@pytest.mark.parametrize(
    "targets", [None, torch.zeros(3), torch.zeros(0).long(), torch.tensor([-1]), torch.tensor([70])]
)
def test_nothing_to_count(targets: object) -> None:
    assert counts(targets) == {}
