from osler.checks.gradients.clipping_after_step import check
from osler.testing import read

CODE = """
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
"""


def test_says_what_was_seen() -> None:
    (found,) = read(CODE, [check]).findings
    assert found.message == ("the gradients of `optimizer` are clipped after the step that used them.")


def test_is_silent_without_training() -> None:
    assert not read("print(model)", [check]).findings
