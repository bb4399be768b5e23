"""Generators that a dataset keeps are found with the place where a worker draws from them."""

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
