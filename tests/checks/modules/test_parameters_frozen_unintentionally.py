from osler.checks.modules.parameters_frozen_unintentionally import check
from osler.testing import read

CODE = """
for p in model[0].parameters():
    p.require_grad = False
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
"""


def test_says_what_was_seen() -> None:
    (found,) = read(CODE, [check]).findings
    assert found.message == (
        "`require_grad` is no attribute of torch: setting it freezes and unfreezes nothing."
    )


def test_is_silent_without_training() -> None:
    assert not read("print(model)", [check]).findings
