"""Calls: the user's own are followed with what they are given; what goes to unknown code is noted."""

import pytest

from osler.model import CallNode, Const, Loader, Maybe, Network, Optimizer, Series, Table, Tensor, Unknown


@pytest.mark.parametrize(
    ("definition", "call", "value"),
    [
        ("def f(a): return a", "f(1)", 1),
        ("def f(a, b=2): return b", "f(1)", 2),
        ("def f(a, b=2): return b", "f(1, 3)", 3),
        ("def f(a, *, b=2): return b", "f(1, b=3)", 3),
        ("def f(a, /, b): return b", "f(1, 2)", 2),
        ("def f(*a): return a[1]", "f(1, 2)", 2),
        ("def f(**k): return k['b']", "f(a=1, b=2)", 2),
        ("def f(a, **k): return k['b']", "f(b=2, a=1)", 2),
        ("f = lambda a: a + 1", "f(1)", 2),
        ("async def f(): return 1", "await f()", 1),
        ("def f(): pass", "f()", None),
        ("def f():\n    if what: return 1\n    return 1", "f()", 1),
        ("def f():\n    def g(): return a\n    a = 1\n    return g()", "f()", 1),
        ("a = 1\ndef f(): return a", "f()", 1),
        ("from functools import partial\ndef g(a, b): return b\nf = partial(g, 1)", "f(2)", 2),
        ("from functools import partial\ndef g(a, b): return b\nf = partial(g, b=3)", "f(2)", 3),
        ("class A:\n    def __call__(self, a): return a\nf = A()", "f(1)", 1),
        ("class A:\n    @staticmethod\n    def g(a): return a\nf = A().g", "f(1)", 1),
        ("class A:\n    @classmethod\n    def g(cls, a): return a\nf = A.g", "f(1)", 1),
    ],
)
def test_what_the_users_own_functions_return(script, definition, call, value) -> None:
    assert script(f"{definition}\nx = {call}")["x"] == Const(value)


@pytest.mark.parametrize(
    ("definition", "call"),
    [
        ("def f(a): return a", "f(what)"),
        ("def f(a): return a", "f()"),
        ("def f(a): return a", "f(*what)"),
        ("def f():\n    if what: return 1\n    return 2", "f()"),
        ("def f(): raise E", "f()"),
        ("def f(a): return f(a)", "f(1)"),
        ("def f(a): return g(a)\ndef g(a): return f(a)", "f(1)"),
    ],
)
def test_what_is_not_known_of_them(script, definition, call) -> None:
    assert isinstance(script(f"{definition}\nx = {call}")["x"], Unknown)


def test_one_return_that_may_be_missed(script) -> None:
    value = script("def f():\n    if what: return nn.Linear(1, 1)\nx = f()")["x"]
    assert isinstance(value, Maybe)


@pytest.mark.parametrize(
    ("parameter", "role"),
    [("model", Network), ("optimizer", Optimizer), ("loader", Loader), ("thing", Unknown)],
)
def test_a_parameter_of_which_nothing_is_known_gets_the_role_of_its_name(script, parameter, role) -> None:
    assert type(script(f"def f({parameter}): return {parameter}\nx = f(what)")["x"]) is role


def test_the_actions_of_a_function_are_its_calls(trained) -> None:
    read = trained("def f(): optimizer.step()\nf()\nf()")
    first, second = (n for n in read.machine.block if isinstance(n, CallNode))
    assert (first.function, first.place.line, second.place.line) == ("f", 4, 5)
    (action,) = first.body
    assert (action.place.line, action.place.function) == (3, "f")
    assert [c.line for c in action.callers] == [4]


def test_a_function_that_does_nothing_is_no_call(trained) -> None:
    assert not any(isinstance(n, CallNode) for n in trained("def f(): return 1\nf()").machine.block)


def test_recursion_is_given_up_and_what_it_is_given_is_handed_over(trained) -> None:
    read = trained("def f(m, n):\n    m.eval()\n    f(m, n - 1)\nf(model, 3)")
    assert read.told == ["mode model eval", "handed model"]
    assert read.machine.given_up == {"recursion": 1}


def test_calls_very_deep_inside_each_other_are_given_up(script) -> None:
    chain = "\n".join(f"def f{n}(): return f{n + 1}()" for n in range(40))
    read = script(f"{chain}\ndef f40(): return 1\nx, y = f0(), f30()")
    assert isinstance(read["x"], Unknown)
    assert read["y"] == Const(1)


def test_a_generator_is_what_it_yields(script) -> None:
    read = script("def f():\n    yield 1\n    yield 2\nx = f()")
    assert isinstance(read["x"], Series)
    assert ([i.value for i in read["x"].items], read["x"].whole) == ([1, 2], False)


def test_what_is_given_beyond_the_parameters_is_left_out(script) -> None:
    assert script("def f(a): return a\nx = f(1, 2, b=3)")["x"] == Const(1)


@pytest.mark.parametrize(
    ("text", "whole"), [("f(a=1)", True), ("f(**what)", False), ("f(a=1, **what)", False)]
)
def test_options_that_may_be_more(script, text, whole) -> None:
    value = script(f"def f(**k): return k\nx = {text}")["x"]
    assert isinstance(value, Table)
    assert value.whole is whole


def test_unknown_code_may_do_anything_with_a_tensor(trained) -> None:
    read = trained("out = model(x)\nloss = what(out)\nother = what(x)")
    assert isinstance(read["loss"], Tensor)
    assert (read["loss"].networks, read["loss"].certain) == ({read["model"]}, False)
    assert isinstance(read["other"], Unknown)


def test_a_value_that_may_be_none_is_called_as_itself(trained) -> None:
    read = trained("net = None\nif what: net = model\nnet(x)")
    assert read.told == ["forward model"]


def test_a_function_inherits_its_callers_recording_unless_it_sets_its_own(trained) -> None:
    read = trained(
        """
        def plain(): model(x)
        @torch.enable_grad()
        def on(): model(x)
        with torch.no_grad():
            plain()
            on()
        """
    )
    assert [a.recording for a in read.actions] == [True, False, True]


def test_self_is_the_object_it_is_called_on(trained) -> None:
    read = trained(
        "class T:\n    def __init__(self, m): self.m = m\n    def go(self): self.m.eval()\nT(model).go()"
    )
    assert read.told == ["mode model eval"]
