"""Datasets that move an input and its target apart, with the loop that compares them."""

import pytest

PROGRAM = """
import random
class Pairs:
    def __init__(self, x, y): self.x, self.y = x, y
    def move(self, x): return x.roll(random.randint(0, 9), -1)
    def __getitem__(self, index):
        return {sample}
model = nn.Linear(9, 9)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
{before}
for batch in DataLoader({data}):
    x, y = batch
    optimizer.zero_grad()
    F.mse_loss(model(x), y).backward()
    optimizer.step(){more}
"""


MADE = "pairs = Pairs(torch.rand(9, 9), torch.rand(9, 9))"


def program(
    sample: str = "self.move(self.x[index]), self.move(self.y[index])",
    before: str = MADE,
    data: str = "pairs",
    more: str = "",
) -> str:
    return PROGRAM.format(sample=sample, before=before, data=data, more=more)


def test_an_input_and_its_target(code) -> None:
    (fact,) = code(program()).apart
    assert fact.dataset == "Pairs"
    assert (fact.one.line, fact.other.line, fact.drawn.line) == (7, 7, 5)
    assert fact.one.span.column < fact.other.span.column
    assert fact.trained.line == 11


@pytest.mark.parametrize(
    "text",
    [
        program("self.move(self.x[index]), self.y[index]"),
        program("self.move(self.x[index]), self.move(self.y[index + 1])"),
        program("self.move(self.x[index]), self.move(self.x[index])"),
        program(data="pairs, collate_fn=together"),
        program(data="pairs, **options"),
        program(before="pairs = load()"),
        program(more="\n    other.step()", before=f"{MADE}\nother = torch.optim.Adam(model.parameters())"),
    ],
)
def test_nothing_is_apart(code, text: str) -> None:
    assert code(text).apart == ()
