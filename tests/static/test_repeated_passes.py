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
