"""A sealed segment is trusted only if its marker vouches for both of its files."""

from pathlib import Path

import pytest

from osler.store.lines import to_line
from osler.store.sealed import Marker, SealedSegment, Whole, compare, marker_text, sealed, whole

NAME = "scalars-000007"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One sealed segment, whose files only have to be there."""
    (tmp_path / f"{NAME}.parquet").write_bytes(b"records")
    (tmp_path / f"{NAME}.rollup.parquet").write_bytes(b"rows")
    marker = Marker(800, whole(tmp_path / f"{NAME}.parquet"), whole(tmp_path / f"{NAME}.rollup.parquet"))
    (tmp_path / f"{NAME}.sealed").write_text(marker_text(marker))
    return tmp_path


def test_what_was_sealed_is_found(folder: Path) -> None:
    segment = sealed(folder, NAME)
    assert segment.marker.rows == 800
    assert segment.data() == folder / f"{NAME}.parquet"
    assert segment.rollup() == folder / f"{NAME}.rollup.parquet"
    assert (segment.file, segment.rollup_file) == (f"{NAME}.parquet", f"{NAME}.rollup.parquet")


def test_a_file_is_known_by_its_length_and_checksum(folder: Path) -> None:
    assert whole(folder / f"{NAME}.parquet") == Whole(7, 0x9C9D5846)
    compare(folder, f"{NAME}.parquet", Whole(7, 0x9C9D5846))


def test_no_marker_no_segment(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        sealed(tmp_path, NAME)


@pytest.mark.parametrize(
    "marker",
    [
        "",
        "{}",
        to_line({"rows": 800}),
        to_line({"rows": "800", "data": {"size": 7, "crc": 1}, "rollup": {"size": 7, "crc": 1}}),
        to_line({"rows": 800, "data": {"size": 7, "crc": 1}, "rollup": {}}),
        marker_text(Marker(800, Whole(7, 1), Whole(7, 1)))[:-4],
        marker_text(Marker(800, Whole(7, 1), Whole(7, 1))).replace("800", "801"),
        "\0" * 200,
    ],
    ids=["empty", "no checksum", "half of it", "text for a number", "no length", "cut", "changed", "zeros"],
)
def test_a_damaged_marker_vouches_for_nothing(folder: Path, marker: str) -> None:
    (folder / f"{NAME}.sealed").write_text(marker)
    with pytest.raises(OSError, match="it is damaged"):
        sealed(folder, NAME)


def test_a_marker_of_a_later_version_may_say_more(folder: Path) -> None:
    line = to_line({"rows": 1, "data": {"size": 1, "crc": 1}, "rollup": {"size": 1, "crc": 1}, "series": [3]})
    (folder / f"{NAME}.sealed").write_text(line)
    assert sealed(folder, NAME).marker == Marker(1, Whole(1, 1), Whole(1, 1))


@pytest.mark.parametrize("part", ["parquet", "rollup.parquet"])
@pytest.mark.parametrize("content", [b"", b"recordS", b"rowS", b"records ", None])
def test_a_file_that_is_not_what_it_was_is_refused(folder: Path, part: str, content: bytes | None) -> None:
    segment, path = sealed(folder, NAME), folder / f"{NAME}.{part}"
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(OSError, match=r"it is damaged|No such file"):
        segment.data() if part == "parquet" else segment.rollup()


def test_a_link_is_not_followed(folder: Path) -> None:
    path = folder / f"{NAME}.parquet"
    path.rename(folder / "elsewhere")
    path.symlink_to(folder / "elsewhere")
    with pytest.raises(OSError, match=r"[Ss]ymbolic"):
        sealed(folder, NAME).data()


def test_a_damaged_roll_up_does_not_take_the_records_with_it(folder: Path) -> None:
    (folder / f"{NAME}.rollup.parquet").unlink()
    assert sealed(folder, NAME).data().exists()


def test_the_records_are_compared_once(folder: Path) -> None:
    """Twenty megabytes are not read again for every series."""
    segment = sealed(folder, NAME)
    segment.data()
    (folder / f"{NAME}.parquet").write_bytes(b"changed")
    assert segment.data().exists()
    with pytest.raises(OSError, match="it is damaged"):
        SealedSegment(folder, NAME, segment.marker).data()
