"""What statements do, one after the other; ways that part are joined where they meet."""

import ast

import pytest

from osler.model import Branch, Const, Kind, Loader, Maybe, Network, Unknown
from osler.static.values import Function


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("x = 1", Const(1)),
        ("x = y = 2", Const(2)),
        ("x: int = 3", Const(3)),
        ("x, y = 4, 5", Const(4)),
        ("x, *y = 6, 7", Const(6)),
        ("x = 1\nx += 2", Const(3)),
        ("x = 7\nx //= 2", Const(3)),
        ("x = 1\nif True: x = 2", Const(2)),
        ("x = 1\nif 0: x = 2", Const(1)),
        ("x = 1\nif what: x = 1", Const(1)),
        ("x = 1\nif what:\n    x = 2\n    raise E", Const(1)),
        ("match 'b':\n    case 'a': x = 1\n    case 'b' | 'c': x = 2\n    case _: x = 3", Const(2)),
        ("match None:\n    case 1: x = 1\n    case None: x = 2\n    case _: x = 3", Const(2)),
        ("x = 1\nmatch 'b':\n    case 'a': x = 2", Const(1)),
        ("match 'b':\n    case 'a': x = 1\n    case y: x = 3", Const(3)),
        ("x = 1\ndef f(): x = 2\nf()", Const(1)),
        ("x = 1\ntry:\n    x = 2\nfinally:\n    pass", Const(2)),
        ("x = 1\ntry:\n    x = 2\nexcept E:\n    raise", Const(2)),
        ("match what:\n    case 1: x = 1\n    case _: x = 1", Const(1)),
    ],
)
def test_what_a_name_is_at_the_end(script, text, value) -> None:
    assert script(text)["x"] == value


@pytest.mark.parametrize(
    "text",
    [
        "x = 1\nif what: x = 2",
        "x = 1\ntry:\n    x = 2\nexcept E:\n    x = 3",
        "x = 1\nx += what",
        "x = 1\nfor i in what: x = i",
        "x: int",
        "match what:\n    case 1: x = 1\n    case 2: x = 2",
        "match what:\n    case {'size': x}: pass",
        "match 'a':\n    case 'a' if what: x = 1\n    case _: x = 2",
        "x = 1\ndef f():\n    global x\n    x = 2\nf()",
        "n = 0\ndef f():\n    global n\n    n += 1\n    return n % 2 == 0\nx = f()",
        "def g():\n    n = 0\n    def f():\n        nonlocal n\n        return n\n    return f\nx = g()()",
        "x = 1\nmatch what:\n    case [a, *x]: pass\n    case _: pass",
    ],
)
def test_what_is_not_known_at_the_end(script, text) -> None:
    assert isinstance(script(text).names.get("x", Unknown()), Unknown)


@pytest.mark.parametrize(
    "last",
    [
        "return",
        "raise ValueError",
        "sys.exit()",
        "exit(1)",
        "quit()",
        "if what: return\n    else: raise E",
        "if True: return",
        "while True: pass",
        "with a: return",
        "try:\n        return\n    finally:\n        pass",
        "try:\n        return 1\n    except E:\n        raise",
        "match what:\n        case 1: return\n        case _: raise E",
    ],
)
def test_what_ends_a_way(trained, last) -> None:
    read = trained(f"import sys\ndef f():\n    optimizer.step()\n    {last}\n    optimizer.zero_grad()\nf()")
    assert read.told == ["step optimizer"]


@pytest.mark.parametrize(
    "last",
    [
        "if what: return",
        "while what: return",
        "for x in what: return",
        "while True: break",
        "def g(): return",
        "parser.exit()",
        "try:\n        return\n    except E:\n        pass",
        "match what:\n        case 1: return",
        "match what:\n        case 1: return\n        case [_, _]: raise E",
    ],
)
def test_what_does_not(trained, last) -> None:
    read = trained(f"def f():\n    optimizer.step()\n    {last}\n    optimizer.zero_grad()\nf()")
    assert read.told == ["step optimizer", "clear optimizer"]


def test_ways_that_part_become_a_branch(trained) -> None:
    read = trained("if what:\n    optimizer.step()\nelse:\n    optimizer.zero_grad()")
    (branch,) = [n for n in read.machine.block if isinstance(n, Branch)]
    assert [[a.kind for a in way] for way in branch.ways] == [[Kind.STEP], [Kind.CLEAR]]


def test_a_condition_and_its_denial_have_the_same_key(trained) -> None:
    read = trained("if what: optimizer.step()\nif not what: optimizer.step()\nif other: optimizer.step()")
    first, second, third = (n for n in read.machine.block if isinstance(n, Branch))
    assert first.key == second.key != third.key
    assert ([len(w) for w in first.ways], [len(w) for w in second.ways]) == ([1, 0], [0, 1])


@pytest.mark.parametrize(
    "test", ["sched", "sched is not None", "sched != None", "not sched is None", "sched is not None and what"]
)
def test_inside_a_test_for_none_the_thing_is_there(trained, test) -> None:
    start = "sched = None\nif big: sched = torch.optim.lr_scheduler.StepLR(optimizer, 1)\n"
    assert "schedule sched guarded" in trained(f"{start}if {test}:\n    sched.step()").told


@pytest.mark.parametrize("test", ["not sched", "sched is None", "sched == None"])
def test_where_it_is_none_nothing_can_be_done_with_it(trained, test) -> None:
    start = "sched = None\nif big: sched = torch.optim.lr_scheduler.StepLR(optimizer, 1)\n"
    assert trained(f"{start}if {test}:\n    sched.step()").told == []
    assert trained(f"{start}if {test}:\n    pass\nelse:\n    sched.step()").told == ["schedule sched guarded"]


def test_behind_a_test_that_leaves_the_thing_is_there(trained) -> None:
    read = trained(
        """
        net = None
        if big: net = model
        def f(n):
            if n is None:
                return
            n.eval()
        f(net)
        """
    )
    assert read.told == ["mode model eval"]


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("total += F.mse_loss(model(x), y)", ["keep Tensor"]),
        ("total += F.mse_loss(model(x), y).item()", ["keep Tensor"]),
        ("total += 1", []),
        ("total -= F.mse_loss(model(x), y)", []),
        ("model.weight.data -= 0.1 * g", []),
    ],
)
def test_adding_a_tensor_keeps_it(trained, statement, told) -> None:
    read = trained(f"total = torch.zeros(1)\n{statement}")
    assert [t for t in read.told if t.startswith("keep")] == told


def test_what_is_added_to_from_turn_to_turn_comes_from_outside(trained) -> None:
    read = trained(
        """
        total = 0
        for x in batches:
            inner = 0
            loss = model(x)
            total += loss
            inner += loss
        """
    )
    kept = {
        next(w for w in a.words if w.startswith("name:")): "outer" in a.words
        for a in read.actions
        if a.kind is Kind.KEEP
    }
    assert kept == {"name:total": True, "name:inner": False}


def test_a_parameter_that_is_added_to_is_a_step_by_hand(trained) -> None:
    read = trained("for p in model.parameters():\n    p -= 0.1 * p.grad\n    p.data -= 0.1 * p.grad")
    assert read.told == ["step model by hand"] * 2


def test_functions_know_their_decorators(script) -> None:
    read = script("@torch.no_grad()\n@app.route('x')\n@torch.enable_grad\ndef f(): pass")
    assert isinstance(read["f"], Function)
    assert read["f"].decorators == ("torch.no_grad", "app.route", "torch.enable_grad")


def test_a_finally_is_followed_on_every_way(trained) -> None:
    read = trained("def f():\n    try:\n        return 1\n    finally:\n        optimizer.zero_grad()\nf()")
    assert read.told == ["clear optimizer"]


def test_what_a_try_gives_does_not_become_doubtful_by_a_handler_that_raises(script) -> None:
    read = script(
        "def f():\n    try:\n        return DataLoader(a)\n    except OSError:\n        raise\nx = f()"
    )
    assert isinstance(read["x"], Loader)


def test_what_a_handler_gives_instead_may_be_it(script) -> None:
    read = script("try:\n    x = nn.Linear(1, 1)\nexcept OSError:\n    x = None")
    assert isinstance(read["x"], Maybe)
    assert isinstance(read["x"].value, Network)


def test_beyond_the_budget_nothing_more_is_followed(machine) -> None:
    machine.budget = 1
    assert machine.execute(machine, ast.parse("x = 1\ny = 2").body)
    assert "y" not in machine.frame.scope.names
    assert machine.given_up == {"budget": 1}
