"""Random numbers decide about the result, and nothing says which.

Weights, the order of the samples, dropout and augmentation are drawn. Without a seed each run draws others,
so that two runs differ even if nothing was changed: whether a change helped cannot be told from one run.
torch, numpy and `random` each have a generator of their own, and seeding one leaves the others alone.

## Bad

```python
import numpy as np

order = np.random.permutation(192)
x, y = rows(192).tensors
for part in np.array_split(order, 12):
    optimizer.zero_grad()
    loss_fn(model(x[part]), y[part]).backward()
    optimizer.step()
```

## Good

```python
import numpy as np

np.random.seed(0)
order = np.random.permutation(192)
x, y = rows(192).tensors
for part in np.array_split(order, 12):
    optimizer.zero_grad()
    loss_fn(model(x[part]), y[part]).backward()
    optimizer.step()
```

## Not a problem

- A helper or framework that seeds, also if it is not known what it seeds.
- A generator of its own: `np.random.default_rng(0)`, `random.Random(0)`.
- What a dataset draws in `__getitem__`: torch seeds the workers.

## Sources

- [Reproducibility](https://docs.pytorch.org/docs/stable/notes/randomness.html)
- Bouthillier and others, [Accounting for variance in machine learning benchmarks](https://arxiv.org/abs/2103.03098)
"""

from __future__ import annotations

from collections.abc import Iterator

from osler.model import CallFact, Check, Code, Finding, Kind, Network, Place, Severity, Trace, flat
from osler.static.queries import learns

SEEDS = {
    "numpy": frozenset({"np.random.seed", "numpy.random.seed"}),
    "random": frozenset({"random.seed"}),
    "torch": frozenset(
        {
            "torch.manual_seed",
            "torch.random.manual_seed",
            "torch.cuda.manual_seed",
            "torch.cuda.manual_seed_all",
            "manual_seed",
        }
    ),
}
"""What seeds each generator."""

DRAWS = {
    "numpy": frozenset(
        {
            "rand",
            "randn",
            "randint",
            "random",
            "random_sample",
            "choice",
            "permutation",
            "shuffle",
            "normal",
            "uniform",
            "binomial",
            "poisson",
        }
    ),
    "random": frozenset(
        {
            "random",
            "randint",
            "randrange",
            "choice",
            "choices",
            "sample",
            "shuffle",
            "uniform",
            "gauss",
        }
    ),
}
"""Functions that draw from the generator that everybody shares."""

IN_WORKERS = frozenset({"__getitem__", "__call__", "__iter__", "__next__", "forward"})

check = Check(
    __name__,
    severity=Severity.HINT,
    expected="each generator that is drawn from is seeded first",
    why="Every run draws other numbers: what a change does cannot be told from what chance does.",
    fix="Call `torch.manual_seed(...)`, `np.random.seed(...)` and `random.seed(...)` before the first draw.",
)


@check.in_code
def drawn_without_seed(code: Code) -> Iterator[Finding]:
    scripts = [t.place.file for t in code.traces if not t.is_open and steps(t)]
    if code.frameworks or code.seeding - frozenset[str]().union(*SEEDS.values()) or not scripts:
        return
    built = weights(code)
    places: list[Place] = []
    said: list[str] = []
    if built and not code.seeding & SEEDS["torch"]:
        said.append(f"torch, which draws {described(code)}")
        places += [n.place for n in built]
    for generator in DRAWS:
        drawn = [] if code.seeding & SEEDS[generator] else draws(code, generator)
        if drawn:
            said.append(f"{generator}, which draws {listed_draws(drawn)}")
            places += [c.place for c in drawn]
    if said:
        own = [p for p in places if p.file == scripts[0]] or places
        place = min(own, key=lambda p: (p.file, p.line))
        yield check.finding((place,), f"never seeded: {'; '.join(said)}.")
    elif built:
        yield from seeded_too_late(code, built)


def steps(trace: Trace) -> bool:
    """Something trains on this way."""
    return any(a.kind is Kind.STEP for a in flat(trace.nodes))


def draws(code: Code, generator: str) -> list[CallFact]:
    """Calls that draw from a generator, one for each line, as they stand in the source."""
    prefix = "numpy.random." if generator == "numpy" else "random."
    found = [c for name in DRAWS[generator] for c in code.calls_of(prefix + name)]
    lines = {(c.place.file, c.place.line): c for c in found if c.place.function not in IN_WORKERS}
    return [lines[key] for key in sorted(lines)]


def listed_draws(drawn: list[CallFact]) -> str:
    """The first three with their lines."""
    shown = ", ".join(f"`{c.last}` in line {c.place.line}" for c in drawn[:3])
    return shown + (f" and in {len(drawn) - 3} more lines" if len(drawn) > 3 else "")


def weights(code: Code) -> list[Network]:
    """Layers whose weights are drawn, and trained."""
    return [n for n in code.networks if learns(n) and not n.pretrained and n.place.line]


def described(code: Code) -> str:
    """What torch draws."""
    shuffled = any("shuffle" in loader.options for loader in code.loaders)
    dropped = any("Dropout" in n.kind for n in code.networks)
    parts = ["the weights", *(["the order of the samples"] * shuffled), *(["dropout"] * dropped)]
    return " and ".join(filter(None, [", ".join(parts[:-1]), parts[-1]]))


def seeded_too_late(code: Code, built: list[Network]) -> Iterator[Finding]:
    """The first seed is set behind the line that draws the weights, both in the script's own lines."""
    seeds = [c.place for name in sorted(SEEDS["torch"]) for c in code.calls_of(name)]
    by_file: dict[str, list[Place]] = {}
    for place in seeds:
        by_file.setdefault(place.file, []).append(place)
    if len(by_file) != 1 or any(p.function for p in seeds):
        return
    first = min(seeds, key=lambda p: p.line)
    early = [n.place for n in built if n.place.file == first.file and not n.place.function]
    if early and all(p.line < first.line for p in early):
        place = min(early, key=lambda p: p.line)
        yield check.finding(
            (first,),
            f"torch is seeded after line {place.line} has drawn weights.",
            related=[((place,), "weights are drawn here")],
        )
