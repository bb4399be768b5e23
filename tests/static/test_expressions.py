"""The value of every kind of expression."""

import pytest

from osler.model import Branch, Const, External, Maybe, Network, Series, Table, Tensor, Unknown
from osler.static.values import Function


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("'a'", "a"),
        ("2 + 3", 5),
        ("7 - 2 * 3", 1),
        ("7 // 2", 3),
        ("7 / 2", 3.5),
        ("7 % 4", 3),
        ("-3", -3),
        ("not 0", True),
        ("1 == 1", True),
        ("'a' if True else 'b'", "a"),
        ("0 or 'b'", "b"),
        ("0 and f()", 0),
        ("'a' or f()", "a"),
        ("[1, 2][1]", 2),
        ("[1, 2][-1]", 2),
        ("{'a': 1}['a']", 1),
        ("{'a': 1}.get('a')", 1),
        ("{'a': 1}.get('b', 3)", 3),
        ("{**{'a': 1}}['a']", 1),
        ("(lambda a, b=2: b)(1)", 2),
        ("(y := 4)", 4),
        ("dict(a=1)['a']", 1),
    ],
)
def test_what_can_be_computed(script, text, value) -> None:
    assert script(f"x = {text}")["x"] == Const(value)


@pytest.mark.parametrize(
    "text",
    [
        "1 / 0",
        "1 % 0",
        "2 ** 3",
        "10 ** 20 + 1",
        "1e300 * 1e300",
        "'a' + 'b'",
        "f'{a}'",
        "~1",
        "'a' if f() else 'b'",
        "f() or 'b'",
        "[1, 2][5]",
        "{'a': 1}['b']",
        "[1, 2][f()]",
        "what",
        "1 < 2 < 3",
    ],
)
def test_what_is_left_unknown(script, text) -> None:
    assert isinstance(script(f"x = {text}")["x"], Unknown)


@pytest.mark.parametrize(("text", "name"), [("print", "builtins.print"), ("torch.relu", "torch.relu")])
def test_names_from_outside(script, text, name) -> None:
    assert script(f"x = {text}")["x"] == External(name)


def test_a_name_of_the_script_goes_before_a_builtin(script) -> None:
    assert script("filter = 3\nx = filter")["x"] == Const(3)


@pytest.mark.parametrize(
    ("text", "items", "whole"),
    [
        ("[1, 2]", [1, 2], True),
        ("(1, *[2, 3])", [1, 2, 3], True),
        ("[1] + [2]", [1, 2], True),
        ("[1] * 2", [1, 1], False),
        ("[1] * n", [1, 1], False),
        ("[1 for _ in a]", [1], False),
        ("{1 for _ in a}", [1], False),
        ("[1, *what]", [1, None], False),
    ],
)
def test_lists(script, text, items, whole) -> None:
    value = script(f"x = {text}")["x"]
    assert isinstance(value, Series)
    assert [i.value if isinstance(i, Const) else None for i in value.items] == items
    assert value.whole is whole


@pytest.mark.parametrize(
    ("text", "items", "whole"),
    [
        ("{'a': 1, 2: 3}", {"a": 1, 2: 3}, True),
        ("{**{'a': 1}, 'b': 2}", {"a": 1, "b": 2}, True),
        ("dict(a=1)", {"a": 1}, True),
    ],
)
def test_dicts(script, text, items, whole) -> None:
    value = script(f"x = {text}")["x"]
    assert isinstance(value, Table)
    assert ({k: v.value for k, v in value.items.items()}, value.whole) == (items, whole)


@pytest.mark.parametrize("text", ["{k: 1}", "{**others}", "{i: 1 for i in a}", "dict(**others)"])
def test_a_dict_with_unknown_keys_may_hold_anything(script, text) -> None:
    assert not script(f"x = {text}")["x"].whole


def test_one_module_times_three_is_still_one(script) -> None:
    read = script("x = [nn.Linear(1, 1)] * 3")
    assert len(set(map(id, read["x"].items))) == 1
    assert "list.*" in {facts[0].name for facts in read.machine.facts.values()}


def test_modules_of_a_comprehension(script) -> None:
    read = script("net = nn.ModuleList([nn.Linear(1, 1) for _ in range(3)])")
    assert [p.kind for p in read["net"].parts.values()] == ["Linear"]
    assert not read["net"].known


@pytest.mark.parametrize("text", ["model if what else None", "what and model or None"])
def test_something_or_none(trained, text) -> None:
    value = trained(f"x = {text}")["x"]
    assert isinstance(value, Maybe | Unknown)


def test_either_of_two(script) -> None:
    value = script("x = nn.Linear(1, 1) if what else nn.Linear(2, 2)")["x"]
    assert isinstance(value, Network)
    assert len(value.variants) == 2


def test_a_default_for_none(trained) -> None:
    read = trained("def f(net=None):\n    net = net or model\n    return net\nx = f()\ny = f(model)")
    assert read["x"] is read["y"] is read["model"]


@pytest.mark.parametrize(
    "text", ["what and optimizer.step()", "what or optimizer.step()", "optimizer.step() if what else None"]
)
def test_what_is_done_only_under_a_condition_is_a_branch(trained, text) -> None:
    read = trained(text)
    assert read.told == ["step optimizer"]
    assert isinstance(read.machine.block[-1], Branch)


@pytest.mark.parametrize(
    "text", ["1 and optimizer.step()", "0 or optimizer.step()", "optimizer.step() or what"]
)
def test_what_is_done_in_any_case_is_none(trained, text) -> None:
    read = trained(text)
    assert read.told == ["step optimizer"]
    assert not any(isinstance(n, Branch) for n in read.machine.block)


@pytest.mark.parametrize("text", ["0 and optimizer.step()", "1 or optimizer.step()"])
def test_what_is_never_done_is_not_told(trained, text) -> None:
    assert trained(text).told == []


def test_a_name_bound_inside_a_condition_is_bound_behind_it(script) -> None:
    assert script("if (x := 3): pass")["x"] == Const(3)


def test_arguments_are_passed_on_through_stars(script) -> None:
    read = script("def f(a, b, c=0): return b\nargs, named = (1,), {'b': 2}\nx = f(*args, **named)")
    assert read["x"] == Const(2)


def test_arguments_that_are_not_known_hide_the_defaults(script) -> None:
    read = script("def f(a=1): return a\nx, y = f(), f(**what)")
    assert read["x"] == Const(1)
    assert isinstance(read["y"], Unknown)


@pytest.mark.parametrize("text", ["out + 1", "1 - out", "-out", "out @ out", "out[0]", "out.T"])
def test_arithmetic_with_a_tensor_keeps_its_graph(trained, text) -> None:
    read = trained(f"out = model(x)\nx = {text}")
    assert isinstance(read["x"], Tensor)
    assert read["x"].networks == {read["model"]}


def test_a_comparison_ends_it(trained) -> None:
    read = trained("out = model(x)\nx = out > 0\ny = out == y")
    assert read["y"].networks == frozenset()


def test_a_lambda_sees_the_names_around_it(script) -> None:
    read = script("def f(n):\n    return lambda: n\nx = f(3)()\ny = f(3)")
    assert read["x"] == Const(3)
    assert isinstance(read["y"], Function)


def test_a_generator_hands_out_what_it_yields(script) -> None:
    read = script("def f():\n    yield 'a'\n    yield 'a'\nfor x in f(): pass")
    assert read["x"] == Const("a")


def test_one_that_yields_batches_is_a_loader(script) -> None:
    read = script("def f():\n    for b in DataLoader(d):\n        yield b.cuda()\nx = f()")
    assert type(read["x"]).__name__ == "Loader"


def test_what_is_done_in_a_comprehension_is_done_in_a_loop(trained) -> None:
    read = trained("[model(b) for b in DataLoader(d)]")
    loop = read.machine.block[-1]
    assert loop.over.made == "torch.utils.data.DataLoader"
    assert [a.kind for a in loop.body] == ["forward"]


def test_names_of_a_comprehension_stay_in_it(script) -> None:
    assert script("i = 1\nx = [i for i in what]")["i"] == Const(1)
