"""What statements do with memory."""

from collections.abc import Callable

import pytest


@pytest.mark.parametrize(
    "code",
    [
        "if x: a += 1",
        "for x in xs: a += 1",
        "while x: a += 1",
        "with x: a += 1",
        "try:\n    a += 1\nexcept ValueError: pass",
        "try:\n    pass\nfinally: a += 1",
        "match x:\n    case 1: a += 1",
        "def f():\n    global a\n    a += 1\nf()",
        "b: object = a\nb += 1",
    ],
)
def test_it_may_be_changed(follow: Callable[..., object], code: str) -> None:
    assert follow(f"a = np.zeros(4)\n{code}").is_changed("a")


def test_ways_meet(follow: Callable[..., object]) -> None:
    found = follow("a, b = np.zeros(4), np.ones(4)\nif x:\n    c = a\nelse:\n    c = b")
    assert found.blocks("c") == found.blocks("a") + found.blocks("b")


def test_a_way_that_leaves_changes_nothing_behind_it(follow: Callable[..., object]) -> None:
    found = follow(
        "def f(c):\n    if x:\n        return None\n    c += 1\n    return c\na = np.zeros(4)\nb = f(a)"
    )
    assert found.shares("a", "b")
    found = follow("a = np.zeros(4)\nfor x in xs:\n    if x:\n        b = a\n        break\n    b = None")
    assert found.shares("a", "b")


def test_an_endless_loop(follow: Callable[..., object]) -> None:
    found = follow("a = np.zeros(4)\nwhile True:\n    if x:\n        break\n    a = np.ones(4)\nb = a")
    assert len(found.blocks("b")) == 2


def test_names_of_other_files(follow: Callable[..., object]) -> None:
    other = {"data.py": "a = np.zeros(4)\nb = a"}
    for statement in ("from data import a, b", "import data\na, b = data.a, data.b", "from data import *"):
        assert follow(statement, other).shares("a", "b")


def test_files_that_import_each_other(follow: Callable[..., object]) -> None:
    found = follow("import data\na = np.zeros(4)\nb = data.c", {"data.py": "import train\nc = 1"})
    assert not found.shares("a", "b")


def test_a_number_is_no_memory(follow: Callable[..., object]) -> None:
    assert not follow("a = 0\na += 1").is_changed("a")


def test_what_is_deleted(follow: Callable[..., object]) -> None:
    assert follow("rows = [np.zeros(4)]\ndel rows[:]\na = rows").scene.state.entries.popitem()[1] == ()


@pytest.mark.parametrize(
    "pattern", ["a", "[a, *_]", "[*a]", "{'x': a}", "{**a}", "str() as a", "Point(x=a)", "[1, [a]] | [a, 1]"]
)
def test_a_pattern_gives_its_names_something_else(follow: Callable[..., object], pattern: str) -> None:
    found = follow(f"a = b = np.zeros(4)\nmatch x:\n    case {pattern}: c = a; c += 1")
    assert not found.shares("c", "b")
    assert not found.is_changed("b")


@pytest.mark.parametrize("pattern", ["1", "'a'", "None", "_", "[1, *_]", "{'x': 1}", "Point(x=0)"])
def test_a_pattern_without_names_leaves_all_as_it_is(follow: Callable[..., object], pattern: str) -> None:
    assert follow(f"a = np.zeros(4)\nmatch x:\n    case {pattern}: c = a").shares("a", "c")


@pytest.mark.parametrize(
    ("over", "turns"),
    [
        ("(x,)", 1),
        ("[x]", 1),
        ("[]", 0),
        ("()", 0),
        ("range(0)", 0),
        ("range(1)", 1),
        ("range(9)", 2),
        ("range(n)", 2),
        ("range(1, 9)", 2),
        ("[x, x]", 2),
        ("[*xs]", 2),
        ("xs", 2),
        ("enumerate([x])", 1),
        ("enumerate([x], 1)", 1),
        ("zip([x], xs)", 1),
        ("zip(xs, [x])", 1),
        ("reversed((x,))", 1),
        ("zip(xs, ys)", 2),
    ],
)
def test_a_loop_is_gone_through_as_often_as_it_may_be(
    follow: Callable[..., object], over: str, turns: int
) -> None:
    found = follow(f"rows = []\nfor _ in {over}:\n    rows.append(np.zeros(4))")
    (rows,) = found.blocks("rows")
    assert len(found.scene.state.entries[rows]) == turns


ONCE = "a, rows = np.zeros(4), []\nfor {turn}:\n    a += 1\n    if {test}: rows.append(a)"


@pytest.mark.parametrize(
    ("turn", "test"),
    [
        ("n in range(9)", "n == 8"),
        ("n in range(9)", "8 == n"),
        ("n in range(9)", "n == last and x"),
        ("n in range(9)", "n + 1 == len(xs)"),
        ("n in trange(9)", "n == 8"),
        ("n, x in enumerate(xs)", "n == len(xs) - 1"),
    ],
)
def test_what_happens_in_one_turn_happens_once(follow: Callable[..., object], turn: str, test: str) -> None:
    assert follow(ONCE.format(turn=turn, test=test)).scene.found == []


@pytest.mark.parametrize(
    ("turn", "test"),
    [
        ("n in range(9)", "n % 3 == 0"),
        ("n in range(9)", "n // 3 == 1"),
        ("n in range(9)", "n > 3"),
        ("n in range(9)", "n != 3"),
        ("n in range(9)", "n == 3 or x"),
        ("n in range(9)", "x == 3"),
        ("n in xs", "n == 3"),
        ("x, n in enumerate(xs)", "n == 3"),
    ],
)
def test_what_happens_in_several_turns(follow: Callable[..., object], turn: str, test: str) -> None:
    assert len(follow(ONCE.format(turn=turn, test=test)).scene.found) == 1


def test_the_last_turn_of_an_inner_loop_comes_again_with_the_outer_one(follow: Callable[..., object]) -> None:
    code = ONCE.format(turn="n in range(9)", test="n == 8")
    head, *lines = code.splitlines()
    inner = "\n".join(f"    {line}" for line in lines)
    assert len(follow(f"{head}\nfor epoch in range(3):\n{inner}").scene.found) == 1


def test_behind_a_loop_its_counter_is_a_name_like_others(follow: Callable[..., object]) -> None:
    found = follow("for n in range(3): pass\n" + ONCE.format(turn="x in xs", test="n == y"))
    assert len(found.scene.found) == 1


@pytest.mark.parametrize(
    "leaves", ["sys.exit()", "sys.exit(1)", "exit()", "quit()", "os._exit(0)", "raise E"]
)
def test_nothing_is_reached_behind_an_exit(follow: Callable[..., object], leaves: str) -> None:
    assert follow(ONCE.format(turn="x in xs", test="x") + f"; {leaves}").scene.found == []


def test_a_call_that_comes_back(follow: Callable[..., object]) -> None:
    code = ONCE.format(turn="x in xs", test="x") + "; sys.stdout.flush()"
    assert len(follow(code).scene.found) == 1


@pytest.mark.parametrize("emptied", ["rows[:] = []", "del rows[:]", "rows.clear()", "rows = []"])
def test_a_list_that_is_emptied_begins_anew(follow: Callable[..., object], emptied: str) -> None:
    code = ONCE.format(turn="x in xs", test="True") + f"\n    use(rows[0])\n    {emptied}"
    assert follow(code).scene.found == []


def test_an_entry_that_is_replaced_leaves_the_others(follow: Callable[..., object]) -> None:
    code = ONCE.format(turn="x in xs", test="True") + "\n    rows[0] = 1"
    assert len(follow(code).scene.found) == 1


def test_an_attribute_that_is_deleted(follow: Callable[..., object]) -> None:
    code = "class A: pass\no = A()\no.x = np.zeros(4)\na = o.x\n{}\nb = o.x"
    assert follow(code.format("pass")).shares("a", "b")
    assert not follow(code.format("del o.x")).shares("a", "b")


@pytest.mark.parametrize(
    "code",
    [
        "def f():\n    return a\nb = f()",
        "def f():\n    def g():\n        return a\n    return g()\nb = f()",
        "def f(*, x):\n    return x\nb = f(x=a)",
        "def f(x, /):\n    return x\nb = f(a)",
        "def f(*xs):\n    return xs[0]\nb = f(a, 1)",
        "def f(x, *xs):\n    return xs[-1]\nb = f(1, 2, a)",
        "def f(x, y):\n    return y\nb = f(*(1, a))",
        "try:\n    b = a\nfinally:\n    pass",
        "try:\n    pass\nexcept* ValueError:\n    pass\nelse:\n    b = a",
        "with x as y, z:\n    b = a",
        "while (b := a) is None: pass",
        "if (b := a).sum() > 1: pass",
        "b = c = a",
        "(b,), c = (a,), 1",
        "b: np.ndarray = a",
        "for _ in [1]: b = a",
        "if x:\n    b = a\nelse:\n    b = a",
        "match x:\n    case _:\n        pass\nb = a",
        "import other\nb = a",
        "class A:\n    x = a\nb = A.x",
    ],
)
def test_every_form_of_giving_a_name(follow: Callable[..., object], code: str) -> None:
    assert follow(f"a = np.zeros(4)\n{code}").shares("a", "b")


@pytest.mark.parametrize(
    "code",
    [
        "async def f():\n    global a\n    a += 1\nf()",
        "def f():\n    a = np.ones(4)\n    a += 1\nf()",
        "def f(a):\n    a = a + 1\n    a += 1\nf(a)",
        "f = lambda: np.zeros(4)\nf().fill(1)",
        "class A:\n    a = np.ones(4)\n    a += 1",
        "[a.sum() for a in xs]",
        "for b in [a.copy()]: b += 1",
        "b, *c = a\nb += 1",
        "def f(a=np.ones(4)):\n    a += 1\nf()",
        "return a",
        "assert a.sum() > 0",
        "pass",
    ],
)
def test_another_name_of_the_same_spelling_changes_nothing(follow: Callable[..., object], code: str) -> None:
    assert not follow(f"a = np.zeros(4)\n{code}").is_changed("a")
