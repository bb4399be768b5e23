"""Schedules that are stepped more often than they have steps, by numbers in the source."""

import pytest

from osler.static.exhaustion import exhausted

LOOP = """
schedule = torch.optim.lr_scheduler.PolynomialLR(optimizer, total_iters={end})
for epoch in range({turns}):
    for x in DataLoader(torch.randn(64, 4), batch_size=16):
        model(x).sum().backward()
        optimizer.step(){batch}
    print(epoch){epoch}
"""
SETUP = "model = nn.Linear(4, 2); optimizer = torch.optim.SGD(model.parameters(), lr=0.1)"


@pytest.mark.parametrize(
    ("end", "turns", "batch", "epoch", "steps"),
    [(5, 9, False, True, 9), (5, 9, True, False, 36), ("n", 9, False, True, 0), (5, "n", False, True, 0)],
)
def test_steps_beyond_the_end(code, end, turns, batch, epoch, steps) -> None:
    text = LOOP.format(
        end=end,
        turns=turns,
        batch="\n        schedule.step()" if batch else "",
        epoch="\n    schedule.step()" if epoch else "",
    )
    assert [f.steps for f in exhausted(code(SETUP + text))] == ([steps] if steps else [])
