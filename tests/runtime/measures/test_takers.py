"""Every file of the package is a measure, found without a list."""

import pkgutil

import pytest

from osler.model import Kind
from osler.runtime import measures
from osler.runtime.measures import Taker, takers

ALL = [(kind, taker) for kind, those in takers().by_kind.items() for taker in those]


def test_every_file_is_found_once() -> None:
    files = sorted(info.name for info in pkgutil.iter_modules(measures.__path__))
    assert sorted(taker.name for _, taker in ALL) == files


@pytest.mark.parametrize(("kind", "taker"), ALL, ids=[taker.name for _, taker in ALL])
def test_a_measure_says_what_it_is(kind: Kind, taker: Taker) -> None:
    assert kind in (Kind.BATCH, Kind.LOSS, Kind.BACKWARD, Kind.CLIP, Kind.STEP)
    assert taker.name == taker.measure.name
    assert taker.measure.title
    assert isinstance(taker.sampled, bool)
