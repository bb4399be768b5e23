"""What a dataset holds for one sample is found without calling any code of the user's."""

from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import ConcatDataset, Dataset, Subset, TensorDataset

from osler.runtime.stored import CHECKED, Part, differing, is_handed_out, numbers_of, parts, spread


class Stored(Dataset[Any]):
    def __init__(self, **held: Any) -> None:
        vars(self).update(held)

    def __len__(self) -> int:
        raise AssertionError("this is the user's code")

    def __getitem__(self, index: int) -> Any:
        raise AssertionError("this is the user's code")


class Five(Stored):
    def __len__(self) -> int:
        return 5


def found(dataset: object, index: int = 3, samples: int = 10) -> list[tuple[str, str]]:
    return [(part.attribute, part.path) for part in parts(dataset, index, samples)]


@pytest.mark.parametrize(
    ("held", "paths"),
    [
        ({"x": torch.rand(10, 2)}, [("x", "")]),
        ({"x": np.zeros((12, 2))}, [("x", "")]),
        ({"x": [torch.rand(2)] * 10}, [("x", "")]),
        ({"x": [[1, 2, 3]] * 10}, [("x", "")]),
        ({"x": [(np.zeros(4), 7)] * 10}, [("x", "[0]")]),
        ({"x": [{"a": torch.rand(2), "b": [np.zeros(2)]}] * 10}, [("x", "['a']"), ("x", "['b'][0]")]),
        ({"x": {"a": torch.rand(10, 2), "b": np.zeros((10, 3))}}, [("x", "['a']"), ("x", "['b']")]),
        ({"x": (torch.rand(10, 2), torch.rand(10))}, [("x", "[0]")]),
        ({"x": torch.rand(9, 2)}, []),  # fewer entries than samples
        ({"x": torch.rand(10)}, []),  # one number per sample
        ({"x": torch.rand(10, 2, requires_grad=True)}, []),
        ({"x": torch.rand(10, 2).to_sparse()}, []),
        ({"x": torch.rand(10, 2, device="meta")}, []),
        ({"x": np.array([["a", "b"]] * 10)}, []),
        ({"x": ["text"] * 10, "y": "a text that is long", "z": 3, "w": None}, []),
        ({"x": [[True, False]] * 10}, []),
        ({"x": range(10)}, []),
        ({"x": torch.tensor(1.0), "y": np.array(2.0)}, []),
    ],
)
def test_what_is_held_for_a_sample(held: dict[str, Any], paths: list[tuple[str, str]]) -> None:
    assert found(Stored(**held)) == paths


def test_what_cannot_be_written_to_is_left_out(tmp_path: Any) -> None:
    fixed = np.zeros((10, 2))
    fixed.flags.writeable = False
    mapped = np.memmap(tmp_path / "x", np.float32, "w+", shape=(10, 2))
    assert found(Stored(x=fixed, y=mapped)) == []


def test_datasets_inside_each_other() -> None:
    x = torch.arange(40.0).view(20, 2)
    base = TensorDataset(x)
    both = ConcatDataset([Five(z=np.zeros((5, 2))), Subset(base, [7, 8, 9])])
    (part,) = parts(Stored(inner=both), 6, 8)
    assert (part.owner, part.attribute, part.path) == (TensorDataset, "tensors", "[0]")
    assert torch.equal(part.value, x[8])
    (part,) = parts(both, 2, 8)
    assert (part.owner, part.attribute) == (Five, "z")
    assert list(parts([torch.rand(2)] * 8, 2, 8)) == []


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.uint8, torch.complex64, torch.bool])
def test_numbers_lie_in_the_memory_of_the_tensor(dtype: torch.dtype) -> None:
    tensor = torch.zeros(4, dtype=dtype)
    numbers = numbers_of(tensor)
    assert numbers is not None
    before = spread(numbers)
    tensor[1] = 1
    assert differing(before, spread(numbers)) == 1


def test_numbers_are_spread_over_all() -> None:
    large = np.arange(64 * 1024.0).reshape(64, 1024)
    some = spread(large)
    assert len(some) <= CHECKED
    assert len({int(n) % 1024 for n in some}) > 400  # many columns
    assert len({int(n) // 1024 for n in some}) == 64  # all rows
    some[:] = 0
    assert large.any()


def test_how_many_numbers_differ() -> None:
    nan = float("nan")
    assert differing(np.array([1, nan, 3.0]), np.array([1, nan, 4.0])) == 1
    assert differing(np.array([1, nan, 3.0]), np.array([nan, 2, 3.0])) == 2
    assert differing(np.array([1, 2.0]), np.array([1, 2, 3, 4.0])) == 2


def test_what_is_handed_out() -> None:
    x = torch.rand(10, 4)
    part = Part(Stored, "x", "", x[3], numbers_of(x[3]))  # type: ignore
    assert is_handed_out(part, [x[3, :2]])  # some of the same memory
    assert is_handed_out(part, [torch.rand(2, 2)])  # as many numbers
    assert not is_handed_out(part, [x[4, :2], torch.rand(5), [1, 2]])
    assert not is_handed_out(part, [])
