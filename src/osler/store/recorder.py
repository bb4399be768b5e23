"""Record a run while it trains: a background thread writes what the training thread leaves in its columns."""

from __future__ import annotations

import atexit
import os
import weakref
from array import array
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Event, Lock, Thread
from time import monotonic, sleep, thread_time

from osler.model import Column, Histogram, Run
from osler.model.table import Table
from osler.store.codec import encode
from osler.store.disk import Checkpoint, unwatched
from osler.store.facts import FactWriter, snapshot
from osler.store.git import GitQuery
from osler.store.lines import Line
from osler.store.manifest import Manifest
from osler.store.outbox import LIMIT, Chunk, Outbox
from osler.store.records import Ending, Series
from osler.store.segment import ROWS
from osler.store.writer import Writer

PERIOD = 0.9
"""Seconds between two looks at the columns: a reader is at most a second behind."""

SYNC = 5.0
"""Seconds after which the disk must have what was written: so much is lost when the machine goes down."""

PATIENCE = 5.0
"""Seconds that somebody waits for a flush at most: a disk may stall."""

BRIEFLY = 0.1
"""Seconds that the recorder waits for a column that another thread reads."""

COPYING = 1.0
"""Seconds that a fork waits for the recorder to let go of the columns: that takes less than a millisecond."""

ASIDE = 0.001
"""Seconds for which a new recorder leaves the interpreter to training, which waits until it has begun."""

NOTES = 4_096
"""Notes and histograms that wait at most."""


def plainly(work: Callable[[], None]) -> object:
    """Let faults surface, for tests."""
    work()


@dataclass(frozen=True, slots=True)
class Options:
    """What may be left at its default.

    Attributes:
        describe: what a series is about, asked once for each.
        warn: called once with a sentence, from the recorder's thread, if recording has to stop.
        git: a question about the user's script; None if nothing was asked.
        waiting: values that wait for the disk at most.
        segment: records per segment.
        began: moment from which seconds are counted, by `monotonic`; the recorder's own start if not given.
        period: seconds between two looks at the columns.
        contain: runs the thread's work so that a fault of ours stays ours.
        checkpoint: called at the places where being killed hurts most.
    """

    describe: Callable[[str], Series] = Series
    warn: Callable[[str], None] = unwatched
    git: GitQuery | None = None
    waiting: int = LIMIT
    segment: int = ROWS
    began: float | None = None
    period: float = PERIOD
    checkpoint: Checkpoint = unwatched
    contain: Callable[[Callable[[], None]], object] = plainly


class Recorder:
    """Writes one process's records into its folder. Nothing is ever raised into training.

    Args:
        folder: of this process, made by `layout.process_folder`.
        manifest: of this process, made by `manifest.begin`.
        options: what may be left at its default.

    Attributes:
        failure: why recording stopped; empty as long as it has not.
        seconds: CPU time that the recorder's thread has used.
    """

    def __init__(self, folder: Path, manifest: Manifest, options: Options = Options()) -> None:
        self.failure = ""
        self.seconds = 0.0
        self._folder = folder
        self._manifest = manifest
        self._columns: dict[str, Column] = {}
        self._tables: list[Table] = []
        self._options = options
        self._process = os.getpid()
        self._began = monotonic() if options.began is None else options.began
        self._requests: SimpleQueue[Event] = SimpleQueue()
        self._outbox = Outbox(options.waiting)
        self._notes: deque[Line] = deque(maxlen=NOTES)
        self._histograms: deque[tuple[str, int, Histogram]] = deque(maxlen=NOTES)
        self._documents: deque[tuple[str, str]] = deque()
        self._latest: deque[Run] = deque(maxlen=1)
        self._facts = FactWriter()
        self._ending: Ending | None = None
        self._lost = self._told = 0
        self._collecting = Lock()
        self._is_paused = False
        self._is_over = False
        self._thread = Thread(target=self._contained, name="osler-recorder", daemon=True)

    @property
    def is_recording(self) -> bool:
        """Whether this process records; the children that it forks do not."""
        return self._thread.is_alive() and os.getpid() == self._process

    @property
    def lost(self) -> int:
        """Values, notes and histograms that were dropped because the disk did not keep up."""
        return self._lost + self._outbox.lost

    def start(self) -> None:
        """Begin to record."""
        import_module("osler.store.arrow")  # not in the thread: the interpreter may be at its end by then
        forget_in_children(self)
        atexit.register(self.close)
        self._thread.start()

    def watch(self, name: str, column: Column) -> None:
        """Record a column from its first value on; called by the thread that makes it."""
        if name not in self._columns and os.getpid() == self._process and not self.failure:
            self._lost += column.send_to(partial(self._outbox.put, array("I", (len(self._columns),))))
            self._columns[name] = column

    def watch_table(self, table: Table) -> None:
        """Record a table from its first row on; called by the thread that makes it."""
        if os.getpid() == self._process and not self.failure:
            first = len(self._columns)
            table.send_to(partial(self._outbox.put, array("I", range(first, first + len(table.columns)))))
            self._columns.update(table.columns)
            self._tables.append(table)

    def put(self, run: Run) -> None:
        """Take the facts of the run as they are now; called by the thread that trains."""
        if self.is_recording:
            self._latest.append(snapshot(run))

    def note(self, kind: str, content: object) -> None:
        """Record something that happened once, for example a finding, as a frozen dataclass."""
        if self.is_recording:
            self._lost += len(self._notes) == NOTES
            seconds = round(monotonic() - self._began, 3)
            self._notes.append({"t": "note", "kind": kind, "seconds": seconds, "value": encode(content)})

    def histogram(self, name: str, step: int, counts: Histogram) -> None:
        """Record the sizes of one tensor's numbers."""
        if self.is_recording:
            self._lost += len(self._histograms) == NOTES
            self._histograms.append((name, step, counts))

    def document(self, name: str, content: str) -> None:
        """Write a whole file, for example ``report.json``, in place of an earlier one of that name."""
        if self.is_recording:
            self._documents.append((name, content))

    def flush(self, *, wait: bool = True) -> bool:
        """Write everything now, down to the disk itself.

        Args:
            wait: until it is done, but not for ever.

        Returns:
            Whether it is known to be done.
        """
        if not self.is_recording:
            return False
        done = Event()
        self._requests.put(done)
        until = monotonic() + PATIENCE
        while wait and self._thread.is_alive() and monotonic() < until:
            if done.wait(self._options.period):
                break
        return done.is_set() and not self.failure

    def close(self, ending: Ending | None = None) -> bool:
        """Write everything and how it ended; false if that failed or nothing was recorded."""
        if not self.is_recording:
            return False
        atexit.unregister(self.close)
        self._ending = replace(ending or Ending(), seconds=round(monotonic() - self._began, 3))
        self._requests.put(Event())
        self._thread.join(PATIENCE)
        return not self._thread.is_alive() and not self.failure

    def _contained(self) -> None:
        """The recorder's thread."""
        sleep(ASIDE)
        self._options.contain(self._work)
        if not self._is_over:  # whoever contains the fault has told it
            self._stop("a fault in Osler")

    def _work(self) -> None:
        options = self._options
        try:
            writer = Writer(
                self._folder,
                self._manifest,
                options.git,
                rows=options.segment,
                checkpoint=options.checkpoint,
            )
            self._write_until_the_end(writer)
        except (OSError, RuntimeError, ValueError, LookupError, MemoryError) as error:
            self._give_up(error)

    def _write_until_the_end(self, writer: Writer) -> None:
        synced = monotonic()
        while True:
            request = self._next_request()
            ending = self._ending
            self._write(writer)
            writer.look_after()
            self.seconds = thread_time()
            if ending is not None:
                writer.lines([{"t": "end", "value": encode(ending)}])
            if request is not None or monotonic() - synced >= SYNC:
                writer.sync()
                synced = monotonic()
            if request is not None:
                request.set()
            if ending is not None:
                writer.close()
                self.forget()
                self._is_over = True
                return

    def _next_request(self) -> Event | None:
        try:
            return self._requests.get(timeout=self._options.period)
        except Empty:
            return None

    def _write(self, writer: Writer) -> None:
        """Write what has come since the last time; names of series before their values."""
        chunks = self._settled()
        lines = [writer.introduce("series", about) for about in self._new_series(writer)]
        while self._latest:
            lines += self._facts.lines(self._latest.popleft())
        lines += [self._notes.popleft() for _ in range(len(self._notes))]
        histograms: list[tuple[int, int, Histogram]] = []
        while self._histograms:
            name, step, counts = self._histograms.popleft()
            if not writer.knows("histogram", name):
                lines.append(writer.introduce("histogram", self._about(name)))
            histograms.append((writer.sid("histogram", name), step, counts))
        if self.lost != self._told:
            self._told = self.lost
            lines.append({"t": "lost", "values": self._told})
        writer.lines(lines)
        self._options.checkpoint("flush")
        writer.scalars(chunks)
        writer.histograms(histograms)
        while self._documents:
            writer.document(*self._documents.popleft())

    def _settled(self) -> Iterable[Chunk]:
        """Move fresh values into the outbox and take them from there."""
        with self._collecting:
            for grown in (*self._columns.copy().values(), *self._tables):
                if grown.values:
                    grown.settle(BRIEFLY)
            return self._outbox.take()

    def _new_series(self, writer: Writer) -> list[Series]:
        """What the series are about that have no line yet; in the order of their numbers."""
        known = writer.introduced("series")
        if known == len(self._columns):  # almost always, and there may be thousands
            return []
        return [self._about(name) for name in list(self._columns)[known:]]

    def _about(self, name: str) -> Series:
        return replace(self._options.describe(name), name=name)

    def _give_up(self, error: Exception) -> None:
        """Recording stops for good; whoever waits is told so."""
        reason = (
            (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
        )
        self._stop(reason)
        self._options.warn(self.failure)

    def _stop(self, reason: str) -> None:
        self._is_over = True
        self.failure = f"recording stopped: {reason} ({self._folder})"
        self.forget()
        while not self._requests.empty():
            self._requests.get().set()

    def forget(self) -> None:
        """Take nothing any more: columns keep their histories and send nothing."""
        for grown in (*self._columns.copy().values(), *self._tables):
            grown.sink = None
        self._latest.clear()
        self._lost += self._outbox.lost
        self._outbox = Outbox(self._options.waiting)

    def before_fork(self) -> None:
        """No column may be locked by the recorder's thread when the process is copied."""
        self._is_paused = self._collecting.acquire(timeout=COPYING)

    def after_fork(self) -> None:
        """The copy is made; called in both processes."""
        if self._is_paused:
            self._collecting.release()
        if os.getpid() != self._process:
            self.forget()


def forget_in_children(recorder: Recorder) -> None:
    """Forked children have no recorder: its thread does not exist there."""
    here = weakref.ref(recorder)

    def before() -> None:
        if (known := here()) is not None:
            known.before_fork()

    def after() -> None:
        if (known := here()) is not None:
            known.after_fork()

    os.register_at_fork(before=before, after_in_parent=after, after_in_child=after)
