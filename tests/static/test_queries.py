"""What detectors ask beyond the facts: modules by their layers, loops by what they do."""

import pytest

from osler.model import Kind, Loader, Network, Optimizer, Place
from osler.static.queries import (
    anywhere,
    every_loop,
    everywhere,
    goes_backward,
    in_each_turn,
    in_train_mode,
    innermost_loops,
    is_apart,
    is_evaluated,
    is_named_evaluation,
    is_trained,
    is_unclear,
    late_backward,
    learns,
    loader_loop,
    loops_of,
    loss_inputs,
    may_leave,
    optimizers_of,
    root_sites,
    serves_backward,
    shown,
    switches_mode,
)

SETUP = """
model = nn.Linear(4, 2)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
loader, val_loader = DataLoader(d), DataLoader(v)
"""
TRAIN = """
for x in loader:
    loss = F.mse_loss(model(x), x)
    loss.backward()
    optimizer.step()
"""


@pytest.mark.parametrize(
    ("layer", "switches"),
    [
        ("nn.Dropout(0.1)", True),
        ("nn.Dropout()", True),
        ("nn.Dropout(0.0)", False),
        ("nn.Dropout(p=rate)", True),
        ("nn.BatchNorm2d(3)", True),
        ("nn.LSTM(4, 4, dropout=0.5)", True),
        ("nn.LSTM(4, 4)", False),
        ("nn.MultiheadAttention(4, 1, dropout=0.1)", True),
        ("nn.TransformerEncoderLayer(4, 1)", True),
        ("nn.Linear(1, 1)", False),
        ("nn.GroupNorm(1, 2)", False),
        ("nn.Sequential(nn.Linear(1, 1), nn.Sequential(nn.Dropout()))", True),
        ("nn.Sequential(nn.Linear(1, 1), nn.ReLU())", False),
        ("torchvision.models.resnet18()", True),
        ("timm.create_model('a')", None),
        ("nn.Sequential(nn.Linear(1, 1), *more)", None),
    ],
)
def test_whether_a_module_does_something_else_in_eval_mode(script, layer, switches) -> None:
    assert switches_mode(script(f"import timm, torchvision\nnet = {layer}")["net"]) is switches


@pytest.mark.parametrize(
    ("layer", "is_one"),
    [
        ("nn.Linear(1, 1)", True),
        ("nn.BatchNorm1d(1)", True),
        ("nn.Embedding(1, 1)", True),
        ("nn.ReLU()", False),
        ("nn.MaxUnpool2d(2)", False),
        ("nn.Hardsigmoid()", False),
        ("nn.Sequential(nn.Linear(1, 1))", False),
        ("timm.create_model('a')", False),
    ],
)
def test_layers_with_parameters_of_their_own(script, layer, is_one) -> None:
    assert learns(script(f"import timm\nnet = {layer}")["net"]) is is_one


@pytest.mark.parametrize(
    ("thing", "text"),
    [
        (Network("self.net"), "`net`"),
        (Optimizer("opt"), "`opt`"),
        (Loader(""), "`it`"),
        (Network("a.b"), "`a.b`"),
    ],
)
def test_how_a_thing_is_called_in_a_message(thing, text) -> None:
    assert shown(thing) == text


FACTS = [("a", 1, True), ("b", 1, True), ("c", 2, True), ("d", 2, False), ("e", 3, False)]


def line(fact) -> Place:
    return Place("/a.py", fact[1])


def test_a_claim_that_holds_on_every_way_to_a_line_is_told_once() -> None:
    assert [f[0] for f in everywhere(FACTS, line, lambda f: f[2])] == ["a"]


def test_one_that_certainly_holds_on_some_way_too() -> None:
    assert [f[0] for f in anywhere(FACTS, line, lambda f: f[2])] == ["a", "c"]


@pytest.mark.parametrize(
    ("body", "is_late"),
    [
        ("loss = model(x).sum(); optimizer.step(); loss.backward()", True),
        ("loss = model(x).sum(); loss.backward(); optimizer.step()", False),
        ("optimizer.step(); loss = model(x).sum(); loss.backward()", False),
        ("loss = model(x).sum(); loss.backward(); optimizer.step(); loss.backward()", False),
        ("optimizer.step()", False),
    ],
    ids=["late", "in order", "of the turn before", "both", "none"],
)
def test_a_backward_that_follows_the_step_although_its_forward_came_before(code, body, is_late) -> None:
    (fact,) = code(SETUP + f"for x in loader:\n    {body}").stepped
    assert (late_backward(fact) is not None) is is_late


def test_the_innermost_loop_over_a_loader(code) -> None:
    read = code(
        SETUP
        + "for e in range(3):\n    for x in loader:\n        for p in range(2):\n            optimizer.step()"
    )
    (fact,) = read.stepped
    found = loader_loop(fact.loops)
    assert found is fact.loops[1]
    assert goes_backward(found)
    assert loader_loop(fact.loops[:1]) is None


def test_loops_of_a_way(code) -> None:
    text = (
        "for e in range(2):\n"
        "    for x in loader: optimizer.step()\n"
        "if what:\n"
        "    while True: model(x)\n"
        "for m in ('a', 'b'): model(x)"
    )
    (trace,) = code(SETUP + text).traces
    assert [loop.place.line for loop in loops_of(trace)] == [5, 8]
    assert [loop.place.line for loop in every_loop(trace.nodes)] == [5, 6, 8, 9, 9]


def test_the_own_actions_of_each_loop(code) -> None:
    text = (
        "for e in range(2):\n"
        "    optimizer.zero_grad()\n"
        "    for x in loader:\n"
        "        model(x)\n"
        "        optimizer.step()"
    )
    (trace,) = code(SETUP + text).traces
    assert [[a.kind for a in own] for own in innermost_loops(trace, Kind.STEP)] == [[Kind.FORWARD, Kind.STEP]]
    assert [[a.kind for a in own] for own in innermost_loops(trace, Kind.CLEAR)] == [[Kind.CLEAR]]


def test_optimizers_of_a_way(code) -> None:
    (trace,) = code(SETUP + TRAIN).traces
    assert [o.name for o in optimizers_of(trace)] == ["optimizer"]


def evaluations(code, text: str):
    """The fact of the last call of the model, and the code."""
    read = code(SETUP + TRAIN + text)
    return read, max(read.called, key=lambda f: f.forward.place.line)


@pytest.mark.parametrize(
    ("text", "apart"),
    [
        ("for x in val_loader: model(x)", True),
        ("def evaluate():\n    for x in val_loader: model(x)", True),
        ("def evaluate(x): model(x)", True),
        ("def predict(x): model(x)", False),
        ("model(x)", False),
        ("for x in loader:\n    model(x).sum().backward()", False),
        ("def validate(x):\n    model(x).sum().backward()", False),
    ],
)
def test_calls_where_nothing_is_trained(code, text, apart) -> None:
    assert is_apart(*evaluations(code, text)) is apart


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("def evaluate(x): model(x)", True),
        ("def run_validation(x): model(x)", True),
        ("def test_epoch(x): model(x)", True),
        ("for x in val_loader: model(x)", True),
        ("def train_and_test(x): model(x)", False),
        ("def latest(x): model(x)", False),
        ("def retrieval(x): model(x)", False),
        ("for x in loader: model(x)", False),
        ("model(x)", False),
    ],
)
def test_what_is_called_an_evaluation(code, text, is_one) -> None:
    assert is_named_evaluation(evaluations(code, text)[1]) is is_one


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("with torch.no_grad(): model(x)", True),
        ("def evaluate(x): model(x)", True),
        ("model(x)", False),
        ("def predict(x): model(x)", False),
    ],
)
def test_what_is_an_evaluation(code, text, is_one) -> None:
    assert is_evaluated(evaluations(code, text)[1]) is is_one


@pytest.mark.parametrize(
    ("text", "is_fault"),
    [
        ("for x in val_loader: print(model(x))", True),
        ("with torch.no_grad():\n    for x in val_loader: print(model(x))", True),
        ("with torch.no_grad():\n    for x in val_loader: out = model(x)", True),
        ("with torch.no_grad():\n    for x in val_loader: model(x)", False),
        ("with torch.no_grad():\n    for x in val_loader: _ = model(x)", False),
        ("model.eval()\nfor x in val_loader: model(x)", False),
        ("if what: model.eval()\nfor x in val_loader: model(x)", False),
        ("def evaluate(model):\n    for x in val_loader: model(x)", False),
        ("for x in loader: model(x)", False),
    ],
)
def test_an_evaluation_in_which_the_mode_can_only_be_train(code, text, is_fault) -> None:
    assert in_train_mode(*evaluations(code, text)) is is_fault


def test_what_serves_a_backward(code) -> None:
    read = code(SETUP + TRAIN + "for x in val_loader: model(x)")
    first, second = (f.forward for f in sorted(read.called, key=lambda f: f.forward.place.line))
    assert serves_backward(read, first)
    assert not serves_backward(read, second)
    assert is_trained(read, read.called[0].model)
    assert not is_trained(read, Network("other"))


def test_where_a_backward_comes_from(code) -> None:
    read = code(SETUP + TRAIN + "what.backward()")
    known, unknown = read.actions(Kind.BACKWARD)
    assert [p.line for p in root_sites(known)] == [7]
    assert (is_unclear(known), is_unclear(unknown)) == (False, True)
    assert root_sites(unknown) == frozenset()


@pytest.mark.parametrize(
    ("text", "activations"),
    [
        ("F.cross_entropy(F.softmax(model(x), 1), y)", ["softmax"]),
        ("F.cross_entropy(model(x), y)", ["linear"]),
        ("with torch.no_grad(): F.cross_entropy(F.softmax(model(x), 1), y)", []),
        ("F.mse_loss(F.softmax(model(x), 1), y)", []),
        ("F.cross_entropy(what, y)", []),
        ("def f(out): F.cross_entropy(out.softmax(1), y)\nf(model(x)); f(model(x))", ["softmax"]),
    ],
)
def test_what_the_input_of_a_loss_has_just_gone_through(code, text, activations) -> None:
    found = loss_inputs(code(SETUP + text), "cross_entropy", "nll_loss")
    assert [activation.name for _, activation in found] == activations


TURNS = {
    "optimizer.step()": (["step"], False),
    "if ready: optimizer.step()": ([], False),
    "if ready: break": ([], True),
    "optimizer.step()\n    if ready: continue": (["step"], True),
    "if ready: return": ([], True),
    "for p in parts:\n        if p: break": ([], True),
    "for p in parts: optimizer.step()": ([], False),
    "advance()": (["step"], False),
    "advance()\n    optimizer.zero_grad()": (["step", "clear"], False),
}


@pytest.mark.parametrize(("body", "told"), TURNS.items(), ids=TURNS.keys())
def test_what_each_turn_does(trained, body, told) -> None:
    read = trained(f"def advance():\n    optimizer.step()\nfor x in loader:\n    {body}")
    (loop, *_) = every_loop(read.machine.block)
    assert ([a.kind.value for a in in_each_turn(loop.body)], may_leave(loop.body)) == told
