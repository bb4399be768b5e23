"""The same batches from the same state: the same numbers, or what changes them."""

import pytest

from osler.testing import try_out

LOOP = """
{before}
def step(x, y, count):
    loss = {loss}
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    {after}

def main():
    for epoch in range(20):
        for i, (x, y) in enumerate(loader):
            step(x, y, epoch * len(loader) + i + 1)

main()
"""

WINDOWS = """
for epoch in range(20):
    for i, (x, y) in enumerate(loader, 1):
        (loss_fn(model(x), y) / 3).backward()
        if i % 3 == 0:
            optimizer.step()
            optimizer.zero_grad()
"""


def told(loss: str = "loss_fn(model(x), y)", before: str = "", after: str = "pass"):
    (answer,) = try_out(LOOP.format(loss=loss, before=before, after=after), "replay-exactly").experiments
    return answer


@pytest.mark.parametrize(
    ("loss", "before", "after"),
    [
        ("loss_fn(model(x), y)", "", "pass"),
        ("loss_fn(model(x + torch.randn_like(x)), y)", "", "pass"),
        (
            "loss_fn(model(x + torch.randn(x.shape, generator=noise)), y)",
            "noise = torch.Generator().manual_seed(3)",
            "pass",
        ),
        (
            "loss_fn(model(x), y)",
            "schedule = torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(optimizer, T_0=8)",
            "schedule.step()",
        ),
    ],
)
def test_what_is_put_back_replays(loss: str, before: str, after: str) -> None:
    answer = told(loss, before, after)
    assert answer.answer == "yes, 10 turns bit for bit"
    assert answer.values["noise"] == 0.0


def test_a_counter_of_the_loop_sets_the_learning_rate() -> None:
    answer = told(after="optimizer.param_groups[0]['lr'] = 0.05 / count")
    assert answer.answer.startswith("no, losses of 10 turns differ by up to ")
    assert "after turn 1 the learning rate is 0.0" in answer.answer
    assert answer.answer.endswith("; a counter of the loop sets it")
    assert answer.values["noise"] > 0


def test_the_loss_reads_a_counter() -> None:
    answer = told("loss_fn(model(x), y) * (1 + 0.01 * count)")
    assert ": in turn 1 the loss is " in answer.answer
    assert answer.answer.endswith(
        "; besides the batch and the weights it reads what changes from turn to turn"
    )


def test_the_loop_makes_its_targets_itself() -> None:
    answer = told("loss_fn(model(x), (y + count) % 4)")
    assert answer.answer.endswith(
        ": in turn 1 the loss is compared with other targets, which the loop makes itself"
    )


def test_a_loss_that_is_no_number() -> None:
    answer = told("loss_fn(model(x), y) * float('nan')")
    assert answer.answer == "no: in turn 1 the loss is not a number"
    assert answer.values["noise"] == 0.0


def test_only_the_weights_differ() -> None:
    spare = "model.spare = nn.Parameter(torch.zeros(1))"
    answer = told(before=spare, after="model.spare.data.fill_(count)")
    assert answer.answer == "no: the weights do not agree after the last turn"
    assert answer.values["noise"] == 0.0


def test_an_accumulation_window_that_begins_elsewhere_is_waited_for() -> None:
    (answer,) = try_out(WINDOWS, "replay-exactly").experiments
    assert answer.answer == "yes, 10 turns bit for bit"
