"""Columns that a loss gets, and classes of its targets."""

from collections.abc import Callable

import pytest

from osler.model import Code

TEXT = """
net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, {columns}))
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
y = torch.randint(3, (9,))
for epoch in range(9):
    optimizer.zero_grad()
    loss = {loss}
    loss.backward()
    optimizer.step()
"""


@pytest.mark.parametrize(
    ("loss", "function"),
    [
        ("F.cross_entropy(net(x), y)", "cross_entropy"),
        ("nn.CrossEntropyLoss()(net(x), y.long())", "cross_entropy"),
        ("F.nll_loss(F.log_softmax(net(x), dim=1), target=y)", "nll_loss"),
    ],
)
def test_both_are_known(code: Callable[..., Code], loss: str, function: str) -> None:
    (fact,) = code(TEXT.format(columns=2, loss=loss)).widths
    assert (fact.function, fact.columns, fact.classes) == (function, 2, 3)
    assert (fact.site[0].line, fact.layer[0].line) == (7, 2)


@pytest.mark.parametrize(
    ("columns", "loss"),
    [
        ("2", "F.mse_loss(net(x), y)"),
        ("2", "F.cross_entropy(net(x), z)"),
        ("2", "F.cross_entropy(net(x).view(-1, 4), y)"),
        ("2", "F.cross_entropy(net(x)[:, :1], y)"),
        ("2", "F.cross_entropy(torch.cat([net(x), net(x)], 1), y)"),
        ("2", "F.cross_entropy(*both)"),
        ("width", "F.cross_entropy(net(x), y)"),
    ],
)
def test_one_of_them_is_not(code: Callable[..., Code], columns: str, loss: str) -> None:
    assert code(TEXT.format(columns=columns, loss=loss)).widths == ()


def test_a_look_without_gradients(code: Callable[..., Code]) -> None:
    looked = "with torch.no_grad(): F.cross_entropy(net(x), y)"
    text = TEXT.format(columns=2, loss="net(x).sum()").replace(
        "    optimizer.zero", f"    {looked}\n    optimizer.zero"
    )
    assert code(text).widths == ()
