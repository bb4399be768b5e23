"""Where things are inside a run directory, and how its files are opened without leaving it."""

from __future__ import annotations

import os
import re
import secrets
import socket
import stat
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path

from osler.errors import StoreError

SCHEMA = 1
"""Version of everything below a run directory; a reader refuses newer ones."""

FOLDER = ".osler"
MANIFEST = "manifest.json"
FACTS = "facts.jsonl"
PRIMARY = "r00000"

MODE = 0o644
READ_ONLY = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
"""Follow no link, and do not wait for the other end of a pipe."""

RUN = re.compile(r"(\d{8}-\d{6})-[0-9a-f]{8}")
"""What `run_id` makes."""

PROCESS = re.compile(r"r\d{5}|p\d{1,10}(-\d{1,3})?")
SEGMENT = re.compile(r"(scalars-\d{6})\.(arrows|sealed)")
DOCUMENT = re.compile(r"\w[\w-]*\.\w+")
HISTOGRAM_SEGMENT = re.compile(r"(hist-\d{6})\.arrows")

MOST_BYTES = 1 << 31
"""Larger files are not ours: a segment is rotated at some 20 MB."""


def new_run(root: Path, launch: str = "") -> Path:
    """Make the directory of a new run, below ``.osler/runs`` of a root.

    Args:
        root: folder of the project.
        launch: what all processes have in common that record into this run; empty if there is one only.

    Raises:
        StoreError: it cannot be made.
    """
    home = root.absolute() / FOLDER
    try:
        (home / "runs").mkdir(parents=True, exist_ok=True)
        ignore = home / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n", "ascii")
        if launch:
            return agreed(home, launch)
        while True:
            run = home / "runs" / run_id()
            if not run.exists():
                run.mkdir()
                return run
    except OSError as error:
        raise StoreError(
            f"cannot make a run directory in {home}: {error.strerror}",
            fix="Choose another place with `--run-dir`, or record nothing with `--no-store`.",
        ) from error


def agreed(home: Path, launch: str) -> Path:
    """The run of a launch: the first process names it by a link, which no two can make.

    Raises:
        OSError: links cannot be made here, or this one leads elsewhere.
    """
    (home / "launches").mkdir(exist_ok=True)
    link = home / "launches" / launch
    with suppress(FileExistsError):
        link.symlink_to(run_id())
    name = str(link.readlink())
    if not RUN.fullmatch(name):
        raise OSError(None, "the link of this launch names no run", str(link))
    run = home / "runs" / name
    run.mkdir(exist_ok=True)
    return run


def run_id() -> str:
    """A name that sorts by time and is unique without asking anybody: ``20260102-030405-1a2b3c4d``."""
    return f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(4)}"


def process_folder(run: Path, rank: int | None = 0) -> Path:
    """Make the folder of this process: ``r00000`` for its rank, ``p1234`` if it has none or that is taken.

    Raises:
        OSError: it cannot be made.
    """
    pid = os.getpid()
    ranked = [] if rank is None else [f"r{rank:05d}"]
    for name in chain(ranked, [f"p{pid}"], (f"p{pid}-{n}" for n in range(1, 1000))):
        try:
            (run / name).mkdir()
        except FileExistsError:
            continue
        return run / name
    raise FileExistsError(f"{run} holds a thousand folders of process {pid}")


def process_folders(run: Path) -> Iterator[tuple[str, bool]]:
    """Names of the folders of processes, ranks first, and whether each is a real folder and no link."""
    with os.scandir(run) as entries:
        found = [(e.name, e.is_dir(follow_symlinks=False)) for e in entries if PROCESS.fullmatch(e.name)]
    yield from sorted(found, key=lambda entry: (entry[0][0] != "r", entry[0]))


def open_inside(folder: Path, name: str) -> int:
    """Open a file of a folder for reading; links, devices and pipes are refused.

    Raises:
        OSError: it is missing, cannot be read, or is no plain file.
    """
    handle = os.open(folder / name, READ_ONLY)
    status = os.fstat(handle)
    if not stat.S_ISREG(status.st_mode) or status.st_size > MOST_BYTES:
        os.close(handle)
        raise OSError(None, "it is no plain file of a sensible size", str(folder / name))
    return handle


def read_inside(folder: Path, name: str, start: int = 0, amount: int = MOST_BYTES) -> bytes:
    """Read a file of a folder from an offset on.

    Raises:
        OSError: it is missing, cannot be read, or is no plain file.
    """
    with os.fdopen(open_inside(folder, name), "rb") as file:
        file.seek(min(start, MOST_BYTES))
        return file.read(amount)


def write_whole(path: Path, content: str | bytes) -> None:
    """Replace a file in one stroke, so that a reader sees the old one or the new one.

    Raises:
        OSError: it cannot be written.
    """
    data = content.encode("utf-8") if isinstance(content, str) else content
    beside = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, MODE)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError:
        beside.unlink(missing_ok=True)
        raise


def host() -> str:
    """Name of this machine, with what tells two starts of it apart."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        boot = ""
    return f"{socket.gethostname()}/{boot}"


def birth(pid: int) -> str:
    """When a process of this machine was started, so that a reused number is told apart; empty if unknown."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except OSError:
        return ""
    return status.rpartition(")")[2].split()[19]
