"""Values and the state of all memory."""

from osler.model import Place
from osler.static.memory.blocks import Block, Group, Kept, Ref, State, Write, either, joined, refs_in

A, B = Block("array"), Block("array")


def test_of_the_same_memory_the_latest_reference_counts() -> None:
    assert either((Ref(A, 1),), (Ref(A, 3),)) == (Ref(A, 3),)
    assert either((Ref(A, 1),), (Ref(B, 1),)) == (Ref(A, 1), Ref(B, 1))


def test_what_may_be_too_much_is_unknown() -> None:
    (one,) = either(*((Ref(Block("array")),) for _ in range(9)))
    assert isinstance(one, Ref)
    assert one.block.kind == "other"


def test_refs_of_each_part() -> None:
    value = (Group(((Ref(A),), (), (Ref(B), Ref(A)))),)
    assert list(refs_in(value)) == [(Ref(A),), (Ref(B), Ref(A))]


def test_a_part_is_nothing_to_judge() -> None:
    assert list(refs_in((Ref(A, is_part=True),))) == [()]


def test_ways_are_joined() -> None:
    here, there = State(), State()
    here.cells["f", "x"], there.cells["f", "x"] = (Ref(A),), (Ref(B),)
    there.written[A] = Write(4, Place("f", 1))
    here.entries[B] = (Kept((Ref(A),), 1, Place("f", 1)),)
    both = joined([here, there])
    assert both.cells["f", "x"] == (Ref(A), Ref(B))
    assert both.is_stale(Ref(A, 3))
    assert not both.is_stale(Ref(A, 5))
    assert len(both.entries[B]) == 1
    assert here.cells["f", "x"] == (Ref(A),)
