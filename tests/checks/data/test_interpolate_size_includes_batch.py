import pytest

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


WITH_BATCH = "`interpolate` is given a `size` that includes the batch and channels."
WITH_CHANNELS = "`interpolate` is given a `size` that includes the channels."
BODY = """
class Body(nn.Module):
    def __init__(self):
        super().__init__()
        self.down, self.up = nn.Conv2d(3, 8, 3, stride=2), nn.ConvTranspose2d(8, 8, 2)

    def forward(self, x):
        {}

body = Body()
"""


def told(code: str) -> list[str]:
    return [f.message for f in read(code, [check]).findings]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("return F.interpolate(x, size=self.down(x).shape)", WITH_BATCH),
        ("return F.interpolate(x, size=self.up(self.down(x)).shape)", WITH_BATCH),
        ("return F.interpolate(x, size=self.down(x).size())", WITH_BATCH),
        ("return F.interpolate(x, self.down(x).shape[1:])", WITH_CHANNELS),
        ("return F.interpolate(x, torch.relu(self.down(x)).shape[1:])", WITH_CHANNELS),
        ("return F.interpolate(x, self.down(x).size()[1:], mode='bilinear')", WITH_CHANNELS),
        ("sizes = self.down(x).shape\n        return F.interpolate(x, size=sizes)", WITH_BATCH),
    ],
)
def test_the_shape_of_a_feature_map(line: str, message: str) -> None:
    assert told(BODY.format(line)) == [message]


@pytest.mark.parametrize("size", ["x.shape", "x.size()", "y.shape"])
def test_the_whole_shape_of_a_batch(size: str) -> None:
    assert told(f"for x, y in loader:\n    F.interpolate(model(x), size={size})") == [WITH_BATCH]


def test_the_old_name_of_the_function() -> None:
    assert told("for x, y in loader:\n    F.upsample(x, size=x.shape)") == [
        "`upsample` is given a `size` that includes the batch and channels."
    ]


@pytest.mark.parametrize(
    "line",
    [
        "F.interpolate(model(x), size=y.shape[1:])",  # labels of pixels have no channels
        "F.interpolate(model(x), size=y.shape[-2:])",
        "F.interpolate(model(x), size=y[0].shape)",
        "F.interpolate(model(x), size=x[0].shape[1:])",
        "F.interpolate(model(x), size=x[0, 0].shape)",
        "F.interpolate(model(x), size=x.shape[2:])",
        "F.interpolate(model(x), size=x.shape[-2:])",
        "F.interpolate(model(x), size=x.size()[2:])",
        "F.interpolate(model(x), size=x.shape[2:4])",
        "F.interpolate(model(x), size=x.shape[2])",
        "F.interpolate(model(x), size=(x.size(2), x.size(3)))",
        "F.interpolate(model(x), size=tuple(x.shape[2:]))",
        "F.interpolate(model(x), size=list(x.shape)[2:])",
        "b, c, h, w = x.shape\n    F.interpolate(model(x), size=(h, w))",
        "*_, h, w = x.shape\n    F.interpolate(model(x), size=(2 * h, 2 * w))",
        "sizes = x.shape[2:]\n    F.interpolate(model(x), size=sizes)",
        "F.interpolate(model(x), size=x.squeeze().shape)",
        "F.interpolate(model(x), size=x.sum((0, 1)).shape)",
        "for row in model(x): F.interpolate(x, size=row.shape[1:])",
        "F.interpolate(model(x)[None], size=model(x).argmax(1).shape[1:])",
        "F.interpolate(model(x), scale_factor=2)",
        "F.interpolate(model(x), None, 2)",
        "F.interpolate(model(x), **options)",
        "import cv2\n    picture = cv2.imread('a.png')\n    F.interpolate(x, size=picture.shape[:2])",
        "model(x).resize_(x.shape)",
        "resize(x, size=x.shape)",
    ],
)
def test_sizes_of_the_picture_only(line: str) -> None:
    assert told(f"for x, y in loader:\n    {line}") == []


@pytest.mark.parametrize(
    "line",
    [
        "return F.interpolate(x, self.down(x).shape[2:])",
        "return F.interpolate(x, self.down(x)[0].shape[1:])",
        "return F.interpolate(x, self.down(x).mean(1).shape[1:])",
        "return F.interpolate(x, self.down(x).flatten(2).shape[1:])",
        "return self.down(x).view(x.shape[0], -1)",
    ],
)
def test_part_of_a_feature_map(line: str) -> None:
    assert told(BODY.format(line)) == []
