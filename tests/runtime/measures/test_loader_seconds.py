import pytest

from osler.model import Kind
from osler.runtime.measures import Moment, loader_seconds


@pytest.mark.parametrize("seconds", [0.0, 1e-6, 2.5])
def test_the_time_spent_waiting_is_taken_as_it_is(seconds: float) -> None:
    assert loader_seconds.take(Moment(seconds=seconds)) == seconds


def test_it_is_taken_at_every_batch() -> None:
    assert (loader_seconds.WHEN, loader_seconds.measure.unit) == (Kind.BATCH, "seconds")
