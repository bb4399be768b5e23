"""Batches that wait are told from those that were used, and are exchanged where they are kept."""

import sys
from collections import deque
from types import FrameType
from typing import Any

import torch

from osler.replay.ahead import MOST, Ahead, between, exchange_in, is_held, owner
from osler.replay.trees import cloned


def batches(count: int) -> list[list[torch.Tensor]]:
    torch.manual_seed(0)
    return [[torch.randn(4, 3), torch.randint(0, 9, (4,))] for _ in range(count)]


def noted(handed: list[Any]) -> Ahead:
    ahead = Ahead()
    for batch in handed:
        ahead.note(batch, cloned(batch))
    return ahead


def holding(**held: Any) -> FrameType:
    """A frame whose variables hold this."""
    waiting = held
    assert waiting
    return sys._getframe(0)


def test_one_batch_is_the_turn() -> None:
    (batch,) = batches(1)
    assert noted([batch]).settle([], 1, []) == 1


def test_what_was_used_tells_what_waits() -> None:
    first, second, third = batches(3)
    ahead = noted([first, second, third])
    assert ahead.settle([first[0]], 1, [holding(held=[second, (third, 7)])]) == 1
    assert (ahead.waiting, ahead.lost) == ([second, third], False)


def test_several_batches_make_a_turn() -> None:
    first, second, third = batches(3)
    ahead = noted([first, second, third])
    assert ahead.settle([second[0], first[0]], 2, [holding(current=third)]) == 2
    assert ahead.waiting == [third]


def test_batches_that_were_passed_over_are_forgotten() -> None:
    handed = batches(5)
    ahead = noted(handed)
    assert ahead.settle([handed[-1][0]], 1, [holding(x=handed[-1][0])]) == 1
    assert (ahead.waiting, len(ahead.drawn)) == ([], 1)
    assert ahead.drawn[0].handed is handed[-1]


def test_what_was_changed_before_use_is_told_by_what_is_held() -> None:
    first, second = batches(2)
    ahead = noted([first, second])
    assert ahead.settle([first[0] * 2], 1, [holding(following=second)]) == 1
    assert ahead.waiting == [second]


def test_equal_masks_tell_nothing() -> None:
    handed = [[x, torch.ones(4)] for x, _ in batches(2)]
    ahead = noted(handed)
    used = [handed[0][0], torch.ones(4)]
    assert ahead.settle(used, 1, [holding(following=handed[1])]) == 1


def test_what_waits_nowhere_is_lost() -> None:
    first, second = batches(2)
    ahead = noted([first, second])
    ahead.settle([first[0]], 1, [holding(other=first)])
    assert ahead.lost


def test_only_the_latest_are_remembered() -> None:
    handed = [torch.zeros(1) for _ in range(MOST + 9)]
    assert len(noted(handed).drawn) == MOST


class Fetcher:
    """Keeps what it has drawn in a list, and is about to add to it."""

    def __init__(self, batch: Any, other: Any) -> None:
        self.held = [(batch, 1)]
        self.rest = {"deep": deque([[batch[0]]])}
        self.other = other

    def draw(self, old: Any, new: Any) -> bool:
        kept = self.held
        done = exchange_in(sys._getframe(0), old, new)
        kept.append(None)
        return done


def test_the_attributes_of_the_object_are_exchanged_in_place() -> None:
    old, new, other = batches(3)
    fetcher = Fetcher(old, other)

    def draw() -> bool:
        return fetcher.draw(old, new)

    del old[:0]
    assert is_held([holding(batch=old)], old)
    assert draw()


def test_lists_stay_the_same_lists() -> None:
    old, new, other = batches(3)
    held = [(old, 1), (other, 2)]
    frame = holding(held=held)
    assert exchange_in(frame, old, new)
    assert held == [(new, 1), (other, 2)]
    assert not exchange_in(frame, old, new)


def test_parts_are_exchanged_too() -> None:
    old, new, _ = batches(3)
    apart = {"x": old[0], "y": old[1]}
    assert exchange_in(holding(apart=apart), old, new)
    assert (apart["x"] is new[0], apart["y"] is new[1]) == (True, True)


def test_a_variable_is_bound_anew() -> None:
    old, new, _ = batches(3)
    current, number = old, 3

    def asked() -> bool:
        return exchange_in(sys._getframe(1), old, new)

    assert asked()
    assert (current is new, number) == (True, 3)


def test_large_containers_are_data() -> None:
    old, new, _ = batches(3)
    data = [*range(1000), old]
    assert not exchange_in(holding(data=data), old, new)


def test_as_many_wait_as_before() -> None:
    first, second, third = batches(3)
    ahead = Ahead(waiting=[first])
    assert ahead.handed(second) is second
    assert ahead.waiting == [second]
    assert Ahead().handed(third) is third


def test_the_object_of_a_method() -> None:
    found: list[Any] = []

    class Thing:
        def method(self) -> None:
            found.append(owner(sys._getframe(0)))

        @staticmethod
        def function(one: int) -> None:
            found.append(owner(sys._getframe(0)))

    thing = Thing()
    thing.method()
    thing.function(1)
    assert found == [thing, None]


def test_up_to_the_script() -> None:
    here = sys._getframe(0)
    assert between(here, lambda _: 1) == [here]
    assert len(between(here, lambda f: int(f is here.f_back))) == 2
