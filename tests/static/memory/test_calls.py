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
