from osler.checks.data.loader_indexed import check
from osler.testing import read

CODE = """
x, y = list(loader)[0]
print(model(x).shape)
"""


def test_says_what_was_seen() -> None:
    (found,) = read(CODE, [check]).findings
    assert found.message == ("a loader is indexed: every batch is loaded to use one.")


def test_is_silent_without_training() -> None:
    assert not read("print(model)", [check]).findings
