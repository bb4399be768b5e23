"""Which leaves lie behind a loss, read from the graph alone: the oracle is what a backward delivers."""

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from osler.model import Place
from osler.runtime.graph import LARGEST, VIEWS, described, is_product, is_scaled_angle, leaves

torch.set_num_threads(1)

A, B, C = (torch.ones(2, 2, requires_grad=True) for _ in range(3))
SITE = (Place("train.py", 3),)
FROZEN = torch.ones(2, 2)
NAMES = {id(A): "a", id(B): "b", id(C): "c"}


class Double(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x * 2

    @staticmethod
    def backward(ctx, gradient):
        return gradient * 2


def unrolled() -> Tensor:
    state = A
    for _ in range(200):
        state = torch.tanh(state @ B)
    return state.sum()


ROOTS: dict[str, tuple[Callable[[], Tensor], str]] = {
    "one": (lambda: A.sum(), "a"),
    "two": (lambda: (A * B).sum(), "ab"),
    "used twice": (lambda: (A * A + A).sum(), "a"),
    "through an intermediate": (lambda: (torch.relu(A @ B) @ C).sum(), "abc"),
    "a shared intermediate": (lambda: (lambda h: (h * C + h).sum())(A * B), "abc"),
    "through a custom function": (lambda: (Double.apply(A) * B).sum(), "ab"),
    "through views and writes": (lambda: torch.zeros(4, 2).index_copy(0, torch.tensor([1, 2]), A).sum(), "a"),
    "through an in-place write": (lambda: (B * 1).add_(A).sum(), "ab"),
    "through a long recurrence": (unrolled, "ab"),
    "a leaf itself": (lambda: A, "a"),
    "detached": (lambda: (A.detach() * B).sum(), "b"),
    "from numbers": (lambda: (torch.tensor(A.tolist()) * B).sum(), "b"),
    "partly without recording": (lambda: (torch.no_grad()(lambda: A * C)() * B).sum(), "b"),
    "a constant factor": (lambda: (A * FROZEN).sum(), "a"),
    "a comparison": (lambda: ((A > 0) * B).sum(), "b"),
    "no graph": (lambda: A.detach().sum(), ""),
    "nothing trainable": (lambda: FROZEN.sum(), ""),
    "a frozen leaf": (lambda: FROZEN, ""),
    "fresh, made to require a gradient": (lambda: A.detach().sum().requires_grad_(), "?"),
}


@pytest.mark.parametrize(("root", "expected"), ROOTS.values(), ids=ROOTS)
def test_the_leaves_behind_a_root(root: Callable[[], Tensor], expected: str) -> None:
    found = leaves([root()])
    assert sorted(NAMES.get(id(t), "?") for t in found) == sorted(expected)


@pytest.mark.parametrize(("root", "expected"), ROOTS.values(), ids=ROOTS)
def test_they_are_the_leaves_that_get_a_gradient(root: Callable[[], Tensor], expected: str) -> None:
    A.grad = B.grad = C.grad = None
    value = root()
    if value.requires_grad:
        value.backward(torch.ones_like(value))
    reached = "".join(NAMES[id(t)] for t in (A, B, C) if t.grad is not None)
    assert reached == expected.replace("?", "")


@pytest.mark.parametrize(
    ("roots", "expected"),
    [
        (lambda: [A.sum(), B.sum()], "ab"),
        (lambda: [A.sum(), (A * B).sum()], "ab"),
        (lambda: list((A * B).unbind()), "ab"),
        (lambda: [A.sum(), FROZEN.sum()], "a"),
        (lambda: [FROZEN], ""),
        (list, ""),
    ],
)
def test_leaves_behind_several_roots_are_found_once(roots: Callable[[], list[Tensor]], expected: str) -> None:
    assert sorted(NAMES[id(t)] for t in leaves(roots())) == sorted(expected)


def test_a_model_gives_all_its_parameters_once() -> None:
    model = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.ReLU(), nn.Linear(3, 1))
    found = leaves([model(torch.randn(4, 2)).sum()])
    assert {id(t) for t in found} == {id(p) for p in model.parameters()}
    assert len(found) == 6


def test_reading_the_graph_leaves_it_usable() -> None:
    loss = (A * B).sum()
    leaves([loss])
    loss.backward()


def test_a_graph_without_end_is_not_walked_to_the_end() -> None:
    state = A
    for _ in range(LARGEST + 100):
        state = state + 1
    assert leaves([state]) == []


def names(*parameters: Tensor) -> Callable[[Tensor], str]:
    known = {id(p): f"p{i}" for i, p in enumerate(parameters)}
    return lambda leaf: known.get(id(leaf), "")


def test_a_graph_is_written_down_from_its_root() -> None:
    a, b, x = (torch.ones(2, requires_grad=True) for _ in range(3))
    fact = described((a * b + x).sum(), SITE, names(a, b))
    assert fact is not None
    assert fact.operations[:3] == ("SumBackward0", "AddBackward0", "MulBackward0")
    assert (0, 1) in fact.edges
    assert (1, 2) in fact.edges
    assert sorted(name for _, name in fact.parameters) == ["", "p0", "p1"]
    assert fact.complete


def test_a_node_that_is_met_twice_is_one_node() -> None:
    a = torch.ones(2, requires_grad=True)
    half = a * 2
    fact = described((half * half).sum(), SITE, names(a))
    assert fact is not None
    assert len(fact.operations) == 4
    assert fact.edges.count((1, 2)) == 2


def test_a_long_graph_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("osler.runtime.graph.DRAWN", 50)
    loss = torch.ones(1, requires_grad=True)
    for _ in range(200):
        loss = loss + 1
    fact = described(loss, SITE, names())
    assert fact is not None
    assert (len(fact.operations), fact.complete) == (50, False)
    assert all(child < 50 for _, child in fact.edges)


def test_no_graph_no_fact() -> None:
    assert described(torch.ones(1, requires_grad=True), SITE, names()) is None


def test_what_view_and_reshape_did_once_for_each_pair_of_sizes() -> None:
    x = torch.randn(2, 10, 12, requires_grad=True)
    y = (x * 1).view(2, 4, 10, 3) + (x * 2).view(2, 4, 10, 3)
    z = (x * 1).transpose(1, 2).reshape(2, 10, 12)
    fact = described(y.sum() + z.sum() + x.sum(), (), lambda _: "")
    assert fact is not None
    assert {(r.before, r.after) for r in fact.reshaped} == {
        ((2, 10, 12), (2, 4, 10, 3)),
        ((2, 12, 10), (2, 10, 12)),
    }
    assert all(fact.operations[r.position] in VIEWS for r in fact.reshaped)


ATTENTION, VALUES = torch.randn(2, 4, 6, 6, requires_grad=True), torch.randn(2, 4, 6, 8)


@pytest.mark.parametrize(
    ("make", "is_it"),
    [
        (lambda: (ATTENTION @ VALUES).reshape(2, 6, 32), True),
        (lambda: (ATTENTION @ VALUES).contiguous().view(2, 6, 32), True),
        (lambda: torch.dropout(ATTENTION @ VALUES, 0.5, train=True).reshape(2, 6, 32), True),
        (lambda: F.scaled_dot_product_attention(ATTENTION, ATTENTION, VALUES).reshape(2, 6, 32), True),
        (lambda: (ATTENTION @ VALUES).transpose(1, 2).reshape(2, 6, 32), False),
        (lambda: (ATTENTION + 1).reshape(2, 24, 6), False),
        (lambda: (ATTENTION @ VALUES).tanh().reshape(2, 6, 32), False),
    ],
)
def test_what_comes_straight_from_a_product_of_stacked_matrices(
    make: Callable[[], Tensor], is_it: bool
) -> None:
    node = make().grad_fn
    assert node is not None
    assert is_product(node) is is_it


POINTS, CENTRES = torch.randn(6, 4, requires_grad=True), torch.randn(3, 4, requires_grad=True)


def cosines() -> Tensor:
    return F.normalize(POINTS, dim=1) @ F.normalize(CENTRES, dim=1).T


@pytest.mark.parametrize(
    ("make", "is_it"),
    [
        (lambda: 16 * cosines(), True),
        (lambda: cosines() / 0.07, True),
        (lambda: 16 * (cosines() - 0.2 * torch.eye(6)[:, :3]), True),
        (lambda: torch.ones(1, requires_grad=True).exp() * cosines(), True),
        (lambda: 30 * F.cosine_similarity(POINTS[:, None], CENTRES[None], dim=2), True),
        (lambda: cosines(), False),
        (lambda: 16 * (POINTS @ CENTRES.T), False),
        (lambda: POINTS @ CENTRES.T, False),
        (lambda: (16 * POINTS) @ CENTRES.T, False),
        (lambda: torch.ones(3), False),
    ],
)
def test_which_scores_are_cosines_times_a_scale(make: Callable[[], Tensor], is_it: bool) -> None:
    assert is_scaled_angle(make()) is is_it
