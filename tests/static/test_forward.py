"""Calls of modules: what comes out of a layer, a container or the user's own `forward`."""

import pytest

from osler.model import Kind, Series, Table, Tensor, Unknown
from osler.static.forward import changed

TWO = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(4, 4)
        self.head = nn.Linear(4, 2)
        self.spare = nn.Linear(4, 2)
    def forward(self, x, mask=None):
        BODY
net = Net()
out = net(torch.zeros(3))
"""


def follow(script, body: str, more: str = ""):
    return script(TWO.replace("BODY", body) + more)


def names(tensor) -> set[str]:
    return {n.name for n in tensor.networks}


@pytest.mark.parametrize(
    ("body", "reached"),
    [
        ("return self.head(self.body(x))", {"self.body", "self.head"}),
        ("x = F.relu(self.body(x)); return self.head(x)", {"self.body", "self.head"}),
        ("return self.body(x) + self.head(x)", {"self.body", "self.head"}),
        ("return self.head(self.body(x).detach())", {"self.head"}),
        ("return self.head(x)", {"self.head"}),
        ("return x", set()),
        ("for layer in (self.body, self.head): x = layer(x)\n        return x", {"self.body", "self.head"}),
        ("return self.inner(x)\n    def inner(self, x): return self.head(x)", {"self.head"}),
    ],
)
def test_what_the_output_of_a_forward_reaches(script, body, reached) -> None:
    read = follow(script, body)
    assert names(read["out"]) == reached
    assert read["out"].certain
    assert read["out"].models == {read["net"]}


@pytest.mark.parametrize("call", ["net(x)", "net.forward(x)", "net.__call__(x)", "net(x=x)"])
def test_only_the_outermost_call_is_noted(script, call) -> None:
    read = script(TWO.replace("BODY", "return self.head(self.body(x))").replace("net(torch.zeros(3))", call))
    assert read.told == ["forward net"]
    assert names(read["out"]) == {"self.body", "self.head"}


def test_a_forward_with_several_outputs(script) -> None:
    read = follow(script, "return self.body(x), {'head': self.head(x)}", "a, b = out\nc = b['head']")
    assert names(read["a"]) == {"self.body"}
    assert names(read["c"]) == {"self.head"}


def test_what_happens_inside_is_followed_once_for_each_kind_of_input(script) -> None:
    body = "self.n = x\n        return self.head(x)"
    read = follow(
        script, body, "more = [net(torch.zeros(n)) for n in range(3)]\nother = net(torch.zeros(3), True)"
    )
    assert [a.kind for a in read.actions].count(Kind.FORWARD) == 3
    assert len(read.machine.forwards) == 2


def test_two_models_in_a_row(script) -> None:
    read = follow(script, "return self.head(x)", "last = nn.Linear(2, 1)\ny = last(out)")
    assert names(read["y"]) == {"self.head", "last"}
    assert read["y"].models == {read["net"], read["last"]}
    assert len(read["y"].sites) == 2


def test_a_cut_between_two_models(script) -> None:
    read = follow(script, "return self.head(x)", "last = nn.Linear(2, 1)\ny = last(out.detach())")
    assert names(read["y"]) == {"last"}
    assert [c.operation for c in read["y"].cuts] == ["detach"]


@pytest.mark.parametrize("manager", ["torch.no_grad()", "torch.inference_mode()"])
def test_with_gradients_off_nothing_is_reached(script, manager) -> None:
    read = follow(script, "return self.head(x)", f"with {manager}:\n    y = net(torch.zeros(3))")
    assert names(read["y"]) == set()
    (cut,) = read["y"].cuts
    assert cut.operation == "no_grad"
    assert read["net"] in cut.networks


def test_layers_in_a_row(script) -> None:
    read = script(
        "net = nn.Sequential(nn.Linear(1, 1), nn.ReLU(), nn.Linear(1, 1), nn.Softmax(1))\n"
        "out = net(torch.zeros(1))"
    )
    assert read["out"].networks == {read["net.0"], read["net.2"]}
    assert read["out"].activation.name == "softmax"
    assert read["out"].certain


def test_if_it_is_not_known_which_layer_is_the_last_nothing_is_said_of_it(script) -> None:
    read = script(
        "layers = [nn.Linear(1, 1), nn.ReLU()]\nnet = nn.Sequential(*layers[:n])\nout = net(torch.zeros(1))"
    )
    assert (read["out"].activation, read["out"].certain) == (None, False)
    read = script(
        "layers = [nn.Linear(1, 1), nn.ReLU()]\nnet = nn.Sequential(*layers[:1])\nout = net(torch.zeros(1))"
    )
    assert (read["out"].activation.name, read["out"].certain) == ("linear", True)


def test_layers_in_a_row_that_are_not_all_known(script) -> None:
    read = script("net = nn.Sequential(nn.Linear(1, 1), *more)\nout = net(torch.zeros(1))")
    assert not read["out"].certain


@pytest.mark.parametrize(
    ("layer", "activation"),
    [
        ("nn.Linear(1, 1)", "linear"),
        ("nn.Conv2d(1, 1, 1)", "linear"),
        ("nn.ReLU()", "relu"),
        ("nn.Softmax(dim=1)", "softmax"),
        ("nn.Flatten()", ""),
        ("nn.BatchNorm1d(3)", ""),
    ],
)
def test_what_a_layer_makes_of_its_input(script, layer, activation) -> None:
    out = script(f"layer = {layer}\nout = layer(torch.zeros(1))")["out"]
    assert (out.activation.name if out.activation else "") == activation


@pytest.mark.parametrize(
    ("layer", "learns"), [("nn.ReLU()", False), ("nn.Dropout()", False), ("nn.GRU(1, 1)", True)]
)
def test_layers_that_learn_nothing_are_not_reached(script, layer, learns) -> None:
    read = script(f"layer = {layer}\nout = layer(torch.zeros(1))")
    out = read["out"].items[0] if isinstance(read["out"], Series) else read["out"]
    assert bool(out.networks) is learns


def test_a_recurrent_layer_gives_its_output_and_its_state(script) -> None:
    read = script("rnn = nn.LSTM(4, 4)\nout, (h, c) = rnn(torch.zeros(3))")
    assert read["out"].networks == read["c"].networks == {read["rnn"]}


def test_a_model_that_was_not_read_is_reached_but_nothing_is_certain(script) -> None:
    read = script("import timm\nnet = timm.create_model('a')\nout = net(torch.zeros(1))")
    assert (read["out"].networks, read["out"].certain) == ({read["net"]}, False)
    assert read.told == ["forward net"]


def test_either_of_two_models(script) -> None:
    read = script(
        "a, b = nn.Linear(1, 1), nn.Conv2d(1, 1, 1)\nnet = a if what else b\nout = net(torch.zeros(1))"
    )
    assert read["out"].networks == {read["a"], read["b"]}


@pytest.mark.parametrize(
    "body", ["return self(x)", "return self.forward(x)", "self.me = self; return self.me(x)"]
)
def test_a_module_that_calls_itself_has_an_end(script, body) -> None:
    assert follow(script, body).told[-1] == "forward net"


def test_a_forward_that_extends_that_of_a_class_above(script) -> None:
    above = TWO.replace("BODY", "return self.body(x)").partition("net = ")[0]
    read = script(
        f"{above}class More(Net):\n"
        "    def forward(self, x): return self.head(super().forward(x))\n"
        "net = More()\n"
        "out = net.forward(torch.zeros(3))"
    )
    assert names(read["out"]) == {"self.body", "self.head"}
    assert read.told == ["forward net"]


def test_a_container_that_is_called_itself_is_not_known(script) -> None:
    read = script("net = nn.ModuleList([nn.Linear(1, 1)])\nout = net(torch.zeros(1))")
    assert not read["out"].certain


def test_every_tensor_in_a_value_is_changed() -> None:
    value = Series([Tensor(), Table({"a": Tensor()}), Unknown()])
    out = changed(value, lambda t: Tensor(reduced="mean"))
    assert isinstance(out, Series)
    first, table, last = out.items
    assert first.reduced == table.items["a"].reduced == "mean"
    assert last is value.items[2]
    assert value.items[0].reduced == ""


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("head(x)", True),
        ("head(x).float()", True),
        ("torch.softmax(head(x), 1)", True),
        ("nn.Sequential(head, nn.Sigmoid())(x)", True),
        ("head(x).squeeze(1)", False),
        ("head(x)[:, 0]", False),
        ("torch.softmax(head(x), 1).view(-1)", False),
    ],
)
def test_a_column_is_known_until_it_is_reshaped(trained, text: str, known: bool) -> None:
    read = trained(f"head = nn.Linear(8, 1)\nout = {text}")
    activation = read["out"].activation
    assert activation is not None
    assert (activation.layer is read["head"]) is known
