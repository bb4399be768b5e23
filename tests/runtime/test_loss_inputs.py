"""What the rows of a loss input are, decided on values: the oracle is how the test made them."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from osler.model import LossInputFact, Place, Site
from osler.runtime.loss_inputs import MOST_ROWS, contract, few, rows_of, suspicious, together

torch.set_num_threads(1)

SITE: Site = (Place("/me/train.py", 7, "main"),)
OTHER: Site = (Place("/me/model.py", 3, "forward"),)

DTYPES = [torch.float32, torch.bfloat16, torch.float16, torch.float64]
SHAPES = [(64, 10), (16, 2), (8, 5, 7), (2, 5, 3, 4), (3, 1_000)]


def logits(shape: tuple[int, ...], dtype: torch.dtype = torch.float32) -> Tensor:
    torch.manual_seed(sum(shape))
    return (3 * torch.randn(shape)).to(dtype)


def fact(scores: Tensor, function: str = "cross_entropy") -> LossInputFact:
    found = contract(function, SITE, scores)
    assert found is not None
    return found


def rows_in(shape: tuple[int, ...]) -> int:
    return shape[0] * torch.Size(shape[2:]).numel()


# --- what rows are


@pytest.mark.parametrize("half", [torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("wide", [torch.float32, torch.float64], ids=str)
def test_probabilities_that_were_made_wide_again(half: torch.dtype, wide: torch.dtype) -> None:
    scores = logits((64, 10)).softmax(1).to(half).to(wide)
    assert fact(scores).probability_rows == 64
    assert fact(1.1 * scores).probability_rows == 0


def test_wide_rows_that_miss_one_by_a_hundredth_are_no_probabilities() -> None:
    assert fact(1.01 * logits((64, 10)).softmax(1)).probability_rows == 0


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_softmax_makes_probabilities(shape: tuple[int, ...], dtype: torch.dtype) -> None:
    found = fact(logits(shape, dtype).softmax(1))
    assert (found.probability_rows, found.log_probability_rows) == (rows_in(shape), 0)
    assert (found.rows, found.classes) == (rows_in(shape), shape[1])


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_log_softmax_makes_log_probabilities(shape: tuple[int, ...], dtype: torch.dtype) -> None:
    found = fact(logits(shape, dtype).log_softmax(1))
    assert (found.log_probability_rows, found.probability_rows) == (rows_in(shape), 0)
    assert found.positive_rows == 0


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_logits_are_neither(shape: tuple[int, ...], dtype: torch.dtype) -> None:
    found = fact(logits(shape, dtype))
    assert (found.log_probability_rows, found.probability_rows) == (0, 0)
    assert found.positive_rows > 0


PROBABILITIES: dict[str, Callable[[], Tensor]] = {
    "softmax of 50,000 classes": lambda: logits((4, 50_000)).softmax(1),
    "softmax at a high temperature": lambda: (logits((64, 10)) / 100).softmax(1),
    "softmax at a low temperature": lambda: (logits((64, 10)) * 100).softmax(1),
    "the mean of two softmaxes": lambda: (
        (logits((64, 10)).softmax(1) + logits((64, 10)).neg().softmax(1)) / 2
    ),
    "softmax clamped far below its noise": lambda: logits((64, 10)).softmax(1).clamp(min=1e-7),
    "one-hot": lambda: torch.eye(10)[torch.arange(10)],
    "smoothed labels": lambda: torch.eye(10) * 0.9 + 0.01,
    "sigmoid and its complement": lambda: (lambda p: torch.stack([p, 1 - p], 1))(logits((64,)).sigmoid()),
    "masked before the softmax": lambda: (
        logits((64, 10)).index_fill(1, torch.tensor([3]), -torch.inf).softmax(1)
    ),
}

LOG_PROBABILITIES: dict[str, Callable[[], Tensor]] = {
    "log of a softmax": lambda: logits((64, 10)).softmax(1).log(),
    "log of a mixture": lambda: ((logits((64, 10)).softmax(1) + 0.1) / 2).log(),
    "logits minus their logsumexp": lambda: (lambda z: z - z.logsumexp(1, keepdim=True))(logits((64, 10))),
    "a uniform distribution": lambda: torch.full((8, 4), 0.25).log(),
    "50,000 classes": lambda: logits((4, 50_000)).log_softmax(1),
}

NEITHER: dict[str, Callable[[], Tensor]] = {
    "logits": lambda: logits((64, 10)),
    "tiny logits, fresh from the initialisation": lambda: logits((64, 10)) * 1e-4,
    "zeros": lambda: torch.zeros(64, 10),
    "negative logits": lambda: -logits((64, 10)).abs(),
    "positive logits": lambda: logits((64, 10)).abs(),
    "sigmoids": lambda: logits((64, 10)).sigmoid(),
    "log-sigmoids": lambda: torch.nn.functional.logsigmoid(logits((64, 10))),
    "softmax over the wrong axis": lambda: logits((64, 10)).softmax(0),
    "log-softmax over the wrong axis": lambda: logits((64, 10)).log_softmax(0),
    "softmax clamped from below": lambda: logits((64, 10)).softmax(1).clamp(min=0.05),
    "log of a clamped softmax": lambda: logits((64, 10)).softmax(1).clamp(min=0.05).log(),
    "softmax times a scale": lambda: logits((64, 10)).softmax(1) * 4,
    "rows that sum to one with entries outside": lambda: (lambda z: z - z.mean(1, True) + 0.1)(
        logits((64, 10))
    ),
    "cosine similarities": lambda: torch.nn.functional.normalize(logits((64, 10))),
    "tanh": lambda: logits((64, 10)).tanh(),
    "minus the log-probabilities": lambda: -logits((64, 10)).log_softmax(1),
}


@pytest.mark.parametrize("make", PROBABILITIES.values(), ids=PROBABILITIES)
def test_these_are_probabilities(make: Callable[[], Tensor]) -> None:
    found = fact(make())
    assert found.probability_rows == found.rows


@pytest.mark.parametrize("make", LOG_PROBABILITIES.values(), ids=LOG_PROBABILITIES)
def test_these_are_log_probabilities(make: Callable[[], Tensor]) -> None:
    found = fact(make())
    assert (found.log_probability_rows, found.probability_rows) == (found.rows, 0)


@pytest.mark.parametrize("make", NEITHER.values(), ids=NEITHER)
def test_these_are_neither(make: Callable[[], Tensor]) -> None:
    found = fact(make())
    assert found.probability_rows < found.rows / 4
    assert found.log_probability_rows < found.rows / 4


def test_the_extremes_of_entries_and_sums_are_noted() -> None:
    found = fact(torch.tensor([[1.0, -2.0, 4.0], [0.0, 0.5, 0.5]]))
    assert (found.lowest, found.highest, found.sum_low, found.sum_high) == (-2, 4, 1, 3)
    assert (found.rows, found.classes, found.positive_rows, found.probability_rows) == (2, 3, 2, 1)


def test_the_class_axis_is_the_second() -> None:
    scores = torch.arange(24.0).reshape(2, 3, 4)
    rows = rows_of(scores)
    assert rows is not None
    assert rows[1].tolist() == scores[0, :, 1].tolist()
    assert rows[4].tolist() == scores[1, :, 0].tolist()


def test_no_more_rows_are_tested_than_needed() -> None:
    assert fact(logits((MOST_ROWS + 5, 2))).rows == MOST_ROWS


@pytest.mark.parametrize(
    ("shape", "rows"),
    [
        ((2_000, 1_000), 65),
        ((300, 50_000), 32),
        ((1, 8, 512, 512), MOST_ROWS),
        ((4, 8, 2, 100_000), MOST_ROWS),
        ((64, 21, 16, 16), 3_120),
        ((3, 70_000, 40), 32),
    ],
    ids=str,
)
def test_of_large_inputs_a_part_is_tested_without_copying_them(shape: tuple[int, ...], rows: int) -> None:
    scores = torch.zeros(shape[1]).view(-1, *[1] * (len(shape) - 2)).expand(shape)  # one row in memory
    tested = rows_of(scores)
    assert tested is not None
    assert tested.shape == (rows, shape[1])
    assert few(scores, rows).numel() <= 3_000_000


@pytest.mark.parametrize(
    "scores",
    [
        torch.randn(5),
        torch.tensor(1.0),
        torch.randn(5, 1),
        torch.randn(0, 5),
        torch.randn(5, 0),
        torch.ones(5, 3, dtype=torch.int64),
        torch.ones(5, 3, dtype=torch.bool),
        torch.tensor([[1.0, torch.nan], [1.0, 2.0]]),
        torch.tensor([[1.0, torch.inf], [1.0, 2.0]]),
        torch.tensor([[1.0, -torch.inf], [1.0, 2.0]]),
    ],
    ids=[
        "vector",
        "number",
        "one class",
        "no rows",
        "no classes",
        "integers",
        "booleans",
        "nan",
        "inf",
        "masked",
    ],
)
def test_without_classes_or_finite_values_there_is_no_contract(scores: Tensor) -> None:
    assert contract("cross_entropy", SITE, scores) is None


def test_testing_leaves_the_scores_and_their_graph_alone() -> None:
    scores = logits((4, 3)).requires_grad_()
    before, version = scores.detach().clone(), scores._version
    fact(scores)
    assert scores.equal(before)
    assert scores._version == version
    assert scores.grad is None


# --- several tests at one site


def test_tests_at_one_site_add_up() -> None:
    both = together(fact(torch.tensor([[0.5, 0.5]])), fact(torch.tensor([[3.0, -1.0], [0.2, 0.8]])))
    assert (both.rows, both.probability_rows, both.positive_rows) == (3, 2, 3)
    assert (both.lowest, both.highest, both.sum_low, both.sum_high) == (-1, 3, 1, 2)


def test_the_first_test_stands_alone() -> None:
    only = fact(torch.tensor([[0.5, 0.5]]))
    assert together(None, only) is only


@pytest.mark.parametrize("known_first", [True, False])
def test_where_the_rows_were_made_is_kept_once_known(known_first: bool) -> None:
    bare = fact(torch.tensor([[0.5, 0.5]]))
    told = LossInputFact(
        **{**{f: getattr(bare, f) for f in bare.__slots__}, "made_at": OTHER, "made_by": "softmax"}
    )
    both = together(told, bare) if known_first else together(bare, told)
    assert (both.made_at, both.made_by) == (OTHER, "softmax")


@pytest.mark.parametrize(
    ("function", "scores", "expected"),
    [
        ("cross_entropy", logits((64, 10)).softmax(1), True),
        ("nll_loss", logits((64, 10)).softmax(1), True),
        ("nll_loss", logits((64, 10)), True),
        ("cross_entropy", logits((64, 10)), False),
        ("cross_entropy", logits((64, 10)).log_softmax(1), False),
        ("nll_loss", logits((64, 10)).log_softmax(1), False),
        ("nll_loss", -logits((64, 10)).abs(), False),
        ("cross_entropy", logits((64, 10)).sigmoid(), False),
    ],
    ids=[
        "softmax twice",
        "log forgotten",
        "log-softmax forgotten",
        "right",
        "harmless",
        "right for nll",
        "negative logits",
        "sigmoids",
    ],
)
def test_when_it_is_worth_finding_who_made_the_rows(function: str, scores: Tensor, expected: bool) -> None:
    assert suspicious(fact(scores, function)) is expected


def test_what_is_known_need_not_be_found_again() -> None:
    found = fact(logits((64, 10)).softmax(1))
    told = LossInputFact(**{**{f: getattr(found, f) for f in found.__slots__}, "made_at": OTHER})
    assert not suspicious(told)
