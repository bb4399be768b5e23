import pytest

from osler.checks.evaluation.batch_means_averaged_unweighted import check
from osler.model import Severity
from osler.testing import read

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
