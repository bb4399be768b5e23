from osler.checks.modules.dropout_kind_mismatched import check
from osler.testing import read

CODE = """
nn.Sequential(nn.Linear(8, 32), nn.Dropout2d(0.5))
"""


def test_says_what_was_seen() -> None:
    assert [f.message for f in read(CODE, [check]).findings] == [
        "`Dropout2d` follows `Linear`, which gives vectors, not feature maps.",
    ]


def test_is_silent_without_training() -> None:
    assert not read("print(model)", [check]).findings
