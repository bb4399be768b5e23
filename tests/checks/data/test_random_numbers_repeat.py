from textwrap import indent

import pytest

from osler.checks.data.random_numbers_repeat import check
from osler.model import Kind, RedrawnFact, Severity
from osler.testing import event, findings, place, read, run_of

STEP = """
optimizer.zero_grad()
loss_fn(model({x}), y).backward()
optimizer.step()
"""


def epochs(start: str = "pass", end: str = "pass", loader: str = "loader", x: str = "x") -> str:
    """Epochs that do something before and after training on a loader."""
    return f"""
import random
import numpy as np
for epoch in range(epochs):
{indent(start, "    ")}
    for x, y in {loader}:
{indent(STEP.format(x=x), "        ")}
{indent(end, "    ")}
"""


FIX = (
    "Add the epoch to the seed, or move the seeding before training; give an evaluation a generator of its "
    "own, or wrap it in `torch.random.fork_rng()`."
)


def test_says_what_is_seeded_and_what_repeats() -> None:
    (found,) = read(epochs("torch.manual_seed(7)"), [check]).findings
    assert found.message == (
        "`torch` is seeded with 7 in each turn of the loop in line 36, which trains. "
        "What repeats: the dropout of `model`, the order of samples in `loader`."
    )
    assert found.expected == "training seeds once, or with another seed each time"
    assert (
        found.why
        == "Training sees the same batches, dropout masks or noise over and over: less variety than it seems."
    )
    assert found.fix == FIX
    assert found.severity is Severity.WARNING
    assert [r.label for r in found.related] == [
        "each turn of this loop trains",
        "drawn from here",
        "drawn from here",
    ]


def test_says_what_an_evaluation_of_its_own_function_repeats() -> None:
    code = "args = parse()\ndef evaluate():\n    torch.manual_seed(args.seed)\n" + epochs(
        end="print(f'{evaluate():.3f}')"
    )
    (found,) = read(code, [check]).findings
    assert found.message == (
        "`torch` is seeded with `args.seed` in each turn of the loop in line 39, which trains. "
        "What repeats: the dropout of `model`, the order of samples in `loader`."
    )
    assert found.place.function == "evaluate"
    assert "called here" in {r.label for r in found.related}


UNKNOWN = """
from elsewhere import get_loader, get_model
net = get_model()
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
batches = get_loader()
for epoch in range(epochs):
    torch.manual_seed(0)
    for x, y in batches:
        optimizer.zero_grad()
        loss_fn(net(x), y).backward()
        optimizer.step()
"""


def test_hints_where_it_cannot_see_what_is_drawn() -> None:
    (found,) = read(UNKNOWN, [check]).findings
    assert found.severity is Severity.HINT
    assert found.message == (
        "`torch` is seeded with 0 in each turn of the loop in line 38, which trains. "
        "What repeats: whatever training draws from `torch`."
    )


OWN = """
g = torch.Generator()
mine = DataLoader(rows(64), 16, {how}, generator=g)
"""


@pytest.mark.parametrize(
    ("how", "what", "severity"),
    [
        ("shuffle=True", "the order of samples in `mine`", Severity.HINT),
        (
            "sampler=torch.utils.data.WeightedRandomSampler(w, 32, generator=g)",
            "the choice of samples in `mine`",
            Severity.WARNING,
        ),
        (
            "sampler=torch.utils.data.RandomSampler(d, num_samples=9, generator=g)",
            "the choice of samples in `mine`",
            Severity.WARNING,
        ),
    ],
)
def test_the_generator_of_a_loader(how: str, what: str, severity: Severity) -> None:
    (found,) = read(OWN.format(how=how) + epochs("g.manual_seed(3)", loader="mine"), [check]).findings
    assert found.message.startswith("A generator of torch is seeded with 3 in each turn of the loop in line ")
    assert found.message.endswith(f", which trains. What repeats: {what}.")
    assert found.severity is severity


SAMPLER = """
import random
import numpy as np
class Some(torch.utils.data.Sampler):
    def __init__(self, data, seed):
        self.data = data
        self.seed = seed
        self.epoch = 0
        self.shuffle = True
    def set_epoch(self, epoch):
        self.epoch = epoch
    def __iter__(self):
{body}

data = rows(96)
mine = DataLoader(data, 16, sampler=Some(data, 5))
"""


def sampler(body: str, loader: str = "mine", start: str = "pass") -> str:
    return SAMPLER.format(body=indent(body, " " * 8)) + epochs(start, loader=loader)


PICKS = [
    "g = torch.Generator()\ng.manual_seed(self.seed)\nreturn iter(torch.randint(9, (9,), generator=g))",
    "rng = np.random.default_rng(self.seed)\nreturn iter(rng.choice(96, size=9))",
    "rng = random.Random(self.seed)\nreturn iter(rng.sample(range(96), 9))",
    "if self.shuffle:\n    g = torch.Generator().manual_seed(self.seed + self.epoch)\n"
    "return iter(torch.multinomial(w, 9, generator=g).tolist())",
    "return iter(torch.randperm(96, generator=torch.Generator().manual_seed(self.seed)).tolist()[:9])",
    "np.random.seed(self.seed)\nreturn iter(np.random.randint(0, 96, size=9))",
]


@pytest.mark.parametrize("body", PICKS)
def test_a_sampler_that_picks_the_same(body: str) -> None:
    (found,) = read(sampler(body), [check]).findings
    assert found.message.startswith("Each pass over `mine` picks the same samples: `__iter__` ")
    assert found.message.endswith(", which nothing changes.")
    assert found.severity is Severity.WARNING
    assert (
        found.fix
        == "Add the epoch to the seed, or keep one generator that goes on drawing from pass to pass."
    )


ORDERS = [
    "rng = np.random.default_rng(0)\nreturn iter(rng.permutation(len(self.data)))",
    "g = torch.Generator().manual_seed(self.seed)\nreturn iter(torch.randperm(96, generator=g).tolist())",
    "order = list(range(96))\nrandom.Random(self.seed).shuffle(order)\nreturn iter(order)",
    "rng = random.Random(self.seed)\nreturn iter(rng.sample(range(96), 96))",
]


@pytest.mark.parametrize("body", ORDERS)
def test_the_same_order_is_a_hint(body: str) -> None:
    (found,) = read(sampler(body), [check]).findings
    assert found.message.startswith(
        "Each pass over `mine` has the same order: `__iter__` makes its generator "
    )
    assert found.severity is Severity.HINT


FUNCTION = """
def batches(data, seed={default}):
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(data))
    for start in range(0, len(data), 16):
        yield data[order[start : start + 16]]
"""


def test_a_function_that_yields_batches() -> None:
    code = FUNCTION.format(default=0) + epochs(loader="enumerate(batches(data))")
    (found,) = read(code, [check]).findings
    assert found.message == (
        "Each pass over `batches()` has the same order: `batches` makes its generator with `seed`, "
        "which nothing changes."
    )


DATASET = """
import random
import numpy as np
class Noisy(torch.utils.data.Dataset):
    def __init__(self, data):
        self.data = data
    def __len__(self):
        return 64
    def __getitem__(self, index):
{body}
mine = DataLoader(Noisy(rows(64)), batch_size=16, {workers})
"""


def dataset(body: str, workers: str = "shuffle=True") -> str:
    return DATASET.format(body=indent(body, " " * 8), workers=workers) + epochs(loader="mine")


def test_a_dataset_that_seeds_for_each_sample() -> None:
    body = "random.seed(1)\nx, y = self.data[index]\nreturn x + random.random(), y"
    (found,) = read(dataset(body), [check]).findings
    assert found.message == (
        "`__getitem__` seeds `random` with `1` for each sample: all samples get the same random numbers."
    )
    assert found.fix == "Remove the seeding: torch seeds its workers, differently in each epoch."


def test_a_dataset_that_seeds_what_training_draws_from() -> None:
    body = "torch.manual_seed(1)\nreturn self.data[index]"
    (found,) = read(dataset(body), [check]).findings
    assert found.message == (
        "`__getitem__` seeds `torch` with `1` for each sample: whatever training draws repeats from batch to "
        "batch."
    )


DRAWS = "x, y = self.data[index]\nreturn x + np.random.rand(), y"


@pytest.mark.parametrize(("workers", "found"), [("", 1), ("num_workers=0", 1), ("num_workers=2", 0)])
def test_what_a_dataset_draws_repeats_where_it_has_no_workers(workers: str, found: int) -> None:
    code = dataset(DRAWS, workers).replace("    pass\n", "    np.random.seed(0)\n", 1)
    messages = [f.message for f in read(code, [check]).findings]
    assert len(messages) == found
    assert all(m.endswith("What repeats: `np.random.rand` of the samples.") for m in messages)


COPY = "    g = torch.Generator()\n    g.manual_seed(0)\n"
SILENT = {
    "workers of their own": dataset("torch.manual_seed(1)\nreturn self.data[index]", "num_workers=2"),
    "an order that all samples share": dataset(
        "np.random.seed(0)\nx, y = self.data[index]\nreturn x[np.random.permutation(8)], y"
    ),
    "by its number": dataset("torch.manual_seed(index)\nreturn self.data[index]"),
    "under a condition": dataset("if index:\n    torch.manual_seed(0)\nreturn self.data[index]"),
    "put back": dataset(
        "state = torch.get_rng_state()\ntorch.manual_seed(0)\nx = torch.rand(8)\ntorch.set_rng_state(state)\n"
        "return x, 0"
    ),
    "told the epoch": sampler(PICKS[3], start="mine.sampler.set_epoch(epoch)"),
    "told the epoch by name": sampler(PICKS[3], start="setattr(mine.sampler, 'epoch', epoch)"),
    "counted on": sampler(PICKS[0].replace("g.manual", "self.seed += 1\ng.manual")),
    "seeded twice": sampler(PICKS[0].replace("return", "g.manual_seed(3)\nreturn")),
    "seeded somehow": sampler(PICKS[0].replace("self.seed", "secret()")),
    "not seeded": sampler(
        "g = torch.Generator()\nreturn iter(torch.randint(96, (9,), generator=g).tolist())"
    ),
    "endless": sampler("rng = random.Random(0)\nwhile True:\n    yield rng.randrange(96)"),
    "not drawn from": sampler("rng = random.Random(0)\nreturn iter(range(96))"),
    "for evaluation": sampler(PICKS[0], loader="loader"),
    "one pass": SAMPLER.format(body=indent(PICKS[0], " " * 8))
    + f"for x, y in mine:\n{indent(STEP.format(x='x'), '    ')}",
    "built anew": SAMPLER.format(body=indent(PICKS[0], " " * 8))
    + epochs("mine = DataLoader(data, 16, sampler=Some(data, epoch))", loader="mine"),
    "a function that is told": FUNCTION.format(default=0) + epochs(loader="batches(data, epoch)"),
    "a function that is told by name": FUNCTION.format(default=0)
    + epochs(loader="batches(data, seed=epoch)"),
    "a function without a seed": FUNCTION.format(default=None) + epochs(loader="batches(data)"),
    "a function told who knows what": FUNCTION.format(default=0) + epochs(loader="batches(*given)"),
    "the epoch": epochs("torch.manual_seed(epoch)"),
    "no seed": epochs("random.seed()", x="x + random.random()"),
    "a seed that is drawn": epochs("torch.manual_seed(random.randrange(99))"),
    "numbers that training does not draw": epochs("np.random.seed(0)"),
    "one epoch": epochs("torch.manual_seed(0)").replace("range(epochs)", "range(1)"),
    "no step": epochs("torch.manual_seed(0)").replace("optimizer.step()", "pass"),
    "layers that start anew": epochs("torch.manual_seed(0)\nmodel[0].reset_parameters()"),
    "the first epoch alone": epochs("if first:\n    torch.manual_seed(0)\n    first = False"),
    "left early": epochs(end="if epoch:\n    continue\ntorch.manual_seed(0)"),
    "seeds that count inside": epochs(end="for i in range(4):\n    torch.manual_seed(i)"),
    "a generator for pictures": epochs(end=f"if True:\n{COPY}    print(torch.randn(4, 8, generator=g))"),
    "a generator that picks for evaluation": epochs(
        end="g = torch.Generator()\ng.manual_seed(0)\nprint(torch.randperm(64, generator=g)[:8])"
    ),
    "a loader whose order stays": OWN.format(how="shuffle=False") + epochs("g.manual_seed(3)", loader="mine"),
    "a loader whose generator is another": OWN.format(how="shuffle=True")
    + epochs("h = torch.Generator()\nh.manual_seed(3)", loader="mine"),
    "seeded differently in between": epochs("torch.manual_seed(0)", end="torch.manual_seed(epoch)"),
    "settings that change": "import settings\n"
    + epochs("settings.seed = epoch\ntorch.manual_seed(settings.seed)"),
    "settings that count": "settings = parse()\n"
    + epochs("torch.manual_seed(settings.seed)\nsettings.seed += 1"),
    "a list of seeds": epochs("torch.manual_seed(seed)").replace(
        "for epoch in range(epochs)", "for seed in seeds"
    ),
    "an optimizer for each turn": epochs(
        "torch.manual_seed(0)\noptimizer = torch.optim.SGD(model.parameters(), lr=0.1)"
    ),
    "an optimizer for each turn, from elsewhere": epochs("torch.manual_seed(0)\noptimizer = make(model)"),
    "settings": epochs("torch.manual_seed(0)\nmodel, optimizer = make(c)").replace(
        "range(epochs)", "settings"
    ),
}


@pytest.mark.parametrize("code", SILENT.values(), ids=SILENT.keys())
def test_is_silent(code: str) -> None:
    assert read(code, [check]).findings == ()


@pytest.mark.parametrize(
    "code",
    [
        "args = parse()\n" + epochs("if args.seed is not None:\n    torch.manual_seed(args.seed)"),
        epochs(end="if epoch % 5 == 0:\n    torch.manual_seed(0)"),
        epochs(end="np.random.seed(0)", x="x + np.random.rand()"),
        epochs("random.seed('abc')", x="x * random.random()"),
        epochs("torch.random.manual_seed(0)"),
        epochs("torch.manual_seed(0)\norder = torch.randperm(64)"),
        "seed = parse().seed\n" + epochs("torch.manual_seed(seed)"),
        "from config import settings\n" + epochs("torch.manual_seed(settings.seed)"),
        "from torch import manual_seed as fix\n" + epochs("fix(0)"),
    ],
)
def test_other_ways_to_seed(code: str) -> None:
    assert [f.severity for f in read(code, [check]).findings] == [Severity.WARNING]


def redrawn(times: int, site: tuple[object, ...] = (place(9),)) -> list[str]:
    turn = [event(Kind.FORWARD, "model", 5), event(Kind.BACKWARD, "", 6), event(Kind.STEP, "SGD", 7)]
    run = run_of([turn] * 9, redrawn=[RedrawnFact("loader", site, "7", times, 6)])
    return [f.message for f in findings(run, [check])]


def test_says_what_was_seen_in_a_run() -> None:
    assert redrawn(3) == [
        "3 passes over `loader` drew the same random numbers: `torch` is seeded with 7 before each of them."
    ]


def test_a_single_repeat_or_a_seed_of_somebody_else_is_no_news() -> None:
    assert redrawn(2) == redrawn(3, ()) == []


def test_applies_once_something_was_drawn_again() -> None:
    """What was not seen at all does not speak against the source."""
    assert check.applies(run_of([])) == "no pass over a loader drew what an earlier one drew"
