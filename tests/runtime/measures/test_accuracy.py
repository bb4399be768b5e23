"""The oracle counts in plain Python."""

import pytest
import torch
from torch import Tensor

from osler.model import Kind
from osler.runtime.measures import Moment, accuracy

torch.set_num_threads(1)


def naive(scores: list[list[float]], targets: list[int]) -> float:
    counted = [(row, target) for row, target in zip(scores, targets, strict=True) if target >= 0]
    return sum(row.index(max(row)) == target for row, target in counted) / len(counted)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("ignored", [0, 3])
def test_the_share_of_right_predictions(seed: int, ignored: int) -> None:
    torch.manual_seed(seed)
    scores, targets = torch.randn(20, 4), torch.randint(4, (20,))
    targets[:ignored] = -100
    taken = accuracy.take(Moment(scores=scores, targets=targets))
    assert taken == pytest.approx(naive(scores.tolist(), targets.tolist()))


def test_every_position_counts() -> None:
    scores = torch.tensor([[[9.0, 0.0], [0.0, 9.0]]])
    assert accuracy.take(Moment(scores=scores, targets=torch.tensor([[0, 0]]))) == 0.5


def test_scores_with_a_graph_keep_it() -> None:
    scores = torch.eye(3, requires_grad=True) * 2
    assert accuracy.take(Moment(scores=scores, targets=torch.arange(3))) == 1
    assert scores.requires_grad


class Special(Tensor):
    pass


@pytest.mark.parametrize(
    ("scores", "targets"),
    [
        (None, torch.tensor([1])),
        (torch.eye(2), None),
        (torch.eye(2).tolist(), [0, 1]),
        (torch.ones(3), torch.tensor([1, 1, 1])),
        (torch.eye(2), torch.eye(2)),
        (torch.eye(2), torch.eye(2).long()),
        (torch.eye(2), torch.tensor([0.0, 1.0])),
        (torch.eye(2), torch.tensor([0, 1], dtype=torch.int32)),
        (torch.eye(2), torch.tensor([0, 1, 0])),
        (torch.eye(2), torch.tensor([-100, -100])),
        (torch.eye(2, device="meta"), torch.tensor([0, 1])),
        (torch.eye(2).as_subclass(Special), torch.tensor([0, 1])),
    ],
    ids=[
        "no scores",
        "no targets",
        "lists",
        "one axis",
        "probabilities as targets",
        "one-hot",
        "float targets",
        "int32",
        "other length",
        "all ignored",
        "no values",
        "subclass",
    ],
)
def test_other_losses_have_no_accuracy(scores: object, targets: object) -> None:
    assert accuracy.take(Moment(scores=scores, targets=targets)) is None


def test_it_is_taken_where_a_loss_is_computed_and_not_at_every_one() -> None:
    assert accuracy.WHEN is Kind.LOSS
    assert accuracy.SAMPLED
    assert accuracy.measure.name == "accuracy"
