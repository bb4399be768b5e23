import pytest

from osler.checks.loss.softmax_over_wrong_axis import check
from osler.model import Severity
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


THREE = {
    "a product of batches": "torch.bmm(queries, keys)",
    "a product as a method": "queries.bmm(keys)",
    "a view": "scores.view(4, 5, 6)",
    "other shapes": "scores.reshape(-1, 5, width)",
    "axes in another order": "scores.permute(1, 0, 2)",
}


@pytest.mark.parametrize("scores", THREE.values(), ids=THREE)
def test_a_guess_that_is_known_to_be_axis_0_is_a_warning(scores: str) -> None:
    code = f"queries = keys = scores = torch.rand(8, 4, 4)\nwidth = 3\nprint(F.softmax({scores}))"
    (found,) = read(code, [check]).findings
    assert found.severity is Severity.WARNING
    assert found.message == "`softmax` is called without `dim=`: torch takes axis 0 of the three."


GUESSED = {
    "of a batch": "model(x)",
    "of a view with two axes": "model(x).view(-1, 4)",
    "of a view with four": "model(x).view(-1, 1, 2, 2)",
    "of a shape that is not read": "model(x).view(*shape)",
    "of a shape by name": "model(x).view(shape)",
    "of a product": "torch.mm(x, x)",
    "of columns beside each other": "torch.cat((model(x), model(x)), 1)",
    "after the shape changed again": "torch.bmm(x[None], x[None]).squeeze()",
}


@pytest.mark.parametrize("scores", GUESSED.values(), ids=GUESSED)
def test_a_guess_is_a_hint(scores: str) -> None:
    (found,) = read(
        f"shape = config.shape\nfor x, y in loader:\n    print(F.softmax({scores}))", [check]
    ).findings
    assert found.severity is Severity.HINT
    assert found.message == "`softmax` is called without `dim=`: torch guesses the axis."


@pytest.mark.parametrize("axis", ["dim=1", "axis=1", "-1", "*where"])
def test_three_axes_of_which_one_is_named(axis: str) -> None:
    assert read(f"where = config.axis\nprint(F.softmax(torch.bmm(a, b), {axis}))", [check]).findings == ()
