"""Labels against tokens, however scores are cut and turned; and models that may see the whole sequence."""

import pytest

from osler.testing import try_out

CODE = """
class Writer(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(20, 16)
        self.body = {body}
        self.head = nn.Linear({width}, 20)

    def forward(self, tokens):
        out = self.body(self.embed(tokens))
        return self.head(out[0])


texts = DataLoader(TensorDataset({text}), batch_size=16)
writer = Writer()
optimizer = torch.optim.Adam(writer.parameters(), lr=1e-3)
for epoch in range(epochs):
    for (t,) in texts:
        optimizer.zero_grad()
        {loss}.backward()
        optimizer.step()
"""
GRU = "nn.GRU(16, 16, batch_first=True)"
RANDOM = "torch.randint(0, 20, (64, 12))"


def told(loss: str, *, body: str = GRU, width: int = 16, text: str = RANDOM):
    code = CODE.format(loss=loss, body=body, width=width, text=text)
    diagnosis = try_out(code, "compare-labels-with-tokens")
    (answer,) = diagnosis.experiments
    return answer, [f for f in diagnosis.findings if "setup" in f.seen_by]


@pytest.mark.parametrize(
    "loss",
    [
        "loss_fn(writer(t[:, :-1]).flatten(0, 1), t[:, 1:].flatten())",
        "loss_fn(writer(t)[:, :-1].reshape(-1, 20), t[:, 1:].reshape(-1))",
        "loss_fn(writer(t)[:, :-1].transpose(1, 2), t[:, 1:])",
        "loss_fn(writer(t)[:, 3:-1].transpose(1, 2), t[:, 4:])",
        "F.nll_loss(writer(t)[:, :-1].log_softmax(2).flatten(0, 1), t[:, 1:].flatten())",
        "loss_fn(writer(t).flatten(0, 1), F.pad(t[:, 1:], (0, 1), value=-100).flatten())",
    ],
    ids=["cut before", "cut after", "turned", "after a prompt", "log", "ignored end"],
)
def test_the_next_token(loss: str) -> None:
    answer, found = told(loss)
    assert answer.answer == "yes"
    assert found == []


@pytest.mark.parametrize(
    "loss",
    [
        "loss_fn(writer(t).flatten(0, 1), t.flatten())",
        "loss_fn(writer(t).transpose(1, 2), t)",
        "loss_fn(writer(t[:, 1:]).flatten(0, 1), t[:, 1:].flatten())",
        "F.nll_loss(writer(t).log_softmax(2).flatten(0, 1), t.flatten())",
    ],
)
def test_the_token_itself(loss: str) -> None:
    answer, (finding,) = told(loss)
    assert answer.answer == "no: the labels are the tokens themselves"
    assert finding.check == "targets-misshifted"


@pytest.mark.parametrize(
    "loss",
    [
        "loss_fn(writer(t[:, :-1])[:, :-1].flatten(0, 1), t[:, 1:][:, 1:].flatten())",
        "loss_fn(writer(t).flatten(0, 1), F.pad(t[:, 2:], (0, 2), value=-100).flatten())",
    ],
)
def test_two_tokens_later(loss: str) -> None:
    answer, (finding,) = told(loss)
    assert answer.answer == "no: the labels are two tokens later"
    assert "are two tokens later" in finding.message


SHIFTING = "nn.Sequential(nn.ZeroPad2d((0, 0, 1, -1)), nn.GRU(16, 16, batch_first=True))"
SAME = "loss_fn(writer(t).flatten(0, 1), t.flatten())"


@pytest.mark.parametrize(
    ("body", "width", "why"),
    [
        ("nn.GRU(16, 16, batch_first=True, bidirectional=True)", 32, "the model sees the whole sequence"),
        (
            "nn.Sequential(nn.TransformerEncoderLayer(16, 2, 32, 0.0, batch_first=True), "
            "nn.Unflatten(0, (1, -1)))",
            16,
            "the model sees the whole sequence",
        ),
        ("nn.Sequential(nn.Linear(16, 16), nn.Unflatten(0, (1, -1)))", 16, "the model sees each token by"),
    ],
    ids=["both ways", "attends to all", "each for itself"],
)
def test_models_that_are_not_causal_may_repeat(body: str, width: int, why: str) -> None:
    answer, found = told(SAME, body=body, width=width)
    assert answer.answer.startswith(f"not clear: {why}")
    assert found == []


def test_text_that_repeats_itself() -> None:
    answer, found = told(SAME, text="torch.arange(64)[:, None].expand(64, 12) % 20")
    assert answer.answer == "yes"
    assert found == []
    answer, found = told(SAME, text="(torch.arange(12) // 4 + torch.arange(64)[:, None]) % 20")
    assert answer.answer == "not clear: the text repeats itself"
    assert found == []


@pytest.mark.parametrize(
    ("loss", "why"),
    [
        ("loss_fn(writer(t)[:, -1], t[:, 0])", "the labels are neither the tokens themselves nor later ones"),
        (
            "loss_fn(writer(t).flatten(0, 1), t.flip(1).flatten())",
            "the labels are neither the tokens themselves",
        ),
        (
            "loss_fn(writer(t).mean(1), t[:, 0])",
            "the labels do not belong to the positions of a sequence of tokens",
        ),
        ("F.mse_loss(writer(t)[..., 0], t.float())", "the first turn does not have one loss over classes"),
    ],
)
def test_is_not_asked(loss: str, why: str) -> None:
    answer, found = told(loss)
    assert answer.skipped.startswith(why)
    assert found == []


def test_time_may_come_first() -> None:
    right = "loss_fn(writer(t.T[:-1]).flatten(0, 1), t.T[1:].flatten())"
    wrong = "loss_fn(writer(t.T).flatten(0, 1), t.T.flatten())"
    answer, found = told(right, body="nn.GRU(16, 16)")
    assert answer.answer == "yes"
    assert found == []
    answer, (finding,) = told(wrong, body="nn.GRU(16, 16)")
    assert answer.answer == "no: the labels are the tokens themselves"
    assert finding.check == "targets-misshifted"


def test_a_model_that_shifts_its_tokens_itself() -> None:
    answer, found = told(SAME, body=SHIFTING)
    assert answer.answer.startswith("not clear: the model does not see the token that it is at")
    assert found == []
