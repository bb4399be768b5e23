from osler.checks.loss.loss_not_reduced import check
from osler.testing import read

CODE = """
for x, y in loader:
    loss = F.cross_entropy(model(x), y, reduction="none")
    loss.backward(torch.ones_like(loss))
"""


def test_says_what_was_seen() -> None:
    assert [f.message for f in read(CODE, [check]).findings] == [
        '`backward()` starts from a loss with `reduction="none"`: one number for each sample.',
    ]


def test_is_silent_without_training() -> None:
    assert not read("print(model)", [check]).findings
