"""Objects of the user's own classes are what their classes are made from."""

import pytest

from osler.model import Const, Helper, Loader, Network, Optimizer
from osler.static.values import Instance, UserNetwork


def test_a_module_holds_what_its_init_gives_it(script) -> None:
    read = script(
        """
        class Net(nn.Module):
            def __init__(self, width, depth=2):
                super().__init__()
                self.width, self.depth = width, depth
                self.fc = nn.Linear(width, 2)
        net = Net(8)
        """
    )
    net = read["net"]
    assert isinstance(net, UserNetwork)
    assert (net.name, net.known, net.pretrained) == ("net", True, False)
    assert (read["net.width"], read["net.depth"]) == (Const(8), Const(2))
    assert read["net.fc"] in list(net.walk())


def test_each_call_makes_another_object(script) -> None:
    read = script(
        "class Net(nn.Module):\n    def __init__(self): self.fc = nn.Linear(1, 1)\na, b = Net(), Net()"
    )
    assert read["a"] is not read["b"]
    assert read["a.fc"] is not read["b.fc"]


def test_init_is_inherited(script) -> None:
    read = script(
        """
        class A(nn.Module):
            def __init__(self, n):
                super().__init__()
                self.fc = nn.Linear(n, n)
        class B(A): pass
        class C(B):
            def __init__(self):
                super().__init__(3)
                self.head = nn.Linear(3, 1)
        b = B(2)
        c = C()
        """
    )
    assert read["b.fc"].options[0] == Const(2)
    assert read["c.fc"].options[0] == Const(3)
    assert {n.name for n in read["c"].walk()} == {"c", "self.fc", "self.head"}


def test_a_class_made_from_sequential_is_filled_by_it(script) -> None:
    read = script(
        "class S(nn.Sequential):\n"
        "    def __init__(self): super().__init__(nn.Linear(1, 1), nn.ReLU())\n"
        "s = S()"
    )
    assert [p.kind for p in read["s"].parts.values()] == ["Linear", "ReLU"]


def test_an_object_that_is_no_module(script) -> None:
    read = script(
        "class Trainer:\n    def __init__(self, model): self.model = model\nt = Trainer(nn.Linear(1, 1))"
    )
    assert isinstance(read["t"], Instance)
    assert isinstance(read["t.model"], Network)


def test_a_data_class_holds_what_it_is_given_in_the_order_of_its_fields(script) -> None:
    read = script(
        """
        from dataclasses import dataclass
        @dataclass
        class Base:
            rate: float
        @dataclass
        class Config(Base):
            size: int = 4
            name: str = "a"
        c = Config(0.1, 8, name="b")
        """
    )
    assert (read["c.rate"], read["c.size"], read["c.name"]) == (Const(0.1), Const(8), Const("b"))


def test_a_field_that_is_not_given_has_its_default(script) -> None:
    text = (
        "from dataclasses import dataclass\n@dataclass\nclass Config:\n    size: int = 4\nx = Config().size"
    )
    assert script(text)["x"] == Const(4)


@pytest.mark.parametrize(
    ("base", "kind"),
    [
        ("DataLoader", Loader),
        ("torch.optim.Optimizer", Optimizer),
        ("torch.optim.SGD", Optimizer),
        ("torch.optim.lr_scheduler.LambdaLR", Helper),
        ("torch.optim.lr_scheduler.LRScheduler", Helper),
        ("torch.utils.data.Dataset", Instance),
    ],
)
def test_a_class_is_what_it_is_made_from(trained, base, kind) -> None:
    read = trained(f"class Own({base}): pass\nx = Own(model.parameters())")
    assert isinstance(read["x"], kind)


def test_an_optimizer_of_the_users_holds_what_it_is_given(trained) -> None:
    read = trained(
        "class Own(torch.optim.Optimizer):\n"
        "    def __init__(self, p): pass\n"
        "x = Own(model.parameters())\n"
        "x.step()"
    )
    assert read["x"].holds(read["model"])
    assert read.told == ["step x"]


def test_a_schedule_of_the_users_knows_its_optimizer(trained) -> None:
    read = trained("class Own(torch.optim.lr_scheduler.LRScheduler): pass\nx = Own(optimizer)")
    assert read["x"].about is read["optimizer"]


@pytest.mark.parametrize(
    ("start", "is_noted"),
    [
        ("def __init__(self): self.fc = 1", True),
        ("def __init__(self): super().__init__(); self.fc = 1", False),
        ("def __init__(self): nn.Module.__init__(self)", False),
        ("def __init__(self): super(Net, self).__init__()", False),
        ("def forward(self, x): return x", False),
    ],
    ids=["missing", "super", "by class", "old super", "no __init__ of its own"],
)
def test_a_module_whose_init_leaves_out_that_above(script, start, is_noted) -> None:
    read = script(f"class Net(nn.Module):\n    {start}\nnet = Net()")
    assert (
        any(facts[0].name == "Module without __init__" for facts in read.machine.facts.values()) is is_noted
    )
