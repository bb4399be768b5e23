import pytest

from osler.model import Kind
from osler.runtime.measures import Moment, step_seconds


@pytest.mark.parametrize(("seconds", "taken"), [(0.0, None), (1e-6, 1e-6), (2.5, 2.5)])
def test_the_first_step_has_no_predecessor(seconds: float, taken: float | None) -> None:
    assert step_seconds.take(Moment(seconds=seconds)) == taken


def test_it_is_taken_at_every_step() -> None:
    assert (step_seconds.WHEN, step_seconds.measure.unit) == (Kind.STEP, "seconds")
