"""Generators that a dataset keeps are found with the place where a worker draws from them."""

import pytest

from osler.static.own_generators import copied_generators

DATASET = """
import numpy as np
class Noisy:
    def __init__(self): self.rng = np.random.default_rng(0)
    def __getitem__(self, index): return self.rng.normal()
model = nn.Linear(1, 1)
for epoch in range(3):
    for x in DataLoader(Noisy(), num_workers={workers}):
        model(x).sum().backward()
"""


def test_a_copied_generator(code) -> None:
    (found,) = copied_generators(code(DATASET.format(workers=2)))
    assert (found.name, found.workers, found.again) == ("rng", 2, True)
    assert (found.made.function, found.drawn.function) == ("__init__", "__getitem__")


def test_none_without_workers(code) -> None:
    assert list(copied_generators(code(DATASET.format(workers=0)))) == []


KEPT = """
import random
import numpy as np
class Noisy:
    def __init__(self, seed=0):
        {made}
    {method}
    def __getitem__(self, index):
        {fetch}
model = nn.Linear(1, 1)
data = Noisy()
{before}
for epoch in range(3):
    for x in DataLoader(data, num_workers=2{more}):
        model(x).sum().backward()
"""
MADE = "self.rng = np.random.default_rng(seed)"


def copied(
    code,
    made: str = MADE,
    fetch: str = "return self.rng.normal()",
    *,
    method: str = "pass",
    before: str = "",
    more: str = "",
) -> list[str]:
    text = KEPT.format(made=made, fetch=fetch, method=method, before=before, more=more)
    return [f.name for f in copied_generators(code(text))]


@pytest.mark.parametrize(
    ("made", "fetch"),
    [
        (MADE, "return self.rng.normal()"),
        (MADE, "return self.noise()\n    def noise(self): return self.rng.normal()"),
        (MADE, "rng = self.rng; return self.rng.choice(9)"),
        ("self.rng = np.random.RandomState(0)", "return self.rng.rand()"),
        ("self.rng = random.Random(0)", "return self.rng.random()"),
        ("self.rng = torch.Generator()", "return torch.rand(1, generator=self.rng)"),
        ("self.rng = torch.Generator().manual_seed(0)", "return torch.rand(1, generator=self.rng)"),
        ("self.rng = np.random.default_rng()", "return self.rng.normal()"),
    ],
)
def test_what_every_worker_copies(code, made: str, fetch: str) -> None:
    assert copied(code, made, fetch) == ["rng"]


@pytest.mark.parametrize(
    ("made", "fetch"),
    [
        ("self.seed = seed", "return np.random.default_rng(index).normal()"),
        ("self.seed = seed", "return np.random.default_rng((self.seed, index)).normal()"),
        ("self.seed = seed", "return random.random()"),
        ("self.seed = seed", "return torch.rand(1)"),
        (MADE, "return index"),
        (MADE, "return torch.rand(1)"),
        (f"{MADE}; self.x = self.rng.normal(size=9)", "return self.x[index]"),
        ("rng = np.random.default_rng(seed); self.x = rng.normal(size=9)", "return self.x[index]"),
        (MADE, "self.rng = np.random.default_rng(index); return self.rng.normal()"),
        (MADE, "info = torch.utils.data.get_worker_info(); return self.rng.normal()"),
        ("self.rng = random.Random(0)", "self.rng.seed(index); return self.rng.random()"),
        (
            "self.rng = torch.Generator()",
            "self.rng.manual_seed(index); return torch.rand(1, generator=self.rng)",
        ),
        ("self.rng = make(seed)", "return self.rng.normal()"),
        ("self.rng = np.random", "return self.rng.normal()"),
        ("self.rng = None", "self.rng = self.rng or np.random.default_rng(); return self.rng.normal()"),
    ],
)
def test_what_no_worker_copies(code, made: str, fetch: str) -> None:
    assert copied(code, made, fetch) == []


@pytest.mark.parametrize(
    "options",
    [
        {"more": ", worker_init_fn=fix"},
        {"more": ", **options"},
        {"before": "data.rng = np.random.default_rng(epoch)"},
        {"before": "setattr(data, 'rng', fresh())"},
        {"method": "def __setstate__(self, state): self.__dict__ = state"},
        {"method": "def __reduce__(self): return Noisy, (1,)"},
        {"method": "def renew(self): self.rng = np.random.default_rng()"},
        {"method": "def renew(self, s): self.rng.bit_generator.state = s"},
    ],
)
def test_whoever_gives_each_worker_its_own(code, options: dict[str, str]) -> None:
    assert copied(code, **options) == []


@pytest.mark.parametrize(
    ("workers", "more", "found"),
    [
        (1, "", 1),
        (1, ", persistent_workers=True", 0),
        (2, ", persistent_workers=True", 1),
        (0, "", 0),
        ("n", "", 0),
    ],
)
def test_how_many_copies_there_are(code, workers: int | str, more: str, found: int) -> None:
    text = DATASET.format(workers=f"{workers}{more}")
    assert len(list(copied_generators(code(text)))) == found
