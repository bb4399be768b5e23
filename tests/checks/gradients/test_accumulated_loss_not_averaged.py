import pytest

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


def loop(body: str, before: str = "") -> str:
    """Twelve batches with a step in every fourth."""
    return f"""
{before}
for i, (x, y) in enumerate(loader):
    {body}
    if (i + 1) % 4 == 0:
        optimizer.step()
        optimizer.zero_grad()
"""


SILENT = {
    "divided": loop("(loss_fn(model(x), y) / 4).backward()"),
    "multiplied": loop("(loss_fn(model(x), y) * 0.25).backward()"),
    "divided in place": loop("loss = loss_fn(model(x), y); loss /= 4; loss.backward()"),
    "weighted by its share": loop("(loss_fn(model(x), y) * len(x) / 64).backward()"),
    "divided in a function": loop(
        "scaled(loss_fn(model(x), y)).backward()", "def scaled(loss): return loss / 4"
    ),
    "a sum already": loop(
        "loss_fn(model(x), y).backward()", "loss_fn = nn.CrossEntropyLoss(reduction='sum')"
    ),
    "a loss of its own": loop("model(x).square().sum().backward()"),
    "cleared in every batch": loop("optimizer.zero_grad(); loss_fn(model(x), y).backward()"),
    "a step in every batch": loop("loss_fn(model(x), y).backward(); optimizer.step()"),
    "another optimizer now and then": """
critic = nn.Linear(4, 1)
steps = torch.optim.SGD(critic.parameters(), lr=0.1)
for i, (x, y) in enumerate(loader):
    steps.zero_grad()
    critic(model(x).detach()).mean().backward()
    steps.step()
    if i % 5 == 0:
        optimizer.zero_grad()
        critic(model(x)).mean().backward()
        optimizer.step()
""",
    "only printed now and then": """
for i, (x, y) in enumerate(loader):
    optimizer.zero_grad()
    loss_fn(model(x), y).backward()
    optimizer.step()
    if i % 4 == 0:
        print(i)
""",
}


@pytest.mark.parametrize("code", SILENT.values(), ids=SILENT)
def test_stays_quiet(code: str) -> None:
    assert read(code, [check]).findings == ()
