from osler.checks.modules.dropout_before_batch_norm import check
from osler.testing import read

CODE = """
body = nn.Sequential(nn.Linear(8, 16), nn.Dropout(0.5), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 4))
print(body(torch.randn(4, 8)).shape)
"""


def test_says_what_was_seen() -> None:
    (found,) = read(CODE, [check]).findings
    assert found.message == ("`Dropout` stands directly before `BatchNorm1d`.")


def test_is_silent_without_training() -> None:
    assert not read("print(model)", [check]).findings
