"""Which source lines are shown, and what happens if there are none."""

import linecache
from dataclasses import replace
from pathlib import Path

import pytest

from osler.model import Finding, Place, Related
from osler.report.source import MOST_RELATED, Sources, excerpts


def numbers(finding: Finding) -> list[list[int]]:
    return [[line.number for line in excerpt.lines] for excerpt in excerpts(finding, Sources())]


def related(place: Place, *lines: int) -> tuple[Related, ...]:
    return tuple(Related(replace(place, line=n), f"label {n}") for n in lines)


@pytest.mark.parametrize(
    ("guilty", "others", "shown"),
    [
        (13, (), [[11, 12, 13, 14]]),  # the empty lines after it show nothing
        (12, (), [[10, 11, 12, 13, 14]]),
        (1, (), [[1, 2]]),
        (27, (), [[25, 26, 27]]),  # an empty line between others stays
        (12, (13,), [[10, 11, 12, 13, 14]]),
        (18, (25,), [[17, 18, 19, 20, 25]]),
        (18, (99,), [[17, 18, 19, 20]]),
        (99, (), []),
        (0, (), []),
        (0, (18,), [[18]]),
    ],
)
def test_chosen_lines(
    guilty: int, others: tuple[int, ...], shown: list[list[int]], eval_mode: Finding
) -> None:
    place = replace(eval_mode.place, line=guilty)
    finding = replace(eval_mode, place=place, related=related(place, *others))
    assert numbers(finding) == shown


def test_marks_and_labels(eval_mode: Finding) -> None:
    (excerpt,) = excerpts(eval_mode, Sources())
    assert [line.number for line in excerpt.lines if line.guilty] == [18]
    assert {line.number: line.label for line in excerpt.lines if line.label} == {
        12: "the forward that is trained",
        25: "called here",
    }


def test_too_many_related_places_are_left_out(eval_mode: Finding) -> None:
    many = related(eval_mode.place, *range(1, 11))
    (excerpt,) = excerpts(replace(eval_mode, related=many), Sources())
    assert sum(bool(line.label) for line in excerpt.lines) == MOST_RELATED


def test_other_files_follow(eval_mode: Finding, root: Path) -> None:
    (root / "net.py").write_text("a = 1\nb = 2\n")
    other = Related(Place(str(root / "net.py"), 2), "built here")
    shown = list(excerpts(replace(eval_mode, related=(other,)), Sources()))
    assert [Path(e.file).name for e in shown] == ["train.py", "net.py"]
    assert [line.text for line in shown[1].lines] == ["b = 2"]


def test_a_finding_without_a_file_has_no_excerpt(placeless: Finding) -> None:
    assert numbers(placeless) == []


def test_the_source_is_kept_as_it_was_when_training_began(root: Path) -> None:
    sources, file = Sources(), root / "train.py"
    before = sources.lines(str(file))
    file.write_text("edited = True\n")
    assert sources.line(Place(str(file), 4)) == before[3]


@pytest.mark.parametrize("content", [b"\xff\xfe\x00 not text", b"# coding: no-such-codec\n"])
def test_unreadable_files_are_empty(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "odd.py"
    file.write_bytes(content)
    assert Sources().line(Place(str(file), 1)) == ""


@pytest.mark.parametrize("place", [Place(), Place("/gone.py", 3), Place("<stdin>", 1), Place("a\0b", 1)])
def test_unknown_lines_are_empty(place: Place) -> None:
    assert Sources().line(place) == ""


def test_a_declared_encoding_is_respected(tmp_path: Path) -> None:
    file = tmp_path / "latin.py"
    file.write_bytes("# coding: latin-1\nname = 'é'\n".encode("latin-1"))
    assert Sources().line(Place(str(file), 2)) == "name = 'é'"


def test_a_form_feed_is_no_line_end(tmp_path: Path) -> None:
    file = tmp_path / "old.py"
    file.write_text("a = 1\n\x0c\nb = 2\n")
    assert Sources().line(Place(str(file), 3)) == "b = 2"


def test_notebook_cells_are_read_from_linecache(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "<ipython-input-3-abc>"
    monkeypatch.setitem(linecache.cache, name, (14, None, ["x = 1\n", "loss.backward()\n"], name))
    assert Sources().line(Place(name, 2)) == "loss.backward()"
