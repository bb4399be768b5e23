"""Values: what an expression may stand for."""

from osler.static.memory.blocks import Block, Group, Ref, either, refs_in

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
