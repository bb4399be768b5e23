import pytest

from osler.checks.loss.softmax_over_wrong_axis import check
from osler.testing import read

CODE = """
class Mixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(8, 4)

    def forward(self, x):
        return F.log_softmax(self.body(x), dim=0)


mixed = Mixed()
optimizer = torch.optim.SGD(mixed.parameters(), lr=0.05)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        F.nll_loss(mixed(x), y).backward()
        optimizer.step()
"""


def test_says_what_was_seen() -> None:
    (found,) = read(CODE, [check]).findings
    assert found.message == (
        "`log_softmax` runs over axis 0, the batch, and the loss in line 48 takes the result for classes."
    )


def test_is_silent_without_training() -> None:
    assert not read("print(model)", [check]).findings


def loop(loss: str) -> str:
    return f"""
for x, y in loader:
    scores = model(x)
    {loss}.backward()
"""


SILENT = {
    "the classes": loop("F.nll_loss(F.log_softmax(scores, dim=1), y)"),
    "the last axis": loop("F.nll_loss(F.log_softmax(scores, dim=-1), y)"),
    "by position": loop("F.nll_loss(F.log_softmax(scores, 1), y)"),
    "by its other name": loop("F.nll_loss(torch.log_softmax(scores, axis=1), y)"),
    "a method": loop("F.nll_loss(scores.log_softmax(1), y)"),
    "a layer": "soft = nn.LogSoftmax(dim=1)" + loop("F.nll_loss(soft(scores), y)"),
    "transposed": loop("F.nll_loss(F.log_softmax(scores.t(), dim=0).t(), y)"),
    "axes exchanged": loop("F.nll_loss(F.log_softmax(scores.transpose(0, 1), 0).transpose(0, 1), y)"),
    "a sample": loop("F.nll_loss(F.log_softmax(model(x[:1]).squeeze(0), dim=0), y[0])"),
    "attention over the samples": loop("(torch.softmax(scores[:, 0], dim=0)[:, None] * scores).sum()"),
    "weights of the samples": loop(
        "(torch.softmax(scores[:, 0], 0).detach() * F.cross_entropy(scores, y, reduction='none')).sum()"
    ),
}


@pytest.mark.parametrize("axis", ["dim=0", "axis=0", "0"])
def test_over_the_batch_however_it_is_said(axis: str) -> None:
    (found,) = read(loop(f"F.nll_loss(torch.log_softmax(scores, {axis}), y)"), [check]).findings
    assert "over axis 0" in found.message


@pytest.mark.parametrize("code", SILENT.values(), ids=SILENT)
def test_stays_quiet(code: str) -> None:
    assert read(code, [check]).findings == ()
