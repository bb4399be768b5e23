from osler.checks.data.interpolate_size_includes_batch import check
from osler.testing import read

CODE = """
body = nn.Conv2d(3, 8, 3)
for x, y in loader:
    features = body(x)
    F.interpolate(x, features.shape)
    F.interpolate(x, features.shape[1:])
"""


def test_says_what_was_seen() -> None:
    assert [f.message for f in read(CODE, [check]).findings] == [
        "`interpolate` is given a `size` that includes the batch and channels.",
        "`interpolate` is given a `size` that includes the channels.",
    ]


def test_is_silent_without_training() -> None:
    assert not read("print(model)", [check]).findings
