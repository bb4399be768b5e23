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
