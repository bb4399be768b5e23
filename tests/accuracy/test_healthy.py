"""Healthy programs that look like faults: silent, and bit for bit what they are without Osler."""

import pytest
from stage import Program, healthy, run

each_program = pytest.mark.parametrize(
    "program", healthy(), ids=lambda p: f"{p.path.parent.name}-{p.path.stem}"
)


@each_program
def test_is_silent_and_unchanged(program: Program) -> None:
    plain, watched = run(program, watched=False), run(program, watched=True)
    assert plain.crash == ""
    assert watched.headlines == ()
    assert watched.failures == ()
    assert watched.as_stored == ()
    assert watched.steps >= 50
    assert len(watched.checked) >= 10
    assert (watched.stdout, watched.stderr, watched.crash) == (plain.stdout, plain.stderr, "")
    assert watched.state == plain.state


@pytest.mark.slow
@each_program
def test_is_silent_when_the_watcher_rests_whenever_it_may(program: Program) -> None:
    watched = run(program, watched=True, overhead=1e-9)
    assert watched.headlines == ()
    assert watched.failures == ()
