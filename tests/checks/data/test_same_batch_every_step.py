from osler.checks.data.same_batch_every_step import check
from osler.testing import read

CODE = """
fixed = DataLoader(rows(192), batch_size=16)
for step in range(40):
    x, y = next(iter(fixed))
    optimizer.zero_grad()
    loss_fn(model(x), y).backward()
    optimizer.step()
"""


def test_says_what_was_seen() -> None:
    (found,) = read(CODE, [check]).findings
    assert found.message == ("`next(iter(fixed))` inside the loop takes the same first batch at every step.")


def test_is_silent_without_training() -> None:
    assert not read("print(model)", [check]).findings
