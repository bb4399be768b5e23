"""Functions of the user's, classes, lists and layers."""

from collections.abc import Callable

import pytest

from osler.static.memory.blocks import Ref, Thing


def test_a_function_returns_what_it_gets(follow: Callable[..., object]) -> None:
    assert follow("def same(x):\n    return x\na = np.zeros(4)\nb = same(a)").shares("a", "b")
    assert follow("def same(*xs, key=None):\n    return key\na = np.zeros(4)\nb = same(1, key=a)").shares(
        "a", "b"
    )
    assert follow("same = lambda x: x\na = np.zeros(4)\nb = same(a)").shares("a", "b")


def test_a_recursion_ends(follow: Callable[..., object]) -> None:
    assert not follow("def again(x):\n    return again(x)\na = again(np.zeros(4))").is_changed("a")


@pytest.mark.parametrize("lazy", ["yield x", "return (yield x)"])
def test_a_generator_is_not_followed(follow: Callable[..., object], lazy: str) -> None:
    assert not follow(f"def rows(x):\n    x += 1\n    {lazy}\na = np.zeros(4)\nrows(a)").is_changed("a")


def test_a_decorator_that_is_not_known(follow: Callable[..., object]) -> None:
    code = "@{}\ndef change(x):\n    x += 1\na = np.zeros(4)\nchange(a)"
    assert follow(code.format("torch.no_grad()")).is_changed("a")
    assert not follow(code.format("copied")).is_changed("a")


CLASS = """
class Holder:
    def __init__(self, x):
        self.x = x

    def get(self):
        return self.x
"""


def test_objects_keep_what_they_get(follow: Callable[..., object]) -> None:
    found = follow(f"{CLASS}\na = np.zeros(4)\nholder = Holder(a)\nb = holder.get()")
    assert found.shares("a", "b")
    assert isinstance(found["holder"][0], Thing)
    (ref,) = found["b"]
    assert isinstance(ref, Ref)
    assert (ref.giver, ref.by.line if ref.by else 0) == ("Holder.get", 7)


def test_heirs_call_their_base(follow: Callable[..., object]) -> None:
    heir = "class Heir(Holder):\n    def __init__(self, x):\n        super().__init__(x)\n"
    assert follow(f"{CLASS}\n{heir}\na = np.zeros(4)\nb = Heir(a).get()").shares("a", "b")


def test_a_record_holds_its_fields(follow: Callable[..., object]) -> None:
    code = "from collections import namedtuple\nPair = namedtuple('Pair', 'x y')\na = np.zeros(4)\n"
    assert follow(f"{code}b, c = Pair(a, 1)").shares("a", "b")


@pytest.mark.parametrize(
    "taken",
    ["rows[0]", "rows[-1]", "rows.pop()", "rows.pop(0)", "rows.copy()[0]", "list(rows)[0]", "tuple(rows)[0]"],
)
def test_lists_hand_out_what_was_put_in(follow: Callable[..., object], taken: str) -> None:
    assert follow(f"rows = []\na = np.zeros(4)\nrows.append(a)\nb = {taken}").shares("a", "b")


def test_a_queue_forgets(follow: Callable[..., object]) -> None:
    found = follow(
        "q = deque(maxlen=1)\na, b = np.zeros(4), np.ones(4)\nq.append(a)\nq.append(b)\nc = q.popleft()"
    )
    assert found.shares("b", "c")


def test_an_optimizer_changes_weights(follow: Callable[..., object]) -> None:
    net = "net = nn.Linear(4, 2)\nw = net.weight\noptimizer = torch.optim.SGD(net.parameters(), lr=1)\n"
    assert follow(f"{net}optimizer.step()").is_changed("w")
    assert not follow(f"{net}optimizer.zero_grad()").is_changed("w")


STACK = "a, b, c = np.zeros(4), np.ones(4), np.zeros(4)\nrows = [a, b, c]\n"


@pytest.mark.parametrize(
    ("taken", "name", "left"),
    [
        ("rows.pop()", "c", 2),
        ("rows.pop(-1)", "c", 2),
        ("rows.pop(0)", "a", 2),
        ("rows.pop(1)", "", 0),
        ("rows.pop(n)", "", 0),
        ("rows.popleft()", "a", 2),
        ("rows.get()", "a", 2),
        ("rows.get_nowait()", "a", 2),
        ("rows.remove(a)", "", 0),
        ("rows.sort()", "", 0),
        ("rows.reverse()", "", 0),
        ("rows.clear()", "", 0),
        ("rows.index(a)", "", 3),
        ("rows.count(a)", "", 3),
        ("rows.append(a)", "", 4),
        ("rows.insert(0, a)", "", 4),
        ("rows.extend((a, b))", "", 5),
    ],
)
def test_what_is_taken_and_what_is_left(
    follow: Callable[..., object], taken: str, name: str, left: int
) -> None:
    found = follow(f"{STACK}d = {taken}")
    (rows,) = found.blocks("rows")
    assert [n for n in "abc" if found.shares(n, "d")] == [n for n in [name] if n]
    assert len(found.scene.state.entries[rows]) == left


@pytest.mark.parametrize(
    "taken", ["pop()", "pop(0)", "pop(-1)", "popleft()", "get()", "clear()", "remove(x)"]
)
def test_nothing_is_taken_from_an_empty_list(follow: Callable[..., object], taken: str) -> None:
    assert not follow(f"rows = []\na = rows.{taken}").is_changed("a")


@pytest.mark.parametrize(
    ("made", "taken", "same"),
    [
        ("deque([a, b], 1)", "popleft()", "b"),
        ("deque([a, b], maxlen=1)", "pop()", "b"),
        ("deque([a, b], maxlen=n)", "popleft()", "a"),
        ("deque([a, b])", "popleft()", "a"),
        ("deque((a, b))", "popleft()", ""),
        ("list([a, b])", "pop()", "b"),
        ("set([a])", "pop()", "a"),
        ("[a, b].copy()", "pop()", "b"),
        ("[a, b] + [a]", "pop()", ""),
        ("[a] * 3", "pop()", ""),
    ],
)
def test_lists_that_are_made_of_others(
    follow: Callable[..., object], made: str, taken: str, same: str
) -> None:
    if "maxlen=1" in made or ", 1)" in made:
        made = made.replace("[a, b]", "[b]")
    found = follow(f"a, b = np.zeros(4), np.ones(4)\nrows = {made}\nc = rows.{taken}")
    assert [n for n in "ab" if found.shares(n, "c")] == [n for n in [same] if n]


@pytest.mark.parametrize(
    ("call", "kept"),
    [
        ("use(rows)", 0),
        ("use(key=rows)", 0),
        ("use(*rows)", 0),
        ("agent.use(rows)", 0),
        ("agent.parts[0].use(rows)", 0),
        ("print(rows)", 3),
        ("len(rows)", 3),
        ("sum(rows)", 3),
        ("random.sample(rows, 2)", 3),
        ("np.stack(rows)", 3),
        ("torch.stack(rows)", 3),
        ("logger.info(rows)", 3),
        ("agent.info(rows)", 3),
    ],
)
def test_who_may_empty_a_list(follow: Callable[..., object], call: str, kept: int) -> None:
    found = follow(f"agent = make()\n{STACK}{call}")
    (rows,) = found.blocks("rows")
    assert len(found.scene.state.entries[rows]) == kept


@pytest.mark.parametrize(
    ("call", "same"),
    [
        ("print(holder)", True),
        ("repr(holder)", True),
        ("setattr(holder, 'y', 1)", True),
        ("setattr(holder, 'x', a)", True),
        ("setattr(holder, 'x', np.ones(4))", False),
        ("setattr(holder, name, np.ones(4))", False),
        ("vars(holder)['x'] = 1", False),
        ("change(holder)", False),
        ("helper.change(holder)", False),
        ("made.change(holder)", False),
        ("log.warning(holder)", True),
        ("holder.get()", True),
        ("holder.missing()", True),
        ("holder.__init__(a)", True),
        ("holder.__init__(np.ones(4))", False),
    ],
)
def test_who_may_give_an_object_other_attributes(
    follow: Callable[..., object], call: str, same: bool
) -> None:
    found = follow(
        f"import helper\nmade = make()\n{CLASS}\na = np.zeros(4)\nholder = Holder(a)\n{call}\nb = holder.x"
    )
    assert found.shares("a", "b") is same


@pytest.mark.parametrize(
    ("signature", "call", "same"),
    [
        ("x", "f(a)", True),
        ("x", "f(x=a)", True),
        ("x", "f(*[a])", False),
        ("x", "f(*(a,))", True),
        ("x", "f(**{'x': a})", False),
        ("y, x", "f(1, a)", True),
        ("y=1, *, x", "f(x=a)", True),
        ("y, /, x", "f(1, a)", True),
        ("x=None", "f()", False),
        ("*, x=None", "f()", False),
    ],
)
def test_arguments_find_their_parameters(
    follow: Callable[..., object], signature: str, call: str, same: bool
) -> None:
    assert follow(f"def f({signature}):\n    return x\na = np.zeros(4)\nb = {call}").shares("a", "b") is same


@pytest.mark.parametrize(
    ("body", "is_open"),
    [
        ("raise NotImplementedError", True),
        ("raise NotImplementedError()", True),
        ("raise NotImplementedError('for heirs')", True),
        ("'Text.'\n        raise NotImplementedError", True),
        ("raise ValueError", False),
        ("if self.y: return\n        raise NotImplementedError", False),
        ("self.y = 1\n        raise NotImplementedError", False),
        ("pass", False),
        ("return NotImplemented", False),
    ],
)
def test_a_method_that_heirs_write_may_do_anything(
    follow: Callable[..., object], body: str, is_open: bool
) -> None:
    method = f"\n    def renew(self):\n        {body}\n"
    found = follow(f"{CLASS}{method}\na = np.zeros(4)\nholder = Holder(a)\nholder.renew()\nb = holder.x")
    assert found.shares("a", "b") is not is_open
