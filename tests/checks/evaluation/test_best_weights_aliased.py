from osler.checks.evaluation.best_weights_aliased import check
from osler.testing import read

CODE = """
best, best_loss = None, float("inf")
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
    if loss.item() < best_loss:
        best_loss = loss.item()
        best = model.state_dict()
model.load_state_dict(best)
"""


def test_says_what_was_seen() -> None:
    (found,) = read(CODE, [check]).findings
    assert found.message == (
        "`best` refers to the live weights: later steps change it before line 44 loads it."
    )


def test_is_silent_without_training() -> None:
    assert not read("print(model)", [check]).findings
