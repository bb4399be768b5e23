"""Assignment: what a name, attribute or item stands for from then on."""

import pytest

from osler.model import Const, Kind, Loader, Network, Optimizer, Tensor, Unknown

NET = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(1, 1)
net = Net()
"""


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        ("a, b = 1, 2", "b"),
        ("(a, (c, b)) = 1, [3, 2]", "b"),
        ("b = [1, 2]\nb = b[1]", "b"),
        ("b = {}\nb['x'] = 2", "b['x']"),
        ("b = [1, 1]\nb = dict(x=2)", "b['x']"),
        ("class A: pass\nb = A()\nb.x = 2", "b.x"),
        ("class A: pass\nb = A()\nb.x, c = 2, 3", "b.x"),
        ("class A: x = 2\nb = A()", "b.x"),
        ("class A: pass\nA.x = 2\nb = A()", "b.x"),
        ("b = what\nb.x = 2", "b.x"),
        ("b = what\nb['x'] = 2", "b['x']"),
    ],
)
def test_what_was_given_is_found_again(script, text, expression) -> None:
    assert script(f"{text}\nfound = {expression}")["found"] == Const(2)


@pytest.mark.parametrize(
    ("name", "role"),
    [("optimizer", Optimizer), ("model", Network), ("train_loader", Loader), ("thing", Unknown)],
)
def test_what_is_unknown_gets_the_role_of_its_first_name(script, name, role) -> None:
    read = script(f"{name} = build()\nother = {name}")
    assert type(read["other"]) is role


def test_an_object_is_called_by_its_first_name(script) -> None:
    read = script("a = nn.Linear(1, 1)\nb = a\nself.c = torch.optim.SGD(a.parameters())")
    assert (read["b"].name, read.machine.code.optimizers[0].name) == ("a", "self.c")


@pytest.mark.parametrize(
    "text",
    [
        "train, val = DataLoader(a), DataLoader(b)",
        "def get(): return DataLoader(a), DataLoader(b)\ntrain, val = get()",
        "def get(data): return DataLoader(data)\ntrain = get(a)\nval = get(b)",
    ],
)
def test_so_are_loaders_that_come_from_elsewhere(script, text) -> None:
    read = script(text)
    assert (read["train"].name, read["val"].name) == ("train", "val")


def test_a_tensor_unpacked_is_that_tensor(trained) -> None:
    read = trained("out, hidden = model(x)")
    assert read["hidden"].networks == {read["model"]}


def test_batches_are_unpacked_to_data(script) -> None:
    read = script("loader = DataLoader(d)\nfor x, (y, *z) in loader: pass")
    assert read["y"].batch is read["loader"]


@pytest.mark.parametrize(
    ("text", "is_replaced"),
    [
        ("optimizer = torch.optim.Adam(model.parameters())", True),
        ("other = torch.optim.Adam(model.parameters())", False),
        ("optimizer = optimizer", False),
        ("optimizer = accelerate(optimizer)", False),
        ("for e in range(3):\n    optimizer2 = torch.optim.Adam(model.parameters())", False),
        ("def f():\n    optimizer = torch.optim.Adam(model.parameters())\nf()", False),
        ("found = [0 for optimizer in [torch.optim.Adam(model.parameters())]]", False),
        ("if what: optimizer = torch.optim.Adam(model.parameters())", True),
    ],
)
def test_an_optimizer_whose_name_is_given_to_another_is_out_of_use(trained, text, is_replaced) -> None:
    read = trained(text)
    assert read.machine.code.optimizers[0].replaced is is_replaced


def test_one_built_again_at_the_same_line_is_not(script) -> None:
    read = script(
        "net = nn.Linear(1, 1)\n"
        "for fold in range(3):\n"
        "    opt = torch.optim.SGD(net.parameters())\n"
        "    opt = opt"
    )
    assert not any(o.replaced for o in read.machine.code.optimizers)


def test_a_part_put_in_is_a_part(script) -> None:
    read = script(f"{NET}net.head = nn.Linear(1, 1)\nnet.head.extra = nn.Linear(1, 1)")
    assert {n.name for n in read["net"].walk()} == {"net", "self.fc", "net.head", "net.head.extra"}
    assert read.told == []


def test_a_part_exchanged_is_told(script) -> None:
    read = script(f"{NET}net.fc = nn.Linear(1, 2)")
    (build,) = [a for a in read.actions if "replaces" in a.words]
    assert build.kind is Kind.BUILD
    assert (build.subject, build.words) == (read["net"], {"replaces", "part:fc"})
    assert read["net.fc"].name == "net.fc"


@pytest.mark.parametrize(
    ("text", "is_frozen"),
    [
        ("for p in net.parameters(): p.requires_grad = False", True),
        ("for p in net.parameters(): p.requires_grad = flag", True),
        ("for _, p in net.named_parameters(): p.requires_grad = False", True),
        ("for p in net.parameters(): p.requires_grad = True", False),
        ("net.requires_grad = False", False),
        ("for p in net.parameters(): p.require_grad = False", False),
        ("x = torch.zeros(1)\nx.requires_grad = False", False),
    ],
)
def test_switching_gradients_of_parameters_off(script, text, is_frozen) -> None:
    assert script(f"net = nn.Linear(1, 1)\n{text}")["net"].frozen is is_frozen


def test_a_misspelt_attribute_about_gradients_is_noted(trained) -> None:
    read = trained("for p in model.parameters(): p.require_grad = False\nmodel.name = 'a'")
    noted = [facts[0] for facts in read.machine.facts.values()]
    assert [f.name for f in noted if f.name.startswith("set.")] == ["set.require_grad"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("p.grad = None", ["clear model by hand"]),
        ("p.grad = g", ["touch model by hand written"]),
        ("p.data = p - 0.1 * p.grad", ["step model by hand"]),
        ("p.name = None", []),
    ],
)
def test_gradients_and_data_of_parameters(trained, text, told) -> None:
    assert trained(f"for p in model.parameters(): {text}").told == told


def test_an_item_at_an_unknown_place(script) -> None:
    read = script("a, b = {}, []\na[key] = 1\nb[key] = 2")
    assert not read["a"].whole
    assert read["b"].items == [Const(2)]


@pytest.mark.parametrize("text", ["t['a'] = 2", "t.update(a=2)", "t.update({'a': 2})"])
def test_an_item_given_on_one_way_only(script, text) -> None:
    assert script(f"t = {{'a': 1}}\n{text}\nx = t['a']")["x"] == Const(2)
    assert isinstance(script(f"t = {{'a': 1}}\nif what: {text}\nx = t['a']")["x"], Unknown)


def test_an_item_of_a_container_of_modules(script) -> None:
    read = script("net = nn.Sequential(nn.Linear(1, 1), nn.ReLU())\nnet[1] = nn.Tanh()")
    assert [p.kind for p in read["net"].parts.values()] == ["Linear", "Tanh"]


def test_what_has_no_place_for_it_is_ignored(script) -> None:
    read = script("(1).x = 2\nprint.x = 3\nf()[0] = nn.Linear(1, 1)\nx = torch.zeros(2)\nx[0] = 1")
    assert isinstance(read["x"], Tensor)


def test_an_alias_of_something_unknown_is_the_same_thing(trained) -> None:
    read = trained("x = load()\ny = x\nz = load()")
    assert read["y"] is read["x"]
    assert read["z"] is not read["x"]
    assert trained("x = load()\nval_loader = x")["val_loader"] is not None
