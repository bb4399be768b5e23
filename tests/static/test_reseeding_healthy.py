"""Seeds inside loops that train, each set so that no two turns draw the same; and the twins that repeat."""

import pytest

from osler.static.reseeding import reseeded

HEAD = """
import itertools
import random
import time
import numpy as np
model = nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.5))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
loader = DataLoader(data, shuffle=True)
"""
LOOP = """
for epoch in range(epochs):
    {line}
    for x in loader:
        optimizer.zero_grad()
        model(x + torch.randn_like(x)).sum().backward()
        optimizer.step()
"""


def found(code, line: str, before: str = "") -> list[str]:
    return [f.seed for f in reseeded(code(HEAD + before + LOOP.format(line=line)))]


@pytest.mark.parametrize(
    ("line", "before"),
    [
        ("torch.manual_seed(epoch)", ""),
        ("torch.manual_seed(3 + epoch)", ""),
        ("torch.manual_seed(seed + epoch)", "seed = 3"),
        ("torch.manual_seed(seed * 1000 + epoch)", "seed = 3"),
        ("torch.manual_seed(hash((seed, epoch)))", "seed = 3"),
        ("torch.manual_seed(cfg.seed + epoch)", "cfg = load()"),
        ("torch.manual_seed(cfg['seed'] + epoch)", "cfg = load()"),
        ("torch.manual_seed(seeds[epoch])", "seeds = [1, 2, 3]"),
        ("torch.manual_seed(next(seeds))", "seeds = iter(range(9))"),
        ("torch.manual_seed(next(seeds))", "seeds = itertools.count()"),
        ("torch.manual_seed(seed); seed += 1", "seed = 3"),
        ("torch.manual_seed(seed); seed = seed * 7 % 11", "seed = 3"),
        ("torch.manual_seed(seed := seed + 1)", "seed = 3"),
        ("torch.manual_seed(random.randint(0, 9))", ""),
        ("torch.manual_seed(int(rng.integers(9)))", "rng = np.random.default_rng(0)"),
        ("torch.manual_seed(int(time.time()))", ""),
        ("torch.manual_seed(time.time_ns())", ""),
        ("torch.manual_seed(torch.initial_seed() + 1)", ""),
        ("torch.manual_seed(torch.seed())", ""),
        ("torch.seed()", ""),
        ("random.seed()", ""),
        ("np.random.seed()", ""),
        ("np.random.seed(None)", ""),
        ("np.random.seed(0)", ""),
        ("random.seed(0)", ""),
        ("if epoch == 0: torch.manual_seed(0)", ""),
        ("if not epoch: torch.manual_seed(0)", ""),
        ("if resume: torch.manual_seed(0)", "resume = False"),
        ("if not seeded: torch.manual_seed(0); seeded = True", "seeded = False"),
        ("match epoch:\n        case 0: torch.manual_seed(0)\n        case _: pass", ""),
        ("with torch.random.fork_rng():\n        torch.manual_seed(0); plot(torch.randn(3))", ""),
        ("kept = torch.get_rng_state(); torch.manual_seed(0); torch.set_rng_state(kept)", ""),
        ("fix(epoch)", "def fix(n):\n    torch.manual_seed(n); np.random.seed(n); random.seed(n)"),
        ("fix(7, epoch)", "def fix(base, n):\n    torch.manual_seed(base + n)"),
        ("fix(epoch=epoch)", "def fix(seed=0, epoch=0):\n    torch.manual_seed(seed + epoch)"),
        ("g.manual_seed(0)", "g = torch.Generator()"),
        ("g = torch.Generator().manual_seed(0); plot(model(torch.randn(3, 4, generator=g)))", ""),
        ("g = np.random.default_rng(0); plot(g.normal(size=3))", ""),
        (
            "state.fix()",
            "class State:\n    seed = 0\n    def fix(self):\n"
            "        torch.manual_seed(self.seed); self.seed += 1\n"
            "state = State()",
        ),
        (
            "fix()",
            "def make():\n    n = 0\n    def fix():\n        nonlocal n\n"
            "        n = n + 1\n        torch.manual_seed(n)\n"
            "    return fix\nfix = make()",
        ),
    ],
)
def test_each_turn_draws_something_else(code, line: str, before: str) -> None:
    assert found(code, line, f"{before}\n") == []


@pytest.mark.parametrize(
    ("line", "before", "seed"),
    [
        ("torch.manual_seed(0)", "", "0"),
        ("torch.random.manual_seed(3)", "", "3"),
        ("torch.manual_seed(seed)", "seed = 3", "3"),
        ("torch.manual_seed(cfg.seed)", "cfg = load()", "`cfg.seed`"),
        ("fix()", "def fix():\n    torch.manual_seed(0)", "0"),
        ("fix(7)", "def fix(seed):\n    torch.manual_seed(seed)", "7"),
        ("fix()", "def fix(seed=5):\n    torch.manual_seed(seed)", "5"),
        ("if seed is not None: torch.manual_seed(seed)", "seed = 3", "3"),
        ("if epoch % 2 == 0: torch.manual_seed(0)", "", "0"),
        ("random.seed(0); torch.manual_seed(0)", "", "0"),
    ],
)
def test_each_turn_draws_the_same(code, line: str, before: str, seed: str) -> None:
    assert found(code, line, f"{before}\n") == [seed]


RUN = """
for {turn}:
    torch.manual_seed(0)
    {start}
    for x in loader:
        optimizer.zero_grad()
        model(x + torch.randn_like(x)).sum().backward()
        optimizer.step()
"""


@pytest.mark.parametrize(
    "start",
    [
        "model = nn.Linear(4, 4); optimizer = torch.optim.SGD(model.parameters(), lr=lr)",
        "optimizer = torch.optim.SGD(model.parameters(), lr=lr)",
        "model, optimizer = build(lr)",
        "model.load_state_dict(begin); optimizer = torch.optim.SGD(model.parameters(), lr=lr)",
        "model = copy.deepcopy(first); optimizer = torch.optim.SGD(model.parameters(), lr=lr)",
        "model.reset_parameters()",
        "for layer in model: layer.reset_parameters()",
        "model.apply(renew)",
    ],
)
def test_a_run_of_its_own_in_each_turn(code, start: str) -> None:
    text = (
        HEAD
        + "import copy\ndef renew(m):\n    m.reset_parameters()\nfirst, begin = model, model.state_dict()\n"
    )
    assert list(reseeded(code(text + RUN.format(turn="lr in (0.1, 0.01)", start=start)))) == []


@pytest.mark.parametrize(
    ("turn", "count"), [("epoch in range(9)", 1), ("epoch in range(epochs)", 1), ("epoch in range(1)", 0)]
)
def test_one_turn_repeats_nothing(code, turn: str, count: int) -> None:
    assert len(list(reseeded(code(HEAD + RUN.format(turn=turn, start="pass"))))) == count


def test_a_seed_ahead_of_the_loops_is_how_it_should_be(code) -> None:
    main = LOOP.format(line="pass").replace("\n", "\n    ")
    text = f"{HEAD}def main(seed):\n    torch.manual_seed(seed); np.random.seed(seed)\n{main}\nmain(0)"
    assert list(reseeded(code(text))) == []


def test_what_nothing_draws_from_may_be_seeded(code) -> None:
    text = HEAD.replace("nn.Dropout(0.5)", "nn.ReLU()").replace(", shuffle=True", "")
    loop = LOOP.format(line="torch.manual_seed(0)").replace(" + torch.randn_like(x)", "")
    assert list(reseeded(code(text + loop))) == []


@pytest.mark.parametrize("rate", ["0", "0.0", "p=0"])
def test_a_dropout_of_nothing_draws_nothing(code, rate: str) -> None:
    text = HEAD.replace("nn.Dropout(0.5)", f"nn.Dropout({rate})").replace(", shuffle=True", "")
    loop = LOOP.format(line="torch.manual_seed(0)").replace(" + torch.randn_like(x)", "")
    assert list(reseeded(code(text + loop))) == []
