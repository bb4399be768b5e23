"""Sums along answers in random order, of which a backward is made."""

from collections.abc import Callable

import pytest

from osler.model import Code

TRAIN = """
net = nn.Linear(8, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
loader = DataLoader(torch.zeros(64, 8), batch_size=16, shuffle=True)
for x in loader:
    score = net(x).squeeze(1)
    loss = {loss}
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
"""


def seen(code: Callable[..., Code], loss: str) -> list[str]:
    return [f.operation for f in code(TRAIN.format(loss=loss)).cumulated]


@pytest.mark.parametrize("operation", ["cumsum", "logcumsumexp", "cumprod"])
def test_each_operation_that_depends_on_the_order(code: Callable[..., Code], operation: str) -> None:
    assert seen(code, f"torch.{operation}(score, 0).mean()") == [operation]
    assert seen(code, f"score.{operation}(dim=0).mean()") == [operation]


def test_where_the_order_and_the_answers_come_from(code: Callable[..., Code]) -> None:
    (fact,) = code(TRAIN.format(loss="score.cumsum(0).mean()")).cumulated
    assert (fact.site.line, fact.drawn.line, fact.name, fact.is_loader) == (7, 4, "loader", True)
    assert [p.line for p in fact.scored] == [6]


@pytest.mark.parametrize(
    "loss",
    [
        "score.cumsum(-1).mean()",
        "score.detach().cumsum(0).mean() + score.mean()",
        "score.cumsum(0)[-1]",
        "score.cumsum(0).diff().mean()",
        "x.cumsum(0).mean() + score.mean()",
        "score[x.argsort(0)[:, 0]].cumsum(0).mean()",
        "torch.logcumsumexp(score, 0)[4]",
        "torch.logcumsumexp(score, 0)[:4].mean()",
    ],
)
def test_what_does_not_depend_on_it(code: Callable[..., Code], loss: str) -> None:
    assert seen(code, loss) == []


def test_a_condition_on_each_sum_leaves_the_order_what_it_is(code: Callable[..., Code]) -> None:
    assert seen(code, "torch.logcumsumexp(score, 0)[x[:, 0] > 0].mean()") == ["logcumsumexp"]


def test_a_backward_of_something_else(code: Callable[..., Code]) -> None:
    text = TRAIN.format(loss="score.mean()") + "    low = net(x).squeeze(1).cumsum(0)\n"
    assert code(text).cumulated == ()
