"""Why torch refused to look something up, from what the frames of the exception still hold."""

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from osler.model import IndexFact
from osler.runtime.refusals import lookup_frame, lookup_outside
from osler.runtime.userlines import UserLines

torch.set_num_threads(1)

TABLE = nn.Embedding(4, 3)
WEIGHT = TABLE.weight
LINES = UserLines((__file__,))


def ids(*values: int) -> Tensor:
    return torch.tensor(values)


def explained(look_up: Callable[[], object]) -> IndexFact | None:
    """What is told of a call that torch refuses."""
    with pytest.raises((IndexError, RuntimeError, TypeError, AssertionError)) as caught:
        look_up()
    return lookup_outside(caught.value, LINES, 6)


def test_everything_is_told_of_the_first_index_outside() -> None:
    fact = explained(lambda: F.embedding(torch.tensor([[0, 1], [3, 4], [-1, 9]]), WEIGHT))
    assert fact is not None
    assert (fact.function, fact.size, fact.step, fact.raised) == ("embedding", 4, 6, True)
    assert (fact.value, fact.position) == (4, (1, 1))
    assert (fact.outside, fact.count, fact.lowest, fact.highest) == (3, 6, -1, 9)


def test_the_line_is_the_user_s() -> None:
    fact = explained(lambda: TABLE(ids(4)))
    assert fact is not None
    assert {place.file for place in fact.site} == {__file__}


@pytest.mark.parametrize(
    "look_up",
    [
        lambda: TABLE(ids(4)),
        lambda: nn.Sequential(nn.Identity(), TABLE)(ids(4)),
        lambda: nn.EmbeddingBag(4, 3)(ids(1, 4), ids(0)),
        lambda: F.embedding_bag(ids(1, 4)[None], WEIGHT),
        lambda: TABLE(ids(4).int()),
    ],
    ids=["a layer", "inside a model", "a bag", "a function", "of 32 bits"],
)
def test_wherever_the_table_is(look_up: Callable[[], object]) -> None:
    fact = explained(look_up)
    assert fact is not None
    assert (fact.value, fact.size, fact.kind) == (4, 4, "")


@pytest.mark.parametrize(
    "kind", [torch.float32, torch.float16, torch.int16, torch.int8, torch.uint8, torch.bool]
)
def test_indices_of_a_type_that_no_table_takes(kind: torch.dtype) -> None:
    """Bytes of a text are whole numbers, and refused all the same."""
    fact = explained(lambda: TABLE(ids(0, 1).to(kind)))
    assert fact is not None
    assert (fact.kind, fact.count, fact.outside) == (str(kind).removeprefix("torch."), 2, 0)


@pytest.mark.parametrize(
    "look_up",
    [
        lambda: F.embedding(ids(1), torch.ones(4)),
        lambda: TABLE([0, 9]),  # pyright: ignore
        lambda: F.embedding(ids(1), WEIGHT, padding_idx=9),
        lambda: WEIGHT[ids(9)],
        lambda: F.one_hot(ids(9), 4),
        lambda: F.cross_entropy(torch.rand(1, 4), ids(9)),
        lambda: [0][9],
    ],
    ids=["no table", "no tensor", "padding", "brackets", "one-hot", "labels", "a list"],
)
def test_other_refusals_are_not_explained(look_up: Callable[[], object]) -> None:
    assert explained(look_up) is None


def test_a_function_of_the_user_s_that_is_called_alike_is_not_looked_into() -> None:
    def embedding(input: Tensor, weight: Tensor) -> None:  # noqa: A002
        raise IndexError

    assert explained(lambda: embedding(ids(9), WEIGHT)) is None


def test_an_error_that_was_never_raised_has_no_frames() -> None:
    assert lookup_frame(None) is None
    assert lookup_outside(IndexError("x"), LINES, 0) is None


class Ids(Tensor):
    """Indices that may do anything when they are read."""


def test_indices_that_are_no_plain_tensor_are_not_read() -> None:
    assert explained(lambda: TABLE(ids(9).as_subclass(Ids))) is None
