import pytest

from osler.checks.modules.mask_applied_after_softmax import check
from osler.testing import read

CODE = """
def attend(query, key, value, mask):
    weights = torch.softmax(torch.matmul(query, key), dim=-1)
    return torch.matmul(weights.masked_fill(mask, -1e9), value)
"""


def test_says_what_was_seen() -> None:
    assert [f.message for f in read(CODE, [check]).findings] == [
        "the output of softmax in line 35 is masked: weights become negative.",
    ]


def test_is_silent_without_training() -> None:
    assert not read("print(model)", [check]).findings


HEAD = "def attend(query, key, value, mask):\n    scores = torch.matmul(query, key)\n    {}\n"


def told(code: str) -> list[str]:
    return [f.message for f in read(code, [check]).findings]


@pytest.mark.parametrize(
    "lines",
    [
        "weights = torch.softmax(scores, -1)\n    return weights.masked_fill(mask, -1e9) @ value",
        "weights = F.softmax(scores, dim=-1).masked_fill(mask, float('-inf'))\n"
        "    return torch.matmul(weights, value)",
        "weights = scores.softmax(-1)\n    weights = weights.masked_fill(mask, value=-1.0)\n"
        "    return torch.bmm(weights, value)",
        "weights = nn.Softmax(dim=-1)(scores)\n    weights = torch.masked_fill(weights, mask, -1e4)\n"
        "    return torch.einsum('bqk,bkd->bqd', weights, value)",
    ],
)
def test_weights_below_zero(lines: str) -> None:
    (message,) = told(HEAD.format(lines))
    assert message.endswith("is masked: weights become negative.")


def test_a_module_of_attention() -> None:
    code = """
class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.key, self.drop = nn.Linear(8, 8), nn.Dropout(0.1)

    def forward(self, x, mask):
        weights = (self.key(x) @ x.transpose(1, 2)).softmax(-1)
        weights = weights.masked_fill(mask, -1e9)
        return weights @ x

Attention()(torch.ones(2, 3, 8), torch.zeros(2, 3, 3).bool())
"""
    assert told(code) == ["the output of softmax in line 40 is masked: weights become negative."]


@pytest.mark.parametrize(
    "lines",
    [
        "weights = torch.softmax(scores.masked_fill(mask, -1e9), -1)\n    return weights @ value",
        "weights = torch.softmax(scores, -1)\n    return weights.masked_fill(mask, 0.0) @ value",
        "weights = torch.softmax(scores, -1).masked_fill(mask, 0)\n"
        "    return weights / weights.sum(-1, keepdim=True) @ value",
        "weights = torch.softmax(scores, -1)\n    return weights.masked_fill(mask, -1e9).argmax(-1)",
        "weights = torch.softmax(scores, -1)\n    return weights.masked_fill(mask, -1).topk(3)",
        "weights = torch.softmax(scores, -1)\n    return weights.masked_fill(mask, -1.0).max(-1)",
        "weights = torch.log_softmax(scores, -1)\n    return weights.masked_fill(mask, -1e9) @ value",
        "weights = torch.sigmoid(scores)\n    return weights.masked_fill(mask, -1e9) @ value",
        "weights = torch.softmax(scores, -1)\n"
        "    weights = torch.softmax(weights.masked_fill(mask, -1e9), -1)\n    return weights @ value",
        "weights = torch.softmax(scores, -1)\n    return weights.masked_fill(mask, floor) @ value",
        "weights = torch.softmax(scores, -1)\n    return (weights * mask) @ value",
        "weights = torch.softmax(scores, -1)\n    return weights @ value.masked_fill(mask, -1.0)",
        "shown = torch.softmax(scores, -1).masked_fill(mask, -1)\n    return scores @ value, shown",
        "weights = torch.relu(scores)\n    return weights.masked_fill(mask, -1e9) @ value",
    ],
)
def test_masks_elsewhere(lines: str) -> None:
    assert told(HEAD.format(lines)) == []
