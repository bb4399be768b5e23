"""Masks that a model heeds in one way or another, and masks that get lost."""

import pytest

from osler.testing import try_out

CODE = """
class Reader(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(20, 16, padding_idx=0)
        self.layer = nn.TransformerEncoderLayer(16, 2, 32, dropout=0.0, batch_first=True)
        self.head = nn.Linear(16, 4)
        {more}

    def forward(self, words, mask):
        h = self.embed(words)
        {forward}


torch.manual_seed(1)
words = torch.randint(1, 20, (96, 12))
words[torch.arange(12) >= torch.randint({shortest}, 13, (96, 1))] = 0
texts = DataLoader(TensorDataset(words, words[:, 0] % 4), batch_size=16)
reader = Reader()
optimizer = torch.optim.Adam(reader.parameters(), lr=1e-3)
for epoch in range(epochs):
    for x, y in texts:
        optimizer.zero_grad()
        loss_fn(reader(x, {mask}), y).backward()
        optimizer.step()
"""
ATTEND = "return self.head(self.layer(h, src_key_padding_mask=mask)[:, 0])"
LOST = "return self.head(self.layer(h)[:, 0])"


def told(forward: str, *, mask: str = "x == 0", more: str = "pass", shortest: int = 4):
    code = CODE.format(forward=forward, mask=mask, more=more, shortest=shortest)
    diagnosis = try_out(code, "exchange-the-mask")
    (answer,) = diagnosis.experiments
    return answer, [f for f in diagnosis.findings if "setup" in f.seen_by]


@pytest.mark.parametrize(
    ("forward", "mask"),
    [
        (ATTEND, "x == 0"),
        (ATTEND, "mask=x == 0"),
        ("return self.head((h * mask[..., None]).sum(1) / mask.sum(1)[:, None])", "(x != 0).float()"),
        ("return self.head((h * mask[..., None]).sum(1))", "(x != 0).long()"),
        ("return self.head(h[torch.arange(len(h)), mask.sum(1) - 1])", "(x != 0).long()"),
        ("return self.head((h.mean(2) + mask).softmax(1)[:, None].bmm(h)[:, 0])", "(x == 0) * -1e9"),
    ],
    ids=["attention", "by name", "mean", "sum", "last", "additive"],
)
def test_a_mask_that_is_heeded(forward: str, mask: str) -> None:
    answer, found = told(forward, mask=mask)
    assert answer.answer.startswith("yes: another `mask` changes the output")
    assert found == []


@pytest.mark.parametrize("mask", ["x == 0", "mask=x == 0", "(x != 0).float()"])
def test_a_mask_that_gets_lost(mask: str) -> None:
    answer, (finding,) = told(LOST, mask=mask)
    assert answer.answer == "no: no other `mask` changes anything"
    assert finding.check == "mask-ignored"
    assert "whatever `mask` it is given" in finding.message


def test_a_branch_that_starts_at_zero_is_waited_for() -> None:
    gate = "return self.head(h[:, 0] + self.gate * self.layer(h, src_key_padding_mask=mask)[:, 0])"
    answer, found = told(gate, more="self.gate = nn.Parameter(torch.zeros(1))")
    assert answer.answer.startswith("yes")
    assert found == []


def test_weights_that_stay_zero_hide_it() -> None:
    frozen = "self.late = nn.Linear(16, 4); nn.init.zeros_(self.late.weight)"
    forward = (
        "return self.head(h[:, 0]) + self.late(self.layer(h, src_key_padding_mask=mask)[:, 0].detach() * 0)"
    )
    answer, found = told(forward, more=frozen)
    assert answer.skipped.startswith("weights of the model are still all zero")
    assert found == []


@pytest.mark.parametrize(
    ("mask", "shortest", "why"),
    [
        ("x == 0", 12, "`mask` does not tell positions of two kinds apart in the first batch"),
        ("None", 4, "the model is given no mask"),
        ("torch.rand(len(x), 12)", 4, "`mask` does not tell positions of two kinds apart in the first batch"),
    ],
)
def test_is_not_asked(mask: str, shortest: int, why: str) -> None:
    answer, found = told(LOST, mask=mask, shortest=shortest)
    assert answer.skipped == why
    assert found == []
