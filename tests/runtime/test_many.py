"""Values for many subjects, read together."""

import math

import pytest
import torch
from torch import nn

from osler.runtime.many import BUNDLE, MOST, Later, Many, norms, series

torch.set_num_threads(1)


def test_keys_name_the_subject_only_if_there_is_one() -> None:
    assert series("loss", "") == "loss"
    assert series("loss", "train.py:12") == "loss:train.py:12"


def test_norms_of_each_and_of_all() -> None:
    found = norms([("a", torch.tensor([3.0, 4.0])), ("b", torch.full((2, 2), 6.0))])
    assert found is not None
    assert found.subjects == ("", "a", "b")
    assert found.values.tolist() == [13.0, 5.0, 12.0]


def test_tensors_without_a_name_are_numbered() -> None:
    found = norms([("", torch.ones(1)), ("", None), ("", torch.ones(1))])
    assert found is not None
    assert found.subjects == ("", "[0]", "[2]")


def test_what_has_no_dense_real_values_is_left_out() -> None:
    sparse = torch.eye(2).to_sparse()
    found = norms([("w", torch.ones(4)), ("i", torch.ones(2).long()), ("s", sparse), ("n", None)])
    assert found is not None
    assert found.subjects == ("", "w")
    assert norms([("n", None), ("s", sparse)]) is None
    assert norms([("i", torch.ones(2).long())]) is None


def test_half_precision_does_not_overflow_and_nan_shows() -> None:
    found = norms([("h", torch.full((4,), 60_000.0, dtype=torch.float16)), ("x", torch.tensor([math.nan]))])
    assert found is not None
    assert found.values[1].item() == pytest.approx(120_000, rel=0.01)
    assert math.isnan(found.values[0].item())


def test_parameters_keep_their_graphs_and_values() -> None:
    weight = nn.Parameter(torch.ones(3))
    found = norms([("w", weight)])
    assert found is not None
    assert not found.values.requires_grad
    assert weight.tolist() == [1, 1, 1]


def test_so_many_subjects_are_kept_and_the_whole_counts_all() -> None:
    found = norms((str(i), torch.ones(1)) for i in range(MOST + 100))
    assert found is not None
    assert len(found.subjects) == MOST + 1
    assert found.values[0].item() == pytest.approx(math.sqrt(MOST + 100))


def test_values_on_the_host_are_read_at_once() -> None:
    read: list[tuple[str, float, int]] = []
    Later(lambda *entry: read.append(entry)).put("norm", Many(("", "a"), torch.tensor([2.0, 1.0])), 7)
    assert read == [("norm", 2.0, 7), ("norm:a", 1.0, 7)]


class Elsewhere:
    """Stands for values on an accelerator."""

    def __init__(self, values: torch.Tensor) -> None:
        self.values, self.is_cpu, self.device = values, False, "elsewhere"


def test_values_elsewhere_wait_for_company(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("osler.runtime.many.torch.cat", lambda many: torch.stack([m.values for m in many]))
    read: list[tuple[str, float, int]] = []
    later = Later(lambda *entry: read.append(entry))
    for step in range(BUNDLE - 1):
        later.put("norm", Many(("",), Elsewhere(torch.tensor(float(step)))), step)  # type: ignore[arg-type]
    assert read == []
    later.read()
    assert read == [("norm", float(step), step) for step in range(BUNDLE - 1)]
    later.read()
    assert len(read) == BUNDLE - 1


def test_double_precision_beside_single() -> None:
    found = norms([("d", torch.full((4,), 1e100, dtype=torch.float64)), ("f", torch.ones(4))])
    assert found is not None
    assert found.values.tolist() == pytest.approx([2e100, 2e100, 2.0])
