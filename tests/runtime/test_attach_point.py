"""A process has at most one watcher."""

from collections.abc import Iterator

import pytest

from osler.runtime import attach_point


@pytest.fixture(autouse=True)
def nobody_watches() -> Iterator[None]:
    assert attach_point.take("the test"), "an earlier test has left its watcher behind"
    attach_point.free("the test")
    yield
    for holder in ("first", "second"):
        attach_point.free(holder)


def test_the_first_becomes_the_watcher() -> None:
    assert attach_point.take("first")


def test_a_second_is_refused() -> None:
    attach_point.take("first")
    assert not attach_point.take("second")


def test_the_watcher_is_refused_too_when_it_asks_again() -> None:
    attach_point.take("first")
    assert not attach_point.take("first")


def test_the_place_is_free_again_after_the_watcher_has_left() -> None:
    attach_point.take("first")
    attach_point.free("first")
    assert attach_point.take("second")


def test_who_does_not_watch_cannot_free_the_place() -> None:
    attach_point.take("first")
    attach_point.free("second")
    assert not attach_point.take("second")


def test_leaving_twice_does_no_harm() -> None:
    attach_point.take("first")
    attach_point.free("first")
    attach_point.free("first")
    assert attach_point.take("second")
