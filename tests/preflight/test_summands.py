"""Terms of a loss, read from its graph: which there are, and how well each does."""

import math
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.graph import Node

from osler.preflight.summands import Compared, compared, core, price_of_code, summands, uniform

torch.manual_seed(0)
ROWS = 16
X = torch.randn(ROWS, 3, requires_grad=True)
Y = torch.randn(ROWS, 3)
CHANCES = torch.randn(ROWS, 3, requires_grad=True).sigmoid()
BITS = torch.randint(2, (ROWS, 3)).float()
IDS = torch.randint(3, (ROWS,))


def made_by(loss: Tensor) -> Node:
    assert loss.grad_fn is not None
    return loss.grad_fn


def terms(loss: Tensor) -> list[str]:
    """The operations of the terms, without means and constant factors."""
    return [core(edge)[0].name().partition("Backward")[0] for edge in summands((made_by(loss), 0))]


def a() -> Tensor:
    return F.mse_loss(X, Y)


def b() -> Tensor:
    return F.cross_entropy(X, IDS)


SUMS: dict[str, tuple[Callable[[], Tensor], list[str]]] = {
    "one term": (lambda: a(), ["MseLoss"]),
    "two terms": (lambda: a() + b(), ["MseLoss", "NllLoss"]),
    "a factor": (lambda: a() + 0.1 * b(), ["MseLoss", "NllLoss"]),
    "a quotient": (lambda: (a() + b()) / 4, ["MseLoss", "NllLoss"]),
    "a difference": (lambda: a() - 0.1 * b(), ["MseLoss", "NllLoss"]),
    "a constant less": (lambda: 1 - a(), ["MseLoss"]),
    "nested": (lambda: 2 * (a() + 3 * (b() + 4 * X.abs().mean())), ["MseLoss", "NllLoss", "Abs"]),
    "a list that is added up": (lambda: sum([a(), b(), a()]), ["MseLoss", "NllLoss", "MseLoss"]),
    "a negative one": (lambda: a() + -b(), ["MseLoss", "NllLoss"]),
    "the same one twice": (lambda: (lambda one: one + one)(a()), ["MseLoss"]),
    "a mean over samples of a sum": (
        lambda: (F.mse_loss(X, Y, reduction="none").mean(1) + X.abs().sum(1)).mean(),
        ["MseLoss", "Abs"],
    ),
    "smoothed labels": (lambda: F.cross_entropy(X, IDS, label_smoothing=0.1), ["Add"]),
    "a learned factor": (lambda: a() * X.mean(), ["Mul"]),
    "a stack that is added up": (lambda: torch.stack([a(), b()]).sum(), ["MseLoss", "NllLoss"]),
    "another type": (lambda: a().double() + b().double(), ["MseLoss", "NllLoss"]),
    "an axis more": (lambda: (a()[None] + b()[None]).squeeze(), ["MseLoss", "NllLoss"]),
}  # fmt: skip


@pytest.mark.parametrize(("loss", "expected"), SUMS.values(), ids=SUMS)
def test_the_terms_of_a_sum(loss: Callable[[], Tensor], expected: list[str]) -> None:
    assert sorted(terms(loss())) == sorted(expected)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)], ids=str)
def test_the_order_of_terms_does_not_matter(order: tuple[int, ...]) -> None:
    parts = [a(), b(), X.exp().mean()]
    assert sorted(terms(sum(parts[i] for i in order))) == ["Exp", "MseLoss", "NllLoss"]


def test_a_sum_of_thousands_is_one_term() -> None:
    total = X.sum()
    for _ in range(5_000):
        total = total + X.sum()
    assert len(summands((made_by(total), 0))) == 1


@pytest.mark.parametrize(
    ("function", "scores", "target", "floor"),
    [
        (F.mse_loss, X, Y, 0.0),
        (F.smooth_l1_loss, X, Y, 0.0),
        (F.huber_loss, X, Y, 0.0),
        (F.binary_cross_entropy, CHANCES, BITS, 0.0),
        (F.binary_cross_entropy_with_logits, X, BITS, 0.0),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_how_well_a_loss_of_numbers_does(
    function: Callable[..., Tensor], scores: Tensor, target: Tensor, floor: float
) -> None:
    loss = function(scores, target)
    found = compared(made_by(loss))
    assert found is not None
    assert found.value == pytest.approx(loss.item(), rel=1e-5)
    assert found.floor == pytest.approx(floor, abs=1e-6)
    assert found.guess > found.floor


def test_the_best_guess_of_squared_errors_is_the_variance() -> None:
    found = compared(made_by(F.mse_loss(X, Y)))
    assert found is not None
    assert found.guess == pytest.approx(Y.double().var(0, unbiased=False).mean().item())


def test_the_best_guess_of_classes_is_their_entropy() -> None:
    even = torch.arange(ROWS) % 2
    assert compared(made_by(F.nll_loss(X.log_softmax(1), even))) == Compared(
        pytest.approx(F.cross_entropy(X, even).item()), pytest.approx(math.log(2)), 0.0
    )


def test_labels_that_are_left_out_do_not_count() -> None:
    labels = torch.where(torch.arange(ROWS) % 3 == 0, -100, torch.arange(ROWS) % 2)
    found = compared(made_by(F.nll_loss(X.log_softmax(1), labels)))
    assert found is not None
    assert found.guess == pytest.approx(math.log(2), abs=0.05)


SILENT: dict[str, Callable[[], Tensor]] = {
    "targets that are all alike": lambda: F.mse_loss(X, torch.ones(ROWS, 3)),
    "labels that are all alike": lambda: F.nll_loss(X.log_softmax(1), torch.ones(ROWS, dtype=torch.long)),
    "labels that are all left out": lambda: F.nll_loss(
        X.log_softmax(1), torch.full((ROWS,), -100), reduction="sum"
    ),
    "too few samples": lambda: F.mse_loss(X[:4], Y[:4]),
    "a number as target": lambda: F.mse_loss(X.mean(), Y.mean()),
    "weights of classes": lambda: F.nll_loss(X.log_softmax(1), IDS, weight=torch.ones(3)),
    "weights of positives": lambda: F.binary_cross_entropy_with_logits(X, BITS, pos_weight=torch.ones(3)),
    "a target with a gradient": lambda: F.mse_loss(X, X * 2),
    "another function": lambda: X.abs().mean(),
    "a loss of one's own": lambda: ((X - Y) ** 2).mean(),
}


@pytest.mark.parametrize("loss", SILENT.values(), ids=SILENT)
def test_what_says_nothing_of_the_batch(loss: Callable[[], Tensor]) -> None:
    assert compared(made_by(loss())) is None


# --- what a code costs


def autoencoder(price: float, *, by_spread: bool = False, loss: Callable[..., Tensor] = F.mse_loss) -> Tensor:
    """The loss of a variational autoencoder with a code of two numbers."""
    mean, spread = X[:, :2] * 1.0, X[:, 1:] * 0.1
    if by_spread:
        width = spread.exp() * 1.0
        divergence = 0.5 * (mean**2 + width - width.log() - 1).sum(1).mean()
    else:
        divergence = -0.5 * (1 + spread - mean**2 - spread.exp()).sum(1).mean()
    return loss(mean @ torch.ones(2, 3), Y if loss is F.mse_loss else BITS) + price * divergence


def price(loss: Tensor) -> float | None:
    found = price_of_code(loss, summands((made_by(loss), 0)))
    return None if found is None else found.price


@pytest.mark.parametrize("factor", [1.0, 0.1, 4.0, 1e-3])
def test_the_price_of_a_nat_is_the_factor_of_the_divergence(factor: float) -> None:
    assert price(autoencoder(factor)) == pytest.approx(factor, rel=1e-4)


def test_logits_are_reconstructions_too() -> None:
    assert price(autoencoder(0.5, loss=F.binary_cross_entropy_with_logits)) == pytest.approx(0.5, rel=1e-4)


@pytest.mark.parametrize(
    "loss",
    [
        lambda: a(),
        lambda: a() + b(),
        lambda: a() + X.pow(2).mean(),
        lambda: a() + (X.exp() - X).mean(),
        lambda: autoencoder(1.0) + b(),
        lambda: autoencoder(1.0, loss=lambda s, t: (s - t).abs().mean()),
    ],
    ids=["one term", "two losses", "squares", "no square", "a third term", "absolute errors"],
)
def test_other_sums_have_no_price(loss: Callable[[], Tensor]) -> None:
    assert price(loss()) is None


@pytest.mark.parametrize(
    ("slope", "expected"),
    [
        (None, None),
        (torch.empty(0), None),
        (torch.full((3, 2), 0.25), 0.25),
        (torch.tensor([0.25, 0.25 * (1 + 1e-6)]), 0.25),
        (torch.tensor([0.25, 0.26]), None),
        (torch.zeros(4), 0.0),
        (torch.tensor([1.0, -1.0]), None),
        (torch.tensor([1.0, float("nan")]), None),
    ],
    ids=["none", "empty", "alike", "rounded", "different", "noughts", "signs", "no number"],
)
def test_whether_all_elements_weigh_the_same(slope: Tensor | None, expected: float | None) -> None:
    assert uniform(slope) == (None if expected is None else pytest.approx(expected, rel=1e-5))
