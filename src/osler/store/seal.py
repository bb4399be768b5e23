"""Seal segments that will not grow: sorted Parquet and a roll-up take the place of the hot file.

Done by a reader, never while training. A crash at any point leaves the hot file or the sealed one valid: the
marker is written last, and the hot file is deleted only after the Parquet file was counted again.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from time import time

import numpy as np

from osler.errors import StoreError
from osler.store.disk import Checkpoint, unwatched
from osler.store.engine import Table, engine
from osler.store.frames import Columns
from osler.store.hot import HotSegment
from osler.store.layout import host, write_whole
from osler.store.process import Status, StoredProcess
from osler.store.rollup import of_records
from osler.store.sealed import Marker, SealedSegment, marker_text, sealed, whole

TEMPORARY = ".parquet.tmp"

ABANDONED = 3_600.0
"""Seconds after which nobody is still at work on a file half written."""


def seal(process: StoredProcess, checkpoint: Checkpoint = unwatched) -> int:
    """Seal what is complete and undamaged in the folder of a process.

    Args:
        process: as it was opened; reads the sealed files from its next refresh on.
        checkpoint: called as ``seal``, ``count``, ``rename``, ``mark`` and ``delete`` before each of these.

    Returns:
        How many segments were sealed; 0 in a directory that cannot be written.
    """
    remove_leftovers(process.folder)
    names = list(process.scalars.hot)
    complete = names if is_over(process) else names[:-1]
    amount = 0
    for name in complete:
        try:
            amount += seal_segment(process.folder, name, checkpoint)
        except (OSError, StoreError):
            break  # a full or read-only disk: the hot files are read as they are
    return amount


def is_over(process: StoredProcess) -> bool:
    """Whether the last segment can no longer grow. Of a process on another machine that is not known."""
    if process.status is Status.COMPLETE:
        return True
    return process.status is Status.CUT_SHORT and process.manifest.host == host()


def seal_segment(folder: Path, name: str, checkpoint: Checkpoint) -> bool:
    """Seal one segment; false if it is damaged or empty and stays as it is."""
    segment = HotSegment(folder, name)
    segment.refresh()
    if segment.damaged or not segment.rows:
        return False
    checkpoint("seal")
    data, rollup = folder / f"{name}.parquet", folder / f"{name}.rollup.parquet"
    columns = segment.columns()
    write(by_sid(columns), data, checkpoint)
    write(of_records(columns).table, rollup, checkpoint)
    checkpoint("mark")
    marker = Marker(segment.rows, whole(data), whole(rollup))
    write_whole(folder / f"{name}.sealed", marker_text(marker))
    checkpoint("delete")
    delete_hot(folder, name)
    return True


def by_sid(columns: Columns) -> Table:
    """Records sorted by series; inside one they keep their order, which the steps of a resumed run do not."""
    order = np.argsort(columns[0], kind="stable")
    return {n: c[order] for n, c in zip(("sid", "step", "value"), columns, strict=True)}


def write(table: Table, path: Path, checkpoint: Checkpoint) -> None:
    """Write a Parquet file in one stroke, and only if it holds all rows.

    Raises:
        OSError, StoreError: it could not be written.
    """
    beside = path.with_name(f"{path.stem}.{os.getpid()}{TEMPORARY}")
    try:
        write_beside(table, path, beside, checkpoint)
    except (OSError, StoreError):
        with suppress(OSError):
            beside.unlink(missing_ok=True)
        raise


def write_beside(table: Table, path: Path, beside: Path, checkpoint: Checkpoint) -> None:
    """Write a file under another name, count it, and give it its own.

    Raises:
        OSError, StoreError: it could not be written.
    """
    engine().write(table, beside)
    checkpoint("count")
    rows = len(next(iter(table.values())))
    found = engine().count(beside)
    if found != rows:
        raise StoreError(f"{path} holds {found} of {rows} records", fix="Check the disk.")
    handle = os.open(beside, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    checkpoint("rename")
    beside.replace(path)


def delete_hot(folder: Path, name: str) -> None:
    """Delete the segment that was sealed. A reader without checksums reads nothing of it: these go first."""
    (folder / f"{name}.sums").unlink(missing_ok=True)
    (folder / f"{name}.arrows").unlink(missing_ok=True)


def remove_leftovers(folder: Path) -> None:
    """Remove what a crash left: files half written, and hot segments whose sealed form is whole."""
    for path in folder.glob("*.sealed"):
        with suppress(OSError):  # a damaged marker keeps its hot segment
            if any(path.with_suffix(ending).exists() for ending in (".arrows", ".sums")):
                known = sealed(folder, path.stem)
                if is_whole(known):
                    delete_hot(folder, path.stem)
    for path in folder.glob(f"*{TEMPORARY}"):
        with suppress(OSError):
            if time() - path.stat().st_mtime > ABANDONED:
                path.unlink()


def is_whole(segment: SealedSegment) -> bool:
    """Whether both files of a sealed segment are what they were."""
    try:
        segment.data()
        segment.rollup()
    except OSError:
        return False
    return True
