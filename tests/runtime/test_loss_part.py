"""The part of a graph that computes the loss: where it ends, and what in it deserves a close look."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from osler.model import BroadcastFact, UnderflowFact
from osler.runtime.loss_calls import operation
from osler.runtime.loss_part import (
    LARGEST,
    grown,
    logs_behind,
    nodes,
    shape_of,
    spread_behind,
    suspicious,
)
from osler.testing import place

torch.set_num_threads(1)

LAYER = nn.Linear(4, 1)
HEAD = nn.Linear(4, 3)
BODY = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 1))
X, Y, IDS = torch.randn(6, 4), torch.randn(6), torch.tensor([0, 1, 2, 0, 1, 2])
SITE, MADE, BACKWARD = (place(12),), (place(11),), (place(13),)

Loss = Callable[[], Tensor]


def names(root: Tensor) -> list[str]:
    return [name for name, _ in nodes(root)]


@pytest.mark.parametrize(
    ("loss", "walked"),
    [
        (lambda: ((LAYER(X)[:, 0] - Y) ** 2).mean(), ["mean", "pow", "sub", "select"]),
        (lambda: F.mse_loss(LAYER(X)[:, 0], Y), ["mseloss", "select"]),
        (lambda: (BODY(X).squeeze(1) - Y).abs().sum(), ["sum", "abs", "sub", "squeeze"]),
        (lambda: HEAD(X).log_softmax(1).mean(), ["mean"]),
        (lambda: torch.ones(3, requires_grad=True).mean(), ["mean"]),
        (lambda: torch.ones(3, requires_grad=True), []),
        (lambda: torch.ones(3), []),
    ],
    ids=["by hand", "a function", "a model", "ends at a softmax", "ends at a leaf", "a leaf", "no graph"],
)
def test_the_walk_ends_where_a_layer_begins(loss: Loss, walked: list[str]) -> None:
    """The linear layers of the model and its ReLU are not walked."""
    assert names(loss()) == walked


def test_a_node_with_two_ways_to_it_is_walked_once() -> None:
    error = LAYER(X)[:, 0] - Y
    assert sorted(names((error * error + error).mean())) == ["add", "mean", "mul", "select", "sub"]


def test_a_loss_without_end_is_walked_only_so_far() -> None:
    loss = LAYER(X).sum()
    for _ in range(3 * LARGEST):
        loss = loss + 1
    assert len(names(loss)) <= LARGEST


def test_the_shape_that_an_operation_returned() -> None:
    root = LAYER(X) - Y
    node = root.grad_fn
    assert node is not None
    assert operation(node) == "sub"
    assert shape_of(node, 0) == (6, 6)
    assert shape_of(node, 7) == ()


@pytest.mark.parametrize(
    ("operand", "result", "is_grown"),
    [
        ((6, 1), (6, 6), True),
        ((6,), (6, 6), True),
        ((6, 1, 4), (6, 6, 4), True),
        ((6, 1), (6, 4), False),
        ((4,), (6, 4), False),
        ((1,), (6,), False),
        ((), (6,), False),
        ((6,), (6,), False),
        ((6, 1), (1, 6, 1), False),
    ],
    ids=[
        "a column",
        "a row",
        "in the middle",
        "a scale for each row",
        "a bias",
        "one entry",
        "a number",
        "the same",
        "one more axis",
    ],
)
def test_what_grew_along_its_own_lengths(
    operand: tuple[int, ...], result: tuple[int, ...], is_grown: bool
) -> None:
    assert grown(operand, result) is is_grown


DETACHED = torch.rand(6, 3)

SUSPICIOUS: dict[str, Loss] = {
    "a column against a row": lambda: (LAYER(X) - Y).square().mean(),
    "the other way round": lambda: (Y - LAYER(X)).abs().mean(),
    "with a weight for each sample": lambda: (LAYER(X) * Y).mean(),
    "behind more of the loss": lambda: torch.sqrt(((LAYER(X) - Y) ** 2).mean() + 1e-8) * 3,
    "the log of a softmax": lambda: -HEAD(X).softmax(1).log().mean(),
    "the log of the chosen entry": lambda: -HEAD(X).softmax(1)[range(6), IDS].log().mean(),
    "the log of gathered entries": lambda: -HEAD(X).softmax(1).gather(1, IDS[:, None]).log().mean(),
    "entropy": lambda: -(HEAD(X).softmax(1) * HEAD(X).softmax(1).log()).sum(1).mean(),
}

ORDINARY: dict[str, Loss] = {
    "the same shape": lambda: (LAYER(X)[:, 0] - Y).square().mean(),
    "two columns": lambda: (LAYER(X) - Y[:, None]).square().mean(),
    "a number": lambda: (LAYER(X) - 3.0).square().mean(),
    "a mean": lambda: (LAYER(X) - Y.mean()).square().mean(),
    "a weight for each class": lambda: (HEAD(X) * torch.rand(3)).mean(),
    "a weight for each sample": lambda: (HEAD(X) * Y[:, None]).mean(),
    "a function": lambda: F.cross_entropy(HEAD(X), IDS),
    "the log of a softmax in one": lambda: -HEAD(X).log_softmax(1)[range(6), IDS].mean(),
    "the log of a sigmoid": lambda: -LAYER(X).sigmoid().log().mean(),
    "a floor under the softmax": lambda: -(HEAD(X).softmax(1) + 1e-8).log().mean(),
    "a clamp under the softmax": lambda: -HEAD(X).softmax(1).clamp_min(1e-8).log().mean(),
    "a sum of softmaxes": lambda: -(HEAD(X).softmax(1) + DETACHED).log().mean(),
    "inside a layer": lambda: nn.Sequential(HEAD, nn.Softmax(1), nn.Linear(3, 1))(X).mean(),
    "nothing to walk": lambda: LAYER(X).sum(),
}


@pytest.mark.parametrize("loss", SUSPICIOUS.values(), ids=SUSPICIOUS)
def test_deserves_a_close_look(loss: Loss) -> None:
    assert suspicious(loss())


@pytest.mark.parametrize("loss", ORDINARY.values(), ids=ORDINARY)
def test_deserves_none(loss: Loss) -> None:
    assert not suspicious(loss())


def look(spread: Any = (), logs: Any = ()) -> Any:
    """What a close look saw anywhere in the turn."""
    return SimpleNamespace(spread=list(spread), logs=list(logs))


def test_of_all_that_was_spread_the_loss_s_own_is_told() -> None:
    seen = look([("sub", SITE, (6, 1), (6,), (6, 6)), ("mul", MADE, (9, 1), (9,), (9, 9))])
    assert spread_behind((LAYER(X) - Y).square().mean(), seen, 4) == [
        BroadcastFact("sub", SITE, (6, 1), (6,), (6, 6), 4)
    ]


def test_what_is_spread_beside_the_loss_is_not_told() -> None:
    """A metric, or a matrix of distances inside the model."""
    seen = look([("sub", SITE, (6, 1), (6,), (6, 6))])
    assert spread_behind((LAYER(X)[:, 0] - Y).square().mean(), seen, 4) == []


def test_a_log_is_told_with_all_three_lines() -> None:
    seen = look(logs=[(SITE, MADE)])
    assert logs_behind(-HEAD(X).softmax(1).log().mean(), seen, BACKWARD, 4) == [
        UnderflowFact(SITE, MADE, BACKWARD, 4)
    ]


@pytest.mark.parametrize(
    "loss", [lambda: F.cross_entropy(HEAD(X), IDS), lambda: LAYER(X).sigmoid().log().mean()]
)
def test_a_log_beside_the_loss_is_not_told(loss: Loss) -> None:
    """An entropy that is only printed."""
    assert logs_behind(loss(), look(logs=[(SITE, MADE)]), BACKWARD, 4) == []
