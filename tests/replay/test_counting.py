"""How many turns a `for` makes, told in the middle of it by its header and by what lies about."""

import itertools
import math
import sys
from collections import deque

import numpy as np
import torch
from torch.utils.data import BatchSampler, DataLoader, RandomSampler, SequentialSampler

from osler.replay.counting import loops_around, turns_in


def asked() -> int:
    """How many turns the innermost loop around the caller makes; -1 if that is not known."""
    frame = sys._getframe(1)
    loop = max(loops_around(frame), key=lambda n: n.lineno)
    return turns_in(loop, frame)


class Bag:
    """Hands out its items a few at a time; says how many itself."""

    def __init__(self, items, size):
        self.items, self.size = items, size

    def __len__(self):
        raise AssertionError("nothing of the script's is called")

    def __iter__(self):
        for top in range(0, len(self.items), self.size):
            yield self.items[top : top + self.size]


def slices(x, size, drop_last=False):
    end = len(x) - size + 1 if drop_last else len(x)
    for top in range(0, end, size):
        yield x[top : top + size]


def forever(x):
    while True:
        yield from x


def until_empty(x):
    left = list(x)
    while left:
        yield left.pop()


X, COUNT, SIZE = torch.arange(10), 7, 3


def test_ranges() -> None:
    items = [1, 2]
    for _ in range(COUNT):
        assert asked() == 7
    for _ in range(2, COUNT * 2, SIZE):
        assert asked() == 4
    for _ in range(len(items) - 1):
        assert asked() == 1
    for _ in range(0, X.shape[0], SIZE):
        assert asked() == 4
    for _ in range(0, X.size(0), SIZE):
        assert asked() == 4
    for _ in range(math.ceil(len(X) / SIZE)):
        assert asked() == 4


def test_ranges_of_something_computed() -> None:
    for _ in range(min(COUNT, 5), -1, -1):
        assert asked() == 6
    for _ in range(int(1e1) // 4):
        assert asked() == 2


def test_what_lies_in_a_variable() -> None:
    held = {"list": [1, 2], "numbers": np.zeros((5, 2)), "line": deque([1])}
    for _ in held:
        assert asked() == 3
    for _ in held.items():
        assert asked() == 3
    numbers, line = held["numbers"], held["line"]
    for _ in numbers:
        assert asked() == 5
    for _ in line:
        assert asked() == 1
    for _ in X:
        assert asked() == 10
    for _ in X.tolist():
        assert asked() == 10


def test_parts_of_a_tensor() -> None:
    """Each part is one turn, not each number."""
    order, size = torch.randperm(10), 4
    for _ in order.split(size):
        assert asked() == 3
    for _ in torch.split(order, 5):
        assert asked() == 2
    for _ in order.chunk(4):
        assert asked() == 4
    for _ in torch.randperm(len(X)).split(size):
        assert asked() == 3
    for _ in torch.randperm(6):
        assert asked() == 6


def test_parts_along_another_axis_are_not_counted() -> None:
    table = torch.zeros(2, 6)
    for _ in table.split(3, dim=1):
        assert asked() == -1
    for _ in table.split([1, 1]):
        assert asked() == -1


def test_wrappers_hand_on_what_they_are_given() -> None:
    for _ in enumerate(X):
        assert asked() == 10
    for _, _ in enumerate(range(COUNT), start=1):
        assert asked() == 7
    for _ in reversed([1, 2]):
        assert asked() == -1, "a list without a name"
    for _ in zip(X, range(4), strict=False):
        assert asked() == 4
    for _ in zip(itertools.count(), X):
        assert asked() == 10
    for _ in itertools.islice(X, 3):
        assert asked() == 3


def test_generators_of_a_function() -> None:
    for _ in slices(X, SIZE):
        assert asked() == 4
    for _ in slices(X, SIZE, drop_last=True):
        assert asked() == 3
    for _ in enumerate(slices(X, 5)):
        assert asked() == 2
    drawn = slices(X, 2)
    for _ in drawn:
        assert asked() == 5


def test_objects_with_a_generator() -> None:
    bag = Bag([1, 2, 3], 2)
    for _ in bag:
        assert asked() == 2
    for _ in Bag(X, 2):
        assert asked() == 5


def test_samplers_of_torch() -> None:
    for _ in BatchSampler(RandomSampler(X), 4, drop_last=True):
        assert asked() == 2
    for _ in BatchSampler(SequentialSampler(X), 4, drop_last=False):
        assert asked() == 3
    sampler = BatchSampler(SequentialSampler(X), 5, drop_last=False)
    for _ in sampler:
        assert asked() == 2


def pieces(x):
    return [x[:1], x[1:]]


def test_what_is_not_known_is_not_guessed() -> None:
    for _ in pieces(X):
        assert asked() == -1, "not the length of what a function of the script's is given"
    for _ in until_empty(X):
        assert asked() == -1
    drawn = forever(X)
    for _ in drawn:
        assert asked() == -1
        if next(drawn) == 3:
            break


def test_what_comes_from_elsewhere_is_not_known() -> None:
    for _ in DataLoader(X, batch_size=2):
        assert asked() == -1
    text = "a,b"
    for _ in text.split(","):
        assert asked() == -1
    for _ in itertools.product(range(2), range(3)):
        assert asked() == 2, "at least as many as its first factor"
    for _ in X[:2]:
        assert asked() == -1


def test_the_shortest_of_several_generators_of_one_name_counts() -> None:
    kept = slices(X, 1)
    next(kept)
    for _ in slices(X, 5):
        assert asked() == 2
    for _ in zip(slices(X, 2), slices(X, 5), strict=False):
        assert asked() == 2


def test_a_count_at_which_the_loop_is_left() -> None:
    last = 4
    for turn, _ in enumerate(DataLoader(X, batch_size=2)):
        assert asked() == 4
        if turn >= last:
            break
    for turn in range(50):
        assert asked() == 3
        if turn + 1 == last - 1:
            break
    for turn in range(2):
        assert asked() == 2
        if turn == last:
            break


def test_other_conditions_are_no_limit() -> None:
    total = 0
    for turn, _ in enumerate(forever(X)):
        assert asked() == -1
        total += 1
        if turn % 10 == 3:
            continue
        if total >= 5:
            break
        if turn == 2:
            total += 1


def test_what_raises_is_not_known() -> None:
    class Odd:
        shape = ("a",)

    odd = Odd()
    for _ in range(3) if odd else ():
        assert asked() == -1
    for _ in range(*[3]):
        assert asked() == -1
