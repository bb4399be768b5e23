"""Networks that go on from fold to fold."""

from collections.abc import Callable

import pytest

from osler.model import Code

PROGRAM = """
from sklearn.model_selection import KFold
net = nn.Linear(8, 4)
{before}
for train, test in KFold(3).split(x):
    {start}
    {train}
    with torch.no_grad():
        print(net({asked}))
"""
TRAIN = "F.mse_loss(net(x[train]), y[train]).backward(); opt.step()"
OPTIMIZER = "opt = torch.optim.SGD(net.parameters(), lr=0.1)"


def program(before: str = OPTIMIZER, start: str = "pass", train: str = TRAIN, asked: str = "x[test]") -> str:
    return PROGRAM.format(before=before, start=start, train=train, asked=asked)


def test_says_where(code: Callable[..., Code]) -> None:
    (fact,) = code(program()).folds
    assert (fact.model, fact.splitter, fact.optimizer_anew) == ("net", "KFold", False)
    lines = (fact.made, fact.loop, fact.trained, fact.evaluated)
    assert [place.line for place in lines] == [3, 5, 7, 9]
    assert fact.kept is fact.loaded is None


def test_says_that_only_the_optimizer_is_new(code: Callable[..., Code]) -> None:
    (fact,) = code(program("pass", OPTIMIZER)).folds
    assert fact.optimizer_anew


SILENT = {
    "other rows are asked about": program(asked="z"),
    "it is trained on all rows": program(train="F.mse_loss(net(x), y).backward(); opt.step()"),
    "it is trained on the rows that are held out": program(
        train="(net(x[train]).mean() - net(x[test]).mean()).backward(); opt.step()"
    ),
    "no step": program(train=TRAIN.partition(";")[0]),
    "new": program(start=f"net = nn.Linear(8, 4); {OPTIMIZER}"),
}


@pytest.mark.parametrize("text", SILENT.values(), ids=SILENT)
def test_says_nothing(code: Callable[..., Code], text: str) -> None:
    assert code(text).folds == ()
