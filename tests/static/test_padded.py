"""Targets that were filled up, in a loss that counts all positions."""

from collections.abc import Callable

import pytest

from osler.model import Code

TEXT = """
from torch.nn.utils.rnn import pad_sequence


def filled_up(samples):
    words, tags = zip(*samples)
    tags = pad_sequence(tags{how})
    {more}
    return pad_sequence(words), {entry}


net = nn.Sequential(nn.Embedding(20, 16), nn.Linear(16, 4))
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for x, y in DataLoader(data, 4, collate_fn={collate}):
    optimizer.zero_grad()
    {between}
    loss = {loss}
    loss.backward()
    optimizer.step()
"""
LOSS = "F.cross_entropy(net(x).flatten(0, 1), y.flatten())"


def padded(
    code: Callable[..., Code],
    loss: str = LOSS,
    *,
    how: str = "",
    more: str = "pass",
    entry: str = "tags",
    between: str = "pass",
    collate: str = "filled_up",
) -> list[tuple[str, str, int]]:
    text = TEXT.format(loss=loss, how=how, more=more, entry=entry, between=between, collate=collate)
    return [(f.function, f.target, f.value) for f in code(text).padded]


@pytest.mark.parametrize(
    ("loss", "function", "target"),
    [
        (LOSS, "cross_entropy", "y.flatten()"),
        ("nn.CrossEntropyLoss()(net(x).transpose(1, 2), y)", "cross_entropy", "y"),
        ("nn.CrossEntropyLoss(reduction='sum')(net(x).transpose(1, 2), y)", "cross_entropy", "y"),
        ("F.nll_loss(net(x).log_softmax(-1).view(-1, 4), target=y.view(-1))", "nll_loss", "y.view(-1)"),
        ("F.cross_entropy(net(x)[:, 1:].transpose(1, 2), y[:, 1:])", "cross_entropy", "y[:, 1:]"),
        ("F.cross_entropy(net(x).transpose(1, 2), y, label_smoothing=0.1)", "cross_entropy", "y"),
    ],
)
def test_every_position_counts(code: Callable[..., Code], loss: str, function: str, target: str) -> None:
    assert padded(code, loss) == [(function, target, 0)]


@pytest.mark.parametrize(
    ("how", "value"),
    [(", batch_first=True", 0), (", True, 1", 1), (", padding_value=-1", -1), (", padding_value=2.0", 2)],
)
def test_what_they_are_filled_up_with(code: Callable[..., Code], how: str, value: int) -> None:
    assert [v for _, _, v in padded(code, how=how)] == [value]


@pytest.mark.parametrize(
    "between", ["x, y = x.to(d), y.to(d)", "y = y.long()", "y = y.cuda().contiguous()", "lengths = y.sum(0)"]
)
def test_the_same_positions_elsewhere(code: Callable[..., Code], between: str) -> None:
    assert len(padded(code, between=between)) == 1


@pytest.mark.parametrize(
    "loss",
    [
        "F.cross_entropy(net(x).flatten(0, 1), y.flatten(), ignore_index=0)",
        "F.cross_entropy(net(x).flatten(0, 1), y.flatten(), weights)",
        "F.cross_entropy(net(x).flatten(0, 1), y.flatten(), weight=weights)",
        "F.cross_entropy(net(x).flatten(0, 1), y.flatten(), **options)",
        "F.cross_entropy(net(x).flatten(0, 1), y.flatten(), reduction='none').mean()",
        "nn.CrossEntropyLoss(weights)(net(x).flatten(0, 1), y.flatten())",
        "nn.CrossEntropyLoss(ignore_index=0)(net(x).flatten(0, 1), y.flatten())",
        "F.cross_entropy(net(x)[y > 0], y[y > 0])",
        "F.cross_entropy(net(x)[0], y[0])",
        "F.cross_entropy(net(x).flatten(0, 1), y.flatten().masked_fill(y.flatten() == 0, -100))",
        "F.cross_entropy(net(x).flatten(0, 1), clean(y).flatten())",
        "F.cross_entropy(net(x).flatten(0, 1), x.flatten())",
    ],
)
def test_the_padding_is_left_out_or_may_be(code: Callable[..., Code], loss: str) -> None:
    found = padded(code, loss)
    assert found == ([("cross_entropy", "x.flatten()", 0)] if "x.flatten())" in loss else [])


@pytest.mark.parametrize(
    "between",
    [
        "y[y == 0] = -100",
        "y = y.masked_fill(y == 0, -100)",
        "y.masked_fill_(y == 0, -100)",
        "x, y = x, fix(y)",
    ],
)
def test_targets_that_are_changed(code: Callable[..., Code], between: str) -> None:
    assert padded(code, between=between) == []


@pytest.mark.parametrize(
    "options",
    [
        {"how": ", padding_value=-100"},
        {"how": ", padding_value=PAD"},
        {"how": ", True, PAD"},
        {"more": "tags[tags == 0] = -100"},
        {"more": "tags = tags - 100"},
        {"entry": "torch.tensor([len(t) for t in tags])"},
        {"entry": "tags - 100"},
        {"collate": "own"},
        {"collate": "lambda s: filled_up(s)"},
        {"collate": "None"},
    ],
)
def test_a_collate_function_that_does_it_or_cannot_be_read(
    code: Callable[..., Code], options: dict[str, str]
) -> None:
    assert padded(code, **options) == []


def test_a_look_without_gradients(code: Callable[..., Code]) -> None:
    assert padded(code, "net(x).sum()", between=f"with torch.no_grad(): {LOSS}") == []


def test_says_where(code: Callable[..., Code]) -> None:
    text = TEXT.format(
        loss=LOSS, how="", more="pass", entry="tags", between="pass", collate="filled_up"
    )  # fmt: skip
    (fact,) = code(text).padded
    assert (fact.site[0].line, fact.padded[0].line, fact.padded[0].function) == (17, 7, "filled_up")
