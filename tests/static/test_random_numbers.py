"""Seeds and draws inside loops are actions, with words that say what may change the seed."""

import pytest

from osler.model import Kind
from osler.static.random_numbers import counts_on, drawn_from

HEAD = "import random\nimport numpy as np\nargs = parse()\n"


def words(read) -> list[frozenset[str]]:
    return [a.words for a in read.actions(Kind.RANDOM)]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("torch.manual_seed(0)", {"seeded", "torch", "known"}),
        ("np.random.seed(0)", {"seeded", "numpy", "known"}),
        ("random.seed(args.seed)", {"seeded", "random", "known", "name:args.seed"}),
        ("random.seed()", {"seeded", "random"}),
        ("random.seed(None)", {"seeded", "random"}),
        ("torch.manual_seed(i)", {"seeded", "torch", "known", "turn:1", "name:i"}),
        ("torch.manual_seed(args.seed + i)", {"seeded", "torch"}),
        ("torch.randn(3)", {"drawn", "torch", "by:torch.randn"}),
        ("torch.randn(3, generator=args.g)", {"drawn", "own", "by:torch.randn"}),
        ("np.random.rand()", {"drawn", "numpy", "by:numpy.random.rand"}),
    ],
)
def test_words(code, line: str, expected: set[str]) -> None:
    assert words(code(f"{HEAD}for i in range(3):\n    {line}")) == [expected]


def test_nothing_is_noted_outside_loops(code) -> None:
    assert words(code(f"{HEAD}torch.manual_seed(0)\ntorch.randn(3)")) == []


def test_a_seed_that_is_handed_on_is_known_by_its_first_name(code) -> None:
    text = f"{HEAD}def fix(seed):\n    torch.manual_seed(seed)\nfor i in range(3):\n    fix(args.seed)"
    (found,) = words(code(text))
    assert {"known", "name:args.seed", "name:seed"} <= found
    assert "turn:1" not in found


def test_a_seed_that_is_computed_in_the_loop_may_change(code) -> None:
    text = f"{HEAD}def fix(seed):\n    torch.manual_seed(seed)\nfor i in range(3):\n    fix(other())"
    assert not any("known" in w and "turn:1" not in w for w in words(code(text)))


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("seed", "seed += 1", True),
        ("args.seed", "self.seed += 1", True),
        ("seed", "seed = seed + 1", True),
        ("seed", "  self.seed = (self.seed * 7) % 9", True),
        ("seed", "seed = args.seed + rank", False),
        ("seed", "f(seed=seed)", False),
        ("seed", "seeds += 1", False),
        ("seed", "if seed == 1: pass", False),
    ],
)
def test_counts_on(name: str, text: str, expected: bool) -> None:
    assert counts_on(name, text) is expected


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("torch.randperm", "torch"),
        ("Tensor.normal_", "torch"),
        ("numpy.random.choice", "numpy"),
        ("numpy.random.default_rng", ""),
        ("random.shuffle", "random"),
        ("random.Random", ""),
        ("torch.zeros", ""),
    ],
)
def test_drawn_from(name: str, family: str) -> None:
    assert drawn_from(name) == family
