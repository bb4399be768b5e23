"""What padding looks like in a batch: sequences of several lengths, filled up with one id at one end."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from osler.preflight.padding import Padding, as_ids, as_labels, filled_axis, fills, is_mask, is_whole


def ends(*lengths: int, width: int = 6) -> Tensor:
    """True at the padding behind sequences of these lengths."""
    return torch.stack([torch.arange(width) >= length for length in lengths])


PLACES = {
    "at the end": (ends(2, 4, 6), 1),
    "at the beginning": (ends(2, 4, 6).flip(1), 1),
    "time first": (ends(2, 4, 6).T, 0),
    "all are padded": (ends(2, 3, 4), 1),
    "one sequence is empty": (ends(0, 3, 6), 1),
    "all of one length": (ends(3, 3, 3), None),
    "all of one length, time first": (ends(3, 3, 3).T, None),
    "some empty, the others full": (ends(0, 0, 6, 6), None),
    "nothing is padded": (ends(6, 6, 6), None),
    "everything is": (ends(0, 0, 0), None),
    "at both ends": (ends(2, 4, 6) | ends(2, 4, 6).flip(1), None),
    "some at the end, some at the beginning": (torch.cat([ends(2, 4), ends(3, 5).flip(1)]), None),
    "in the middle": (torch.tensor([[0, 1, 1, 1, 0, 0], [0, 0, 1, 0, 0, 0]]).bool(), None),
    "only two places": (ends(0, 1, width=2), None),
    "a single sequence": (ends(3), None),
    "runs that chance may give": (ends(5, 6), None),
}


@pytest.mark.parametrize(("places", "axis"), PLACES.values(), ids=PLACES)
def test_along_which_axis_sequences_are_filled_up(places: Tensor, axis: int | None) -> None:
    assert filled_axis(places) == axis


@given(st.lists(st.integers(0, 8), min_size=1, max_size=6))
def test_it_does_not_matter_which_end_and_in_which_order(lengths: list[int]) -> None:
    places = ends(*lengths, width=8)
    expected = fills(places, 1)
    assert fills(places.flip(1), 1) == expected
    assert fills(places.flip(0), 1) == expected
    assert fills(places.T, 0) == expected


MASKS = {
    "truth": (torch.tensor([[True, False]]), True),
    "noughts and ones": (torch.tensor([[1.0, 0.0]]), True),
    "whole noughts and ones": (torch.tensor([[0, 1]]), True),
    "all true": (torch.ones(2, 3, dtype=torch.bool), False),
    "all false": (torch.zeros(2, 3), False),
    "other numbers": (torch.tensor([[0, 2]]), False),
    "weights": (torch.tensor([[0.5, 0.0, 1.0]]), False),
    "with NaN": (torch.tensor([[float("nan"), 0.0, 1.0]]), False),
    "nothing": (torch.empty(0, 3), False),
    "complex": (torch.tensor([[1j, 0]]), False),
}


@pytest.mark.parametrize(("tensor", "expected"), MASKS.values(), ids=MASKS)
def test_what_is_a_mask(tensor: Tensor, expected: bool) -> None:
    assert is_mask(tensor) is expected


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [
        (torch.int64, True),
        (torch.uint8, True),
        (torch.bool, True),
        (torch.float16, False),
        (torch.cfloat, False),
    ],
    ids=str,
)
def test_what_holds_whole_numbers(dtype: torch.dtype, expected: bool) -> None:
    assert is_whole(torch.zeros(2, dtype=dtype)) is expected


PAD, END = 0, 9
LENGTHS = (3, 5, 7)


def sequences(*, end: bool = True) -> Tensor:
    """Ids from 1 to 8, perhaps an end, and padding: (batch, 8)."""
    torch.manual_seed(0)
    rows = torch.randint(1, 9, (len(LENGTHS), 8))
    for row, length in zip(rows, LENGTHS, strict=True):
        row[length:] = PAD
        if end:
            row[length - 1] = END
    return rows


def padding(ids: Tensor, time: int = 1) -> Padding:
    return Padding(ids, PAD, time, "the test")


def test_targets_one_step_later_are_padded_where_the_ids_are() -> None:
    ids = sequences()
    found = as_ids(padding(ids[:, :-1]), ids[:, 1:], classes=10)
    assert found is not None
    assert torch.equal(found.places, ids[:, 1:] == PAD)
    assert found.ends


def test_sequences_without_an_end_have_none() -> None:
    ids = sequences(end=False)
    found = as_ids(padding(ids[:, :-1]), ids[:, 1:], classes=10)
    assert found is not None
    assert not found.ends


@pytest.mark.parametrize("flat", [False, True], ids=["a table", "one axis"])
def test_targets_may_be_flattened_or_have_time_first(flat: bool) -> None:
    ids = sequences()
    for time, inputs, targets in ((1, ids[:, :-1], ids[:, 1:]), (0, ids[:, :-1].T, ids[:, 1:].T)):
        given_targets = targets.reshape(-1) if flat else targets
        found = as_ids(padding(inputs, time), given_targets, classes=10)
        assert found is not None
        assert torch.equal(found.places, given_targets == PAD)


TARGETS = {
    "of another text": (torch.randint(1, 9, (3, 7)), 10),
    "already left out": (sequences()[:, 1:].masked_fill(sequences()[:, 1:] == PAD, -100), 10),
    "of too few rows to share": (torch.zeros(7, dtype=torch.long), 10),
    "that cannot be the id": (sequences()[:, 1:], 0),
}


@pytest.mark.parametrize(("target", "classes"), TARGETS.values(), ids=TARGETS)
def test_other_targets_are_not_padded(target: Tensor, classes: int) -> None:
    assert as_ids(padding(sequences()[:, :-1]), target, classes) is None


def test_labels_of_each_position_are_alike_at_padding() -> None:
    ids = sequences()
    labels = torch.randint(1, 4, ids.shape).masked_fill(ids == PAD, 0)
    found = as_labels(padding(ids), labels)
    assert found is not None
    assert torch.equal(found.places, ids == PAD)
    assert found.ends


@pytest.mark.parametrize(
    "labels",
    [torch.arange(24).reshape(3, 8), torch.ones(3, dtype=torch.long), torch.arange(24)],
    ids=["all different", "one for each sequence", "flat and different"],
)
def test_labels_that_differ_at_padding_say_nothing(labels: Tensor) -> None:
    assert as_labels(padding(sequences()), labels) is None
