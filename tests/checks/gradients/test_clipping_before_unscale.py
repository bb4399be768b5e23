from osler.checks.gradients.clipping_before_unscale import check
from osler.testing import read

CODE = """
scaler = torch.amp.GradScaler("cpu")
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        scaler.scale(loss_fn(model(x), y)).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        scaler.step(optimizer)
        scaler.update()
"""


def test_says_what_was_seen() -> None:
    (found,) = read(CODE, [check]).findings
    assert found.message == ("gradients are clipped before `unscale_()`, although a scaler steps in line 40.")


def test_is_silent_without_training() -> None:
    assert not read("print(model)", [check]).findings
