from osler.checks.modules.linear_layers_stacked import check
from osler.testing import read

CODE = """
nn.Sequential(nn.Linear(8, 32), nn.Linear(32, 4))
"""


def test_says_what_was_seen() -> None:
    assert [f.message for f in read(CODE, [check]).findings] == [
        "two linear layers follow each other: 8 to 32 to 4 features without an activation.",
    ]


def test_is_silent_without_training() -> None:
    assert not read("print(model)", [check]).findings
