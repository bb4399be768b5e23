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
