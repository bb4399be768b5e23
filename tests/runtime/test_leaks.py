"""Whose gradients an optimizer steps on, told from the identity and version of one of them."""

import torch

from osler.model import Place, Run
from osler.runtime.gradients import Holder
from osler.runtime.leaks import Leaks

FIRST, SECOND, STEP = ((Place("train.py", n),) for n in (1, 2, 3))


class Pair:
    """Two optimizers and what is done to their gradients."""

    def __init__(self) -> None:
        self.run = Run()
        self.leaks = Leaks(self.run)
        self.parameters = [torch.ones(2, requires_grad=True) for _ in range(2)]
        self.one, self.two = (Holder(f"{n}", [p]) for n, p in enumerate(self.parameters, 1))
        self.number = 0

    def backward(self, *numbers: int, site=FIRST) -> None:
        self.number += 1
        both = (self.one, self.two)
        self.leaks.before_backward(both)
        for holder in both:
            holder.before_backward()
        sum(self.parameters[n - 1].sum() for n in numbers).backward()
        for holder in both:
            if holder.after_backward(0, self.number):
                self.leaks.reached(holder, site)

    def step(self, holder: Holder) -> None:
        self.leaks.stepped(holder, (self.one, self.two), STEP)
        holder.after_step()


def test_what_the_other_left_is_noted() -> None:
    pair = Pair()
    pair.backward(1, 2, site=FIRST)
    pair.step(pair.two)
    pair.backward(1, site=SECOND)
    pair.step(pair.one)
    (fact,) = pair.run.leaks.values()
    assert (fact.optimizer, fact.other, fact.source, fact.own, fact.times) == ("1", "2", FIRST, SECOND, 1)


def test_a_step_of_its_own_uses_it_up() -> None:
    pair = Pair()
    pair.backward(1, 2)
    pair.step(pair.two)
    pair.step(pair.one)
    pair.backward(1)
    pair.step(pair.one)
    assert not pair.run.leaks


def test_cleared_gradients_are_none_of_its_business() -> None:
    for clear in ("zero", "none", "zero_grad"):
        pair = Pair()
        pair.backward(1, 2)
        pair.step(pair.two)
        if clear == "zero":
            pair.parameters[0].grad.zero_()
        else:
            pair.parameters[0].grad = None
        if clear == "zero_grad":
            pair.one.was_cleared()
        pair.backward(1)
        pair.step(pair.one)
        assert not pair.run.leaks


def test_a_step_on_another_backward_leaves_nothing() -> None:
    pair = Pair()
    pair.backward(1)
    pair.backward(2)
    pair.step(pair.two)
    pair.backward(1)
    pair.step(pair.one)
    assert not pair.run.leaks


def test_what_happened_while_nobody_looked_is_not_known() -> None:
    pair = Pair()
    pair.backward(1, 2)
    pair.step(pair.two)
    pair.one.resume()
    pair.backward(1)
    pair.step(pair.one)
    assert not pair.run.leaks
