"""A disk that stalls costs the oldest values and never memory."""

import threading
from array import array

import pytest

from osler.store.outbox import LIMIT, Chunk, Outbox


def put(outbox: Outbox, start: int, count: int, sid: int = 0) -> None:
    steps = range(start, start + count)
    outbox.put(array("I", [sid]), array("q", steps), array("d", map(float, steps)))


def steps(chunks: "list[Chunk] | object") -> list[int]:
    return [step for _, some, _ in chunks for step in some]  # pyright: ignore


def test_what_is_put_is_taken_once_oldest_first() -> None:
    outbox = Outbox()
    put(outbox, 0, 3)
    put(outbox, 3, 2, sid=1)
    taken = outbox.take()
    assert [(s.tolist(), t.tolist(), v.tolist()) for s, t, v in taken] == [
        ([0], [0, 1, 2], [0.0, 1.0, 2.0]),
        ([1], [3, 4], [3.0, 4.0]),
    ]
    assert list(outbox.take()) == []
    assert outbox.lost == 0


@pytest.mark.parametrize(
    ("sizes", "kept", "lost"),
    [
        ([5, 5], range(10), 0),
        ([5, 5, 1], range(5, 11), 5),
        ([1, 9, 9], range(10, 19), 10),
        ([3, 3, 3, 3], range(3, 12), 3),
        ([11], range(11), 0),
        ([4, 11], range(4, 15), 4),
        ([11, 1], range(11, 12), 11),
    ],
    ids=[
        "just full",
        "one too many",
        "two at once",
        "small ones",
        "larger than all",
        "larger, after others",
        "larger, before another",
    ],
)
def test_full_it_drops_the_oldest(sizes: list[int], kept: range, lost: int) -> None:
    outbox, start = Outbox(limit=10), 0
    for size in sizes:
        put(outbox, start, size)
        start += size
    assert steps(outbox.take()) == list(kept)
    assert outbox.lost == lost


def test_after_it_was_emptied_there_is_room_again() -> None:
    outbox = Outbox(limit=10)
    put(outbox, 0, 10)
    outbox.take()
    put(outbox, 10, 10)
    assert steps(outbox.take()) == list(range(10, 20))
    assert outbox.lost == 0


def test_values_count_and_not_steps() -> None:
    """Hundreds of series that grow together are one chunk with one column of steps."""
    outbox = Outbox(limit=10)
    for step in range(3):
        outbox.put(array("I", range(5)), array("q", [step]), array("d", [0.5] * 5))
    assert steps(outbox.take()) == [1, 2]
    assert outbox.lost == 5


def test_what_is_lost_is_counted_for_good() -> None:
    outbox = Outbox(limit=1)
    for part in range(4):
        put(outbox, part, 1)
    outbox.take()
    assert outbox.lost == 3


def test_nothing_is_lost_between_two_threads() -> None:
    outbox, taken = Outbox(), list[int]()
    over = threading.Event()

    def write() -> None:
        while not over.is_set():
            taken.extend(steps(outbox.take()))
        taken.extend(steps(outbox.take()))

    writer = threading.Thread(target=write)
    writer.start()
    for start in range(0, 2_000, 2):
        put(outbox, start, 2)
    over.set()
    writer.join()
    assert taken == list(range(2_000))


def test_a_signal_may_come_while_it_is_used() -> None:
    """A handler that runs inside `put` records too: the lock is one that its own thread may take again."""
    outbox = Outbox()
    with outbox._lock:
        put(outbox, 0, 1)
    assert steps(outbox.take()) == [0]


def test_a_full_outbox_is_small() -> None:
    assert LIMIT * (array("q").itemsize + array("d").itemsize) == 16 << 20
