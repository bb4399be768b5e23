"""Updates without an optimizer are noticed by what they leave behind, and nothing else is taken for one."""

import math
from collections.abc import Callable, Iterable

import pytest
import torch
from torch import Tensor, nn

from osler.runtime.byhand import COPIES, MOST, HandUpdates
from osler.runtime.census import Census
from osler.runtime.copies import COPYABLE
from osler.runtime.registry import Registry
from osler.session import Session
from osler.settings import Settings

torch.set_num_threads(1)

Act = Callable[[Tensor, Tensor], object]


class Program:
    """A regression without modules: a weight, a bias, and a loss."""

    def __init__(self, size: int = 3) -> None:
        torch.manual_seed(0)
        self.weight = torch.randn(size, requires_grad=True)
        self.bias = torch.zeros(1, requires_grad=True)
        self.census = Census(Registry())
        self.updates = HandUpdates(self.census)
        self.updates.watch([self.weight, self.bias])

    def backward(self) -> None:
        holder = self.updates.holder
        holder.before_backward()
        (self.weight.sum() + self.bias - 1).square().sum().backward()
        holder.after_backward(1, 1)
        self.updates.after_backward()

    def turn(self, act: Act) -> str:
        """What was noticed after one backward and one act."""
        self.backward()
        act(self.weight, self.bias)
        return self.updates.changed()


def without_recording(act: Act) -> Act:
    def acting(w: Tensor, b: Tensor) -> None:
        with torch.no_grad():
            act(w, b)

    return acting


def assign_data(w: Tensor, b: Tensor) -> None:
    w.data = w.data - 0.01 * w.grad  # type: ignore
    b.data = b.data - 0.01 * b.grad  # type: ignore


def subtract_data(w: Tensor, b: Tensor) -> None:
    w.data -= 0.01 * w.grad  # type: ignore
    b.data -= 0.01 * b.grad  # type: ignore


def subtract(w: Tensor, b: Tensor) -> None:
    w -= 0.01 * w.grad  # type: ignore
    b -= 0.01 * b.grad  # type: ignore


def add_to_data(w: Tensor, b: Tensor) -> None:
    w.data.add_(w.grad, alpha=-0.01)  # type: ignore
    b.data.add_(b.grad, alpha=-0.01)  # type: ignore


UPDATES: dict[str, Act] = {
    "p -= lr * g": without_recording(subtract),
    "p.data -= lr * g": subtract_data,
    "p.data = p - lr * g": assign_data,
    "p.data.add_()": add_to_data,
    "p.copy_()": without_recording(lambda w, b: (w.copy_(w + 1), b.copy_(b + 1))),
    "p.mul_()": without_recording(lambda w, b: (w.mul_(0.9), b.add_(1))),
    "p[i] = x": without_recording(lambda w, b: (w.__setitem__(0, w[0] + 1), b.__setitem__(0, b[0] + 1))),
    "_foreach_add_": without_recording(lambda w, b: torch._foreach_add_([w, b], 1.0)),
    "only the larger": without_recording(lambda w, b: w.add_(1)),
    "only the smaller": without_recording(lambda w, b: b.add_(1)),
    "only the smaller, by data": lambda w, b: b.data.add_(1),
}

NO_UPDATES: dict[str, Act] = {
    "nothing": lambda w, b: None,
    "reading": lambda w, b: (w.sum().item(), b.tolist(), w.detach().numpy().mean()),
    "a forward": lambda w, b: w.sum() + b,
    "a copy that is changed": lambda w, b: w.detach().clone().add_(1),
    "an average of the parameters": lambda w, b: torch.zeros_like(w).lerp_(w.detach(), 0.1),
    "gradients to none": lambda w, b: (setattr(w, "grad", None), setattr(b, "grad", None)),
    "gradients to zero": lambda w, b: (w.grad.zero_(), b.grad.zero_()),  # type: ignore
    "gradients clipped": lambda w, b: nn.utils.clip_grad_norm_([w, b], 0.1),
    "gradients doubled": lambda w, b: w.grad.mul_(2),  # type: ignore
    "another tensor": lambda w, b: torch.ones(3).mul_(2),
    "frozen": lambda w, b: b.requires_grad_(False),
    "saved": lambda w, b: {"w": w.detach(), "b": b},
}


@pytest.mark.parametrize("act", UPDATES.values(), ids=UPDATES)
def test_an_update_is_noticed_in_every_turn(act: Act) -> None:
    program = Program()
    seen = []
    for _ in range(COPIES + 4):
        seen.append(program.turn(act))
        program.weight.grad = program.bias.grad = None
    assert seen == ["fresh"] * (COPIES + 4)


@pytest.mark.parametrize("act", NO_UPDATES.values(), ids=NO_UPDATES)
def test_what_changes_no_parameter_is_no_update(act: Act) -> None:
    program = Program()
    assert [program.turn(act) for _ in range(3)] == ["", "", ""]
    assert not program.census.of(program.weight).updated


@pytest.mark.parametrize("factor", [0.0, -0.0])
def test_an_update_by_nothing_is_empty(factor: float) -> None:
    program = Program()
    act = without_recording(lambda w, b: (w.add_(w.grad, alpha=factor), b.add_(b.grad, alpha=factor)))  # type: ignore
    assert program.turn(act) == "empty"


def test_gradients_that_are_not_cleared_are_carried_into_the_next_update() -> None:
    program = Program()
    act = UPDATES["p -= lr * g"]
    assert [program.turn(act) for _ in range(3)] == ["fresh", "carried", "carried"]


def test_an_update_is_noticed_once() -> None:
    program = Program()
    assert program.turn(UPDATES["p -= lr * g"]) == "fresh"
    assert program.updates.changed() == ""


def test_changes_before_the_first_backward_are_initialisation() -> None:
    program = Program()
    program.weight.data.normal_()
    nn.init.zeros_(program.bias)
    assert program.updates.changed() == ""


def test_changes_after_what_was_noted_is_forgotten_are_not_noticed() -> None:
    program = Program()
    program.backward()
    program.updates.forget()
    UPDATES["p -= lr * g"](program.weight, program.bias)
    assert program.updates.changed() == ""


def test_only_what_was_changed_is_marked_as_updated() -> None:
    program = Program()
    program.turn(without_recording(lambda w, b: w.add_(1)))
    assert program.census.of(program.weight).updated
    assert not program.census.of(program.bias).updated


def test_large_parameters_are_never_copied() -> None:
    program = Program()
    program.updates = HandUpdates(program.census)
    program.weight = torch.zeros(COPYABLE + 1, requires_grad=True)
    program.updates.watch([program.weight])
    assert program.turn(lambda w, b: w.data.add_(1)) == "", "`.data` leaves no sign but the values"
    assert program.turn(without_recording(lambda w, b: w.add_(1))) == "fresh"


def test_watching_the_same_again_changes_nothing() -> None:
    program = Program()
    program.updates.watch([program.bias, program.weight])
    assert len(program.updates.holder.parameters) == 2


def test_a_bounded_number_is_watched() -> None:
    program = Program()
    program.updates.watch([torch.ones(1, requires_grad=True) for _ in range(10 * MOST)])
    assert len(program.updates.holder.parameters) == MOST


def test_parameters_that_an_optimizer_has_taken_over_are_its_own_business() -> None:
    program = Program()
    program.updates.release([program.weight, program.bias])
    assert program.turn(UPDATES["p -= lr * g"]) == ""


def test_the_others_are_still_watched_when_one_is_taken_over() -> None:
    program = Program()
    program.updates.release([program.weight])
    assert program.turn(without_recording(lambda w, b: w.add_(1))) == ""
    assert program.turn(without_recording(lambda w, b: b.add_(1))) == "fresh"


@pytest.mark.parametrize("taken", ["weight", "bias"])
def test_taking_one_over_after_its_backward_is_no_update_of_the_other(taken: str) -> None:
    program = Program()
    program.bias.data.add_(0)
    with torch.no_grad():
        program.weight.mul_(1)  # so that the two differ in version as well
    program.backward()
    program.updates.release([getattr(program, taken)])
    assert program.updates.changed() == ""


def test_releasing_strangers_changes_nothing() -> None:
    program = Program()
    program.updates.release([torch.ones(1)])
    assert program.turn(UPDATES["p -= lr * g"]) == "fresh"


def test_loading_weights_is_no_update() -> None:
    program = Program()
    for _ in range(COPIES + 2):
        program.backward()
        UPDATES["p.copy_()"](program.weight, program.bias)
        program.updates.loaded([program.weight, program.bias])
        assert program.updates.changed() == ""


@pytest.mark.parametrize("loaded", ["weight", "bias"])
def test_an_update_of_what_was_not_loaded_is_noticed(loaded: str) -> None:
    program = Program()
    program.backward()
    UPDATES["p.copy_()"](program.weight, program.bias)
    program.updates.loaded([getattr(program, loaded)])
    assert program.updates.changed() == "fresh"


def update(parameters: list[Tensor], kind: str) -> None:
    """One step of gradient descent, as people write it."""
    with torch.no_grad():
        for p in parameters:
            gradient = p.grad
            assert gradient is not None
            if kind == "exchanged":
                p.data = p.data - 0.05 * gradient
            else:
                p -= 0.05 * gradient
            if kind == "zeroed":
                gradient.zero_()
            else:
                p.grad = None


def size(tensors: Iterable[Tensor]) -> float:
    return math.hypot(*(float(t.detach().double().norm()) for t in tensors))


@pytest.mark.parametrize("kind", ["zeroed", "dropped", "exchanged"])
@pytest.mark.parametrize("beside", [False, True], ids=["alone", "beside an optimizer"])
def test_what_a_step_by_hand_measures_is_what_it_did(
    monkeypatch: pytest.MonkeyPatch, kind: str, beside: bool
) -> None:
    """Gradient norm, update ratio and parameter norm against sums of our own."""
    monkeypatch.setattr("osler.runtime.sampling.SHARE", 1e9)  # in every turn
    torch.manual_seed(0)
    w, b = torch.randn(5, 3).requires_grad_(), torch.zeros(3, requires_grad=True)
    other = nn.Linear(3, 1)
    truth: dict[str, list[float]] = {"gradient_norm": [], "update_ratio": [], "parameter_norm": []}
    other.requires_grad_(beside)
    with Session(Settings(overhead=1.0)) as session:
        optimizer = torch.optim.Adam(other.parameters(), lr=0.1) if beside else None
        for _ in range(40):
            loss = other((torch.randn(8, 5) @ w + b).tanh()).square().mean()
            loss.backward()
            if optimizer is not None:
                optimizer.step()
                optimizer.zero_grad()
            before = [w.detach().clone(), b.detach().clone()]
            truth["gradient_norm"].append(size([w.grad, b.grad]))  # type: ignore
            update([w, b], kind)
            moved = size(now - then for now, then in zip([w, b], before, strict=True))
            truth["update_ratio"].append(moved / size(before))
            truth["parameter_norm"].append(size([w, b]))
    columns = session.watcher.run.columns
    for measure, expected in truth.items():
        name = f"{measure}:by hand" if beside else measure
        steps, found = columns[name].history()
        assert len(found) > 30, name
        where = [expected.index(min(expected, key=lambda e: abs(e - value))) for value in found]
        assert where == sorted(set(where)), "one turn after the other"
        assert [expected[n] for n in where] == pytest.approx(list(found), rel=1e-4)
        assert list(steps) == sorted(steps)
