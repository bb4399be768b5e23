"""What iterating or indexing a value yields."""

import pytest

from osler.model import (
    Const,
    External,
    Helper,
    Loader,
    Loss,
    Maybe,
    Network,
    Optimizer,
    Parameters,
    Place,
    Series,
    Tensor,
    Unknown,
    Value,
)
from osler.static.iteration import Zipped, element, source_of, unrolled

LOADER, NET = Loader("loader", "torch.utils.data.DataLoader"), Network("net", "torch.nn.Linear")


@pytest.mark.parametrize(
    ("value", "source"),
    [
        (LOADER, LOADER),
        (Zipped([Unknown(), LOADER]), LOADER),
        (Zipped([LOADER, Unknown()]), LOADER),
        (Zipped([Unknown(), Zipped([LOADER])]), LOADER),
        (Maybe(LOADER), LOADER),
        (NET, NET),
        (Zipped([Unknown(), NET]), NET),
    ],
)
def test_what_is_really_iterated(value: Value, source: Value) -> None:
    assert source_of(value) is source


def test_a_loader_hands_out_data(machine, node) -> None:
    batch = element(machine, LOADER, node)
    assert isinstance(batch, Tensor)
    assert (batch.batch, batch.networks, batch.certain) == (LOADER, frozenset(), True)


def test_parameters_hand_out_a_parameter(machine, node) -> None:
    one = element(machine, Parameters((NET,)), node)
    assert isinstance(one, Tensor)
    assert one.leaf is NET
    pair = element(machine, Parameters((NET,), named=True), node)
    assert isinstance(pair, Series)
    assert isinstance(pair.items[1], Tensor)
    assert pair.items[1].leaf is NET


def test_zip_hands_out_one_of_each(machine, node) -> None:
    row = element(machine, Zipped([Series([Const(1)]), LOADER]), node)
    assert isinstance(row, Series)
    assert row.items[0] == Const(1)
    assert isinstance(row.items[1], Tensor)


def test_a_container_of_modules_hands_out_any_of_them(machine, node) -> None:
    parts = {"0": Network("a"), "1": Network("b")}
    one = element(machine, Network("m", "torch.nn.ModuleList", parts=parts), node)
    assert isinstance(one, Network)
    assert set(one.variants) == set(parts.values())


@pytest.mark.parametrize("value", [Unknown(), Const(3), Series([]), Network("empty"), External("a")])
def test_what_hands_out_nothing_known(machine, node, value) -> None:
    assert isinstance(element(machine, value, node), Unknown)


@pytest.mark.parametrize(
    ("value", "count"),
    [
        (Series([Const("a"), Const("b")]), 2),
        (Series([NET, LOADER]), 2),
        (Series([Optimizer("a"), Optimizer("b")]), 2),
        (Series([Helper("schedule"), Helper("schedule")]), 2),
        (Series([Loss("torch.nn.MSELoss", Place()), Loss("torch.nn.L1Loss", Place())]), 2),
        (Series([Series([Const("a"), Const(1)]), Series([Const("b"), Const(2)])]), 2),
        (Zipped([Series([Const("a"), Const("b")]), Series([LOADER, LOADER, LOADER])]), 2),
    ],
)
def test_what_is_followed_one_by_one(value: Value, count: int) -> None:
    items = unrolled(value)
    assert items is not None
    assert len(items) == count


@pytest.mark.parametrize(
    "value",
    [
        Series([]),
        Series([Const("a")] * 5),
        Series([Const("a")], whole=False),
        Series([Const(1), Const(2)]),
        Series([Const("a"), Unknown()]),
        Series([Series([Const(1), Const(2)])]),
        Zipped([Unknown(), Series([Const("a"), Const("b")])]),
        Unknown(),
        LOADER,
    ],
    ids=["empty", "long", "open", "numbers", "unknown", "rows of numbers", "enumerate", "nothing", "loader"],
)
def test_what_is_not(value: Value) -> None:
    assert unrolled(value) is None


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("[1, 2][0]", Const(1)),
        ("(1, 2)[-1]", Const(2)),
        ("[1, 1][i]", Const(1)),
        ("{'a': 1}['a']", Const(1)),
        ("{'a': 1, 'b': 1}[k]", Const(1)),
        ("list[int]", External("builtins.list")),
        ("[1, 2][1:][0]", Const(2)),
        ("[1, 2, 3][:-1][-1]", Const(2)),
        ("[1, 2, 3][::2][1]", Const(3)),
        ("[1, 2][n:][0]", None),
        ("[1, 2][::0][0]", None),
        ("[1, 2][2]", None),
        ("{'a': 1}['b']", None),
        ("what[0]", None),
    ],
)
def test_what_an_index_finds(script, expression, value) -> None:
    found = script(f"x = {expression}")["x"]
    assert found == value if value is not None else isinstance(found, Unknown)


def test_an_item_of_something_unknown_keeps_its_identity(script) -> None:
    read = script("what = f()\nwhat['a'].n = 1\nx, y = what['a'].n, what['b'].n")
    assert read["x"] == Const(1)
    assert isinstance(read["y"], Unknown)


@pytest.mark.parametrize(("index", "kind"), [("0", "Linear"), ("1", "ReLU"), ("-1", "Tanh"), ("-2", "ReLU")])
def test_a_module_in_a_container(script, index, kind) -> None:
    read = script(f"net = nn.Sequential(nn.Linear(1, 1), nn.ReLU(), nn.Tanh())\nx = net[{index}]")
    assert read["x"].kind == kind


def test_a_loader_indexed_is_noted(script) -> None:
    read = script("loader = DataLoader(d)\nx = loader[0]\ny = other_loader[0]\nz = what[0]")
    noted = [f for facts in read.machine.facts.values() for f in facts if f.name == "Loader.[]"]
    assert [f.place.line for f in noted] == [3]


def test_what_is_cut_out_of_a_tensor_keeps_its_graph_and_its_values(trained) -> None:
    read = trained("out = torch.softmax(model(x), 1)\na = out[0]\nb = out[:, 1:]")
    for name in "ab":
        assert read[name].networks == {read["model"]}
        assert read[name].activation.name == "softmax"
