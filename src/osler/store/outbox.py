"""What waits to be written: bounded, so that a disk that stalls costs records and never memory."""

from __future__ import annotations

from array import array
from collections import deque
from threading import RLock

LIMIT = 1 << 20
"""Values that wait at most: 16 MB."""

Chunk = tuple["array[int]", "array[int]", "array[float]"]
"""Numbers of series, steps, and for each step one value of each of these series."""


class Outbox:
    """A queue of values; when it is full the oldest are dropped and counted.

    Attributes:
        lost: values that were dropped.
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self.lost = 0
        self._limit = limit
        self._waiting = 0
        self._chunks: deque[Chunk] = deque()
        self._lock = RLock()

    def put(self, sids: array[int], steps: array[int], values: array[float]) -> None:
        """Take values of one series, or of some that grow together."""
        with self._lock:
            self._chunks.append((sids, steps, values))
            self._waiting += len(values)
            while self._waiting > self._limit and len(self._chunks) > 1:
                dropped = len(self._chunks.popleft()[2])
                self._waiting -= dropped
                self.lost += dropped

    def take(self) -> deque[Chunk]:
        """Everything that waits, oldest first."""
        with self._lock:
            chunks, self._chunks = self._chunks, deque()
            self._waiting = 0
            return chunks
