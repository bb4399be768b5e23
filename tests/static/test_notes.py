"""Single calls are remembered for checks that look at nothing else."""

import ast

import pytest

from osler.model import CallFact, Const
from osler.static.notes import MOST_VARIANTS, note_call
from osler.static.values import Arguments


def calls(read, name: str) -> list[CallFact]:
    return [f for facts in read.machine.facts.values() for f in facts if f.name == name]


def test_what_is_remembered(script) -> None:
    read = script("weights = torch.load('a.pt', map_location='cpu')")
    (fact,) = calls(read, "torch.load")
    assert fact.arguments == {0: Const("a.pt"), "map_location": Const("cpu")}
    assert (fact.place.line, fact.target, fact.recording, fact.spread) == (2, "weights", True, False)
    assert (fact.guards, fact.loops, fact.network) == ((), (), None)


@pytest.mark.parametrize(
    ("text", "guards"),
    [
        ("if a > b:\n    torch.load('x')", ("a > b",)),
        ("if a:\n    pass\nelse:\n    torch.load('x')", ("not (a)",)),
        ("if a:\n    if b:\n        torch.load('x')", ("a", "b")),
        ("x = torch.load('x') if a else 1", ("a",)),
        ("try:\n    pass\nexcept OSError:\n    torch.load('x')", ("except",)),
        ("if True:\n    torch.load('x')", ()),
        ("while a:\n    torch.load('x')", ()),
        ("def f():\n    torch.load('x')\nif a:\n    f()", ()),
    ],
    ids=["if", "else", "both", "choice", "except", "always", "while", "of its own function only"],
)
def test_the_conditions_it_stands_under(script, text, guards) -> None:
    (fact,) = calls(script(text), "torch.load")
    assert fact.guards == guards


def test_the_loops_it_stands_in(trained) -> None:
    read = trained("loader = DataLoader(1)\nfor e in range(3):\n    for x in loader:\n        x.view(4)")
    (fact,) = calls(read, "Tensor.view")
    assert fact.loops[-1] is read["loader"]
    assert len(fact.loops) == 2


def test_the_module_in_whose_method_it_stands(script) -> None:
    read = script(
        "class Net(nn.Module):\n"
        "    def forward(self, x): return torch.relu(x)\n"
        "net = Net()\n"
        "net(torch.rand(2))"
    )
    (fact,) = calls(read, "torch.relu")
    assert fact.network is read["net"]


def test_arguments_that_are_unpacked_may_be_anything(script) -> None:
    (fact,) = calls(script("torch.load('a', **options)"), "torch.load")
    assert fact.spread
    assert fact.given(1, "map_location")


def test_a_line_reached_on_two_ways_is_remembered_for_both(script) -> None:
    read = script("def f(path): return torch.load(path)\nf('a')\nf('b')")
    assert [f.arguments[0] for f in calls(read, "torch.load")] == [Const("a"), Const("b")]


def test_but_not_for_hundreds(machine) -> None:
    node = ast.parse("f(x)", mode="eval").body
    for number in range(100):
        note_call(machine, "f", Arguments([Const(number)]), node)
    assert [len(facts) for facts in machine.facts.values()] == [MOST_VARIANTS]


def test_calls_of_other_libraries_are_not_remembered(script) -> None:
    read = script("import pandas, numpy\npandas.read_csv('a')\nnumpy.zeros(3)\nprint(1)")
    assert {facts[0].name for facts in read.machine.facts.values()} == {"numpy.zeros"}


GUARDED = """
class Net(nn.Module):
    def forward(self, x):
        if not self.training:
            return x
        x = torch.relu(x)
        return self.noise(x)

    def noise(self, x):
        if x.sum() > 0:
            x = torch.tanh(x)
        return torch.sigmoid(x)


for x in range(3):
    if ask():
        continue
    torch.abs(x)
torch.sqrt(x)
if ask():
    Net()(torch.ones(2))
"""


@pytest.mark.parametrize(
    ("name", "guards"),
    [
        ("relu", ("not (not self.training)",)),
        ("sigmoid", ("not (not self.training)",)),
        ("tanh", ("not (not self.training)", "x.sum() > 0")),
        ("abs", ("not (ask())",)),
        ("sqrt", ()),
    ],
)
def test_conditions_that_hold_because_the_other_way_has_left(
    code, name: str, guards: tuple[str, ...]
) -> None:
    (call,) = code(GUARDED).calls_of(f"torch.{name}")
    assert call.guards == guards


def test_a_call_remembers_what_it_returned(code) -> None:
    found = code("x = torch.randn(3)\ny = torch.abs(x)\nz = sum([x, y])")
    (drawn,) = found.calls_of("torch.randn")
    (positive,) = found.calls_of("torch.abs")
    (total,) = found.calls_of("builtins.sum")
    assert positive.arguments[0] is drawn.result
    assert total.result is not None
    assert total.result is not positive.result
