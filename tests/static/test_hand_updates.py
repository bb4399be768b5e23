"""Updates by hand that change nothing."""

from collections.abc import Callable
from textwrap import indent

import pytest

from osler.model import Code

W = "w = torch.zeros(4, requires_grad=True)"


def told(code: Callable[..., Code], text: str) -> list[tuple[str, str]]:
    return [(f.kind, f.name) for f in code(text).hand_updates]


def loop(update: str, made: str = W, before: str = "") -> str:
    """A leaf, and turns that go backward and update it."""
    body = f"{before or 'pass'}\n(w * x).sum().backward()\n{update}"
    return f"{made}\nfor x in xs:\n{indent(body, '    ')}"


@pytest.mark.parametrize(
    "update",
    [
        "p = p - lr * p.grad",
        "p = p.data - lr * p.grad.data",
        "p = torch.sub(p, p.grad, alpha=lr)",
        "p = p - lr * p.grad; p.grad.zero_()",
        "if p.grad is not None: p = p - lr * p.grad",
    ],
)
def test_the_variable_of_a_loop(code: Callable[..., Code], update: str) -> None:
    assert told(code, f"for p in net.parameters():\n    {update}") == [("loop", "p")]
    assert told(code, f"for name, p in net.named_parameters():\n    {update}") == [("loop", "p")]


@pytest.mark.parametrize(
    "body",
    [
        "q = p - lr * p.grad",
        "p = p - lr * q.grad",
        "p.data = p - lr * p.grad",
        "p = p - lr * p.grad; fast.append(p)",
        "p = p - lr * p.grad; net.w = p",
        "p = (p - lr * p.grad).detach().requires_grad_()",
        "p = nn.Parameter(p - lr * p.grad)",
        "p = Variable(p.data - lr * p.grad.data, requires_grad=True)",
        "for turn in range(3): p = p - lr * p.grad",
        "p.requires_grad_(); p = p - lr * p.grad",
        "net(p).backward(); p = p + lr * p.grad.sign()",
    ],
)
def test_the_new_value_is_used_or_goes_elsewhere(code: Callable[..., Code], body: str) -> None:
    assert told(code, f"for p in net.parameters():\n    {body}") == []


@pytest.mark.parametrize(
    "made",
    [W, "w = torch.randn(4).requires_grad_()", "w = nn.Parameter(torch.zeros(4))", f"{W}; v = w"],
)
@pytest.mark.parametrize("update", ["w = w - lr * w.grad", "with torch.no_grad(): w = w - lr * w.grad"])
def test_the_name_of_a_leaf(code: Callable[..., Code], made: str, update: str) -> None:
    (fact,) = code(loop(update, made)).hand_updates
    assert (fact.kind, fact.name, fact.leaf[0].line) == ("name", "w", 2)


def test_two_at_once(code: Callable[..., Code]) -> None:
    made = "w, b = torch.zeros(4, requires_grad=True), torch.zeros(1, requires_grad=True)"
    assert told(code, loop("w, b = w - w.grad, b - b.grad", made)) == [("name", "w"), ("name", "b")]


@pytest.mark.parametrize(
    ("update", "made", "before"),
    [
        ("w = w - lr * w.grad; w.retain_grad()", W, ""),
        ("w = w - lr * w.grad; w.requires_grad = True", W, ""),
        ("w = w - lr * w.grad", W, W),
        ("w = w - lr * w.grad", "w = load()", ""),
        ("w = w - lr * w.grad", "w = torch.zeros(4)", ""),
        ("w = w - lr * w.grad", f"{W}; w = load()", ""),
        ("w = w - lr * w.grad; w = leaf(w)", W, ""),
        ("v = w - lr * w.grad", W, ""),
        ("w.data = w - lr * w.grad", W, ""),
    ],
)
def test_what_is_no_lost_leaf(code: Callable[..., Code], update: str, made: str, before: str) -> None:
    assert told(code, loop(update, made, before)) == []


def test_one_step_is_enough(code: Callable[..., Code]) -> None:
    assert told(code, f"{W}\n(w * x).sum().backward()\nw = w - lr * w.grad") == []


@pytest.mark.parametrize("update", ["w -= lr * w.grad", "if x is not None: w += -lr * w.grad"])
def test_in_place_while_gradients_are_recorded(code: Callable[..., Code], update: str) -> None:
    assert told(code, loop(update)) == [("recorded", "w")]


@pytest.mark.parametrize(
    "update",
    [
        "with torch.no_grad(): w -= lr * w.grad",
        "with torch.inference_mode(), open(x): w -= lr * w.grad",
        "w.data -= lr * w.grad",
        "w -= lr",
        "v -= lr * w.grad",
    ],
)
def test_in_place_as_it_should_be(code: Callable[..., Code], update: str) -> None:
    assert told(code, loop(update)) == []


@pytest.mark.parametrize(
    ("head", "found"),
    [
        ("def step(net):", [("recorded", "p")]),
        ("@torch.no_grad()\ndef step(net):", []),
        ("def step(net):\n    torch.set_grad_enabled(False)", []),
    ],
)
def test_parameters_of_a_model(code: Callable[..., Code], head: str, found: list[tuple[str, str]]) -> None:
    body = "    net(x).backward()\n    for p in net.parameters():\n        p -= lr * p.grad"
    assert told(code, f"{head}\n{body}") == found


def test_whether_a_helper_is_called_without_recording_is_not_known(code: Callable[..., Code]) -> None:
    assert told(code, "def step(net):\n    for p in net.parameters():\n        p -= lr * p.grad") == []


CLASS = """
class Fit:
    def __init__(self):
        self.w = {made}

    def step(self, x):
        (self.w * x).sum().backward()
        self.w = self.w - 0.1 * self.w.grad
        {more}
"""


@pytest.mark.parametrize(
    ("made", "more", "found"),
    [
        ("torch.zeros(4, requires_grad=True)", "pass", [("name", "self.w")]),
        ("torch.zeros(4, requires_grad=True)", "self.w.requires_grad_()", []),
        ("torch.zeros(4, requires_grad=True)", "self.w = leaf(self.w)", []),
        ("torch.zeros(4)", "pass", []),
    ],
)
def test_attributes(code: Callable[..., Code], made: str, more: str, found: list[tuple[str, str]]) -> None:
    assert told(code, CLASS.format(made=made, more=more)) == found
