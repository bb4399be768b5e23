"""What an optimizer steps on: fresh, carried, empty or stale gradients, whoever wrote or cleared them."""

from collections.abc import Callable
from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn

from osler.runtime.gradients import READABLE, Holder, differs_from_zero

torch.set_num_threads(1)


class Loop:
    """A training loop of two layers, told to the holder event by event as the probes do it.

    Attributes:
        statuses: what the gradients held at each step.
        discarded: for each clear, whether it threw something away.
    """

    def __init__(self, parameters: list[Tensor] | None = None, ever_suspected: bool = False) -> None:
        torch.manual_seed(0)
        self.net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
        self.parameters = parameters if parameters is not None else list(self.net.parameters())
        self.optimizer = torch.optim.SGD(self.parameters, lr=0.1)
        self.holder = Holder("SGD", self.parameters)
        self.holder.suspect = ever_suspected
        self.statuses: list[str] = []
        self.discarded: list[bool] = []
        self.moment = self.number = self.used = 0

    def loss(self) -> Tensor:
        return self.net(torch.randn(5, 3)).square().mean()

    def batch(self) -> None:
        self.moment += 1

    def backward(self) -> None:
        self._backward(self.loss())

    def _backward(self, loss: Tensor) -> None:
        self.number += 1
        self.holder.before_backward()
        loss.backward()
        self.holder.after_backward(self.moment, self.number)

    def foreign(self) -> None:
        """A backward that does not reach the parameters."""
        self._backward((torch.ones(2, requires_grad=True) * 2).sum())

    def clear(self, set_to_none: bool = True) -> None:
        self.discarded.append(self.holder.discards(self.moment, self.used))
        self.optimizer.zero_grad(set_to_none)
        self.holder.was_cleared()

    def zero(self) -> None:
        self.clear(set_to_none=False)

    def step(self) -> None:
        self.statuses.append(self.holder.status(closure=False))
        self.optimizer.step()
        self._stepped()

    def _stepped(self) -> None:
        self.used = max(self.used, self.holder.number)
        self.holder.after_step()

    def other_step(self) -> None:
        """Another optimizer steps on what the last backward computed."""
        self.used = self.number

    # What a hand may do, unseen by any probe.

    def forget(self) -> None:
        for p in self.parameters:
            p.grad = None

    def blank(self) -> None:
        for p in self.parameters:
            if p.grad is not None:
                p.grad.zero_()

    def rewrite(self) -> None:
        """PCGrad and its like put new gradients in place of the computed ones."""
        for p in self.parameters:
            p.grad = p.grad * 0.5 if p.grad is not None else None

    def assign(self) -> None:
        """A3C: the gradients of another model's parameters."""
        for p in self.parameters:
            p.grad = torch.randn_like(p)

    def copy(self) -> None:
        """The same into gradients that exist."""
        for p in self.parameters:
            p.grad = torch.zeros_like(p) if p.grad is None else p.grad
            p.grad.copy_(torch.randn_like(p))

    def move(self) -> None:
        """SAM: the parameters go uphill."""
        with torch.no_grad():
            for p in self.parameters:
                p.add_(0.01)

    def move_data(self) -> None:
        for p in self.parameters:
            p.data.add_(0.01)

    def clip(self) -> None:
        nn.utils.clip_grad_norm_(self.parameters, 0.001)
        self.holder.rewritten_by_clipping()

    def play(self, script: str, turns: int = 3) -> "Loop":
        for _ in range(turns):
            for verb in script.split():
                getattr(self, verb)()
        return self


# --- the four states at a step


@pytest.mark.parametrize(
    "turn",
    [
        "clear backward step",
        "backward step clear",
        "zero backward step",
        "backward step zero",
        "forget backward step",
        "backward step forget",
        "blank backward step",
        "backward step blank",
        "clear zero backward step",
        "clear backward clip step",
        "clear backward backward step",
        "zero backward backward step",
        "backward batch backward batch backward step clear",
        "clear backward foreign step",
        "foreign clear backward step",
        "backward clear backward step clear",
        "backward rewrite step",
        "backward rewrite step clear",
        "clear backward move clear batch backward move step",
        "clear backward move_data clear batch backward move_data step",
        "clear backward other_step step",
    ],
)
def test_gradients_of_this_step_alone_are_fresh(turn: str) -> None:
    assert Loop().play(f"batch {turn}").statuses == ["fresh"] * 3


@pytest.mark.parametrize(
    "turn",
    [
        "backward step",
        "backward clip step",
        "backward backward step",
        "backward batch backward step",
        "foreign backward step",
        "backward foreign step",
        "backward move move step",
    ],
)
def test_gradients_that_were_never_cleared_are_carried_from_the_second_step_on(turn: str) -> None:
    assert Loop().play(f"batch {turn}").statuses == ["fresh", "carried", "carried"]


@pytest.mark.parametrize("turn", ["backward clear step", "backward zero step", "backward forget step"])
def test_gradients_that_were_cleared_before_the_step_are_empty(turn: str) -> None:
    assert Loop().play(f"batch {turn}").statuses == ["empty"] * 3


@pytest.mark.parametrize("turn", ["step", "clear step", "zero step", "foreign step", "clear foreign step"])
def test_gradients_that_were_never_computed_are_empty(turn: str) -> None:
    loop = Loop().play(f"batch {turn}")
    assert loop.statuses == ["empty"] * 3
    assert not loop.holder.ever


@pytest.mark.parametrize("turn", ["step", "batch step", "foreign step", "batch foreign step"])
def test_stepping_again_on_the_same_gradients_is_stale(turn: str) -> None:
    assert Loop().play("batch backward step", 1).play(turn, 2).statuses == ["fresh", "stale", "stale"]


@pytest.mark.parametrize(
    "turn", ["assign step", "copy step", "clear assign step", "zero copy step", "forget assign step"]
)
@pytest.mark.parametrize(
    "beginning", ["", "batch backward step clear"], ids=["from the start", "after a backward"]
)
def test_gradients_that_a_hand_assigns_are_fresh(beginning: str, turn: str) -> None:
    loop = Loop().play(beginning, 1)
    loop.statuses.clear()
    assert loop.play(f"batch {turn}", 20).statuses == ["fresh"] * 20


@pytest.mark.parametrize("turn", ["clear backward step", "backward step clear", "forget backward step"])
def test_a_repaired_loop_is_fresh_again(turn: str) -> None:
    loop = Loop().play("batch backward step").play("clear", 1).play(f"batch {turn}")
    assert loop.statuses[-3:] == ["fresh"] * 3


def test_the_first_step_of_a_loop_without_clear_contains_only_its_own_gradients() -> None:
    assert Loop().play("batch backward backward backward step", 1).statuses == ["fresh"]


def test_gradients_that_happen_to_be_zero_are_fresh() -> None:
    loop = Loop()
    with torch.no_grad():
        for p in loop.parameters:
            p.zero_()
    assert loop.play("batch clear backward step").statuses == ["fresh"] * 3


def test_zero_gradients_of_the_previous_step_carry_nothing() -> None:
    loop = Loop()
    with torch.no_grad():
        for p in loop.parameters:
            p.zero_()
    assert loop.play("batch backward step").statuses == ["fresh"] * 3


# --- closures


def minimise(loop: Loop, clears: bool, evaluations: int = 3) -> str:
    """One step of an optimizer that calls its closure several times, as the probes tell it."""
    loop.holder.in_step, loop.holder.again = True, False
    for _ in range(evaluations):
        if clears:
            loop.clear()
        loop.backward()
    status = loop.holder.status(closure=True)
    loop._stepped()
    return status


@pytest.mark.parametrize("evaluations", [1, 2, 5])
def test_a_closure_that_clears_leaves_fresh_gradients(evaluations: int) -> None:
    loop = Loop()
    assert [minimise(loop, True, evaluations) for _ in range(3)] == ["fresh"] * 3


def test_a_closure_that_does_not_clear_carries_from_one_evaluation_to_the_next() -> None:
    loop = Loop()
    assert [minimise(loop, False, 2) for _ in range(2)] == ["carried"] * 2


def test_a_closure_that_is_evaluated_once_and_does_not_clear_carries_from_the_second_step_on() -> None:
    loop = Loop()
    assert [minimise(loop, False, 1) for _ in range(3)] == ["fresh", "carried", "carried"]


@pytest.mark.parametrize("micro_batches", [1, 3])
def test_what_accumulated_before_a_closure_is_called_is_fresh(micro_batches: int) -> None:
    """Trainers call backward themselves for all micro-batches but the last, which the closure computes."""
    loop = Loop()
    statuses: list[str] = []
    for _ in range(3):
        loop.clear()
        loop.play("batch backward " * micro_batches, 1)
        statuses.append(minimise(loop, clears=False, evaluations=1))
    assert statuses == ["fresh"] * 3


def test_what_accumulated_before_a_closure_on_top_of_an_earlier_step_is_carried() -> None:
    loop = Loop()
    statuses: list[str] = []
    for _ in range(3):
        loop.play("batch backward", 1)
        statuses.append(minimise(loop, clears=False, evaluations=1))
    assert statuses == ["fresh", "carried", "carried"]


# --- unusual parameters


def test_an_optimizer_without_trainable_parameters_has_nothing() -> None:
    frozen = [torch.ones(3, requires_grad=True).requires_grad_(False)]
    assert Holder("SGD", list[Tensor](frozen)).status(closure=False) == "empty"


@pytest.mark.parametrize(
    ("turn", "statuses"),
    {
        "clear backward step": ["fresh", "fresh", "fresh"],
        "zero backward step": ["fresh", "fresh", "fresh"],
        "backward step": ["fresh", "carried", "carried"],
        "backward clear step": ["empty", "empty", "empty"],
        "backward zero step": ["empty", "empty", "empty"],
    }.items(),
)
def test_sparse_gradients_are_judged_like_others(turn: str, statuses: list[str]) -> None:
    table = nn.Embedding(10, 3, sparse=True)
    loop = Loop(list(table.parameters()))
    loop.loss = lambda: table(torch.tensor([1, 2])).square().mean()  # type: ignore
    assert loop.play(f"batch {turn}").statuses == statuses


@pytest.mark.parametrize(
    "names", [["0.weight", "0.bias"], ["2.weight", "2.bias"], ["0.weight", "2.weight", "2.bias"]]
)
def test_layers_that_are_frozen_later_on_do_not_hide_the_others(names: list[str]) -> None:
    loop = Loop().play("batch clear backward step", 2)
    for name in names:
        loop.net.get_parameter(name).requires_grad_(False)
    assert loop.play("batch clear backward step").statuses == ["fresh"] * 5


@pytest.mark.parametrize("turn", ["assign step", "clear assign step", "forget assign step"])
def test_a_new_gradient_is_not_mistaken_for_the_old_one_whose_memory_it_got(turn: str) -> None:
    assert Loop([nn.Parameter(torch.ones(3))]).play(f"batch {turn}", 20).statuses == ["fresh"] * 20


@pytest.mark.parametrize("turn", ["clear backward step", "forget backward step"])
def test_a_smallest_parameter_that_is_never_used_does_not_matter(turn: str) -> None:
    used, unused = nn.Parameter(torch.ones(3)), nn.Parameter(torch.ones(1))
    loop = Loop([used, unused])
    loop.loss = lambda: used.square().sum()  # type: ignore
    assert loop.play(f"batch {turn}").statuses == ["fresh"] * 3


def test_parameters_outside_the_usual_probes_are_found_when_only_they_get_gradients() -> None:
    first, used, last = (nn.Parameter(torch.ones(n)) for n in (2, 3, 2))
    loop = Loop([first, used, last])
    loop.loss = lambda: used.square().sum()  # type: ignore
    assert loop.play("batch clear backward step").statuses == ["fresh"] * 3


def test_gradients_too_large_to_read_count_as_something() -> None:
    large = nn.Parameter(torch.zeros(READABLE + 1))
    large.grad = torch.zeros_like(large)
    assert Holder("SGD", [large]).holds_something([large.grad])


# --- clearing what nobody used


@pytest.mark.parametrize(
    "turn",
    [
        "batch clear backward step",
        "batch backward step clear",
        "batch backward clear",
        "batch backward clear backward step",
        "batch clear backward move batch clear backward step",
        "batch clear backward move_data batch clear backward step",
        "batch clear backward rewrite batch clear backward step",
        "batch clear backward batch step",
        "batch clear foreign",
        "batch clear clear clear",
        "batch clear backward other_step",
        "batch clear backward forget",
    ],
)
@pytest.mark.parametrize("suspected", [False, True], ids=["", "under suspicion"])
def test_nothing_is_discarded(turn: str, suspected: bool) -> None:
    assert not any(Loop(ever_suspected=suspected).play(turn, 5).discarded)


@pytest.mark.parametrize(
    "turn",
    [
        "batch clear backward",
        "batch zero backward",
        "batch clear backward clip",
        "batch clear backward backward",
        "batch clear backward batch foreign",
    ],
)
def test_gradients_of_an_earlier_batch_that_nobody_used_are_discarded(turn: str) -> None:
    discarded = Loop().play(turn, 5).discarded
    assert discarded[0] is False, "there was nothing yet"
    assert discarded[2:] == [True] * 3, (
        "the first is only suspected: parameters may have been moved by `.data`"
    )


def test_accumulation_that_clears_before_every_batch_discards_all_but_the_last() -> None:
    loop = Loop(ever_suspected=True).play(
        "batch clear backward batch clear backward batch clear backward step", 2
    )
    assert loop.discarded == [False, True, True] * 2


def test_one_look_at_gradients_is_one_discard() -> None:
    loop = Loop(ever_suspected=True).play("batch clear backward", 1).play("batch clear backward step", 4)
    assert loop.discarded == [False, True, False, False, False]


# --- what a backward reached


def test_a_backward_is_recognised_by_what_it_changed() -> None:
    loop = Loop()
    loop.holder.before_backward()
    loop.loss().backward()
    assert loop.holder.after_backward(1, 1)


@pytest.mark.parametrize(
    "act",
    [
        lambda loop: None,
        lambda loop: (torch.ones(2, requires_grad=True) * 2).sum().backward(),
        lambda loop: torch.autograd.grad(loop.loss(), loop.parameters),
        lambda loop: loop.loss(),
        lambda loop: nn.Linear(3, 1)(torch.ones(3)).backward(),
    ],
    ids=["nothing", "a loose tensor", "autograd.grad", "only a forward", "another model"],
)
def test_what_does_not_change_the_gradients_did_not_reach_them(act: Callable[[Loop], object]) -> None:
    loop = Loop()
    loop.holder.before_backward()
    act(loop)
    assert not loop.holder.after_backward(1, 1)
    assert not loop.holder.ever


def zeros_with(index: tuple[int, ...] | None) -> Tensor:
    values = torch.zeros(3, 4)
    if index is not None:
        values[index] = 1e-30
    return values


@pytest.mark.parametrize(
    ("gradient", "differs"),
    [
        (zeros_with(None), False),
        (-zeros_with(None), False),
        (zeros_with((2, 3)), True),
        (zeros_with((0, 0)), True),
        (torch.full((2,), float("nan")), True),
        (torch.full((2,), float("inf")), True),
        (torch.zeros(0), False),
        (torch.zeros(3, dtype=torch.bfloat16), False),
        (torch.ones(3, dtype=torch.bfloat16), True),
        (torch.zeros(3, dtype=torch.complex64), False),
        (torch.sparse_coo_tensor(torch.zeros(1, 0), torch.zeros(0), (4,), check_invariants=True), False),
        (
            torch.sparse_coo_tensor(torch.tensor([[1]]), torch.tensor([2.0]), (4,), check_invariants=True),
            True,
        ),
    ],
    ids=str,
)
def test_a_gradient_differs_from_zero(gradient: Tensor, differs: bool) -> None:
    assert differs_from_zero(gradient) is differs


# --- which parameters are looked at


@pytest.mark.parametrize(
    ("sizes", "chosen"),
    [([5], [5]), ([5, 3], [3, 5]), ([5, 3, 4], [3, 5, 4]), ([9, 8, 2, 8, 7], [2, 9, 7]), ([1, 5, 1], [1, 1])],
)
def test_the_smallest_the_first_and_the_last_are_looked_at(sizes: list[int], chosen: list[int]) -> None:
    holder = Holder("SGD", [nn.Parameter(torch.ones(n)) for n in sizes])
    assert [p.numel() for p in holder.probes] == chosen
    assert all(a is not b for a, b in pairwise(holder.probes))


def test_frozen_parameters_are_not_looked_at() -> None:
    frozen, live = nn.Parameter(torch.ones(1), requires_grad=False), nn.Parameter(torch.ones(9))
    assert [p.numel() for p in Holder("SGD", [frozen, live, frozen]).probes] == [9]
