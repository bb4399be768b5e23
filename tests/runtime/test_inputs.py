"""When the loss is no number: is it the batch, and in which variable?"""

import math
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from osler.model import InputFact
from osler.runtime.inputs import Given, is_broken, is_data, not_finite_input
from osler.runtime.userlines import UserLines
from osler.testing import place

torch.set_num_threads(1)

NAN, INF = math.nan, math.inf
SITE = (place(13),)
LINES = UserLines((__file__,))


def with_odd(*shape: int, at: tuple[int, ...] = (), value: float = NAN) -> Tensor:
    """Ordinary numbers with one that is not finite."""
    tensor = torch.rand(shape) + 1
    tensor[at or (0,) * len(shape)] = value
    return tensor


def found(given: Given) -> InputFact | None:
    """What would be told of the variables of the caller."""
    return not_finite_input(sys._getframe(1), LINES, given, SITE, 6)


def handed(*tensors: object) -> Given:
    given = Given()
    given.batch(list(tensors))
    return given


def test_everything_is_told_of_the_first_broken_sample() -> None:
    x = torch.ones(16, 8)
    x[4, 1] = x[4, 2] = x[9, 7] = NAN
    x[5, 0], x[6, 0] = INF, -INF
    assert found(handed(x)) == InputFact("x", SITE, 6, (16, 8), wrong=5, nans=3, samples=4, first=4)


@pytest.mark.parametrize(
    ("tensor", "samples", "first"),
    [
        (with_odd(5, at=(3,)), 1, 3),
        (with_odd(4, 3, 2, 2, at=(2, 0, 1, 1)), 1, 2),
        (torch.full((3, 2), NAN), 3, 0),
    ],
    ids=["single numbers", "images", "all of it"],
)
def test_samples_are_rows_of_any_shape(tensor: Tensor, samples: int, first: int) -> None:
    fact = found(handed(tensor))
    assert fact is not None
    assert (fact.samples, fact.first) == (samples, first)


@pytest.mark.parametrize("value", [NAN, INF, -INF])
@pytest.mark.parametrize("kind", [torch.float64, torch.float16, torch.bfloat16])
def test_of_any_type_and_value(value: float, kind: torch.dtype) -> None:
    x = with_odd(4, 3, value=value).to(kind)
    assert found(handed(x)) is not None


def test_the_data_that_a_batch_was_taken_from_tells_more() -> None:
    data = with_odd(100, 8, at=(70, 2))
    x = data[64:80].clone()
    fact = found(handed(x))
    assert fact is not None
    assert (fact.name, fact.shape, fact.first) == ("data", (100, 8), 70)


def test_a_batch_in_a_function_of_its_own() -> None:
    def step(batch: dict[str, Tensor]) -> InputFact | None:
        images = batch["x"]
        return not_finite_input(sys._getframe(), LINES, handed(images), SITE, 0)

    fact = step({"x": with_odd(4, 3), "y": torch.zeros(4)})
    assert fact is not None
    assert fact.name == "batch"


def test_a_target_may_be_broken_too() -> None:
    given = handed(x := torch.rand(8, 4), y := with_odd(8, 1, at=(5, 0)))
    given.forward((x,), {})
    fact = found(given)
    assert fact is not None
    assert (fact.name, fact.first) == ("y", 5)
    assert len(y) == 8


def test_without_a_loader_it_is_what_went_into_the_model() -> None:
    given, x = Given(), with_odd(8, 4)
    given.forward((), {"x": x, "mask": torch.zeros(4, 4)})
    assert found(given) is not None


def test_of_several_models_each_may_have_got_it() -> None:
    given, real, fake = Given(), with_odd(8, 4), torch.rand(8, 4)
    given.forward((real,), {})
    given.forward((fake,), {})
    fact = found(given)
    assert fact is not None
    assert fact.name == "real"


# --- what is not the batch


def test_a_finite_batch_is_not_blamed() -> None:
    given = handed(x := torch.rand(16, 8))
    given.forward((x,), {})
    scores, history, best = with_odd(16, 8), with_odd(200), torch.full((4,), INF)
    assert found(given) is None
    assert len(scores) + len(history) + len(best) > 0


def test_nothing_is_blamed_if_nothing_was_handed_out() -> None:
    x = with_odd(16, 8)
    assert found(Given()) is None
    assert len(x) == 16


def test_missing_values_that_were_filled_are_not_blamed() -> None:
    given = handed(x := with_odd(16, 8))
    filled = x.nan_to_num()
    given.forward((filled,), {})
    assert found(given) is None


def test_the_batch_before_is_forgotten() -> None:
    given, x = Given(), with_odd(16, 8)
    given.batch([x])
    given.forward((x,), {})
    given.batch([torch.rand(16, 8)])
    assert found(given) is None


def test_what_is_gone_is_not_kept() -> None:
    given = handed(with_odd(16, 8))
    given.forward((with_odd(16, 8),), {})
    assert given.broken() == []


def test_broken_scores_beside_a_broken_batch_are_not_named() -> None:
    def step(history: Tensor, scores: Tensor, x: Tensor) -> InputFact | None:
        return not_finite_input(sys._getframe(), LINES, handed(x), SITE, 0)

    fact = step(with_odd(200), with_odd(16, 3), with_odd(16, 8))
    assert fact is not None
    assert fact.name == "x"


def test_of_single_numbers_only_as_many_are_the_same() -> None:
    """`history` has a NaN for each step whose loss had one."""

    def step(history: Tensor, y: Tensor) -> InputFact | None:
        return not_finite_input(sys._getframe(), LINES, handed(y), SITE, 0)

    fact = step(with_odd(200), with_odd(16))
    assert fact is not None
    assert fact.name == "y"


def test_a_batch_that_no_variable_holds_is_not_named() -> None:
    hidden = SimpleNamespace(x=with_odd(16, 8))
    given = handed(hidden.x)
    assert len(given.broken()) == 1
    assert found(given) is None


CAUSAL = torch.full((6, 6), -INF).triu(1)
SLOPED = CAUSAL - torch.arange(6.0)


@pytest.mark.parametrize(
    "mask",
    [
        CAUSAL,
        CAUSAL.expand(2, 4, 6, 6),
        SLOPED,
        torch.tensor([[0.0, 0.0, -INF], [0.0, -INF, -INF]]),
        CAUSAL[0],
    ],
    ids=["causal", "of many heads", "with a slope", "of padding", "one row"],
)
def test_a_mask_of_attention_is_no_data(mask: Tensor) -> None:
    given = Given()
    given.forward((torch.rand(2, 6), mask), {})
    assert not is_broken(mask)
    assert found(given) is None


@pytest.mark.parametrize(
    "tensor",
    [
        CAUSAL * -1,
        CAUSAL.masked_fill(CAUSAL == 0, NAN),
        torch.rand(6, 6).mul(2).floor().log() + 1,
        CAUSAL.T - 1,
    ],
    ids=["above is +inf", "below is NaN", "logarithms of 0", "below"],
)
def test_what_only_looks_like_a_mask_is_broken(tensor: Tensor) -> None:
    assert is_broken(tensor)


@pytest.mark.parametrize(
    "tensor",
    [
        torch.ones(3, requires_grad=True),
        torch.ones(3, requires_grad=True) * 2,
        nn.Parameter(torch.ones(3), requires_grad=False),
        torch.ones(3).long(),
        torch.ones(3).bool(),
        torch.tensor(NAN),
        torch.ones(3, device="meta"),
    ],
    ids=["a leaf", "a result", "a frozen weight", "class ids", "a mask", "a number", "no memory"],
)
def test_what_no_dataset_gives_is_no_data(tensor: Tensor) -> None:
    assert not is_data(tensor)
    assert not is_broken(tensor)


@pytest.mark.parametrize(
    "batch",
    [None, 3, "text", [], {}, ["a", "b"], [1, None], {"x": "text"}, [[["deep"]]], object()],
    ids=lambda batch: type(batch).__name__,
)
def test_batches_without_tensors(batch: object) -> None:
    given = Given()
    given.batch(batch)
    assert given.broken() == []


@pytest.mark.parametrize(
    "packed",
    [
        lambda x: x,
        lambda x: [x],
        lambda x: (x, 3),
        lambda x: {"x": x, "name": "a"},
        lambda x: [{"x": x}, ["a"]],
        lambda x: [x, "text"],
    ],
    ids=["bare", "a list", "a tuple", "a dict", "nested", "with text"],
)
def test_batches_of_any_form(packed: Callable[[Tensor], Any]) -> None:
    x, given = with_odd(4, 2), Given()
    given.batch(packed(x))
    assert [t is x for t in given.broken()] == [True]


def test_at_rest_the_batch_is_held_instead() -> None:
    x, given = with_odd(4, 2), Given()
    given.batch([torch.ones(3)])
    given.held = [x, torch.ones(4)]
    assert [t is x for t in given.broken()] == [True]
    given.batch([torch.ones(4, 2)])
    assert given.held is None
    assert given.broken() == []


def test_what_went_into_a_model_before_the_rest_is_not_blamed() -> None:
    old, given = with_odd(4, 2), Given()
    given.batch([old])
    given.forward([old], {})
    given.held = [torch.ones(4, 2)]
    assert given.broken() == []
