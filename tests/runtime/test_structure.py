"""The parts of a model, their order, shapes and lines."""

import torch
from torch import nn

from osler.session import Session

torch.set_num_threads(1)


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(4, 8), nn.ReLU())
        self.head = nn.Linear(8, 3)
        self.idle = nn.Linear(2, 2)

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"logits": self.head(self.body(x))}


def test_order_shapes_and_lines_of_the_first_call() -> None:
    model = Net()
    with Session() as session:
        model(torch.randn(6, 4))
        model(torch.randn(9, 4))
    modules = session.run.modules
    assert {name: fact.kind for name, fact in modules.items()} == {
        "Net": "Net", "Net.body": "Sequential", "Net.body.0": "Linear", "Net.body.1": "ReLU",
        "Net.head": "Linear", "Net.idle": "Linear",
    }  # fmt: skip
    called = sorted((f for f in modules.values() if f.order >= 0), key=lambda f: f.order)
    assert [f.name for f in called] == ["body.0", "body.1", "body", "head", ""]
    assert [f.outputs for f in called] == [((6, 8),), ((6, 8),), ((6, 8),), ((6, 3),), ((6, 3),)]
    assert modules["Net.body.0"].inputs == ((6, 4),)
    assert modules["Net.body.0"].elements == 40
    assert modules["Net.body"].elements == 0
    assert modules["Net.body.0"].site[0].function == "forward"


def test_what_was_not_called_is_listed_without_shapes() -> None:
    with Session() as session:
        Net()(torch.randn(6, 4))
    idle = session.run.modules["Net.idle"]
    assert (idle.order, idle.inputs, idle.outputs, idle.site) == (-1, (), (), ())


def test_a_part_that_is_called_twice_keeps_its_first_call() -> None:
    layer = nn.Linear(4, 4)
    with Session() as session:
        nn.Sequential(layer, nn.ReLU(), layer)(torch.randn(6, 4))
    assert session.run.modules["Sequential.0"].order == 0


def test_calls_without_a_graph_are_not_the_first_call() -> None:
    model = Net()
    with Session() as session:
        with torch.no_grad():
            model(torch.randn(50, 4))
        model(torch.randn(6, 4))
    assert session.run.modules["Net.head"].inputs == ((6, 8),)


def test_two_models_are_told_apart() -> None:
    one, other = Net(), Net()
    with Session() as session:
        one(torch.randn(6, 4))
        other(torch.randn(9, 4))
    assert session.run.modules["Net 2.head"].inputs == ((9, 8),)
    assert session.run.modules["Net 2.head"].model == "Net 2"
