"""An average of the means of batches is recognised by its digits, and no other number is taken for one."""

import sys
from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from osler.model import BatchMeansFact
from osler.runtime import batch_means
from osler.session import Session
from osler.settings import Settings

torch.set_num_threads(1)

Average = Callable[[list[float], list[int]], object]
Batches = list[tuple[Tensor, Tensor]]


def added(means: list[float]) -> float:
    total = 0.0
    for mean in means:
        total += mean
    return total


def unweighted(means: list[float], sizes: list[int]) -> float:
    return added(means) / len(sizes)


def weighted(means: list[float], sizes: list[int]) -> float:
    return added([m * n for m, n in zip(means, sizes, strict=True)]) / sum(sizes)


def batches(count: int, size: int = 16) -> Batches:
    x = torch.randn(count, 8)
    return list(DataLoader(TensorDataset(x, x[:, :4].argmax(1)), batch_size=size))


class Program:
    """Trains, and evaluates as people do, in a function whose result the caller keeps."""

    def __init__(self, average: Average, *, more: dict[str, object] | None = None) -> None:
        torch.manual_seed(0)
        self.average = average
        self.more = more or {}
        self.model = nn.Linear(8, 4)
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=0.1)
        self.training = batches(96)

    def train(self) -> None:
        for x, y in self.training:
            self.optimizer.zero_grad()
            F.cross_entropy(self.model(x), y).backward()
            self.optimizer.step()

    def evaluate(self, data: Batches) -> object:
        means: list[float] = []
        sizes: list[int] = []
        with torch.no_grad():
            for x, y in data:
                means.append(F.cross_entropy(self.model(x), y, **self.more).item())  # type: ignore
                sizes.append(len(x))
        return self.average(means, sizes)

    def run(self, *loaders: Batches, epochs: int = 3) -> list[BatchMeansFact]:
        """What was found, while each epoch ends with evaluations whose results are kept."""
        with Session(Settings(overhead=1.0)) as session:
            for _ in range(epochs):
                self.train()
                kept = [self.evaluate(data) for data in loaders]
                result = kept[-1]
                self.train()
                del kept, result
        return list(session.watcher.run.batch_means.values())


def single(means: list[float], _: list[int]) -> Tensor:
    return torch.tensor(means).mean()


def by_numpy(means: list[float], _: list[int]) -> float:
    return np.mean(means)  # type: ignore


def in_a_list(means: list[float], sizes: list[int]) -> list[float]:
    return [7.0, unweighted(means, sizes)]


def in_a_dict(means: list[float], sizes: list[int]) -> dict[str, float]:
    return {"accuracy": 0.5, "loss": unweighted(means, sizes)}


@pytest.mark.parametrize(
    ("average", "variable"),
    [
        (unweighted, "result"),
        (by_numpy, "result"),
        (single, "result"),
        (in_a_list, "result[-1]"),
        (in_a_dict, "result['loss']"),
    ],
)
def test_the_mean_of_unequal_batches(average: Average, variable: str) -> None:
    (fact,) = Program(average).run(batches(50))
    assert fact.variable in {variable, "kept[-1]"}
    assert (fact.batches, fact.size, fact.rest, fact.by_samples) == (4, 16, 2, False)
    assert fact.value != pytest.approx(fact.weighted, rel=1e-4)
    assert fact.site[0].function == "evaluate"


@pytest.mark.parametrize("count", [50, 48])
def test_the_sum_of_means_divided_by_the_number_of_samples(count: int) -> None:
    (fact,) = Program(lambda means, sizes: added(means) / sum(sizes)).run(batches(count))
    assert fact.by_samples
    assert fact.value * 10 < fact.weighted


@pytest.mark.parametrize(
    ("average", "count", "more"),
    [
        (weighted, 50, {}),
        (unweighted, 48, {}),  # the batches are equally large
        (unweighted, 16, {}),
        (unweighted, 50, {"reduction": "sum"}),
        (unweighted, 50, {"weight": torch.tensor([1.0, 2.0, 3.0, 4.0])}),
        (lambda means, sizes: (unweighted(means, sizes), weighted(means, sizes))[1], 50, {}),
        (lambda means, sizes: round(unweighted(means, sizes), 3), 50, {}),
        (lambda means, sizes: unweighted(means[:-1], sizes[:-1]), 50, {}),
        (lambda means, sizes: max(means), 50, {}),
        (lambda means, sizes: float("nan"), 50, {}),
        (lambda means, sizes: "0.8", 50, {}),
    ],
)
def test_other_results(average: Average, count: int, more: dict[str, object]) -> None:
    assert Program(average, more=more).run(batches(count)) == []


def test_both_averages_are_kept() -> None:
    both = Program(lambda m, n: {"per batch": unweighted(m, n), "per sample": weighted(m, n)})
    assert both.run(batches(50)) == []


def test_labels_that_are_ignored_weigh_the_batches() -> None:
    data = batches(50)
    data[0][1][:5] = -100
    assert Program(unweighted).run(data) == []


def test_two_evaluations_by_one_function_are_told_apart() -> None:
    (fact,) = Program(unweighted).run(batches(34), batches(50))
    assert (fact.batches, fact.rest) in {(3, 2), (4, 2)}


def test_sizes_that_change_everywhere_are_not_judged() -> None:
    data = [*batches(10, 5), *batches(14, 7), *batches(3, 3)]
    assert Program(unweighted).run(data) == []


def test_the_average_of_a_training_epoch_is_a_display() -> None:
    program = Program(unweighted)
    program.training = batches(50)
    with Session(Settings(overhead=1.0)) as session:
        for _ in range(3):
            means: list[float] = []
            for x, y in program.training:
                program.optimizer.zero_grad()
                loss = F.cross_entropy(program.model(x), y)
                loss.backward()
                program.optimizer.step()
                means.append(loss.item())
            shown = unweighted(means, means)  # type: ignore
            assert shown
    assert session.watcher.run.batch_means == {}


def test_at_the_end_the_variables_of_the_script_are_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    program = Program(unweighted)
    with Session(Settings(overhead=1.0)) as session:
        program.train()
        monkeypatch.setattr(
            sys.modules["__main__"], "test_loss", program.evaluate(batches(50)), raising=False
        )
    (fact,) = session.watcher.run.batch_means.values()
    assert fact.variable == "test_loss"


def test_the_first_evaluations_are_seen_at_rest() -> None:
    program = Program(unweighted)
    with Session(Settings(overhead=1e-9)) as session:
        for _ in range(12):
            program.train()
            kept = program.evaluate(batches(50))
        program.train()
        del kept
    (fact,) = session.watcher.run.batch_means.values()
    assert (fact.batches, fact.rest) == (4, 2)


class Late(Program):
    """Keeps the average of the means from its fourth evaluation on, and before that nothing of them."""

    def __init__(self) -> None:
        super().__init__(self.fourth)
        self.evaluations = 0
        self.kept = 0.0

    def fourth(self, means: list[float], sizes: list[int]) -> None:
        self.evaluations += 1
        if self.evaluations == 4:
            self.kept = unweighted(means, sizes)


@pytest.mark.parametrize(("looks", "found"), [(3, 0), (4, 1)])
def test_evaluations_at_one_line_are_looked_at_a_few_times(
    looks: int, found: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_means, "LOOKS", looks)
    assert len(Late().run(batches(50), epochs=6)) == found


@pytest.mark.parametrize(("calls", "found"), [(12, 0), (20, 1)])
def test_after_so_many_losses_an_evaluation_is_as_cheap_as_without_osler(
    calls: int, found: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_means, "CALLS", calls)
    # four batches in each evaluation: the fourth of them ends, at rest, with the first loss of the fifth
    assert len(Late().run(batches(50), epochs=6)) == found
