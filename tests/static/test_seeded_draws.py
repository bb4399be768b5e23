"""Generators that a function seeds by itself are found, with the calls that draw from them."""

import ast
from pathlib import Path

import pytest

from osler.static.seeded_draws import drawn_with, purpose, seeded_once
from osler.static.sources import Source, parse

HEAD = "import random\nimport torch\nimport numpy as np\n"


def read(body: str) -> tuple[Source, ast.FunctionDef]:
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    source = parse(Path("/home/user/train.py"), f"{HEAD}def f(self):\n{lines}".encode())
    assert source.tree is not None
    (function,) = (n for n in source.tree.body if isinstance(n, ast.FunctionDef))
    return source, function


def found(body: str) -> list[tuple[str, str, str, list[str]]]:
    source, function = read(body)
    return [
        (
            s.name,
            s.family,
            ast.unparse(s.seed),
            [purpose(function, c, is_sampler=True) for c in drawn_with(source, function, s)],
        )
        for s in seeded_once(source, function, lambda seed: True)
    ]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("g = torch.Generator().manual_seed(1)\ntorch.randperm(9, generator=g)", ("g", "", "1", ["order"])),
        (
            "g = torch.Generator()\ng.manual_seed(1)\ntorch.rand(9, generator=g)",
            ("g", "", "1", ["", "choice"]),
        ),
        ("g = np.random.default_rng(seed=1)\nreturn g.choice(9, 3)", ("g", "", "1", ["choice"])),
        ("return random.Random(1).sample(x, len(x))", ("", "", "1", ["order"])),
        ("for i in random.Random(1).sample(x, 3):\n    pass", ("", "", "1", ["choice"])),
        ("torch.manual_seed(1)\nreturn torch.randperm(9)[:3]", ("", "torch", "1", ["choice"])),
    ],
)
def test_what_is_seeded_and_drawn(body: str, expected: tuple[str, str, str, list[str]]) -> None:
    assert found(body) == [expected]


@pytest.mark.parametrize(
    "body",
    [
        "g = torch.Generator()",
        "if x:\n    g = random.Random(1)",
        "g = random.Random(1)\ng.seed(2)",
        "g = random.Random()",
    ],
)
def test_nothing_is_seeded_for_certain(body: str) -> None:
    assert found(body) == []
