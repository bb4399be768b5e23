from textwrap import indent

import pytest

from osler.checks.data.dataset_changed_in_place import check
from osler.model import Event, Kind, LoaderFact, OverwriteFact
from osler.testing import event, findings, place, read, run_of

LOOP = """
stored = Stored(rows(64).tensors[0])
loader = DataLoader(stored, batch_size=16, shuffle=True)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
"""

NOISE = "x = self.x[i]\nx += torch.randn(8)"


def program(
    body: str = NOISE, made: str = "torch.randn(64, 8)", loop: str = LOOP, more: str = "", given: str = "x"
) -> str:
    """A dataset that does something to a sample, and a training on it."""
    return f"""
import random
import h5py
import numpy as np
from torch.utils.data import Dataset

class Stored(Dataset):
    def __init__(self, {given}):
        self.x = {made}
        self.y = torch.arange(64) % 4
        self.done = {{}}

    def __len__(self):
        return 64

    def __getitem__(self, i):
{indent(body, "        ")}
        return x, self.y[i]
{indent(more, "    ")}
{loop}"""


def test_says_what_is_written_into_a_view() -> None:
    (found,) = read(program(), [check]).findings
    assert found.message == (
        "`x` is no copy of what `self.x` stores: what is written into it stays there, and adds up from "
        "epoch to epoch."
    )
    assert (found.place.function, found.place.subject) == ("__getitem__", "x")
    assert [r.label for r in found.related] == ["the loop trains on it here"]
    assert found.fix == (
        "Change a copy of the sample: `.clone()` of a tensor, `.copy()` of an array, list or dict."
    )


def test_says_what_is_computed_on_itself() -> None:
    (found,) = read(program("self.x[i] = (self.x[i] - 0.5) / 2\nx = self.x[i]"), [check]).findings
    assert found.message == "each fetch computes `self.x` anew from what the last one left there."


@pytest.mark.parametrize(
    "code",
    [
        program("x = self.x[i]\na = random.randrange(6)\nx[a:a + 2] = 0"),
        program("x = self.x[i]\nx[torch.rand(8) < 0.2] = 0"),
        program("x = self.x[i]\nmask = torch.rand(8) < 0.2\nmask &= x > 0\nx[mask] = 0"),
        program("x = self.x[i]\nx.mul_(0.9)"),
        program("x = self.x[i]\nx.sub_(x.mean()).div_(2)"),
        program("x = self.x[i]\nx -= x.mean()"),
        program("x = self.x[i, :4]\nx *= 2\nx = x.unsqueeze(0)"),
        program("x = self.x[i].view(2, 4)\nx /= x.std()"),
        program("x = self.x[i]\nx[:] = x * 2"),
        program("x = self.x[i]\nx[1:] += 1"),
        program("x, z = self.x[i], 0\nx += torch.rand(8)"),
        program("if torch.is_tensor(i):\n    i = i.tolist()\n" + NOISE),
        program("x = self.x[i % len(self.x)]\nif random.random() < 0.5:\n    x += torch.rand(8)"),
        program("x = self.x[i]\nnp.add(x, 1, out=x)", "np.zeros((64, 8))"),
        program("x = self.x[i]\nx -= x.mean()\nx = torch.from_numpy(x)", "x.numpy()"),
        program("x = self.x[i]\nx += [1]", "[[1, 2] for _ in range(64)]"),
        program("x = self.x[i]\nx['a'] -= x['b']\nx = x['a']", "[make(j) for j in range(64)]"),
        program("x, z = self.x[i]\nx *= z\nx = x.clone()", "list(zip(x, x))"),
        program(NOISE, "x", given="x: torch.Tensor"),
        program("self.x[i] *= self.x[i].mean()\nx = self.x[i]"),
        program(loop=LOOP.replace("shuffle=True", "shuffle=True, num_workers=0")),
        program(loop=LOOP.replace("in loader", "in DataLoader(stored, batch_size=8)")),
    ],
)
def test_writes_that_add_up(code: str) -> None:
    assert [f.place.subject for f in read(code, [check]).findings] == ["x"]


SILENT = {
    "a clone": program("x = self.x[i].clone()\nx += torch.randn(8)"),
    "a copy": program("x = self.x[i].copy()\nx += 1\nx[0] = 2", "x.numpy()"),
    "arithmetic first": program("x = self.x[i] * 1.0\nx += torch.randn(8)"),
    "a new tensor": program("x = torch.tensor(self.x[i])\nx += torch.randn(8)"),
    "a new array": program("x = np.array(self.x[i])\nx += 1\nx[0] += 1"),
    "perhaps another type": program("x = self.x[i].float()\nx += torch.randn(8)"),
    "a new name": program("x = self.x[i]\nx = x + torch.randn(8)\nx += torch.randn(8)"),
    "advanced indexing": program("x = self.x[[i]]\nx += torch.randn(1, 8)"),
    "indices of its own": program("k = self.y[i]\nx = self.x[k]\nx += torch.randn(8)"),
    "only on one way a view": program("x = self.x[i]\nif self.y.sum():\n    x = x + 1\nx += torch.randn(8)"),
    "a number": program("x = self.x[i]\nx -= 0.5", "x.numpy()"),
    "a text": program("x = self.x[i]\nx += ' end'", "[str(j) for j in range(64)]"),
    "a text that is cut": program("x = self.x[i]\nx += ' end'\nx = x[:8]", "[str(j) for j in range(64)]"),
    "a tuple": program("x = self.x[i]\nx += (1, 2)\nx = x[0]", "[(j, j) for j in range(64)]"),
    "noise on a number": program("x = self.x[i]\nx += 0.1 * np.random.randn(1)", "x.numpy()"),
    "the same each time": program("x = self.x[i]\nx[0] = 1\nx[2:4] = 0\nx.clamp_(0, 1)"),
    "clipped into itself": program("x = self.x[i]\nnp.clip(x, 0, 1, out=x)", "x.numpy()"),
    "only once": program("x = self.x[i]\nif i not in self.done:\n    x += torch.randn(8)"),
    "left if done": program("x = self.x[i]\nif self.done[i]:\n    return x, 0\nx += torch.randn(8)"),
    "only if needed": program("x = self.x[i]\nif x.max() > 1:\n    x /= 255"),
    "a note that it was done": program(NOISE + "\nself.seen = i"),
    "a cache": program("self.x[i] = torch.randn(8)\nx = self.x[i]"),
    "counts": program("self.y[i] += 1\nx = self.x[i]"),
    "counts in a dict": program("x = self.x[i]\nx['seen'] += 1\nx = x['a']", "[make(j) for j in range(64)]"),
    "another key": program("x = self.x[i]\nx['a'] = x['b'] * 2\nx = x['a']", "[make(j) for j in range(64)]"),
    "never used again": program("x = self.x[i]\nz = self.x[i]\nz.mul_(2)"),
    "renewed by a method": program(more="\ndef resample(self):\n    self.x = torch.randn(64, 8)"),
    "filled by a method": program(more="\ndef resample(self):\n    self.x[:] = torch.randn(64, 8)"),
    "renewed by others": program(loop=LOOP + "    stored.x = torch.randn(64, 8)\n").replace(
        "class Stored", "def renew(s):\n    s.x = torch.randn(64, 8)\n\nclass Stored"
    ),
    "read from a file": program(made="h5py.File('x')['x']"),
    "mapped into memory": program("x = self.x[i]\nx *= 2", "np.load('x.npy', mmap_mode='r+')"),
    "another dataset": program(
        "x, y = self.x[i]\nx *= 2", "x", LOOP.replace("rows(64).tensors[0]", "load()")
    ),
    "workers": program(loop=LOOP.replace("shuffle=True", "shuffle=True, num_workers=4")),
    "perhaps workers": program(loop=LOOP.replace("shuffle=True", "shuffle=True, num_workers=workers()")),
    "options that are not known": program(loop=LOOP.replace("shuffle=True", "**options")),
    "one epoch": program(loop=LOOP.replace("for epoch in range(epochs):", "if True:")),
    "built anew for each epoch": program(
        loop="""
for epoch in range(epochs):
    stored = Stored(rows(64).tensors[0])
    for x, y in DataLoader(stored, batch_size=16):
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
"""
    ),
    "nothing is trained": program(
        loop="for e in range(3):\n    for x, y in DataLoader(Stored(0)):\n        model(x)"
    ),
    "a buffer that is pushed to": program(
        "x = self.x[i]", more="\ndef push(self, k, x):\n    row = self.x[k]\n    row += x\n    return row"
    ),
}


@pytest.mark.parametrize("code", SILENT.values(), ids=SILENT.keys())
def test_reading_is_silent(code: str) -> None:
    assert read(code, [check]).findings == ()


def turns(*events: Event, count: int = 6) -> list[tuple[Event, ...]]:
    return [events] * count


BATCH = event(Kind.BATCH, "DataLoader", 50)
BACKWARD = event(Kind.BACKWARD, "", 52)
LOADERS = [LoaderFact("DataLoader", 64, 16, 4, "random")]
STEP = event(Kind.STEP, "SGD", 53, "fresh")


def fact(is_statement: bool = True) -> OverwriteFact:
    return OverwriteFact(
        ("DataLoader",), "Wrapped", "Stored", "x", (place(12),), is_statement, 14, 16, 3, 1344, 1200, 4
    )


@pytest.mark.parametrize(
    ("is_statement", "begin"),
    [(True, "this line writes into what"), (False, "fetching a sample changes what")],
)
def test_says_what_was_seen_in_a_run(is_statement: bool, begin: str) -> None:
    (found,) = findings(
        run_of(turns(BATCH, BACKWARD, STEP), loaders=LOADERS, overwrites=[fact(is_statement)]), [check]
    )
    assert found.message == (
        f"{begin} `Stored.x` stores: 14 of 16 samples that were followed changed while they were fetched, "
        "in 3 passes. Up to 1,200 of their 1,344 numbers were no longer those from before the first pass."
    )
    assert (found.place.line, found.place.step, found.place.subject) == (12, 4, "x")
    assert [(r.place.line, r.label) for r in found.related] == [(50, "the loop trains on it here")]
    assert [(e.measure, e.value) for e in found.evidence] == [
        ("numbers that were not what they had been", 1200)
    ]


def test_a_run_is_silent_where_nothing_is_trained_on_the_loader() -> None:
    assert findings(run_of(turns(BATCH), loaders=LOADERS, overwrites=[fact()]), [check]) == ()
    other = event(Kind.BATCH, "other", 60)
    assert (
        findings(run_of([(other, BACKWARD, STEP), (BATCH,)], loaders=LOADERS, overwrites=[fact()]), [check])
        == ()
    )
    assert findings(run_of(turns(BATCH, BACKWARD, STEP)), [check]) == ()
