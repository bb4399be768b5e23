"""What operations do to tensors: the layers behind them, what cut the graph, what they have gone through."""

import pytest

from osler.model import Maybe, Network, Parameters, Series, Table, Tensor, Unknown, Value
from osler.static.tensors import MOST_CUTS, batch_of, combined, is_certain, operate, severed, tensors_in


@pytest.mark.parametrize(
    "operation",
    [
        "out.view(-1)",
        "out + 1",
        "torch.relu(out)",
        "F.softmax(out, 1)",
        "out.to(device)",
        "out.clone()",
        "torch.cat([out, x])",
        "torch.stack([out])",
        "out.sum()",
        "out.max(1)[0]",
        "F.dropout(out)",
        "torch.where(mask, out, x)",
    ],
)
def test_what_keeps_the_graph(trained, operation) -> None:
    read = trained(f"out = model(x)\ny = {operation}")
    assert read["y"].networks == {read["model"]}
    assert read["y"].cuts == frozenset()


@pytest.mark.parametrize(
    ("operation", "name"),
    [
        ("out.detach()", "detach"),
        ("out.item()", "item"),
        ("float(out)", "item"),
        ("out.argmax(1)", "argmax"),
        ("torch.argmax(out, 1)", "argmax"),
        ("out.cpu().numpy()", "numpy"),
        ("torch.tensor(out)", "tensor"),
        ("out.data", "data"),
        ("(out > 0.5)", "gt"),
        ("out.round()", "round"),
        ("out.long()", "long"),
    ],
)
def test_what_cuts_it(trained, operation, name) -> None:
    read = trained(f"out = model(x)\ny = {operation}\nz = y * 2")
    for value in (read["y"], read["z"]):
        assert value.networks == frozenset()
        (cut,) = value.cuts
        assert (cut.operation, cut.networks, cut.place.line) == (name, {read["model"]}, 4)


@pytest.mark.parametrize("operation", ["torch.zeros_like(out)", "torch.rand(out.shape)", "out.new_zeros(3)"])
def test_what_has_nothing_to_do_with_it(trained, operation) -> None:
    read = trained(f"out = model(x)\ny = {operation}")
    assert (read["y"].networks, read["y"].cuts) == (frozenset(), frozenset())


def test_a_cut_is_remembered_beside_what_was_not_cut(trained) -> None:
    read = trained("other = nn.Linear(1, 1)\ny = model(x).detach() + other(x)")
    assert read["y"].networks == {read["other"]}
    assert [c.networks for c in read["y"].cuts] == [{read["model"]}]


def test_with_gradients_off_everything_is_cut(trained) -> None:
    read = trained("with torch.no_grad():\n    out = model(x)\n    y = out * 2")
    assert read["y"].networks == frozenset()
    assert {c.operation for c in read["y"].cuts} == {"no_grad"}


@pytest.mark.parametrize(
    ("operation", "activation"),
    [
        ("F.softmax(out, 1)", "softmax"),
        ("out.softmax(1)", "softmax"),
        ("nn.Softmax(1)(out)", "softmax"),
        ("F.log_softmax(out, 1)", "log_softmax"),
        ("torch.softmax(out, 1).log()", "log_softmax"),
        ("torch.sigmoid(out)", "sigmoid"),
        ("F.relu(out)", "relu"),
        ("F.softmax(out, 1).view(-1)", "softmax"),
        ("F.softmax(out, 1).squeeze().float().to(d)", "softmax"),
        ("F.softmax(out, 1)[0]", "softmax"),
        ("F.softmax(out, 1).detach()", "softmax"),
        ("out", "linear"),
    ],
)
def test_what_a_tensor_has_just_gone_through(trained, operation, activation) -> None:
    assert trained(f"out = model(x)\ny = {operation}")["y"].activation.name == activation


@pytest.mark.parametrize(
    "operation",
    [
        "F.softmax(out, 1) * 2",
        "F.softmax(out, 1).log2()",
        "F.gumbel_softmax(out)",
        "out.exp()",
        "F.softmax(out, 1).argmax(1)",
        "torch.cat([F.softmax(out, 1), out])",
        "what(F.softmax(out, 1))",
    ],
)
def test_what_has_gone_through_something_else_since(trained, operation) -> None:
    assert trained(f"out = model(x)\ny = {operation}")["y"].activation is None


def test_what_came_before_is_remembered(trained) -> None:
    read = trained("y = F.softmax(torch.sigmoid(model(x)), 1)")
    assert (read["y"].activation.name, read["y"].activation.before) == ("softmax", "sigmoid")


NET = Network("net")
LEAF, PLAIN = Tensor(leaf=NET), Tensor()


@pytest.mark.parametrize(
    ("value", "count"),
    [
        (PLAIN, 1),
        (Series([PLAIN, NET, Series([PLAIN])]), 2),
        (Table({"a": PLAIN, "b": Unknown()}), 1),
        (Maybe(PLAIN), 1),
        (Parameters((NET, NET)), 2),
        (NET, 0),
        (Unknown("x", {"a": PLAIN}), 0),
    ],
)
def test_tensors_in_a_value(value: Value, count: int) -> None:
    assert len(list(tensors_in(value))) == count


@pytest.mark.parametrize(
    ("value", "known"),
    [
        (PLAIN, True),
        (Tensor(certain=False), False),
        (Series([PLAIN]), True),
        (Series([PLAIN], whole=False), False),
        (Series([PLAIN, Unknown()]), False),
        (Table({"a": PLAIN}), True),
        (Maybe(PLAIN), False),
        (Unknown(), False),
    ],
)
def test_whether_something_unknown_goes_in(value: Value, known: bool) -> None:
    assert is_certain(value) is known


def test_a_parameter_that_goes_in_is_reached(machine, node) -> None:
    assert combined(machine, [LEAF, PLAIN], machine.place(node)).networks == {NET}


def test_the_batch_behind_a_tensor(script) -> None:
    read = script(
        "loader = DataLoader(d)\nfor x, y in loader:\n    z = x.cuda().float()\n    w = torch.zeros_like(x)"
    )
    assert read["z"].batch is read["loader"]
    assert read["w"].batch is None


def test_only_so_many_cuts_are_remembered(machine, node) -> None:
    place = machine.place(node)
    cut = [severed("detach", [Tensor(frozenset({Network(str(n))}))], place) for n in range(MOST_CUTS * 2)]
    assert len(operate(machine, "add", cut, node).cuts) == MOST_CUTS


def test_cutting_what_has_no_graph_cuts_nothing(machine, node) -> None:
    assert severed("detach", [PLAIN], machine.place(node)).cuts == frozenset()


@pytest.mark.parametrize(
    ("expression", "is_number"),
    [("out.item()", True), ("out.item() + 1", True), ("out.item() + out", False), ("out.detach()", False)],
)
def test_python_numbers(trained, expression, is_number) -> None:
    assert trained(f"out = model(x)\ny = {expression}")["y"].number is is_number


def test_what_a_loader_hands_out(script) -> None:
    loader = script("loader = DataLoader(d)")["loader"]
    assert batch_of(loader, loader.place).batch is loader


@pytest.mark.parametrize(
    ("expression", "rows"),
    [
        ("x", True),
        ("x.float().cuda()", True),
        ("x * 2 + 1", True),
        ("2 * x", True),
        ("torch.relu(x)", True),
        ("x.view(x.size(0), -1)", True),
        ("x.reshape(-1, 784)", True),
        ("x.flatten(1)", True),
        ("x.unsqueeze(1)", True),
        ("x[:, 0]", True),
        ("x[:4]", True),
        ("nn.Linear(8, 4)(x)", True),
        ("nn.Sequential(nn.Linear(8, 4), nn.ReLU(), nn.Flatten())(x)", True),
        ("x.T", False),
        ("x.t()", False),
        ("x.view(-1)", False),
        ("x.view(28, 28)", False),
        ("x.flatten()", False),
        ("x.squeeze()", False),
        ("x.unsqueeze(0)", False),
        ("x[0]", False),
        ("x[i]", False),
        ("x.mean(0)", False),
        ("w @ x", False),
        ("nn.LSTM(8, 4)(x)[0]", False),
        ("torch.stack([x, x])", False),
        ("torch.ones(4, 8)", False),
        ("other(x)", False),
        ("x if i else x[0]", False),
        ("x if i else x.float()", True),
    ],
)
def test_first_axis_is_the_batch(script, expression: str, rows: bool) -> None:
    found = script(f"for x, y in DataLoader(data, 4):\n    z = {expression}")["z"]
    assert getattr(found, "rows", False) is rows


@pytest.mark.parametrize(
    ("loader", "rows"),
    [
        ("DataLoader(data, batch_size=4)", True),
        ("DataLoader(data, batch_size=None)", False),
        ("DataLoader(data, collate_fn=pad)", False),
        ("DataLoader(data, **options)", False),
        ("train_loader", True),
        ("graphs.DataLoader(data)", False),
    ],
)
def test_loaders_whose_batches_have_the_samples_first(script, loader: str, rows: bool) -> None:
    found = script(f"import graphs\nfor x in {loader}: pass")["x"]
    assert getattr(found, "rows", False) is rows


def test_a_result_knows_the_loaders_behind_it(trained) -> None:
    read = trained(
        """
        one, other = DataLoader([1]), DataLoader([2])
        total, both = 0.0, 0.0
        for x, y in one:
            total += F.cross_entropy(model(x), y).item() * len(x)
            both += F.mse_loss(model(x), y).item()
        for x, y in other:
            both += (model(x).argmax(1) == y).float().sum()
        mean = total / 3
        """
    )
    assert read["mean"].loaders == {read["one"]}
    assert read["both"].loaders == {read["one"], read["other"]}
