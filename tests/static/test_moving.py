"""Random flips, rotations and crops, followed through a method that reads a sample."""

from pathlib import Path
from textwrap import indent

import pytest

from osler.static.motions import Seen
from osler.static.moving import returned
from osler.static.sources import parse
from osler.static.values import Class, Instance, Scope, function_of

HEAD = "import random\nimport torch\nclass Data:\n    def __getitem__(self, i):\n"


def followed(body: str) -> list[Seen]:
    source = parse(Path("/home/user/data.py"), (HEAD + indent(body, " " * 8)).encode())
    assert source.tree is not None
    defined = source.tree.body[-1]
    (method,) = defined.body
    cls = Class("Data", source, source.define(defined), ())
    return returned(function_of(method, Scope(), source), Instance(cls), {})


def moved(body: str) -> list[int]:
    """How many random motions each part has gone through."""
    (sample,) = followed(body)
    return [len(part.motions) for part in (sample.items or {}).values()]


@pytest.mark.parametrize(
    ("body", "counts"),
    [
        (
            "x = self.x[i]\nif random.random() < 0.5:\n    x = torch.flip(x, [-1])\nreturn x, self.y[i]",
            [1, 0],
        ),
        ("x = self.x[i].roll(random.randint(0, 9))\nreturn x.rot90(torch.randint(4, ()).item()), i", [2, 0]),
        ("a = random.randint(0, 9)\nreturn self.x[i][:, a:a + 4], self.y[i][a:]", [1, 1]),
        ("return {'x': self.x[i].flip(-1) if torch.rand(()) < 0.5 else self.x[i]}", [1]),
        ("with lock:\n    x = self.x[i].roll(random.randint(0, 9))\nreturn x, i", [1, 0]),
        ("s = {'x': self.x[i]}\ns['x'] = s['x'].roll(random.randint(0, 9))\nreturn s", [1]),
        ("x = self.x[i].roll(random.randint(0, 9))\nreturn x.float() / 255, x.mean()", [1, 0]),
        ("a = self.x[i].shape[-1]\nb = random.randint(0, a)\nreturn self.x[i][b:a], i", [1, 0]),
        ("return self.x[i] + torch.rand(9), self.x[i].flip(-1)", [0, 0]),
        ("x = self.x[i]\nfor _ in range(3):\n    x = x.roll(random.randint(0, 9))\nreturn x, i", [0, 0]),
        ("return self.x[i].transpose(2, 0, 1), self.x[random.randint(0, 9)]", [0, 0]),
        ("if random.random() < 0:\n    return self.x[i].flip(-1), i\nreturn self.x[i], i", [0, 0]),
    ],
)
def test_motions_are_counted(body: str, counts: list[int]) -> None:
    assert moved(body) == counts


def test_numbers_that_are_shared() -> None:
    (sample,) = followed("k = random.randint(0, 3)\nreturn self.x[i].rot90(k), self.y[i].rot90(k)")
    one, other = ((sample.items or {})[at].motions[0] for at in (0, 1))
    assert one.draws == other.draws
    assert one.drawn == other.drawn
    assert one.at.span != other.at.span


def test_each_way_that_returns() -> None:
    assert len(followed("if self.plain:\n    return self.x[i], 0\nreturn self.x[i].flip(-1), 1")) == 2


@pytest.mark.parametrize(
    "body",
    [
        "torch.manual_seed(i)\nreturn self.x[i], i",
        "with torch.random.fork_rng():\n    return self.x[i], i",
        "self.turn = random.randint(0, 3)\nreturn self.x[i], i",
        "for x in self.x:\n    random.seed(3)\nreturn x, i",
        "try:\n    return self.x[i], i\nexcept KeyError:\n    return self.x[0], i",
        "g = torch.Generator()\nreturn self.x[i].roll(torch.randint(9, (), generator=g).item()), i",
    ],
)
def test_draws_that_may_be_the_same(body: str) -> None:
    assert followed(body) == []
