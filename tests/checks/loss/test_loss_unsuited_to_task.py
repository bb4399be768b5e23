"""Losses that cannot measure what is to be learned, as the source and experiments show them."""

import pytest

from osler.checks.loss.loss_unsuited_to_task import check
from osler.engine.judge import judge_setup
from osler.model import Answer, Setup, Severity, UnsuitedLossFact
from osler.testing import place, read

CODE = """
judge = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), {last})
for x, y in loader:
    optimizer.zero_grad()
    loss = {loss}
    loss.backward()
    optimizer.step()
"""


def messages(last: str, loss: str) -> list[str]:
    found = read(CODE.format(last=last, loss=loss), [check]).findings
    assert all(f.severity is Severity.ERROR for f in found)
    return [f.message for f in found]


@pytest.mark.parametrize(
    ("last", "loss", "message"),
    [
        (
            "nn.Linear(16, 1)",
            "F.cross_entropy(judge(x), y)",
            "`cross_entropy` receives one column, from the layer in line 34: the loss is always 0.",
        ),
        (
            "nn.Linear(16, 1), nn.LogSoftmax(dim=1)",
            "F.nll_loss(judge(x), y)",
            "`nll_loss` receives one column, from the layer in line 34: the loss is always 0.",
        ),
        (
            "nn.Linear(16, 1), nn.Softmax(dim=1)",
            "F.mse_loss(judge(x), y)",
            "softmax is taken over one column, from the layer in line 34: it is always 1.",
        ),
    ],
)
def test_says_what_was_seen(last: str, loss: str, message: str) -> None:
    assert messages(last, loss) == [message]


@pytest.mark.parametrize(
    ("last", "loss"),
    [
        ("nn.Linear(16, 2)", "F.cross_entropy(judge(x), y)"),
        ("nn.Linear(16, columns)", "F.cross_entropy(judge(x), y)"),
        ("nn.Linear(16, 1), nn.Flatten(0)", "F.cross_entropy(judge(x), y)"),
        ("nn.Linear(16, 1)", "F.cross_entropy(judge(x).reshape(-1, 4), y)"),
        ("nn.Linear(16, 1)", "F.cross_entropy(judge(x)[:, 0], y)"),
        ("nn.Linear(16, 1)", "F.cross_entropy(torch.cat([judge(x), -judge(x)], 1), y)"),
        ("nn.Linear(16, 1), nn.Softmax(dim=0)", "F.mse_loss(judge(x), y)"),
        ("nn.Linear(16, 1), nn.Sigmoid()", "F.binary_cross_entropy(judge(x), y)"),
    ],
)
def test_what_depends_on_the_model(last: str, loss: str) -> None:
    assert messages(last, loss) == []


@pytest.mark.parametrize("between", ["{}.float()", "{}.cpu()", "F.dropout({}, 0.1)", "torch.tanh({})"])
def test_what_keeps_the_column(between: str) -> None:
    assert messages("nn.Linear(16, 1)", f"F.cross_entropy({between.format('judge(x)')}, y)")


def test_is_silent_without_training() -> None:
    assert not read("print(model)", [check]).findings


def tried(*facts: object):
    return judge_setup(Setup(facts, (Answer("fit-the-loss", ""),)), [check]).findings


def test_class_ids_as_amounts() -> None:
    (found,) = tried(UnsuitedLossFact(function="mse_loss", columns=4, classes=4, site=(place(8),)))
    assert found.message == (
        "`mse_loss` compares 4 outputs with the number of the class, 0 to 3: class 3 counts as 3 times "
        "class 1."
    )
    assert found.fix == "Use `cross_entropy` with the class ids as they are."


def test_one_column() -> None:
    (found,) = tried(UnsuitedLossFact(function="cross_entropy", columns=1, classes=0, site=(place(8),)))
    assert found.message == (
        "`cross_entropy` compares one column: whatever the model says, the loss is the same."
    )
    assert found.fix == check.fix


def test_is_silent_without_the_fact() -> None:
    assert tried() == ()
