"""Transformers that leave padding out, and those that do not; and what is not asked."""

import pytest

from osler.testing import try_out

CODE = """
class Reader(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(20, 16{idx})
        self.place = nn.Parameter(torch.randn(12, 16) * 0.1)
        self.layers = nn.TransformerEncoder(
            nn.TransformerEncoderLayer(16, 2, 32, dropout=0.1, batch_first=True), 2
        )
        self.head = nn.Linear(16, {outputs})
        {more}

    def forward(self, words):
        pad, h = words == 0, self.embed(words) + self.place
        {forward}


torch.manual_seed(1)
words = torch.randint(1, 20, (96, 12))
words[torch.arange(12) >= torch.randint(4, 13, (96, 1))] = 0
texts = DataLoader(TensorDataset(words, words[:, 0] % 4), batch_size=16)
reader = Reader()
optimizer = torch.optim.Adam(reader.parameters(), lr=1e-3)
for epoch in range(epochs):
    for x, y in texts:
        optimizer.zero_grad()
        {loss}.backward()
        optimizer.step()
"""
MASKED = "h = self.layers(h, src_key_padding_mask=pad)"
MEAN = "keep = (~pad)[..., None]; return self.head((h * keep).sum(1) / keep.sum(1))"
CAUSAL = "h = self.layers(h, mask=nn.Transformer.generate_square_subsequent_mask(12), is_causal=True)"
CLASSES = "loss_fn(reader(x), y)"
WORDS = "F.cross_entropy(reader(x)[:, :-1].flatten(0, 1), x[:, 1:].flatten(), ignore_index=0)"


def told(
    forward: str, *, loss: str = CLASSES, outputs: int = 4, more: str = "pass", idx: str = ", padding_idx=0"
):
    code = CODE.format(forward=forward, loss=loss, outputs=outputs, more=more, idx=idx)
    diagnosis = try_out(code, "exchange-the-padding")
    (answer,) = diagnosis.experiments
    return answer, [f for f in diagnosis.findings if "setup" in f.seen_by]


@pytest.mark.parametrize(
    ("forward", "loss", "outputs", "more"),
    [
        (f"{MASKED}; {MEAN}", CLASSES, 4, ""),
        (f"{MASKED}; return self.head(h[:, 0])", CLASSES, 4, ""),
        (f"{MASKED}; return self.head(h.masked_fill(pad[..., None], -1e9).amax(1))", CLASSES, 4, ""),
        (f"{MASKED}; return self.head(h)", WORDS, 20, ""),
        (f"{CAUSAL}; return self.head(h)", WORDS, 20, ""),
        (f"{MASKED}; return self.head(h)", WORDS, 20, "self.head.weight = self.embed.weight"),
    ],
    ids=["mean", "first", "largest", "positions", "causal", "tied"],
)
def test_padding_that_stays_out(forward: str, loss: str, outputs: int, more: str) -> None:
    answer, found = told(forward, loss=loss, outputs=outputs, more=more or "pass")
    assert answer.answer == "no"
    assert found == []


@pytest.mark.parametrize(
    ("forward", "loss", "outputs"),
    [
        (f"{MASKED}; return self.head(h.mean(1))", CLASSES, 4),
        (f"{MASKED}; return self.head(h[:, -1])", CLASSES, 4),
        (f"{MASKED}; h = self.layers.layers[0](h); return self.head(h)", WORDS, 20),
    ],
    ids=["mean of all", "last position", "one layer without"],
)
def test_padding_that_leaks_past_the_mask(forward: str, loss: str, outputs: int) -> None:
    answer, (finding,) = told(forward, loss=loss, outputs=outputs)
    assert answer.answer.startswith("yes: ")
    assert "inverted" not in finding.message
    assert finding.check == "mask-ignored"
    assert finding.severity.label == "error"


@pytest.mark.parametrize("longest", [12, 13], ids=["all are padded", "some are not"])
@pytest.mark.parametrize(
    "layers",
    [
        "h = self.layers(h, src_key_padding_mask=~pad)",
        "h = h + self.attend(h, h, h, key_padding_mask=~pad)[0]",
    ],
    ids=["encoder", "attention"],
)
def test_an_inverted_mask(layers: str, longest: int) -> None:
    code = CODE.format(
        forward=f"{layers}; {MEAN}", loss=CLASSES, outputs=4, idx=", padding_idx=0",
        more="self.attend = nn.MultiheadAttention(16, 2, batch_first=True)",
    ).replace("randint(4, 13", f"randint(4, {longest}")  # fmt: skip
    diagnosis = try_out(code, "exchange-the-padding")
    assert diagnosis.experiments[0].answer.startswith("yes: ")
    (finding,) = [f for f in diagnosis.findings if f.check == "mask-ignored"]
    assert "is inverted: it leaves out every real position" in finding.message
    if "attend" in layers:  # the fused softmax of the encoder makes zeros of rows that are all left out
        assert finding.message.endswith("not finite.") == (longest == 13)


def test_no_mask_at_all_is_a_hint() -> None:
    answer, (finding,) = told(f"h = self.layers(h); {MEAN}")
    assert answer.answer.startswith("yes: ")
    assert finding.severity.label == "hint"


def test_the_embedding_is_what_it_was() -> None:
    code = CODE.format(
        forward=f"{MASKED}; {MEAN}", loss=CLASSES, outputs=4, more="pass", idx=", padding_idx=0"
    )
    checked = code.replace("optimizer.step()", "optimizer.step(); assert not reader.embed.weight[0].any()")
    (answer,) = try_out(checked, "exchange-the-padding").experiments
    assert answer.answer == "no"


@pytest.mark.parametrize(
    ("forward", "more", "idx", "why"),
    [
        (f"{MASKED}; {MEAN}", "pass", "", "no embedding of the model has a `padding_idx`"),
        (f"{MASKED}; {MEAN}", "pass", ", padding_idx=19",
         "no sequence of the first batch is filled up with `padding_idx`"),
        (f"{MASKED}; {MEAN}", "self.conv = nn.Conv1d(16, 16, 3)", ", padding_idx=0",
         "Conv1d layers carry padding to its neighbours by design"),
        (MEAN, "del self.layers", ", padding_idx=0", "the model has no attention layer of torch"),
    ],
    ids=["none declared", "another id", "convolution", "no attention"],
)  # fmt: skip
def test_is_not_asked(forward: str, more: str, idx: str, why: str) -> None:
    answer, found = told(forward, more=more, idx=idx)
    assert answer.skipped == why
    assert found == []
