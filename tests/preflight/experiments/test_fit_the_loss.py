"""Losses over one column, errors against class ids, and regressions that only look like it."""

import pytest

from osler.testing import try_out

CODE = """
{before}
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        {loss}.backward()
        optimizer.step()
"""
ONE = "model = nn.Linear(8, 1)"

BANK = """
bank = []
def compare(q):
    columns = [(q * q.detach()).sum(1, keepdim=True), *(q @ keys.T for keys in bank)]
    bank.append(q.detach())
    return torch.cat(columns, dim=1)
"""
"""Momentum contrast: the memory is empty at first, and its only column is the positive."""


def told(loss: str, before: str = "pass"):
    diagnosis = try_out(CODE.format(loss=loss, before=before), "fit-the-loss")
    (answer,) = diagnosis.experiments
    return answer, [f for f in diagnosis.findings if "setup" in f.seen_by]


@pytest.mark.parametrize(
    "loss",
    [
        "F.mse_loss(model(x), y.float()[:, None].expand(-1, 4))",
        "F.mse_loss(model(x), y.float()[:, None].repeat(1, 4))",
        "F.smooth_l1_loss(model(x), y[:, None].expand(-1, 4).float())",
        "F.mse_loss(model(x).max(1).values, y.float())",
    ],
)
def test_class_ids_as_amounts(loss: str) -> None:
    answer, (finding,) = told(loss)
    assert answer.answer == "no: numbers of classes, from 0 to 3, are compared as if they were amounts"
    assert finding.check == "loss-unsuited-to-task"


def test_classes_in_one_column() -> None:
    answer, (finding,) = told("F.cross_entropy(model(x), (y > 1).float()[:, None])", ONE)
    assert answer.answer == "no: one column is all that it compares"
    assert finding.check == "loss-unsuited-to-task"


@pytest.mark.parametrize(
    ("loss", "before"),
    [
        ("loss_fn(model(x), y)", "pass"),
        ("F.mse_loss(model(x)[:, 0], y.float())", ONE),
        ("F.mse_loss(model(x), F.one_hot(y, 4).float())", "pass"),
        ("F.mse_loss(model(x), x[:, :4])", "pass"),
        ("F.mse_loss(model(x).gather(1, y[:, None])[:, 0], x.sum(1))", "pass"),
        ("F.mse_loss(model(x)[:, 0], (y > 1).float())", "model = nn.Linear(8, 2)"),
        ("F.mse_loss(model(x), y.float()[:, None].expand(-1, 6))", "model = nn.Linear(8, 6)"),
        ("F.cross_entropy(compare(model(x)), torch.zeros(len(x)).long())", BANK),
    ],
    ids=[
        "classes",
        "one output",
        "one-hot",
        "numbers",
        "one action",
        "yes or no",
        "more outputs",
        "a memory",
    ],
)
def test_losses_that_fit(loss: str, before: str) -> None:
    answer, found = told(loss, before)
    assert answer.answer == "yes"
    assert found == []


def test_is_not_asked_of_other_losses() -> None:
    answer, _ = told("model(x).square().mean()")
    assert answer.skipped == "the loss is neither one over classes nor a squared or absolute error"
