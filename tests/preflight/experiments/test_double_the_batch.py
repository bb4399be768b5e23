"""Two copies of the same samples: by the loss function, by the loop, or not at all."""

import pytest

from osler.testing import try_out

LOOP = """
model = Net()
optimizer = torch.optim.{optimizer}(model.parameters(), lr=0.01)
loader = DataLoader(rows({count}), batch_size=16{more})
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        {loss}.backward()
        optimizer.step()
"""
BY_HAND = "(F.log_softmax(model(x), 1).gather(1, y[:, None]).neg())"


def told(loss: str, *, optimizer: str = "SGD", count: int = 192, more: str = ""):
    diagnosis = try_out(
        LOOP.format(loss=loss, optimizer=optimizer, count=count, more=more), "double-the-batch"
    )
    (answer,) = diagnosis.experiments
    return answer, [f.check for f in diagnosis.findings if "setup" in f.seen_by]


@pytest.mark.parametrize(
    "loss",
    [
        "loss_fn(model(x), y)",
        "(loss_fn(model(x), y) / 4)",
        "(-loss_fn(model(x), y))",
        "(F.cross_entropy(model(x), y, reduction='sum') / len(x))",
        "(F.cross_entropy(model(x), y, reduction='sum') / 41)",  # the targets of a whole window
        "F.mse_loss(model(x)[:, 0], y.float())",
        "F.kl_div(model(x).log_softmax(1), torch.full((len(x), 4), 0.25), reduction='batchmean')",
    ],
)
def test_a_mean_stays(loss: str) -> None:
    answer, found = told(loss)
    assert answer.answer.startswith("no: ")
    assert found == []


@pytest.mark.parametrize(
    "loss",
    [
        "F.cross_entropy(model(x), y, reduction='sum')",
        "(F.cross_entropy(model(x), y, reduction='sum') / 4)",
        "F.mse_loss(model(x)[:, 0], y.float(), reduction='sum')",
    ],
)
def test_a_sum_doubles(loss: str) -> None:
    answer, found = told(loss)
    assert answer.answer.startswith("yes: ")
    assert answer.values["twice"] == pytest.approx(2 * answer.values["once"])
    assert found == ["loss-reduction-sums"]


def test_adam_makes_up_for_it() -> None:
    answer, found = told("F.cross_entropy(model(x), y, reduction='sum')", optimizer="Adam")
    assert answer.answer.startswith("yes: ")
    assert found == []


@pytest.mark.parametrize(
    ("loss", "verdict"),
    [
        (f"{BY_HAND}.sum()", "yes"),
        (f"{BY_HAND}.mean()", "no"),
        (f"({BY_HAND}.sum() + F.mse_loss(model(x), torch.zeros(len(x), 4), reduction='sum'))", "yes"),
        ("(model(x) @ model(x).T).logsumexp(1).mean()", "in part"),
    ],
    ids=["sum", "mean", "two sums", "pairs"],
)
def test_a_loss_by_hand_is_asked_by_the_loop(loss: str, verdict: str) -> None:
    answer, _ = told(loss, count=200)
    assert answer.answer.startswith(f"{verdict}: ")


def test_dropout_does_not_hide_it() -> None:
    answer, found = told(f"{BY_HAND}.sum()".replace("model(x)", "F.dropout(model(x), 0.5)"), count=200)
    assert answer.answer.startswith("yes: ")
    assert found == ["loss-reduction-sums"]


@pytest.mark.parametrize(
    ("loss", "count", "more", "why"),
    [
        (f"{BY_HAND}.sum()", 192, "", "all batches are of one size: the loop may take no other"),
        (f"{BY_HAND}.sum()", 200, ", drop_last=True", "all batches are of one size"),
    ],
    ids=["one size", "drops the last"],
)
def test_is_refused_where_the_loop_may_break(loss: str, count: int, more: str, why: str) -> None:
    answer, found = told(loss, count=count, more=more)
    assert why in answer.skipped
    assert found == []


def test_a_loop_that_leaves_small_batches_out() -> None:
    loop = LOOP.replace(
        "        optimizer.zero", "        if len(x) < 16:\n            continue\n        optimizer.zero"
    )
    code = loop.format(loss=f"{BY_HAND}.sum()", optimizer="SGD", count=200, more="")
    (answer,) = try_out(code, "double-the-batch").experiments
    assert answer.skipped == "the loop computed no loss for a batch of another size"
