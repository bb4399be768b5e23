"""Sealed segments: sorted Parquet, a roll-up beside it, and a marker, written last, that vouches for both."""

from __future__ import annotations

from binascii import crc32
from dataclasses import dataclass
from pathlib import Path

from osler.store.codec import Damaged, decode, encode, mapping
from osler.store.layout import read_inside
from osler.store.lines import from_line, to_line


@dataclass(frozen=True, slots=True)
class Whole:
    """What a finished file must look like.

    Attributes:
        size: bytes.
        crc: CRC-32 of them.
    """

    size: int
    crc: int


@dataclass(frozen=True, slots=True)
class Marker:
    """What is known of a sealed segment.

    Attributes:
        rows: records in it.
        data: the Parquet file.
        rollup: the roll-up.
    """

    rows: int
    data: Whole
    rollup: Whole


@dataclass(slots=True)
class SealedSegment:
    """One sealed segment.

    Attributes:
        folder: of the process.
        name: of the segment, without ending.
        marker: what its files must look like.
    """

    folder: Path
    name: str
    marker: Marker
    _trusted: bool = False

    @property
    def file(self) -> str:
        """Name of the Parquet file."""
        return f"{self.name}.parquet"

    @property
    def rollup_file(self) -> str:
        """Name of the roll-up's file."""
        return f"{self.name}.rollup.parquet"

    def data(self) -> Path:
        """The Parquet file, whose checksum was compared once.

        Raises:
            OSError: it is missing, damaged or no plain file.
        """
        if not self._trusted:
            compare(self.folder, self.file, self.marker.data)
            self._trusted = True
        return self.folder / self.file

    def rollup(self) -> Path:
        """The roll-up, after its checksum was compared.

        Raises:
            OSError: it is missing, damaged or no plain file.
        """
        compare(self.folder, self.rollup_file, self.marker.rollup)
        return self.folder / self.rollup_file


def sealed(folder: Path, name: str) -> SealedSegment:
    """The sealed segment of a name.

    Raises:
        OSError: there is no marker, or it is damaged.
    """
    line = from_line(read_inside(folder, f"{name}.sealed", amount=1 << 16).rstrip(b"\n"))
    try:
        return SealedSegment(folder, name, decode(Marker, line))
    except Damaged as error:
        raise OSError(None, "it is damaged", f"{name}.sealed") from error


def marker_text(marker: Marker) -> str:
    """The marker file's content."""
    return to_line(mapping(encode(marker)))


def whole(path: Path) -> Whole:
    """The description of a file as it is now.

    Raises:
        OSError: it cannot be read.
    """
    data = read_inside(path.parent, path.name)
    return Whole(len(data), crc32(data))


def compare(folder: Path, name: str, expected: Whole) -> None:
    """Raises OSError if a file is not what it was."""
    if whole(folder / name) != expected:
        raise OSError(None, "it is damaged", name)
