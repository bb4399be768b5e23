"""How training is ended from inside the script's own loop."""

import contextlib

import pytest

from osler.runtime.stopping import StopTraining


def test_it_says_why() -> None:
    assert StopTraining("5 steps were asked for").reason == str(StopTraining("5 steps were asked for"))


def test_a_script_that_survives_bad_batches_does_not_survive_it() -> None:
    with pytest.raises(StopTraining), contextlib.suppress(Exception):
        raise StopTraining("enough")


@pytest.mark.parametrize("expected", [Exception, SystemExit, KeyboardInterrupt, GeneratorExit])
def test_it_is_taken_for_nothing_else(expected: type[BaseException]) -> None:
    """Not for Ctrl-C, at which scripts save and exit with 130."""
    assert not issubclass(StopTraining, expected)
