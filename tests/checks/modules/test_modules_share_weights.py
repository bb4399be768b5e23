from osler.checks.modules.modules_share_weights import check
from osler.testing import read

CODE = """
layers = nn.ModuleList([nn.Linear(8, 8)] * 3)
print(len(list(layers.parameters())))
"""


def test_says_what_was_seen() -> None:
    (found,) = read(CODE, [check]).findings
    assert found.message == ("`Linear` is repeated by reference: all places share its weights.")


def test_is_silent_without_training() -> None:
    assert not read("print(model)", [check]).findings
