"""Padding that the program declares, in every shape in which losses are computed; and its look-alikes."""

import pytest

from osler.testing import try_out

TAGS = """
torch.manual_seed(3)
words = torch.randint(2, 20, (96, 12))
words[torch.arange(12) >= torch.randint(4, 13, (96, 1))] = {pad}
tags = (words > 10).long() + (words > {pad})
texts = DataLoader(TensorDataset(words, tags), batch_size=16)
body = nn.Sequential(nn.Embedding(20, 16{idx}), nn.Linear(16, 3))
optimizer = torch.optim.SGD(body.parameters(), lr=0.05)
for epoch in range(epochs):
    for x, y in texts:
        optimizer.zero_grad()
        {loss}.backward()
        optimizer.step()
"""
NEXT = """
torch.manual_seed(3)
words = torch.randint(3, 20, (96, 13))
lengths = torch.randint(4, 12, (96, 1))
words[torch.arange(13) > lengths] = 0
{end}
texts = DataLoader(TensorDataset(words), batch_size=16)
body = nn.Sequential(nn.Embedding(20, 16, padding_idx=0), nn.Linear(16, 20))
optimizer = torch.optim.SGD(body.parameters(), lr=0.05)
for epoch in range(epochs):
    for (x,) in texts:
        optimizer.zero_grad()
        out = body(x[:, :-1])
        {loss}.backward()
        optimizer.step()
"""
ENDS = "words.scatter_(1, lengths, 1)"
IDX = ", padding_idx=0"
FLAT = "F.cross_entropy(body(x).flatten(0, 1), y.flatten(){more})"
EACH = "F.cross_entropy(body(x).transpose(1, 2), y, reduction='none')"
FLAT_NEXT = "F.cross_entropy(out.reshape(-1, 20), x[:, 1:].reshape(-1){more})"


def told(code: str):
    diagnosis = try_out(code, "change-the-padding")
    (answer,) = diagnosis.experiments
    return answer, [f for f in diagnosis.findings if "setup" in f.seen_by]


def tags(loss: str, pad: int = 0, idx: str = IDX):
    return told(TAGS.format(loss=loss, pad=pad, idx=idx))


def following(loss: str, end: str = ENDS):
    return told(NEXT.format(loss=loss, end=end))


@pytest.mark.parametrize(
    "loss",
    [
        FLAT.format(more=""),
        FLAT.format(more=", ignore_index=-1"),
        "loss_fn(body(x).transpose(1, 2), y)",
        "F.nll_loss(body(x).log_softmax(2).transpose(1, 2), y)",
        f"{EACH}.mean()",
        f"{EACH}.sum(1).mean()",
        "F.cross_entropy(body(x.T).flatten(0, 1), y.T.flatten())",
        "F.cross_entropy(F.dropout(body(x), 0.5).flatten(0, 1), y.flatten())",
    ],
)
def test_labels_at_padding_are_counted(loss: str) -> None:
    answer, (finding,) = tags(loss)
    assert answer.answer.startswith("yes: ")
    assert finding.check == "padding-counted-in-loss"
    assert finding.severity.label == "error"
    assert "`padding_idx` of `0`" in finding.message


@pytest.mark.parametrize(
    "loss",
    [
        FLAT.format(more=", ignore_index=0"),
        FLAT.format(more=", weight=torch.tensor([0.0, 1.0, 1.0])"),
        f"({EACH} * (x != 0)).sum().div((x != 0).sum())",
        f"{EACH}[x != 0].mean()",
        f"{EACH}.masked_fill(x == 0, 0).mean()",
        "F.cross_entropy(body(x).transpose(1, 2), y.masked_fill(x == 0, -100))",
    ],
)
def test_labels_at_padding_are_left_out(loss: str) -> None:
    answer, found = tags(loss)
    assert answer.answer.startswith("no: other scores at ")
    assert found == []


def test_a_mask_in_the_batch_declares_padding() -> None:
    code = TAGS.format(loss=FLAT.format(more=""), pad=0, idx="")
    code = code.replace("(words, tags)", "(words, tags, words != 0)").replace(
        "for x, y in", "for x, y, mask in"
    )
    answer, (finding,) = told(code)
    assert answer.answer.startswith("yes: ")
    assert "by a mask in the batch" in finding.message


def test_next_words_with_an_end() -> None:
    answer, (finding,) = following(FLAT_NEXT.format(more=""))
    assert answer.answer.startswith("yes: ")
    assert finding.severity.label == "error"
    answer, found = following(FLAT_NEXT.format(more=", ignore_index=0"))
    assert answer.answer.startswith("no: ")
    assert found == []


def test_padding_that_tells_the_end_is_a_hint() -> None:
    answer, (finding,) = following(FLAT_NEXT.format(more=""), end="")
    assert answer.answer.startswith("yes: ")
    assert finding.severity.label == "hint"


@pytest.mark.parametrize(
    "code",
    [
        TAGS.format(loss=FLAT.format(more=""), pad=0, idx=""),  # nobody says that 0 is padding
        TAGS.format(loss=FLAT.format(more=""), pad=0, idx=", padding_idx=19"),
        TAGS.format(loss=FLAT.format(more=""), pad=0, idx=IDX).replace(
            "randint(4, 13, (96, 1))", "full((96, 1), 12)"
        ),
        TAGS.format(loss=FLAT.format(more=""), pad=0, idx=IDX).replace(
            "words = torch.randint(2", "words = torch.randint(0"
        ),
        TAGS.format(loss="loss_fn(body(x).mean(1), y[:, 0])", pad=0, idx=IDX),
        TAGS.format(loss="loss_fn(body(x).flatten(0, 1), torch.randint(3, (192,)))", pad=0, idx=IDX),
    ],
    ids=[
        "not declared",
        "another id",
        "none padded",
        "in the middle too",
        "one label",
        "labels differ at it",
    ],
)
def test_what_is_not_known_to_be_padding(code: str) -> None:
    answer, found = told(code)
    assert answer.skipped == (
        "nothing in the batch is known to be padding, by `padding_idx` of an embedding or by a mask"
    )
    assert found == []


def test_other_losses_are_not_asked() -> None:
    answer, _ = tags("F.mse_loss(body(x)[..., 0], y.float())")
    assert answer.skipped == "no loss over classes was seen in the first turn"
