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


# --- other ways to average


OFF = "the means of the batches of `test_loader` are averaged: the last batch has 2 of 16 samples and weighs"
LOADER = (
    "test_loader = DataLoader(TensorDataset(torch.randn(50, 8), torch.zeros(50).long()), batch_size=16)\n"
)
START = f"{LOADER}model.eval()\nmean = nn.CrossEntropyLoss()\n"
EVALUATE = f"{START}total, means, count = 0.0, [], 0\nfor x, y in test_loader:\n    "


def told(code: str) -> list[str]:
    return [f.message for f in read(code, [check]).findings]


AVERAGED = {
    "added, then divided": EVALUATE + "total += mean(model(x), y).item()\nprint(total / len(test_loader))",
    "divided in place": EVALUATE + "total += mean(model(x), y).item()\ntotal /= len(test_loader)",
    "a number made of it": EVALUATE + "total += float(mean(model(x), y))\nprint(total / len(test_loader))",
    "kept in a list": EVALUATE + "means.append(mean(model(x), y).item())\nprint(sum(means) / len(means))",
    "a list and numpy": "import numpy as np\n"
    + EVALUATE
    + "means.append(mean(model(x), y).item())\nprint(np.mean(means))",
    "a list and torch": EVALUATE
    + "means.append(mean(model(x), y).item())\nprint(torch.tensor(means).mean())",
    "a functional loss": EVALUATE
    + "total += F.cross_entropy(model(x), y).item()\nprint(total / len(test_loader))",
    "in a comprehension": START
    + "print(sum(mean(model(x), y).item() for x, y in test_loader) / len(test_loader))",
    "in a function": START
    + """
def evaluate(model, batches):
    total = 0.0
    with torch.no_grad():
        for x, y in batches:
            total += mean(model(x), y).item()
    return total / len(batches)

print(evaluate(model, test_loader))
""",
    "in a class": START
    + """
class Judge:
    def __init__(self, batches):
        self.batches, self.total = batches, 0.0

    def __call__(self):
        for x, y in self.batches:
            self.total += mean(model(x), y).item()
        return self.total / len(self.batches)

print(Judge(test_loader)())
""",
}


@pytest.mark.parametrize("code", AVERAGED.values(), ids=AVERAGED)
def test_averages_of_means(code: str) -> None:
    (message,) = told(code)
    assert message.startswith(OFF)


WEIGHED = {
    "times the size of the batch": EVALUATE
    + "total += mean(model(x), y).item() * len(x)\nprint(total / len(test_loader.dataset))",
    "times the size first": EVALUATE
    + "total += len(y) * mean(model(x), y).item()\nprint(total / len(test_loader.dataset))",
    "times the first axis": EVALUATE
    + "total += mean(model(x), y).item() * x.size(0)\nprint(total / len(test_loader.dataset))",
    "divided by what was counted": EVALUATE
    + "total += mean(model(x), y).item() * y.shape[0]\n    count += y.shape[0]\nprint(total / count)",
    "sums": EVALUATE.replace("EntropyLoss()", 'EntropyLoss(reduction="sum")')
    + "total += mean(model(x), y).item()\nprint(total / len(test_loader.dataset))",
    "sums of a function": EVALUATE + 'total += F.cross_entropy(model(x), y, reduction="sum").item()\n'
    "print(total / len(test_loader.dataset))",
    "one number for each sample": EVALUATE
    + 'means.append(F.cross_entropy(model(x), y, reduction="none"))\nprint(torch.cat(means).mean())',
    "right answers": EVALUATE
    + "total += (model(x).argmax(1) == y).sum().item()\nprint(total / len(test_loader.dataset))",
    "all outputs together": EVALUATE
    + "means.append(model(x))\nprint(mean(torch.cat(means), torch.zeros(50).long()))",
    "while it is trained": EVALUATE.replace("model.eval()", "model.train()")
    + "loss = mean(model(x), y)\n    loss.backward()\n    optimizer.step()\n    optimizer.zero_grad()\n"
    "    total += loss.item()\nprint(total / len(test_loader))",
    "only a total": EVALUATE + "total += mean(model(x), y).item()\nprint(total)",
    "the mean of one batch": EVALUATE + "total = mean(model(x), y).item()\nprint(total / len(test_loader))",
    "the median of the means": "import numpy as np\n"
    + EVALUATE
    + "means.append(mean(model(x), y).item())\nprint(np.median(means))",
    "another length": EVALUATE + "total += mean(model(x), y).item()\nprint(total / len(loader))",
    "the epoch's means": EVALUATE.replace("for x, y in test_loader", "for x, y in [(0, 0)]")
    + "means.append(mean(model(x), y).item())\nprint(sum(means) / len(means))",
    "steps of a sampler": EVALUATE.replace("batch_size=16", "batch_size=16, sampler=some")
    + "total += mean(model(x), y).item()\nprint(total / len(test_loader))",
    "all samples in one batch": EVALUATE.replace("batch_size=16", "batch_size=50")
    + "total += mean(model(x), y).item()\nprint(total / len(test_loader))",
    "all samples, however many": "data = TensorDataset(*torch.load('data.pt'))\n"
    + EVALUATE.replace(LOADER, "test_loader = DataLoader(data, batch_size=len(data))\n")
    + "total += mean(model(x), y).item()\nprint(total / len(test_loader))",
    "samples one by one": EVALUATE.replace(", batch_size=16", "")
    + "total += mean(model(x), y).item()\nprint(total / len(test_loader))",
    "a loader from elsewhere": EVALUATE.replace(LOADER, "from mine import test_loader\n")
    + "total += mean(model(x), y).item()\nprint(total / len(test_loader))",
    "a library counts": "import torchmetrics\nmetric = torchmetrics.MeanMetric()\n"
    + EVALUATE
    + "metric.update(mean(model(x), y), len(x))\nprint(metric.compute() / 1)",
    "a running mean": EVALUATE
    + "loss = mean(model(x), y).item()\n    count += 1\n    total += (loss - total) / count\nprint(total)",
    "inputs": EVALUATE + "total += x.mean().item()\nprint(total / 50)",
}


@pytest.mark.parametrize("code", WEIGHED.values(), ids=WEIGHED)
def test_what_weighs_all_samples_alike_or_is_no_average(code: str) -> None:
    assert told(code) == []
