import pytest

from osler.checks.modules.mask_value_too_weak import check
from osler.testing import read

CODE = """
def attend(query, key, mask):
    scores = torch.matmul(query, key).masked_fill(mask == 0, -1e-9)
    return torch.softmax(scores, dim=-1)
"""


def test_says_what_was_seen() -> None:
    assert [f.message for f in read(CODE, [check]).findings] == [
        "masked scores are set to -1e-09 before softmax: they keep their weight.",
    ]


def test_is_silent_without_training() -> None:
    assert not read("print(model)", [check]).findings


HEAD = "def attend(query, key, value, mask):\n    scores = torch.matmul(query, key)\n    {}\n"


def told(code: str) -> list[str]:
    return [f.message for f in read(code, [check]).findings]


WEAK = "masked scores are set to {} before softmax: they keep their weight."


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("return torch.softmax(scores.masked_fill(mask, -9.0), -1)", "-9"),
        ("return torch.softmax(scores.masked_fill(mask, 0), -1)", "0"),
        ("return F.softmax(scores.masked_fill(mask, 1e-9), dim=-1)", "1e-09"),
        ("return scores.masked_fill(mask, value=-1.0).softmax(dim=-1)", "-1"),
        ("return torch.softmax(torch.masked_fill(scores, mask, -1), -1)", "-1"),
        ("return torch.softmax(torch.tanh(scores).masked_fill(mask, -5.0), -1)", "-5"),
        ("weak = -2\n    return torch.softmax(scores.masked_fill(mask, weak), -1)", "-2"),
        ("scores = scores.masked_fill(mask == 0, -3.5)\n    return scores.softmax(-1)", "-3.5"),
    ],
)
def test_a_value_that_leaves_weight(line: str, value: str) -> None:
    assert told(HEAD.format(line)) == [WEAK.format(value)]


def test_a_module_with_a_number_of_its_own() -> None:
    code = """
class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.key = nn.Linear(8, 8)

    def forward(self, x, mask):
        scores = self.key(x) @ x.transpose(1, 2)
        return scores.masked_fill(mask, -1.0).softmax(-1) @ x

Attention()(torch.ones(2, 3, 8), torch.zeros(2, 3, 3).bool())
"""
    assert told(code) == [WEAK.format("-1")]


@pytest.mark.parametrize(
    "line",
    [
        "return torch.softmax(scores.masked_fill(mask, -10), -1)",
        "return torch.softmax(scores.masked_fill(mask, -1e4), -1)",
        "return torch.softmax(scores.masked_fill(mask, float('-inf')), -1)",
        "return torch.softmax(scores.masked_fill(mask, -torch.inf), -1)",
        "import math\n    return torch.softmax(scores.masked_fill(mask, -math.inf), -1)",
        "import numpy as np\n    return torch.softmax(scores.masked_fill(mask, -np.inf), -1)",
        "return torch.softmax(scores.masked_fill(mask, torch.finfo(scores.dtype).min), -1)",
        "low = torch.finfo(scores.dtype).min\n    return scores.masked_fill(mask, low).softmax(-1)",
        "return torch.softmax(scores.masked_fill(mask, limit), -1)",
        "return torch.softmax(scores.masked_fill(mask, -9.0) / 0.01, -1)",
        "return torch.softmax(10_000 * scores.masked_fill(mask, -9.0), -1)",
        "return torch.softmax(scores.masked_fill(same, 1e9), -1)",
        "return torch.softmax(scores.masked_fill(same, 1.0), -1)",
        "return torch.softmax(scores, -1).masked_fill(mask, 0.0)",
        "return torch.sigmoid(scores.masked_fill(mask, -5.0))",
        "return scores.masked_fill(mask, -1).argmax(-1)",
        "return scores.masked_fill(mask, 0.0) @ value",
        "return torch.softmax(scores.masked_fill(torch.isnan(scores), 0.0), -1)",
        "return torch.softmax(scores.masked_fill(scores.isnan(), 0.0), -1)",
        "bare = scores.masked_fill(mask, -1e9)\n    return bare.masked_fill(empty, 0.0).softmax(-1)",
        "return scores.masked_fill(mask, -1e9).masked_fill(mask.all(-1), 0.0).softmax(-1)",
        "ahead = torch.zeros(3, 3).masked_fill(mask, -1e9)\n    return torch.softmax(scores + ahead, -1)",
        "ahead = torch.ones(3, 3).masked_fill(mask, 0.0)\n    return torch.softmax(scores, -1) * ahead",
        "return torch.softmax(torch.where(mask, scores, -1e9), -1)",
    ],
)
def test_values_far_below_and_fills_that_mask_nothing(line: str) -> None:
    assert told(HEAD.format(line)) == []
