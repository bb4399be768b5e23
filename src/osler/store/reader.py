"""Open a run directory: while it is written, after a kill, or years later on another machine."""

from __future__ import annotations

from pathlib import Path

from osler.errors import StoreError
from osler.model import Run
from osler.store.frames import Columns
from osler.store.layout import SCHEMA, process_folders
from osler.store.manifest import Manifest
from osler.store.overview import Overview
from osler.store.process import Status, StoredProcess


class StoredRun:
    """A run directory.

    Args:
        path: of the directory; a link to it is followed, links inside are not.

    Attributes:
        path: the directory itself.
        processes: what each process recorded, ranks first.

    Raises:
        StoreError: it is no run directory, or written by a newer version.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self.processes: list[StoredProcess] = []
        self._links: list[str] = []
        self.refresh()
        if not self.processes:
            raise StoreError(f"{path} holds no recorded run", fix="List the runs with `osler runs`.")

    @property
    def main(self) -> StoredProcess:
        """The process of rank 0, or the first that there is."""
        return self.processes[0]

    @property
    def manifest(self) -> Manifest:
        """What is known about the main process."""
        return self.main.manifest

    @property
    def run(self) -> Run:
        """The evidence of the main process; its ``context`` is left to be derived."""
        return self.main.run

    @property
    def status(self) -> Status:
        """Whether the main process ended, was cut short, or goes on."""
        return self.main.status

    @property
    def problems(self) -> tuple[str, ...]:
        """What could not be read, one sentence each."""
        links = (f"{name} was left out: it is a link or no folder" for name in self._links)
        return (*links, *(p for process in self.processes for p in process.problems))

    def refresh(self) -> None:
        """Read what was not there the last time.

        Raises:
            StoreError: the directory is gone, or a newer version writes to it.
        """
        known = {process.name: process for process in self.processes}
        try:
            found = list(process_folders(self.path))
        except OSError as error:
            raise StoreError(
                f"cannot read {self.path}: {error.strerror}", fix="List the runs with `osler runs`."
            ) from error
        self._links = [name for name, is_folder in found if not is_folder]
        for process in known.values():
            process.refresh()
        names = [name for name, is_folder in found if is_folder]
        self.processes = [known.get(name) or StoredProcess(self.path / name) for name in names]
        newest = max((process.manifest.schema for process in self.processes), default=SCHEMA)
        if newest > SCHEMA:
            raise StoreError(
                f"cannot read {self.path}: written in format {newest}, this version reads up to {SCHEMA}",
                fix="Upgrade with `pip install -U osler`.",
            )

    def series(self, name: str) -> Columns:
        """Steps and values of one series of the main process, oldest first."""
        return self.main.records(name)

    def overview(self, name: str, buckets: int = 1_000) -> Overview:
        """The course of one series of the main process in at most so many stretches of steps."""
        return self.main.overview(name, buckets)


def open_run(path: Path | str) -> StoredRun:
    """Open a run directory.

    Raises:
        StoreError: it is no run directory, or written by a newer version.
    """
    return StoredRun(Path(path))
