"""Writes into views of what is stored, followed through a method."""

import ast

import pytest

from osler.static.fetch_writes import writes


def found(body: str, *stored: str) -> list[tuple[str, str, int]]:
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    (method,) = ast.parse(f"def __getitem__(self, i):\n{lines}\n    return x").body
    assert isinstance(method, ast.FunctionDef)
    return [(w.attribute, w.name, w.node.lineno) for w in writes(method, stored or ("x", "items"))]


@pytest.mark.parametrize(
    ("body", "line"),
    [
        ("x = self.x[i]\nx += torch.rand(8)", 3),
        ("x = self.x[i]\nx = x.view(2, 4).T\nx.mul_(2)", 4),
        ("x = self.x[int(i)]\ny = x[2:]\ny -= y.mean()\ny", 4),
        ("x = self.x[i : i + 3]\nx -= x.mean()", 3),
        ("start = i * 4\nx = self.x[start:][0]\nx -= x.mean()", 4),
        ("x, y = self.items[i]\nx -= x.mean()", 3),
        ("x = self.items[i]['a'][0]\nx /= x.std()", 3),
        ("with lock:\n    x = self.x[i]\nx /= x.std()", 4),
        ("x = self.x[i]\nfor j in random.sample(range(8), 2):\n    x[j] = 0", 4),
        ("x = self.x[i]\ntry:\n    x /= x.std()\nexcept ValueError:\n    pass", 4),
        ("x = self.x[i]\nif self.training:\n    x.add_(1)", 4),
        ("x = self.x[i]\nx.masked_fill_(torch.rand(8) < 0.5, 0)", 3),
        ("x = self.x[i]\na = self.rng.integers(6)\nb = a + 2\nx[a:b] = 0", 5),
    ],
)
def test_found(body: str, line: int) -> None:
    assert [where for _, _, where in found(body)] == [line]


@pytest.mark.parametrize(
    "body",
    [
        "x = self.other[i]\nx -= x.mean()",
        "x = self.x\nx -= x.mean()",
        "x = other.x[i]\nx -= x.mean()",
        "x = self.x[self.order]\nx -= x.mean()",
        "i = self.order[i]\nx = self.x[i]\nx -= x.mean()",
        "x = self.x[mask]\nx -= x.mean()",
        "x = self.x[True]\nx -= x.mean()",
        "x = self.x[i].to(device)\nx -= x.mean()",
        "x = self.x[i]\nif (x := x + 1).sum():\n    pass\nx -= x.mean()",
        "x = self.x[i]\nfor x in range(3):\n    x -= x.mean()",
        "x = self.x[i]\nx |= x.mean()",
        "x = self.x[i]\nx[3] = torch.rand(1)",
        "x = self.x[i]\nx[:] = torch.rand(8)",
        "x = self.x[i]\nwhile x.max() > 1:\n    x = x / 2\nx -= x.mean()",
        "x = self.x[i]\nif i in self.seen:\n    return x\nx -= x.mean()",
        "if self.is_done[i]:\n    return self.x[i]\nx = self.x[i]\nx -= x.mean()",
        "x = self.x[i]\nx -= x.mean()\nself.count += 1",
        "x = self.x[i]\nx, y = y, x\nx -= x.mean()",
        "x = self.x[i]\nnp.add(y, 1, out=x)",
    ],
)
def test_silent(body: str) -> None:
    assert found(body) == []
