from osler.checks.data.samples_not_shuffled import check
from osler.testing import read

CODE = """
fixed = DataLoader(rows(192), batch_size=16)
for epoch in range(epochs):
    for x, y in fixed:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
"""


def test_says_what_was_seen() -> None:
    (found,) = read(CODE, [check]).findings
    assert found.message == ("`fixed` trains without shuffling.")


def test_is_silent_without_training() -> None:
    assert not read("print(model)", [check]).findings
