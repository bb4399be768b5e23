import pytest

from osler.checks.evaluation.batch_means_averaged_unweighted import check
from osler.model import BatchMeansFact, Kind, Severity
from osler.testing import event, findings, place, read, run_of

CODE = """
test_loader = DataLoader({data})
model.eval()
total = 0
with torch.no_grad():
    for x, y in test_loader:
        total += loss_fn(model(x), y).item()
print(total / len({by}))
"""


@pytest.mark.parametrize(
    ("data", "by", "message"),
    [
        (
            "rows(50), batch_size=16",
            "test_loader",
            "the means of the batches of `test_loader` are averaged: the last batch has 2 of 16 samples and "
            "weighs as much as the others.",
        ),
        (
            "rows(50), batch_size=size",
            "test_loader",
            "the means of the batches of `test_loader` are averaged: a smaller last batch weighs as much as "
            "the others.",
        ),
        (
            "rows(48), batch_size=16, drop_last=False",
            "test_loader.dataset",
            "means of batches of up to 16 are added and divided by the number of samples of `test_loader`.",
        ),
        (
            "rows(48), batch_size=size",
            "test_loader.dataset",
            "means of batches are added and divided by the number of samples of `test_loader`.",
        ),
    ],
)
def test_says_what_was_seen(data: str, by: str, message: str) -> None:
    (found,) = read(CODE.format(data=data, by=by), [check]).findings
    assert found.message == message
    assert found.severity is Severity.HINT
    assert [r.label for r in found.related] == ["the means are added here"]


@pytest.mark.parametrize(
    "data",
    [
        "TensorDataset(torch.randn(50, 8), torch.zeros(50).long()), 10",
        "TensorDataset(torch.randint(0, 9, (50, 8)), torch.zeros(50).long()), 10",
        "TensorDataset(torch.zeros((50, 8)), torch.zeros(50).long()), 25",
        "rows(50), batch_size=1",
        "rows(50), batch_size=None",
        "rows(50), batch_size=16, drop_last=True",
        "rows(50), batch_size=16, drop_last=whether",
        "rows(50), batch_size=16, **options",
        "rows(50), batch_sampler=batches",
    ],
)
def test_batches_that_are_or_may_be_equal(data: str) -> None:
    assert not read(CODE.format(data=data, by="test_loader"), [check]).findings


@pytest.mark.parametrize(("sizes", "said"), [("[80, 19]", 0), ("[82, 17]", 1)])
def test_two_sizes_that_one_loader_may_have(sizes: str, said: int) -> None:
    split = f"one, other = torch.utils.data.random_split(rows(99), {sizes})\n"
    found = read(split + CODE.format(data="other, 20", by="test_loader"), [check]).findings
    assert ["a smaller last batch" in f.message for f in found] == [True] * said


def test_is_silent_without_training() -> None:
    assert not read("print(model)", [check]).findings


TURNS = [[event(Kind.STEP, "SGD", 14, "fresh")]] * 9


@pytest.mark.parametrize(
    ("fact", "message"),
    [
        (
            BatchMeansFact((place(20),), "val_loss", 4, 16, 2, 1.31666, 1.30796),
            "`val_loss` holds the mean of the means of 4 batches: the last has 2 of 16 samples and weighs as "
            "much as the others. It is 1.31666, the mean over all samples 1.30796.",
        ),
        (
            BatchMeansFact((place(20),), "history[-1]", 3, 16, 16, 0.0826, 1.322, by_samples=True),
            "the means of 3 batches of up to 16 were added and divided by the number of samples: "
            "`history[-1]` is 0.0826, the mean is 1.322.",
        ),
    ],
)
def test_says_what_was_seen_in_a_run(fact: BatchMeansFact, message: str) -> None:
    (found,) = findings(run_of(TURNS, batch_means=[fact]), [check])
    assert (found.message, found.severity, found.place.line) == (message, Severity.HINT, 20)
    assert found.evidence[0].expected == f"{fact.weighted:.6g}, the mean over all samples"


def test_a_run_without_such_averages() -> None:
    assert not findings(run_of(TURNS), [check])
