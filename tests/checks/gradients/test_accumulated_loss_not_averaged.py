from osler.checks.gradients.accumulated_loss_not_averaged import check
from osler.testing import read

CODE = """
for i, (x, y) in enumerate(loader):
    loss = loss_fn(model(x), y)
    loss.backward()
    if (i + 1) % 4 == 0:
        optimizer.step()
        optimizer.zero_grad()
"""


def test_says_what_was_seen() -> None:
    (found,) = read(CODE, [check]).findings
    assert found.message == (
        "the mean loss of every batch is added up until the step in line 38, "
        "but never divided by the number of batches."
    )


def test_is_silent_without_training() -> None:
    assert not read("print(model)", [check]).findings
