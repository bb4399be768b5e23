"""What hangs is ended; what lives is left alone."""

import threading
import time

from osler.replay.watchdog import Watchdog


def test_silence_is_reported_once() -> None:
    heard: list[float] = []
    ended = threading.Event()
    dog = Watchdog(lambda silence: (heard.append(silence), ended.set()), patience=0.2)
    dog.start()
    assert ended.wait(5)
    time.sleep(0.3)
    assert len(heard) == 1
    assert heard[0] > 0.2


def test_signs_of_life_keep_it_quiet() -> None:
    heard: list[float] = []
    dog = Watchdog(heard.append, patience=0.5)
    dog.start()
    for _ in range(10):
        time.sleep(0.1)
        dog.alive()
    dog.stop()
    assert heard == []


def test_it_does_not_begin_by_itself() -> None:
    heard: list[float] = []
    Watchdog(heard.append, patience=0.01)
    time.sleep(0.1)
    assert heard == []
