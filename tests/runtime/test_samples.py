"""The first samples are kept as the model is given them, only if that is asked for."""

from base64 import b64decode

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from osler.model import Run, SamplesFact
from osler.runtime import samples as samples_module
from osler.runtime.guard import Guard
from osler.runtime.samples import MODELS, MOST, NUMBERS, SIDE, Samples, taken
from osler.session import Session
from osler.settings import Settings

torch.set_num_threads(1)


def points(fact: SamplesFact, number: int = 0) -> Tensor:
    """A picture as it can be drawn: (height, width, channels)."""
    shades = list(b64decode(fact.samples[number].pixels))
    return torch.tensor(shades).reshape(fact.height, fact.width, fact.channels)


def test_a_picture_is_what_the_model_is_given() -> None:
    batch = torch.linspace(-1, 3, 5 * 3 * 4 * 6).reshape(5, 3, 4, 6)
    fact = taken("Net", batch, (), 2)
    assert (fact.shape, fact.rows, fact.lowest, fact.highest, fact.step) == ((3, 4, 6), 5, -1.0, 3.0, 2)
    assert (fact.height, fact.width, fact.channels, len(fact.samples)) == (4, 6, 3, 5)
    for number in range(5):
        expected = ((batch[number].double() + 1) / 4 * 255).clamp(0, 255).to(torch.uint8).movedim(0, -1)
        assert (points(fact, number) - expected.long()).abs().max() <= 1


@pytest.mark.parametrize(
    ("shape", "size"),
    [
        ((2, 1, 8, 8), (8, 8, 1)),
        ((2, 8, 8), (8, 8, 1)),
        ((2, 8, 9, 3), (8, 9, 3)),
        ((2, 16, 5, 7), (5, 7, 1)),
        ((2, 3, 224, 100), (56, 50, 3)),
        ((2, 3, 4, 8, 8), (8, 8, 3)),  # a film, channels first
        ((2, 4, 3, 8, 8), (8, 8, 3)),  # a film, channels in each frame
        ((2, 300, 512), (60, 64, 1)),
    ],
)
def test_shapes_of_pictures(shape: tuple[int, ...], size: tuple[int, int, int]) -> None:
    fact = taken("Net", torch.rand(shape), (), 0)
    assert (fact.height, fact.width, fact.channels) == size
    assert max(fact.height, fact.width) <= SIDE
    assert points(fact).shape == size


@pytest.mark.parametrize(
    ("batch", "numbers"),
    [
        (torch.tensor([[1.5, 2.0], [3.0, 4.0]]), (1.5, 2.0)),
        (torch.tensor([[7, 8, 9]]), (7.0, 8.0, 9.0)),
        (torch.tensor([True, False]), (1.0,)),
        (torch.tensor([3.0, 4.0]), (3.0,)),
        (torch.arange(100).reshape(1, 100), tuple(map(float, range(NUMBERS)))),
    ],
)
def test_rows_of_numbers(batch: Tensor, numbers: tuple[float, ...]) -> None:
    fact = taken("Net", batch, (), 0)
    assert (fact.samples[0].numbers, fact.samples[0].pixels, fact.height) == (numbers, "", 0)


def test_what_is_not_a_number_is_black_or_white() -> None:
    batch = torch.zeros(1, 1, 1, 5)
    batch[0, 0, 0] = torch.tensor([0.0, 1.0, float("nan"), float("inf"), float("-inf")])
    assert points(taken("Net", batch, (), 0)).flatten().tolist() == [0, 255, 0, 255, 0]


def test_a_batch_without_any_contrast() -> None:
    fact = taken("Net", torch.full((2, 1, 2, 2), 3.0), (), 0)
    assert (fact.lowest, fact.highest, points(fact).unique().tolist()) == (3.0, 3.0, [0])


class Program:
    def __init__(self) -> None:
        torch.manual_seed(0)
        self.model = nn.Sequential(nn.Flatten(), nn.Linear(16, 4))
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=0.1)
        self.x, self.y = torch.rand(24, 1, 4, 4), torch.arange(24) % 4

    def train(self, turns: int = 3) -> None:
        for _ in range(turns):
            self.optimizer.zero_grad()
            F.cross_entropy(self.model(self.x), self.y).backward()
            self.optimizer.step()


def test_nothing_is_kept_unless_it_is_asked_for() -> None:
    with Session(Settings()) as session:
        Program().train()
    assert session.watcher.run.samples == {}


def test_samples_come_with_their_labels() -> None:
    program = Program()
    with Session(Settings(keep="samples")) as session:
        with torch.no_grad():
            program.model(program.x + 1)  # an evaluation: nothing is trained on that
        program.train()
    (fact,) = session.watcher.run.samples.values()
    assert [s.label for s in fact.samples] == [str(n % 4) for n in range(MOST)]
    assert (fact.model, fact.rows, fact.highest) == ("Sequential", 24, float(program.x[:MOST].max()))
    assert fact.site[0].function == "train"


@pytest.mark.parametrize("labels", [torch.rand(24, 4).softmax(1), torch.rand(24, 4)])
def test_targets_that_are_no_labels(labels: Tensor) -> None:
    program = Program()
    program.y = labels
    with Session(Settings(keep="samples")) as session:
        program.train()
    (fact,) = session.watcher.run.samples.values()
    assert {s.label for s in fact.samples} == {""}


def test_training_is_the_same() -> None:
    states: list[dict[str, Tensor]] = []
    for keep in ("nothing", "samples"):
        program = Program()
        with Session(Settings(keep=keep)):
            program.train(5)
        states.append(program.model.state_dict())
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def asked(told: list[str]) -> tuple[Run, Samples]:
    run = Run()
    samples = Samples(run, Guard(told.append).gate("samples that are kept"))
    samples.on = True
    return run, samples


def test_of_many_models_the_first_are_shown() -> None:
    told: list[str] = []
    run, samples = asked(told)
    samples.forward("text", ("no tensor",), {}, ())
    for name in "abcde":
        samples.forward(name, (torch.ones(2, 2),), {}, ())
    assert list(run.samples) == list("abcde"[:MODELS])
    assert told == []


def test_a_fault_of_ours_is_one_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> SamplesFact:
        raise ValueError("a picture of nothing")

    monkeypatch.setattr(samples_module, "taken", fail)
    told: list[str] = []
    run, samples = asked(told)
    for name in "ab":
        samples.forward(name, (torch.ones(2, 2),), {}, ())
        samples.loss(torch.zeros(2))
    assert run.samples == {}
    (warning,) = told
    assert "samples that are kept" in warning
    assert "a picture of nothing" in warning
