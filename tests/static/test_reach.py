"""Which layers gradients reach, which optimizers hold, and where the graph between them is cut."""

import pytest

from osler.model import Kind, Network
from osler.static.reach import (
    backwards_of,
    below,
    groups,
    held,
    is_fresh,
    is_out_of_use,
    learning,
    lost_behind,
    named,
    reached,
    steppers,
    updated_by_hand,
)

SETUP = """
body, head = nn.Linear(4, 4), nn.Linear(4, 2)
both = nn.Sequential(body, head)
"""


def names(networks) -> set[str] | None:
    return None if networks is None else {n.name for n in networks}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("head(body(x)).sum().backward()", {"body", "head"}),
        ("head(body(x).detach()).sum().backward()", {"head"}),
        ("both(x).sum().backward()", {"body", "head"}),
        ("head(x)", set()),
        ("what.backward()", set()),
        ("with torch.no_grad(): y = body(x)\nhead(y).sum().backward()", {"head"}),
    ],
)
def test_what_some_backward_reaches(code, text, wanted) -> None:
    assert names(reached(code(SETUP + text))) == wanted


def test_backwards_whose_start_is_known(code) -> None:
    (trace,) = code(SETUP + "head(x).sum().backward()\nwhat.backward()").traces
    ((action, root),) = backwards_of(trace)
    assert action.kind is Kind.BACKWARD
    assert names(root.networks) == {"head"}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("opt = torch.optim.SGD(head.parameters())", {"head"}),
        ("opt = torch.optim.SGD(both.parameters())", {"both", "body", "head"}),
        ("a = torch.optim.SGD(body.parameters()); b = torch.optim.SGD(head.parameters())", {"body", "head"}),
        ("a = torch.optim.SGD(body.parameters()); b = torch.optim.SGD(what)", None),
        ("opt = torch.optim.SGD(body.parameters())\nopt = torch.optim.SGD(head.parameters())", {"head"}),
        ("opt = torch.optim.SGD(what)\nopt = torch.optim.SGD(head.parameters())", {"head"}),
        (
            "opt = torch.optim.SGD(body.parameters())\nopt.step()\nopt = torch.optim.SGD(head.parameters())",
            {"body", "head"},
        ),
        ("", set()),
    ],
)
def test_what_some_optimizer_holds(code, text, wanted) -> None:
    assert names(held(code(SETUP + text))) == wanted


def test_an_optimizer_replaced_before_it_could_step_is_out_of_use(code) -> None:
    read = code(
        SETUP
        + "opt = torch.optim.SGD(body.parameters())\nopt = torch.optim.SGD(head.parameters())\nopt.step()"
    )
    first, second = read.optimizers
    assert is_out_of_use(read, first)
    assert not is_out_of_use(read, second)
    assert names(groups(second)) == {"head"}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("for p in head.parameters(): p.data -= 0.1 * p.grad", {"head"}),
        (
            "with torch.no_grad():\n    for p in both.parameters(): p -= 0.1 * p.grad",
            {"both", "body", "head"},
        ),
        ("torch.optim.SGD(head.parameters()).step()", set()),
    ],
)
def test_what_is_updated_by_hand(code, text, wanted) -> None:
    assert names(updated_by_hand(code(SETUP + text))) == wanted


@pytest.mark.parametrize(
    ("layer", "is_learning"),
    [
        ("nn.Linear(1, 1)", True),
        ("nn.ReLU()", False),
        ("nn.Sequential()", False),
        ("nn.Linear(1, 1).requires_grad_(False)", False),
    ],
)
def test_layers_with_something_to_learn(script, layer, is_learning) -> None:
    assert bool(learning({script(f"net = {layer}")["net"]})) is is_learning


@pytest.mark.parametrize(
    ("text", "fresh"),
    [
        ("", True),
        ("net.load_state_dict(torch.load('a'))", False),
        ("net[0].load_state_dict(torch.load('a'))", False),
        ("net[0].requires_grad_(False)", False),
        ("fit(net)", False),
        ("net.append(timm.create_model('a'))", False),
        ("print(net)", True),
    ],
)
def test_a_model_all_of_which_starts_from_scratch(script, text, fresh) -> None:
    read = script(f"import timm\nfrom other import fit\nnet = nn.Sequential(nn.Linear(1, 1))\n{text}")
    assert is_fresh(read["net"]) is fresh


CUT = (
    "opt = torch.optim.SGD({held})\ny = body(x).detach()\nloss = head(y).sum()\nloss.backward()\nopt.step()\n"
)


@pytest.mark.parametrize(
    ("held_by", "more", "wanted"),
    [
        ("both.parameters()", "", {"body"}),
        ("head.parameters()", "", set()),
        ("both.parameters()", "body(x).sum().backward()", set()),
        ("both.parameters()", "for p in body.parameters(): p.data -= p.grad", set()),
        ("both.parameters()", "body.load_state_dict(s)", set()),
        ("both.parameters()", "body.requires_grad_(False)", set()),
    ],
    ids=["lost", "not held", "reached elsewhere", "by hand", "weights from elsewhere", "frozen"],
)
def test_layers_before_a_cut_that_no_backward_ever_reaches(code, held_by, more, wanted) -> None:
    read = code(SETUP + CUT.format(held=held_by) + more)
    (trace,) = read.traces
    (_, root), *_ = backwards_of(trace)
    (cut,) = root.cuts
    assert names(lost_behind(read, cut, trace)) == wanted


def test_who_steps_on_a_way(code) -> None:
    read = code("def f(optimizer): optimizer.step()\ndef g(opt):\n    opt.step()\n    opt.step()")
    assert [[o.name for o in steppers(read, t)] for t in read.traces] == [["optimizer"], ["opt"]]


def test_modules_and_all_in_them() -> None:
    inner = Network("inner")
    outer = Network("outer", parts={"inner": inner})
    assert below(frozenset({outer})) == {outer, inner}


def test_names_in_a_message() -> None:
    networks = [Network("self.b"), Network("a"), Network("self.b"), Network("", "torch.nn.Linear")]
    assert named(networks) == ["Linear", "a", "b"]
