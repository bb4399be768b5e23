"""Passes that make their generator anew, with the same seed, are found with what they draw."""

import pytest

TEXT = """
import numpy as np
class Batches:
    def __init__(self, seed): self.seed = seed
    def __iter__(self):
        rng = np.random.default_rng(self.seed)
        for i in {draw}:
            yield i
    def later(self): {later}
model = nn.Linear(1, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
batches = Batches(0)
for epoch in range(epochs):
    for x in batches:
        model(x).sum().backward()
        optimizer.step()
{end}
"""


def text(draw: str = "rng.permutation(9)", later: str = "pass", end: str = "") -> str:
    return TEXT.format(draw=draw, later=later, end=end)


@pytest.mark.parametrize(
    ("draw", "kind"), [("rng.permutation(9)", "order"), ("rng.integers(len(self.x), size=3)", "choice")]
)
def test_what_is_drawn(code, draw: str, kind: str) -> None:
    (fact,) = code(text(draw)).repeats
    assert (fact.kind, fact.seed, fact.family, fact.loader) == (kind, "self.seed", "", "")
    assert (fact.made.line, fact.drawn.line) == (6, 7)


def test_a_method_that_nobody_calls_changes_nothing(code) -> None:
    assert len(code(text(later="self.seed = 1")).repeats) == 1


@pytest.mark.parametrize(
    "changed",
    [
        text("rng.normal(size=3)"),
        text(later="self.seed = 1", end="batches.later()"),
        text(later="self.seed += 1"),
        text(end="batches.seed = 3"),
    ],
)
def test_none(code, changed: str) -> None:
    assert code(changed).repeats == ()


HEAD = """
import numpy as np
import random
model = nn.Linear(1, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
"""
TRAIN = """
for epoch in range(9):
    for x in {over}:
        model(x).sum().backward()
        optimizer.step()
"""
BATCHES = """
def batches(data, {arguments}):
    {rng}
    for i in rng.permutation(len(data)):
        yield data[i]
"""


@pytest.mark.parametrize(
    ("arguments", "rng", "call", "seed"),
    [
        ("seed", "rng = np.random.default_rng(seed)", "batches(d, 0)", "seed"),
        ("seed=0", "rng = np.random.default_rng(seed)", "batches(d)", "seed"),
        ("*, seed=0", "rng = np.random.default_rng(seed)", "batches(d, seed=3)", "seed"),
        ("n=1", "rng = np.random.default_rng(0)", "batches(d)", "0"),
        ("n=1", "rng = np.random.RandomState(0)", "enumerate(batches(d))", "0"),
        ("n=1", "rng = np.random.default_rng(seed=7)", "tqdm(enumerate(batches(d)))", "7"),
    ],
)
def test_a_function_that_begins_each_pass_alike(code, arguments: str, rng: str, call: str, seed: str) -> None:
    (fact,) = code(HEAD + BATCHES.format(arguments=arguments, rng=rng) + TRAIN.format(over=call)).repeats
    assert (fact.kind, fact.seed, fact.loader) == ("order", seed, "batches()")


@pytest.mark.parametrize(
    ("arguments", "rng", "call"),
    [
        ("seed", "rng = np.random.default_rng(seed)", "batches(d, epoch)"),
        ("seed", "rng = np.random.default_rng(seed)", "batches(d, seed=epoch)"),
        ("seed", "rng = np.random.default_rng(seed)", "batches(d, 7 + epoch)"),
        ("seed", "rng = np.random.default_rng(seed)", "batches(d, next(seeds))"),
        ("seed", "rng = np.random.default_rng(seed)", "batches(d, None)"),
        ("seed=None", "rng = np.random.default_rng(seed)", "batches(d)"),
        ("seed=0", "rng = np.random.default_rng(seed)", "batches(d, *rest)"),
        ("seed=0", "rng = np.random.default_rng(seed)", "batches(d, **rest)"),
        ("rng", "pass", "batches(d, rng)"),
        ("n=1", "rng = np.random.default_rng()", "batches(d)"),
        ("n=1", "rng = np.random", "batches(d)"),
        ("seed=0", "rng = np.random.default_rng((seed, next(counter)))", "batches(d)"),
        ("seed=0", "seed += 1; rng = np.random.default_rng(seed)", "batches(d)"),
        ("n=1", "rng = np.random.default_rng(0); np.random.set_state(kept)", "batches(d)"),
        ("n=1", "rng = np.random.default_rng(0)", "other(d)"),
        ("n=1", "rng = np.random.default_rng(0)\n    while n: n -= 1", "batches(d)"),
    ],
)
def test_a_function_whose_passes_differ_or_may(code, arguments: str, rng: str, call: str) -> None:
    assert code(HEAD + BATCHES.format(arguments=arguments, rng=rng) + TRAIN.format(over=call)).repeats == ()


def test_what_only_looks_may_begin_alike(code) -> None:
    look = "    with torch.no_grad():\n        for x in batches(v, 0): model(x)\n"
    functions = BATCHES.format(arguments="seed=None", rng="rng = np.random.default_rng(seed)")
    assert code(HEAD + functions + TRAIN.format(over="batches(d)") + look).repeats == ()


SAMPLER = """
class Order:
    def __init__(self, n, seed=0):
        self.n, self.seed, self.epoch = n, seed, 0
        {start}

    def set_epoch(self, epoch):
        self.epoch = epoch

    def __iter__(self):
        {begin}
        {made}
        yield from {drawn}


order = Order(9)
loader = DataLoader(data, sampler=order)
for epoch in range(9):
    {line}
    for x in loader:
        model(x).sum().backward()
        optimizer.step()
"""


def sampled(
    code,
    made: str,
    *,
    start: str = "pass",
    begin: str = "pass",
    line: str = "pass",
    drawn: str = "rng.permutation(self.n)",
) -> list[str]:
    text = HEAD + SAMPLER.format(start=start, begin=begin, made=made, line=line, drawn=drawn)
    return [f.kind for f in code(text).repeats]


TORCH = "torch.randperm(self.n, generator=rng).tolist()"


@pytest.mark.parametrize(
    ("made", "options"),
    [
        ("rng = np.random.default_rng(self.epoch)", {"line": "order.set_epoch(epoch)"}),
        ("rng = np.random.default_rng(self.seed + self.epoch)", {"line": "order.set_epoch(epoch)"}),
        ("rng = np.random.default_rng((self.seed, self.epoch))", {"line": "order.epoch = epoch"}),
        ("rng = np.random.default_rng(self.epoch)", {"begin": "self.epoch += 1"}),
        ("rng = np.random.default_rng(self.epoch); self.epoch += 1", {}),
        ("rng = self.rng", {"start": "self.rng = np.random.default_rng(0)"}),
        ("rng = np.random.default_rng()", {}),
        ("rng = np.random.default_rng(None)", {}),
        ("rng = np.random.default_rng(torch.initial_seed())", {}),
        ("rng = np.random.default_rng(random.randrange(9))", {}),
        ("rng = torch.Generator()", {"drawn": TORCH}),
        ("rng = torch.Generator(); rng.seed()", {"drawn": TORCH}),
        (
            "rng = torch.Generator(); rng.manual_seed(self.epoch)",
            {"drawn": TORCH, "line": "order.epoch += 1"},
        ),
        ("rng = np.random.default_rng(0)", {"drawn": "range(self.n)"}),
    ],
)
def test_orders_that_differ_from_pass_to_pass(code, made: str, options: dict[str, str]) -> None:
    assert sampled(code, made, **options) == []


@pytest.mark.parametrize(
    ("made", "drawn"),
    [
        ("rng = np.random.default_rng(0)", "rng.permutation(self.n)"),
        ("rng = np.random.default_rng(self.seed)", "rng.permutation(self.n)"),
        ("rng = np.random.default_rng(self.seed + 1)", "rng.permutation(self.n)"),
        ("rng = np.random.RandomState(self.seed)", "rng.permutation(self.n)"),
        ("rng = random.Random(self.seed)", "rng.sample(range(self.n), self.n)"),
        ("rng = torch.Generator(); rng.manual_seed(0)", TORCH),
        ("rng = torch.Generator().manual_seed(self.seed)", TORCH),
    ],
)
def test_orders_that_are_the_same_in_each_pass(code, made: str, drawn: str) -> None:
    assert sampled(code, made, drawn=drawn) == ["order"]
