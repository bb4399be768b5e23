"""The state of all memory, where several ways meet."""

from osler.model import Place
from osler.static.memory.blocks import Block, Ref
from osler.static.memory.state import Kept, State, Write, joined

A, B = Block("array"), Block("array")


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
