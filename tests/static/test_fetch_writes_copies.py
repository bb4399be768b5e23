"""Samples that are copied, replaced or told apart before they are written into, each with its twin."""

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from osler.static.fetch_writes import writes


def found(body: str, *stored: str) -> list[str]:
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    (method,) = ast.parse(f"def __getitem__(self, i):\n{lines}\n    return x").body
    assert isinstance(method, ast.FunctionDef)
    return [w.attribute for w in writes(method, stored or ("x", "items"))]


CENTRED = "x -= x.mean()"


@pytest.mark.parametrize(
    "value",
    [
        "self.x[i].copy()",
        "self.x[i].clone()",
        "self.x[i].detach().clone()",
        "self.x[i].view(2, 4).clone()",
        "self.x[i].expand(3, 4).clone()",
        "self.x[i].float()",
        "self.x[i].to(torch.float32)",
        "self.x[i].to(self.device)",
        "self.x[i].astype('float32')",
        "self.x[i].flip(0)",
        "self.x[i].repeat(2)",
        "self.x[i].mean(0)",
        "self.x[i] / 255",
        "self.x[i] + 0",
        "self.x[i] @ self.w",
        "-self.x[i]",
        "(self.x[i] > 0).float()",
        "np.array(self.x[i])",
        "np.float32(self.x[i])",
        "torch.tensor(self.x[i])",
        "torch.as_tensor(self.x[i], dtype=torch.float32)",
        "torch.from_numpy(self.x[i].copy())",
        "torch.from_numpy(self.x[i]).float()",
        "torch.stack([self.x[i], self.x[i + 1]])",
        "np.concatenate([self.x[i], self.x[i + 1]])",
        "F.pad(self.x[i], (0, 1))",
        "copy.deepcopy(self.x[i])",
        "copy.copy(self.x[i])",
        "self.transform(self.x[i])",
        "self.load(i)",
        "self.x[[i, i + 1]]",
        "self.x[self.ids == i]",
        "self.x[torch.tensor([i])]",
        "self.x[np.r_[i]]",
        "self.x[self.order[i]]",
        "self.other[i]",
        "other.x[i]",
        "(self.x[i], 1)[0].clone()",
        "self.x[i].clone() if self.train else self.x[i] * 1",
        "torch.where(self.x[i] > 0, 1, 0)",
    ],
)
def test_a_new_sample(value: str) -> None:
    assert found(f"x = {value}\n{CENTRED}") == []


@pytest.mark.parametrize(
    "value",
    [
        "self.x[i]",
        "self.x[i, :, 0]",
        "self.x[i][None]",
        "self.x[i, ...]",
        "self.x[i].view(2, 4)",
        "self.x[i].squeeze().unsqueeze(0)",
        "self.x[i].detach().numpy()",
        "self.x[i].T",
        "torch.from_numpy(self.x[i])",
        "self.x[i - 1]",
        "self.x[i % len(self.x)]",
        "self.x[int(i)]",
        "self.x[i.item()]",
        "self.x[2 * i + 1]",
        "self.items[i]['image']",
        "self.items[i][0]",
        "self.x[i : i + 8]",
        "self.x[i:]",
    ],
)
def test_the_stored_sample_itself(value: str) -> None:
    assert len(found(f"x = {value}\n{CENTRED}")) == 1


@pytest.mark.parametrize(
    "body",
    [
        "x = self.x[i]\nx = x.clone()\n{write}",
        "x = self.x[i]\nx: torch.Tensor = x.clone()\n{write}",
        "x = self.x[i]\nx = y = x.clone()\n{write}",
        "x = self.x[i]\ny = x = x.clone()\n{write}",
        "x = self.x[i]\nx = z.x = x.clone()\n{write}",
        "x = self.x[i]\nx, y = x.clone(), 1\n{write}",
        "x = self.x[i]\nx, *y = x.clone(), 2\n{write}",
        "x, y = self.items[i]\nx = x.clone()\n{write}",
        "x = self.x[i]\nif self.train:\n    x = x.clone()\n    {write}",
        "x = self.x[i]\nif not self.train:\n    return x\nx = x.clone()\n{write}",
        "with lock:\n    x = self.x[i].clone()\n{write}",
        "try:\n    x = self.x[i].clone()\nexcept IndexError:\n    raise\n{write}",
        "try:\n    x = self.x[i].clone()\nexcept* IndexError:\n    pass\n{write}",
        "x = self.x[i]\nfor j in range(3):\n    x = x.clone()\n    {write}",
        "x = self.x[i]\ny = x.clone()\nx = y\n{write}",
        "x: torch.Tensor = self.x[i].clone()\n{write}",
        "x = y = self.x[i].clone()\n{write}",
    ],
)
def test_a_copy_on_the_way(body: str) -> None:
    healthy = body.format(write=CENTRED)
    assert found(healthy) == []
    assert found(healthy.replace(".clone()", "")) == ["items" if "items" in body else "x"]


@pytest.mark.parametrize(
    "between",
    [
        "x = x + 1",
        "x = self.aug(x)",
        "x = np.roll(x, 1)",
        "(x := x.clone())",
        "if self.train: x = x.clone()\nelse: x = x * 1",
        "x = x[x > 0]",
        "with open(f) as x: pass",
        "with other() as (x, y): pass",
        "with other() as [y, *x]: pass",
        "for x in range(3): pass",
        "for k, x in enumerate(rows): pass",
        "del x; x = load()",
        "if (x := load()) is None: pass",
        "while (x := load()) is None: pass",
        "match load():\n    case x: pass",
        "match load():\n    case [x, *_]: pass\n    case _: x = load()",
        "match self.kind:\n    case 1: x = x + 1\n    case _: x = x * 2",
        "match load():\n    case {'a': 1, **x}: pass",
        "match load():\n    case [y, *x]: pass",
    ],
)
def test_the_name_stands_for_something_else(between: str) -> None:
    assert found(f"x = self.x[i]\n{between}\n{CENTRED}") == []


@pytest.mark.parametrize(
    "between",
    [
        "y = x + 1",
        "print(x)",
        "assert x.ndim == 3",
        "with open(f) as y: pass",
        "for y in x: pass",
        "del y",
        "match self.kind:\n    case 1: y = x\n    case _: pass",
        "match x:\n    case y: pass",
        "import math",
        "def f(x): x = 1",
        "y: int = 3",
        "x: torch.Tensor",
        "x.y = 3",
        "pass",
    ],
)
def test_the_name_still_stands_for_it(between: str) -> None:
    assert found(f"x = self.x[i]\n{between}\n{CENTRED}") == ["x"]


@pytest.mark.parametrize(
    "write",
    [
        "x[x < 0] = 0",
        "x[0] = 1",
        "x[:] = 0",
        "x.clamp_(0, 1)",
        "x.zero_()",
        "x.fill_(3)",
        "x.relu_()",
        "x['mask'] = torch.ones(3)",
        "x['noise'] = torch.randn(3)",
        "x['seen'] += 1",
        "x &= self.mask",
        "x |= 3",
        "x %= 10",
        "x //= 10",
        "x <<= 2",
        "x = x.sub(1)",
        "y = x * 2; y += 1; x = y",
        "y = torch.zeros_like(x); y += x; x = y",
        "y = x.sum(); y += 1; x = y",
        "y = x.size(0); y -= 1; x = x[:y]",
        "y = len(x); y -= 1; x = x[:y]",
        "f = lambda x: x.sub_(1)",
        "out = np.empty(3); np.add(x, 1, out=out); x = out",
        "noise = torch.randn(3); noise *= 0.1; x = x + noise",
        "noise = torch.randn(3); noise += x; x = noise",
        "if random.random() < 0.5: x = x.flip(0)",
        "if random.random() < 0.5: x = x + torch.randn(3)",
        "if x.max() > 1: x /= 255",
        "if self.is_raw[i]: x /= 255",
        "if i in self.raw: x /= 255",
        "while x.max() > 1: x /= 2",
        "if isinstance(i, slice): return x",
    ],
)
def test_what_may_be_done_again_and_again(write: str) -> None:
    assert found(f"x = self.x[i]\n{write}") == []


@pytest.mark.parametrize(
    "body",
    [
        "x = self.items[i]\nx += 1",
        "x = self.items[i]\nx += ' <eos>'",
        "x = self.items[i]\nx += (1,)",
        "x = self.items[i]['text']\nx += '.'",
        "x = self.items[i].text\nx += '.'",
        "path, x = self.items[i]\nx -= 1",
        "x, count = self.items[i]\ncount += 1",
        "x = float(self.x[i])\nx -= 1",
        "x = self.x[i].item()\nx += 1",
        "x = self.x[i]\nx /= 1000",
        "lo, hi = self.items[i]\nlo -= 1\nx = self.sound[lo:hi]",
        "lo, hi = self.items[i]\nhi += random.randint(0, 3)\nx = self.sound[lo:hi]",
        "x, y, w, h = self.items[i]['box']\nw += x\nh += y\nx = self.image[y:h, x:w]",
        "x, y, w, h = self.items[i]\nx -= w / 2\ny -= h / 2\nx = [x, y]",
    ],
)
def test_numbers_texts_and_tuples(body: str) -> None:
    assert found(body) == []


@pytest.mark.parametrize(
    "made",
    [
        "list(self.items[i])",
        "[*self.items[i]]",
        "[v for v in self.items[i]]",
        "sorted(self.items[i])",
        "self.items[i].copy()",
        "self.items[i][:]",
        "self.items[i][:128]",
        "self.items[i][1:]",
        "self.items[i] + [0]",
        "{**self.items[i]}",
        "dict(self.items[i])",
    ],
)
@pytest.mark.parametrize(
    "write",
    [
        "x[0] += 1",
        "x[0] += x[1]",
        "x[random.randrange(8)] = 103",
        "for k in random.sample(range(8), 2): x[k] = 103",
        "for k in range(8):\n    if random.random() < 0.15: x[k] += 1",
    ],
)
def test_lists_that_are_copied(made: str, write: str) -> None:
    assert found(f"x = {made}\n{write}") == []


@pytest.mark.parametrize(
    "body",
    [
        "x = self.items[i]\nx[0] += 1",
        "x = self.items[i]\nfor k in random.sample(range(8), 2): x[k] = 103",
        "x = self.items[i]\nx['box'] += x['shift']",
        "x = self.x[i:]\nx[0] += x.mean()",
        "x = self.x[i, 2:]\nx[0] += 1",
        "x = self.x[i][2:]\nx[0] += 1\nprint(x.shape)",
        "x = self.x[i][2:]\nx.add_(1)",
        "self.x[i] -= self.x[i].mean()\nx = self.x[i]",
        "self.x[i][0] *= 2\nx = self.x[i]",
        "x = self.items[i]\nx['weight'] *= 0.5",
    ],
)
def test_lists_and_pieces_that_are_not(body: str) -> None:
    assert len(found(body)) == 1


@pytest.mark.parametrize(
    "note",
    [
        "self.done = True",
        "self.count += 1",
        "self.seen.x = 1",
        "self.cache, y = 1, 2",
        "del self.y; self.y = 1",
    ],
)
def test_an_object_that_keeps_note_is_not_judged(note: str) -> None:
    body = f"x = self.x[i]\n{CENTRED}\n{note}"
    assert found(body) == ([] if "seen.x" not in note else ["x"])


@pytest.mark.parametrize("arguments", ["self", "self, *i", "self, *, i", "*i", ""])
def test_a_method_that_is_asked_for_no_sample(arguments: str) -> None:
    (method,) = ast.parse(
        f"def __getitem__({arguments}):\n    x = self.x[i]\n    x -= x.mean()\n    return x"
    ).body
    assert isinstance(method, ast.FunctionDef)
    assert writes(method, {"x"}) == []


PIECES = [
    "x = self.x[i]",
    "x -= x.mean()",
    "x = x.clone()",
    "x[0] += 1",
    "y = x",
    "y += x",
    "x, y = y, x",
    "del y",
]


@given(st.lists(st.sampled_from(PIECES), max_size=8))
def test_nothing_is_found_once_all_is_copied_first(lines: list[str]) -> None:
    body = "\n".join(["x = y = self.x[i].clone()", *(ln for ln in lines if "self" not in ln)])
    assert found(body) == []


@given(st.lists(st.sampled_from(PIECES), max_size=8))
def test_only_what_is_stored_is_found(lines: list[str]) -> None:
    body = "\n".join(lines) or "pass"
    assert found(body, "other") == []
    assert set(found(body)) <= {"x"}
