"""The value of `owner.name`."""

import pytest

from osler.model import Const, External, Network, Optimizer, Tensor, Unknown
from osler.static.values import Bound, Doing, Function

CLASS = """
class A:
    size = 2
    def __init__(self, n=1): self.n, self.k = n, 3
    def f(self): return self.n
    def count(self): self.k += 1
    @property
    def double(self): return self.size * 2
    @staticmethod
    def s(a): return a
    @classmethod
    def c(cls, n): return cls(n)
a = A()
"""


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("a.n", 1),
        ("a.size", 2),
        ("A.size", 2),
        ("a.double", 4),
        ("a.f()", 1),
        ("a.s(5)", 5),
        ("A.s(5)", 5),
        ("A.f(a)", 1),
        ("A.c(5).n", 5),
        ("a.c(5).n", 5),
    ],
)
def test_of_an_object_of_the_users(script, expression, value) -> None:
    assert script(f"{CLASS}x = {expression}")["x"] == Const(value)


def test_a_number_that_methods_change_has_no_known_value(script) -> None:
    assert isinstance(script(f"{CLASS}x = a.k")["x"], Unknown)


def test_a_method_that_is_not_called_is_bound(script) -> None:
    read = script(f"{CLASS}x, y, z = a.f, A.f, a.s")
    assert isinstance(read["x"], Bound)
    assert read["x"].owner is read["a"]
    assert isinstance(read["y"], Function)
    assert isinstance(read["z"], Function)


def test_an_attribute_nobody_gave_gets_the_role_of_its_name_and_keeps_it(script) -> None:
    read = script("class A: pass\na = A()\na.optimizer.step()\nx = a.optimizer")
    assert isinstance(read["x"], Optimizer)
    assert read["x"] is read["a.optimizer"]
    assert read.told == ["step optimizer"]


@pytest.mark.parametrize(
    ("call", "value"),
    [("super().f()", "A"), ("A.f(self)", "A"), ("super(B, self).f()", "A"), ("self.f()", "B")],
)
def test_the_method_of_a_class_above(script, call, value) -> None:
    read = script(
        "class A:\n"
        "    def f(self): return 'A'\n"
        "class B(A):\n"
        "    def f(self): return 'B'\n"
        f"    def g(self): return {call}\n"
        "x = B().g()"
    )
    assert read["x"] == Const(value)


def test_of_a_module_from_outside(script) -> None:
    assert script("x = torch.nn.functional.relu")["x"] == External("torch.nn.functional.relu")


def test_of_a_module_of_the_tree(script) -> None:
    read = script("import other\nx, y = other.n, other.none", {"other.py": "n = 1"})
    assert read["x"] == Const(1)
    assert isinstance(read["y"], Unknown)


@pytest.mark.parametrize("name", ["shape", "dtype", "device", "ndim", "is_cuda", "requires_grad", "grad_fn"])
def test_what_is_asked_of_a_tensor_is_no_tensor(trained, name) -> None:
    assert not isinstance(trained(f"x = model(x).{name}")["x"], Tensor)


def test_the_data_of_a_tensor_has_no_graph(trained) -> None:
    read = trained("out = model(x)\ny = out.data\nz = out.T")
    assert (read["y"].networks, read["z"].networks) == (frozenset(), {read["model"]})
    assert [c.operation for c in read["y"].cuts] == ["data"]


def test_the_data_of_a_parameter_is_still_that_parameter(trained) -> None:
    read = trained("for p in model.parameters():\n    d, g = p.data, p.grad")
    assert isinstance(read["d"], Doing)
    assert (read["d"].name, read["g"].name) == ("data", "grad")
    assert read["d"].receiver.leaf is read["model"]


def test_an_output_with_named_parts_is_its_parts(trained) -> None:
    """The output of a model that was not read may be an object: `out.logits`, `out.loss`."""
    read = trained("from other import make_model\nnet = make_model()\nout = net(x)\ny = out.logits")
    assert isinstance(read["y"], Tensor)
    assert read["y"].networks == {read["net"]}


def test_what_is_below_a_wrapper_is_the_module_itself(trained) -> None:
    read = trained("wrapped = nn.DataParallel(model)\nx = wrapped.module")
    assert read["x"] is read["model"]


def test_parts_of_a_model_that_was_not_read_are_models(script) -> None:
    read = script("import timm\nnet = timm.create_model('a')\nhead = net.head\nagain = net.head")
    assert isinstance(read["head"], Network)
    assert read["head"] is read["again"]
    assert (read["head"].known, read["head"].pretrained) == (False, True)
    assert read["head"] in list(read["net"].walk())


def test_one_of_a_layer_that_was_is_not(trained) -> None:
    assert isinstance(trained("x = model.weight")["x"], Unknown)


def test_asking_for_the_mode_makes_a_module_one_that_switches(script) -> None:
    text = (
        "class Net(nn.Module):\n"
        "    def forward(self, x):\n"
        "        if {}: return x\n"
        "        return x\n"
        "net = Net()\n"
        "net(x)"
    )
    assert script(text.format("self.training"))["net"].switches
    assert not script(text.format("self.trained"))["net"].switches


def test_an_unknown_object_keeps_the_identity_of_its_parts(script) -> None:
    read = script("args = f()\nargs.model.train()\nx = args.model")
    assert isinstance(read["x"], Network)
    assert read["args.model"] is read["x"]


def test_the_optimizer_inside_a_wrapper(trained) -> None:
    read = trained("x, y = optimizer.optimizer, optimizer.defaults")
    assert read["x"] is read["optimizer"]
    assert isinstance(read["y"], Doing)


@pytest.mark.parametrize("start", ["SimpleNamespace(n=1)", "argparse.Namespace(n=1)", "SimpleNamespace()"])
def test_of_a_namespace(trained, start) -> None:
    read = trained(
        "import argparse\n"
        "from types import SimpleNamespace\n"
        f"s = {start}\n"
        "s.n, s.opt = 1, optimizer\n"
        "s.opt.step()\n"
        "x, y = s.n, s.none"
    )
    assert read["x"] == Const(1)
    assert read.told == ["step optimizer"]


def test_a_key_of_a_dict_is_not_one_of_its_methods(script) -> None:
    read = script("d = {'items': 1, 'n': 2}\nx = [k for k, v in d.items()]")
    assert len(read["x"].items) == 1
    assert read["x"].items[0] != Const(1)


@pytest.mark.parametrize(
    ("call", "value"), [("getattr(a, 'n')", 1), ("getattr(a, 'f')()", 1), ("getattr(a, 'n', 3)", 1)]
)
def test_by_a_name_that_is_a_text(script, call, value) -> None:
    assert script(f"{CLASS}x = {call}")["x"] == Const(value)


@pytest.mark.parametrize("call", ["getattr(a, what)", "getattr(a, 'n' + b)", "getattr(b, 'n')"])
def test_by_a_name_that_is_not_known(script, call) -> None:
    assert isinstance(script(f"{CLASS}x = {call}")["x"], Unknown)


def test_of_something_that_may_be_none(script) -> None:
    read = script(f"{CLASS}b = None\nif what: b = a\nx = b.n")
    assert read["x"] == Const(1)
