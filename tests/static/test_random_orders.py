"""Orders that are drawn at random: who draws them, and what keeps or loses them."""

from collections.abc import Callable
from typing import Any

import pytest

from osler.model import Const, Helper, Loader, Place, Series, Shuffle, Tensor, Unknown, Value
from osler.static.random_orders import GIVEN, Permuted, drawn_by, order_after, order_in, order_of, picked

PLACE = Place("train.py", 7)
DRAWN = Shuffle(PLACE, "randperm", "indices")
SAMPLES = Shuffle(PLACE, "randperm", "samples")
BATCH = Shuffle(PLACE, "loader", "loader")
ROWS, PLAIN = Tensor(shuffled=BATCH), Tensor()
SAMPLER = Helper("sampler", made="torch.utils.data.RandomSampler")
IN_TURN = Helper("sampler", made="torch.utils.data.SequentialSampler")


def loader(**options: Value) -> Loader:
    named: dict[object, Value] = {"batch_size": Const(32), **options}
    return Loader("loader", "torch.utils.data.DataLoader", PLACE, named)


@pytest.mark.parametrize(
    "options", [{"shuffle": Const(True)}, {"sampler": SAMPLER}], ids=["asked", "sampler"]
)
def test_a_loader_that_shuffles(options: dict[str, Value]) -> None:
    assert order_in(loader(**options)) == BATCH


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"shuffle": Const(False)},
        {"shuffle": Unknown()},
        {"sampler": IN_TURN},
        {"shuffle": Const(True), "batch_size": Const(1)},
        {"shuffle": Const(True), "batch_size": Const(None)},
        {"shuffle": Const(True), "collate_fn": Unknown()},
        {"batch_sampler": Unknown()},
        {"shuffle": Const(True), "**": Unknown()},
    ],
    ids=["default", "no", "perhaps", "in turn", "one", "none", "collated", "batches", "hidden"],
)
def test_a_loader_whose_batches_may_be_in_order(options: dict[str, Value]) -> None:
    assert order_in(loader(**options)) is None


def test_a_loader_hands_out_single_samples_unless_told_otherwise() -> None:
    assert order_in(Loader("loader", "torch.utils.data.DataLoader", PLACE, {"shuffle": Const(True)})) is None


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("exp", ()),
        ("flip", (Const(0),)),
        ("add", (PLAIN,)),
        ("sub", (Const(1.0),)),
        ("squeeze", ()),
        ("squeeze", (Const(-1),)),
        ("unsqueeze", (Const(1),)),
        ("flatten", ()),
        ("view", (Const(-1),)),
        ("reshape", (Const(-1), Const(1))),
        ("view", (Unknown(), Const(-1))),
        ("as_tensor", ()),
    ],
    ids=str,
)
def test_keeps_the_order(name: str, more: tuple[Value, ...]) -> None:
    assert order_after(name, (ROWS, *more)) == BATCH


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("transpose", (Const(0), Const(1))),
        ("sort", ()),
        ("squeeze", (Const(0),)),
        ("unsqueeze", (Const(0),)),
        ("view", (Const(-1), Const(8))),
        ("flatten", (Unknown(),)),
        ("mean", ()),
        ("gather", (Const(0), PLAIN)),
        ("unbind", ()),
        ("split", (Const(2), Const(1))),
    ],
    ids=str,
)
def test_loses_the_order(name: str, more: tuple[Value, ...]) -> None:
    assert order_after(name, (ROWS, *more)) is None


def test_two_random_orders_are_none() -> None:
    assert order_after("add", (ROWS, Tensor(shuffled=SAMPLES))) is None


def test_an_order_that_is_known_counts_more_than_one_that_is_given() -> None:
    assert order_after("mul", (ROWS, Tensor(shuffled=GIVEN))) == BATCH
    assert order_after("mul", (Tensor(shuffled=GIVEN), PLAIN)) is GIVEN


@pytest.mark.parametrize(
    ("axis", "order"), [(Const(1), BATCH), (Const(-1), BATCH), (Const(0), None)], ids=str
)
def test_side_by_side_rows_stay_where_they_are(axis: Value, order: Shuffle | None) -> None:
    assert order_after("cat", (Series([ROWS, PLAIN]), axis)) == order


def test_parts_of_numbers_are_in_random_order_each() -> None:
    parts = order_after("split", (Tensor(shuffled=DRAWN), Const(32)))
    assert parts is not None
    assert parts.parts
    assert order_after("unbind", (Tensor(shuffled=parts),)) == DRAWN


def test_what_is_taken_by_random_numbers_is_in_random_order() -> None:
    assert picked(Tensor(shuffled=DRAWN)) == SAMPLES
    assert picked(Permuted(shuffled=DRAWN)) == SAMPLES
    assert picked(Tensor(shuffled=BATCH)) is None  # data, not numbers
    assert picked(Unknown()) is None


def test_numpy_draws_too() -> None:
    order = order_of(drawn_by("permutation", PLACE))
    assert order is not None
    assert (order.name, order.kind, order.place) == ("permutation", "indices", PLACE)
    assert order_of(drawn_by("choice", PLACE)) is None


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("rows = torch.randperm(8)", "indices"),
        ("rows = torch.randperm(8)[:4]", "indices"),
        ("rows = torch.zeros(8, 2)[torch.randperm(8)]", "samples"),
        ("rows = data[torch.randperm(8)]", "samples"),
        ("rows = torch.zeros(8, 2)[torch.randperm(8)][torch.ones(8) > 0]", ""),
        ("rows = torch.zeros(8, 2)[torch.randperm(8).sort().values]", ""),
        ("rows = torch.randperm(8)[0]", ""),
        ("for rows in torch.randperm(8).split(2):\n    pass", "indices"),
        ("for rows in torch.randperm(8):\n    pass", ""),
    ],
)
def test_followed_through_a_script(script: Callable[..., Any], text: str, kind: str) -> None:
    order = order_of(script(text)["rows"])
    assert (order.kind if order is not None else "") == kind


def test_a_module_keeps_the_order_of_what_it_is_given(script: Callable[..., Any]) -> None:
    text = """
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.layer = nn.Linear(2, 1)
            def forward(self, x):
                return self.layer(x).squeeze(1)
        net, x = Net(), torch.zeros(8, 2)
        for a in DataLoader(x, batch_size=4):
            held_out = net(a)
        for a in DataLoader(x, batch_size=4, shuffle=True):
            trained = net(a)
        taken = net(x[torch.randperm(8)])
        whole = net(x)
    """
    done = script(text)
    kinds = {n: order_of(done[n]) for n in ("held_out", "trained", "taken", "whole")}
    assert {n: o.kind if o else "" for n, o in kinds.items()} == {
        "held_out": "",
        "trained": "loader",
        "taken": "samples",
        "whole": "",
    }
