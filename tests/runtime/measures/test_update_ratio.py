"""How far a step moves parameters, relative to their size."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from osler.runtime.many import Many
from osler.runtime.measures import Moment, update_ratio
from osler.runtime.measures.update_ratio import COMPARED, WHOLE, spread, stride

torch.set_num_threads(1)


def parameter(*numbers: float, grad: float | None = 1.0) -> nn.Parameter:
    made = nn.Parameter(torch.tensor(numbers))
    made.grad = None if grad is None else torch.full_like(made, grad)
    return made


def moved(parameters: list[nn.Parameter], step: Callable[[], object] | None = None, lr: float = 0.5) -> Many:
    """The ratios of one step of gradient descent, or of something else."""
    optimizer = torch.optim.SGD(parameters, lr=lr)
    moment = Moment(optimizer=optimizer)
    moment.before = update_ratio.ahead(moment)
    (step or optimizer.step)()
    found = update_ratio.take(moment)
    assert found is not None
    return found


def test_each_parameter_and_all_of_them() -> None:
    found = moved([parameter(3.0, 4.0), parameter(12.0)])
    assert found.subjects == ("", "[0]", "[1]")
    whole = math.sqrt(3 * 0.25) / 13.0
    assert found.values.tolist() == pytest.approx([whole, math.sqrt(0.5) / 5, 0.5 / 12])


@pytest.mark.parametrize(
    ("kind", "order"),
    [
        (torch.optim.AdamW, torch.channels_last),
        (torch.optim.RMSprop, torch.contiguous_format),
        (torch.optim.LBFGS, torch.contiguous_format),
    ],
)
def test_it_is_what_the_step_did_whatever_the_optimizer(
    kind: Callable[..., torch.optim.Optimizer], order: torch.memory_format
) -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(2, 3, 3), nn.Flatten(), nn.Linear(12, 4)).to(memory_format=order)
    x = torch.randn(5, 2, 4, 4)
    optimizer = kind(net.parameters(), lr=0.01)

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = net(x).square().mean()
        loss.backward()
        return loss

    closure()
    before = [p.detach().double() for p in net.parameters()]
    moment = Moment(optimizer=optimizer)
    moment.before = update_ratio.ahead(moment)
    optimizer.step(closure)
    found = update_ratio.take(moment)
    assert found is not None
    after = [p.detach().double() for p in net.parameters()]
    truth = [float((a - b).norm() / b.norm()) for a, b in zip(after, before, strict=True)]
    assert found.values[1:].tolist() == pytest.approx(truth, rel=1e-4)
    whole = math.hypot(*((a - b).norm() for a, b in zip(after, before, strict=True)))
    assert found.values[0].item() == pytest.approx(whole / math.hypot(*(b.norm() for b in before)), rel=1e-4)


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (parameter(0.0, 0.0), 1.0),  # a bias that begins at zero: all of it is new
        (parameter(0.0, 0.0, grad=None), 0.0),
        (parameter(2.0, 2.0, grad=None), 0.0),
        (parameter(2.0, 2.0, grad=0.0), 0.0),
        (parameter(2.0, 2.0, grad=math.inf), math.inf),
        (parameter(2.0, 2.0, grad=math.nan), math.nan),
        (parameter(math.nan, 2.0), math.nan),
    ],
)
def test_what_cannot_be_divided(one: nn.Parameter, expected: float) -> None:
    assert moved([one]).values[1].item() == pytest.approx(expected, nan_ok=True)


def test_numbers_that_were_exchanged_are_compared_too() -> None:
    one = parameter(3.0, 4.0)

    def exchange() -> None:
        one.data = torch.tensor([3.0, 9.0])

    assert moved([one], exchange).values.tolist() == [1.0, 1.0]


@pytest.mark.parametrize("other", [torch.ones(3), torch.ones(2, dtype=torch.float64), torch.ones(4)[::2]])
def test_a_parameter_that_became_another_is_left_out(other: Tensor) -> None:
    one, two = parameter(3.0, 4.0), parameter(2.0)

    def exchange() -> None:
        one.data = other

    assert moved([one, two], exchange).subjects == ("", "[1]")


def test_there_may_be_nothing_to_compare() -> None:
    frozen = nn.Parameter(torch.ones(4), requires_grad=False)
    whole = nn.Parameter(torch.ones(4, dtype=torch.complex64))
    moment = Moment(optimizer=torch.optim.SGD([frozen, whole, nn.Parameter(torch.empty(0))], lr=0.1))
    assert update_ratio.ahead(moment) == []
    assert update_ratio.take(moment) is None
    assert update_ratio.ahead(Moment()) == []


def test_of_a_large_model_a_share_is_compared_that_tells_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(update_ratio, "COMPARED", 1 << 14)
    torch.manual_seed(0)
    large = [nn.Parameter(torch.randn(256, 384)), nn.Parameter(torch.randn(384))]
    for each in large:
        each.grad = torch.randn_like(each)
    truth = [float(0.01 * p.grad.norm() / p.detach().norm()) for p in large if p.grad is not None]
    optimizer = torch.optim.SGD(large, lr=0.01)
    moment = Moment(optimizer=optimizer)
    moment.before = update_ratio.ahead(moment)
    assert sum(c.numbers.numel() for c in moment.before) < 1.1 * (1 << 14)
    optimizer.step()
    found = update_ratio.take(moment)
    assert found is not None
    assert found.values[1:].tolist() == pytest.approx(truth, rel=0.03)
    assert found.values[0].item() == pytest.approx(truth[0], rel=0.03)


@pytest.mark.parametrize(
    ("shape", "every"),
    [((64, 64), 1), ((300, 512), 1), ((300, 512), 6), ((9_000, 90), 8), ((5_000, 48), 3), ((1_000, 10), 9)],
)
def test_every_column_has_its_share(shape: tuple[int, int], every: int) -> None:
    matrix = torch.arange(shape[1]).repeat(shape[0], 1)
    found = spread(matrix, stride(matrix, every)).flatten().bincount()
    assert len(found) == shape[1]
    assert found.max() - found.min() <= 0.05 * found.max() + 1


def test_what_is_small_is_copied_whole_and_copies_are_few() -> None:
    assert stride(torch.empty(WHOLE), 100) == 1
    assert COMPARED * 4 == 16 << 20


def test_nothing_that_is_trained_is_touched() -> None:
    one = parameter(3.0, 4.0)
    optimizer = torch.optim.SGD([one], lr=0.0)
    moment = Moment(optimizer=optimizer)
    moment.before = update_ratio.ahead(moment)
    version, address = one._version, one.data_ptr()
    assert moment.before[0].numbers.data_ptr() != address
    update_ratio.take(moment)
    assert (one._version, one.data_ptr(), one.tolist()) == (version, address, [3.0, 4.0])
