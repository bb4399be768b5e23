"""Datasets that change what they store, with the loop that asks for it."""

import pytest

from osler.static.stored_views import overwritten_views

PROGRAM = """
import numpy as np
class Noisy:
    def __init__(self, x): self.x = {made}
    def __getitem__(self, index):
        x = self.x[index]
        x -= x.mean()
        return x
model = nn.Linear(1, 1)
{before}
for epoch in range(3):
    for x in DataLoader({data}):
        model(x).sum().backward()
"""


def program(made: str = "torch.rand(9, 2)", before: str = "data = Noisy(0)", data: str = "data") -> str:
    return PROGRAM.format(made=made, before=before, data=data)


def test_a_view_that_is_overwritten(code) -> None:
    (found,) = overwritten_views(code(program()))
    assert (found.dataset, found.attribute, found.name) == ("Noisy", "x", "x")
    assert (found.place.line, found.place.function) == (7, "__getitem__")
    assert found.loop.place.line == 12


@pytest.mark.parametrize(
    "made",
    [
        "np.random.rand(9, 2)",
        "np.load('x.npy')",
        "x.numpy()",
        "x / 255",
        "list(x)",
        "[r for r in x]",
        "x.astype('float32')[:7]",
        "torch.load('x.pt')",
    ],
)
def test_what_is_in_memory(code, made: str) -> None:
    assert len(list(overwritten_views(code(program(made))))) == 1


@pytest.mark.parametrize(
    "script",
    [
        program("x"),
        program("read(x)"),
        program("np.load('x.npy', mmap_mode='r+')"),
        program("np.memmap('x', shape=(9, 2))"),
        program("open_h5(x)['x']"),
        program(before="", data="Noisy(0)"),  # a new one for each epoch
        program(data="data, num_workers=2"),
        program(data="data, 8, True, None, None, 2"),
        program(data="load()"),
    ],
)
def test_silent(code, script: str) -> None:
    assert list(overwritten_views(code(script))) == []
