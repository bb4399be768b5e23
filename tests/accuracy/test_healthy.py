"""Healthy programs that look like faults: silent, and bit for bit what they are without Osler."""

import pytest
from stage import Program, healthy, learned, name_of, run

LONG = 5
"""Seconds of a program from which on it is left to `make exhaustive`: every program is run twice."""


def by_length() -> list[object]:
    """The programs as parameters; CI runs all but the longest."""
    return [
        pytest.param(p, marks=pytest.mark.exhaustive if learned(p).seconds >= LONG else (), id=name_of(p))
        for p in healthy()
    ]


@pytest.mark.parametrize("program", by_length())
def test_is_silent_and_unchanged(program: Program) -> None:
    plain, watched = run(program, watched=False), run(program, watched=True)
    assert plain.crash == ""
    expected = learned(program)
    assert expected.above < expected.number_in(plain.stdout) < expected.below
    assert watched.headlines == ()
    assert watched.failures == ()
    assert watched.as_stored == ()
    assert watched.steps >= 50
    assert len(watched.checked) >= 10
    assert (watched.stdout, watched.stderr, watched.crash) == (plain.stdout, plain.stderr, "")
    assert watched.state == plain.state


def test_they_are_many() -> None:
    assert len(healthy()) >= 30


def eighth(first: int) -> list[object]:
    """The programs as parameters; all but every eighth are left to `make exhaustive`."""
    return [
        pytest.param(
            p,
            marks=pytest.mark.exhaustive if n % 8 != first or learned(p).seconds >= LONG else (),
            id=name_of(p),
        )
        for n, p in enumerate(healthy())
    ]


@pytest.mark.slow
@pytest.mark.parametrize("program", eighth(0))
def test_is_silent_when_the_watcher_rests_whenever_it_may(program: Program) -> None:
    watched = run(program, watched=True, overhead=1e-9)
    assert watched.headlines == ()
    assert watched.failures == ()


@pytest.mark.slow
@pytest.mark.parametrize("program", eighth(4))
def test_is_silent_when_the_watcher_never_rests(program: Program) -> None:
    watched = run(program, watched=True, overhead=1e9)
    assert watched.headlines == ()
    assert watched.failures == ()
