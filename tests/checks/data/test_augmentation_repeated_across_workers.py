from textwrap import indent

import pytest

from osler.checks.data.augmentation_repeated_across_workers import check
from osler.testing import read

LOOP = """
for epoch in range(epochs):
    for x, y in noisy:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
"""


def program(
    made: str = "np.random.default_rng(0)",
    drawn: str = "self.rng.normal()",
    workers: str = "num_workers=2",
    more: str = "",
    loop: str = LOOP,
) -> str:
    """A dataset that makes a generator and draws from it, and a loop over its loader."""
    return f"""
import random
import sys
import numpy as np
from numpy.random import RandomState

class Noisy(torch.utils.data.Dataset):
    def __init__(self, data):
        self.data = data
        self.rng = {made}

    def __len__(self):
        return len(self.data)

    def __getitem__(self, index):
        x, y = self.data[index]
        return x + {drawn}, y
{indent(more, "    ")}

noisy = DataLoader(Noisy(rows(64)), batch_size=16, shuffle=True, {workers})
{loop}"""


@pytest.mark.parametrize(
    ("workers", "message"),
    [
        (
            "num_workers=2",
            "`self.rng` is copied into each of the 2 workers: they all draw the same random numbers, "
            "and every epoch draws them again.",
        ),
        (
            "num_workers=4, persistent_workers=True",
            "`self.rng` is copied into each of the 4 workers: they all draw the same random numbers.",
        ),
        (
            "num_workers=1",
            "`self.rng` is copied into the worker, which starts anew with each epoch: every epoch draws "
            "the same random numbers.",
        ),
    ],
)
def test_says_what_was_seen(workers: str, message: str) -> None:
    (found,) = read(program(workers=workers), [check]).findings
    assert found.message == message
    assert [r.label for r in found.related] == ["workers draw from it here", "the loader is built here"]
    assert found.place.function == "__init__"
    assert found.related[0].place.function == "__getitem__"


@pytest.mark.parametrize(
    "code",
    [
        program(made="RandomState(0)"),
        program(made="random.Random(3)", drawn="self.rng.random()"),
        program(made="np.random.Generator(np.random.PCG64(1))"),
        program(made="torch.Generator()", drawn="torch.rand((), generator=self.rng)"),
        program(drawn="self.noise()", more="\ndef noise(self):\n    return self.rng.normal()"),
        program(workers="num_workers=1 + 1"),
        program(loop=LOOP.replace("for epoch in range(epochs):", "if True:")),
    ],
    ids=["numpy of old", "python", "numpy of new", "torch", "by a method", "computed", "one epoch"],
)
def test_generators_of_every_kind(code: str) -> None:
    assert [f.subject for f in (f.place for f in read(code, [check]).findings)] == ["rng"]


SILENT = {
    "no workers": program(workers="num_workers=0"),
    "workers that are not known": program(workers="num_workers=int(sys.argv[1])"),
    "options that are not known": program(workers="num_workers=2, **options"),
    "each worker seeds it": program(workers="num_workers=2, worker_init_fn=reseed"),
    "one worker that stays": program(workers="num_workers=1, persistent_workers=True"),
    "one worker and one epoch": program(
        workers="num_workers=1", loop=LOOP.replace("for epoch in range(epochs):", "if True:")
    ),
    "the dataset asks which worker it is in": program(
        more="\ndef seed(self):\n    return torch.utils.data.get_worker_info().seed"
    ),
    "it is seeded for each sample": program(
        made="random.Random(0)", drawn="self.at(index)", more="\ndef at(self, i):\n    self.rng.seed(i)"
    ),
    "it is made anew for each epoch": program(
        more="\ndef set_epoch(self, epoch):\n    self.rng = np.random.default_rng(epoch)"
    ),
    "somebody else replaces it": program(loop=f"noisy.dataset.rng = np.random.default_rng(1)\n{LOOP}"),
    "somebody else replaces it by name": program(loop=f"setattr(noisy.dataset, 'rng', 1)\n{LOOP}"),
    "copies make their own": program(more="\ndef __setstate__(self, state):\n    self.__dict__ |= state"),
    "no generator": program(made="make(0)"),
    "of another package": program(made="other.default_rng(0)"),
    "never drawn from": program(drawn="0"),
    "only drawn from where no worker is": program(
        drawn="0", more="\ndef shuffle(self):\n    self.rng.shuffle(self.data)"
    ),
    "nothing is trained": program(loop="for x, y in noisy:\n    print(model(x))"),
    "no loop": program(loop=""),
    "a loader of its own kind": program(loop=LOOP).replace("DataLoader(", "Batches("),
    "a dataset that somebody made": program().replace("DataLoader(Noisy(rows(64))", "DataLoader(given"),
}


@pytest.mark.parametrize("code", SILENT.values(), ids=SILENT.keys())
def test_is_silent(code: str) -> None:
    assert read(code, [check]).findings == ()
