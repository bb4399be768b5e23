"""Lists of totals, samples and paths: each healthy, and with one change that makes all entries one."""

from collections.abc import Callable
from textwrap import dedent

import pytest

from osler.model import OverwrittenFact

Told = Callable[..., list[OverwrittenFact]]


def kept(start: str, *lines: str, end: str = "plot(rows)") -> str:
    """A list `rows`, to which the lines of a loop add something, and which is read behind it."""
    body = "\n".join(f"    {line}" for line in lines)
    return f"rows = []\n{start}\nfor n, x in enumerate(xs):\n{body}\n{end}"


def total(entry: str) -> str:
    return kept("a = torch.zeros(3)", "a += f(x)", f"rows.append({entry})")


@pytest.mark.parametrize(
    "entry",
    [
        "a.clone()",
        "a.detach().clone()",
        "a.clone().detach()",
        "a.cpu()",
        "a.to('cpu')",
        "a.tolist()",
        "a.item()",
        "a.numpy().copy()",
        "a.detach().cpu().numpy()",
        "a / (n + 1)",
        "a * 1",
        "1 - a",
        "-a",
        "a ** 0.5",
        "a @ b",
        "a.mean()",
        "a.mean(0)",
        "a.sum().item()",
        "float(a)",
        "float(a[0])",
        "a[0]",
        "a[0].item()",
        "a[:, 0]",
        "a[1:]",
        "a.softmax(0)",
        "a.abs()",
        "a.argmax()",
        "a > 0",
        "torch.tensor(a)",
        "torch.stack([a, a])",
        "torch.cat([a])",
        "np.array(a)",
        "np.copy(a)",
        "copy.deepcopy(a)",
        "{'a': a.clone()}",
        "(n, a.clone())",
        "[a.clone(), n]",
        "str(a)",
        "f'{a}'",
        "'%s' % a",
        "len(a)",
        "a.shape",
        "a is None",
        "None",
        "lambda: a.clone()",
        "a.clone() if n else a.clone()",
        "tuple(a.tolist())",
        "net(a)",
        "a.new_zeros(3)",
        "torch.zeros_like(a)",
    ],
)
def test_what_is_new_in_each_turn(told: Told, entry: str) -> None:
    assert told(total(entry)) == []


@pytest.mark.parametrize(
    "entry",
    [
        "a",
        "a.detach()",
        "a.data",
        "a.detach().numpy()",
        "a.view(1, 3)",
        "a.reshape(3, 1)",
        "a[None]",
        "a[:]",
        "a.T",
        "a.unsqueeze(0).squeeze(0)",
        "(n, a)",
        "[a, n]",
        "(n, (n, a))",
        "{'a': a}",
        "a if n else a",
        "a.requires_grad_(False)",
        "(b := a)",
        "torch.as_tensor(a)",
        "torch.unsqueeze(a, 0)",
        "np.asarray(a)",
        "a.add_(1)",
        "a.mul_(2).add_(1)",
    ],
)
def test_what_is_the_same_in_each_turn(told: Told, entry: str) -> None:
    assert [(f.kind, f.holder) for f in told(total(entry))] == [("list", "rows")]


PAIRS = {
    "a total that is computed anew": (
        kept("a = np.zeros(3)", "a = a + x", "rows.append(a)"),
        ("a = a + x", "a += x"),
    ),
    "a total that begins anew": (
        kept("a = np.ones(3)", "a = np.zeros(3)", "for y in x: a += y", "rows.append(a)"),
        ("a = np.zeros(3)", "a *= 0"),
    ),
    "an average in two steps": (
        kept("a = torch.zeros(3)", "a = 0.9 * a", "a.add_(x)", "rows.append(a)"),
        ("a = 0.9 * a", "a.mul_(0.9)"),
    ),
    "an average in a chain": (
        kept("a = torch.zeros(3)", "a = a.mul(0.9).add_(x)", "rows.append(a)"),
        ("mul(", "mul_("),
    ),
    "a vector that is scaled in place": (
        kept("a = torch.ones(3)", "a = m @ a", "a /= a.norm()", "rows.append(a)"),
        ("a = m @ a", "torch.mv(m, a, out=a)"),
    ),
    "a sample that is disturbed": (
        kept("a = torch.zeros(3)", "a = a + score(a)", "a.add_(torch.randn(3))", "rows.append(a)"),
        ("a = a + score(a)", "pass"),
    ),
    "a sample that is clamped": (
        kept("a = torch.zeros(3)", "a.data = a.data + a.grad", "a.data.clamp_(-1, 1)", "rows.append(a.data)"),
        ("a.data = a.data + a.grad", "a.data += a.grad"),
    ),
    "a chain of proposals": (
        kept("a = np.zeros(3)", "b = a + x", "if ok(b): a = b", "rows.append(a)"),
        ("b = a + x", "b = a; b += x"),
    ),
    "a row that is given away": (
        kept(
            "a, k = np.zeros(4), 0",
            "a[k] = x; k += 1", "if k == 4: rows.append(a); a = np.zeros(4); k = 0"),
        ("a = np.zeros(4); k", "k"),
    ),
    "a row that is made by a function": (
        kept("def fresh(): return np.zeros(4)", "a = fresh()", "a[0] = x", "rows.append(a)"),
        ("return np.zeros(4)", "return zero\nzero = np.zeros(4)"),
    ),
    "a row that is made by a lambda": (
        kept("zero = np.zeros(4)\nfresh = lambda: zero.copy()", "a = fresh()", "a[0] = x", "rows.append(a)"),
        ("zero.copy()", "zero"),
    ),
    "a row from a table": (
        kept("t, a = np.zeros((9, 3)), np.zeros(3)", "a = t[n]", "a[0] = x", "rows.append(a)"),
        ("a = t[n]", "pass"),
    ),
    "a row of a pattern": (
        kept("a = np.zeros(3)", "match x:", "    case {'a': a}: a += 1; rows.append(a)"),
        ("{'a': a}", "{'a': b}"),
    ),
    "a row of a walrus": (
        "rows, a = [], np.zeros(3)\n"
        "while any(a := load()):\n    a = a.copy(); a += 1; rows.append(a)\nplot(rows)",
        ("any(a := load()):\n    a = a.copy();", "load():\n   "),
    ),
    "a path of positions": (
        kept("p = [0, 0]", "p = list(p)", "p[0] += x", "rows.append(p)"),
        ("p = list(p)", "pass"),
    ),
    "a path of copied positions": (
        kept("p = [0, 0]", "p[0] += x", "rows.append([*p])"),
        ("[*p]", "[p]"),
    ),
    "an order that is shuffled": (
        kept("p = np.arange(9)", "np.random.shuffle(p)", "rows.append(p.copy())"),
        ("p.copy()", "p"),
    ),
    "an order of its own": (
        kept(
            "rng, q = default_rng(0), np.arange(9)", "p = q.copy()", "rng.shuffle(p)", "rows.append(p)"),
        ("q.copy()", "q"),
    ),
    "only in the last turn": (
        kept("a = np.zeros(3)", "a += x", "if n == len(xs) - 1: rows.append(a)"),
        ("n == len(xs) - 1", "n % 10 == 0"),
    ),
    "once, then it ends": (
        kept("a = np.zeros(3)", "a += x", "if ok(a):", "    rows.append(a)", "    break"),
        ("break", "print(n)"),
    ),
    "each row taken out before the next": (
        kept("a = np.zeros(3)", "a[:] = x", "rows.append(a)", "use(rows.pop(-1))"),
        ("rows.pop(-1)", "rows[-1]"),
    ),
    "each row removed before the next": (
        kept("a = np.zeros(3)", "a[:] = x", "rows.append(a)", "use(a)", "rows.remove(a)"),
        ("rows.remove(a)", "rows.index(a)"),
    ),
    "a queue whose other end takes": (
        kept("a = np.zeros(3)\nrows = queue.Queue()", "a[:] = x", "rows.put(a)", "use(rows.get_nowait())"),
        ("rows.get_nowait()", "rows.qsize()"),
    ),
    "a queue of the last": (
        kept("a = np.zeros(3)\nrows = deque(maxlen=1)", "a[:] = x", "rows.append(a)"),
        ("maxlen=1", "maxlen=8"),
    ),
    "a list that something unknown gets": (
        kept("a = np.zeros(3)", "a[:] = x", "rows.append(a)", "consume(rows)"),
        ("consume(rows)", "print(rows)"),
    ),
    "a list that an unknown object gets": (
        kept("a, sink = np.zeros(3), Sink()", "a[:] = x", "rows.append(a)", "sink.take(rows)"),
        ("sink.take(rows)", "sink.info(rows)"),
    ),
    "only counted": (
        kept("a = np.zeros(3)", "a += x", "rows.append(a)", end="print(len(rows))"),
        ("len(rows)", "rows"),
    ),
    "only the last is read": (
        kept("a = np.zeros(3)", "a += x", "rows.append(a)", end="plot(rows[-1])"),
        ("rows[-1]", "rows[0]"),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("healthy", "change"), PAIRS.values(), ids=PAIRS)
def test_one_change_makes_all_entries_one(told: Told, healthy: str, change: tuple[str, str]) -> None:
    healthy = "import queue; from numpy.random import default_rng\n" + healthy
    assert healthy.count(change[0]) == 1
    assert told(healthy) == []
    assert [f.kind for f in told(healthy.replace(*change))] == ["list"]


COUNTS = """
class Counts:
    def __init__(self):
        self.table = torch.zeros(3, 3)

    def empty(self):
        {empty}

    def update(self, a, b):
        self.table[a, b] += 1

    def compute(self):
        return self.table


counts, history = Counts(), []
for epoch in range(9):
    counts.empty()
    for a, b in xs:
        counts.update(a, b)
    history.append(counts.compute())
plot(history)
"""


@pytest.mark.parametrize(
    "empty",
    [
        "self.table = torch.zeros(3, 3)",
        "self.table = torch.zeros_like(self.table)",
        "self.table = self.table * 0",
        "self.table, self.count = torch.zeros(3, 3), 0",
        "self.table = self.count = torch.zeros(3, 3)",
        "self.__init__()",
        "setattr(self, 'table', torch.zeros(3, 3))",
        "for name in ('table',): setattr(self, name, torch.zeros(3, 3))",
        "self.__dict__['table'] = torch.zeros(3, 3)",
        "self.__dict__.update(table=torch.zeros(3, 3))",
        "vars(self).update(table=torch.zeros(3, 3))",
        "del self.table; start(self)",
        "start(self)",
        "helper.start(self)",
        "self.table.data = torch.zeros(3, 3)",
        "raise NotImplementedError",
        "'''For heirs.'''; raise NotImplementedError('empty')",
    ],
)
def test_counts_that_begin_anew(told: Told, empty: str) -> None:
    assert told(COUNTS.format(empty=empty)) == []


@pytest.mark.parametrize(
    "empty",
    [
        "self.table.zero_()",
        "self.table[:] = 0",
        "self.table *= 0",
        "torch.mul(self.table, 0, out=self.table)",
        "pass",
        "self.count = 0",
        "setattr(self, 'count', 0)",
        "print(self)",
        "if self.count < 0: raise NotImplementedError",
    ],
)
def test_counts_that_are_emptied_in_place(told: Told, empty: str) -> None:
    (fact,) = told(COUNTS.format(empty=empty))
    assert (fact.kind, fact.name, fact.giver, fact.holder) == (
        "list",
        "self.table",
        "Counts.compute",
        "history",
    )


@pytest.mark.parametrize(
    ("base", "hook", "heir", "is_quiet"),
    [
        ("", "raise NotImplementedError", "self.row = np.zeros(4)", True),
        ("(ABC)", "raise NotImplementedError", "", True),
        ("", "pass", "self.row = np.zeros(4)", True),
        ("", "pass", "self.count = 0", False),
        ("", "self.row = np.zeros(4)", "", True),
        ("", "pass", "", False),
    ],
)
def test_what_a_class_leaves_to_its_heirs(
    told: Told, base: str, hook: str, heir: str, is_quiet: bool
) -> None:
    text = f"""
    from abc import ABC
    class Collector{base}:
        def __init__(self):
            self.row, self.rows = np.zeros(4), []
        def turn(self):
            {hook}
        def collect(self, xs):
            for x in xs:
                self.row[0] = x
                self.rows.append(self.row)
                self.turn()
            return np.stack(self.rows)
    """
    text = dedent(text) + (f"class Own(Collector):\n    def turn(self):\n        {heir}\n" if heir else "")
    assert [f.kind for f in told(text)] == ["list"] * (not is_quiet)


def test_an_abstract_method_may_do_anything(told: Told) -> None:
    text = COUNTS.format(empty="...").replace("    def empty", "    @abstractmethod\n    def empty")
    assert told(f"from abc import abstractmethod\n{text}") == []
