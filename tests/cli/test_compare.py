"""`osler compare` says what tells two stored runs apart."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from osler.cli import main

HEALTHY, FAULTY = "20260101-120000-aaaaaaaa", "20260102-120000-bbbbbbbb"


def compare(capfd: pytest.CaptureFixture[str], *words: str | Path) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of `osler compare`."""
    code = main(["compare", *map(str, words)])
    return code, *capfd.readouterr()


def test_in_words(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code, out, err = compare(capfd, "20260101", "20260102")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    verdict = f"osler: {HEALTHY} and {FAULTY}: 2 differing settings; the losses part at step 0 ("
    assert lines[0].startswith(verdict)
    assert lines[0].endswith("); 1 finding gained, 0 lost")
    assert lines[1:7] == [
        "  argv",
        f"    {HEALTHY}: osler run healthy.py",
        f"    {FAULTY}: osler run faulty.py",
        "  script",
        f"    {HEALTHY}: healthy.py",
        f"    {FAULTY}: faulty.py",
    ]
    (gained,) = [line for line in lines if line.startswith(f"  only in {FAULTY}: ")]
    assert "faulty.py:9  error  training-in-eval-mode: " in gained
    (loss,) = [line for line in lines if line.startswith("  loss ")]
    assert HEALTHY in loss


def test_a_run_with_itself(
    faulty: Path, home: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    _, out, _ = compare(capfd, FAULTY, FAULTY)
    same = "0 differing settings; the losses are the same, bit for bit, in 60 values compared"
    assert out.splitlines()[0] == f"osler: {FAULTY} and {FAULTY}: {same}; 0 findings gained, 0 lost"
    other = shutil.copytree(faulty, tmp_path / FAULTY)
    first = compare(capfd, FAULTY, other)[1].splitlines()[0]
    assert first == f"osler: {FAULTY} and {other}: {same}; 0 findings gained, 0 lost"


def test_json(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code, out, err = compare(capfd, HEALTHY, FAULTY, "--json")
    assert (code, err) == (0, "")
    content = json.loads(out)
    assert content["schema"] == "osler.comparison/1"
    assert content["runs"] == [{"name": HEALTHY, "steps": 48}, {"name": FAULTY, "steps": 60}]
    assert [f["check"] for f in content["gained"]] == ["training-in-eval-mode"]
    assert content["lost"] == []


@pytest.mark.parametrize(
    ("first", "second", "limit", "code"),
    [
        (HEALTHY, FAULTY, "error", 1),
        (HEALTHY, FAULTY, "hint", 1),
        (FAULTY, HEALTHY, "hint", 0),
        (FAULTY, FAULTY, "hint", 0),
    ],
)
def test_exit_codes(
    project: Path, first: str, second: str, limit: str, code: int, capfd: pytest.CaptureFixture[str]
) -> None:
    assert compare(capfd, first, second, "--fail-on-new", limit)[0] == code
    assert compare(capfd, first, second)[0] == 0


@pytest.mark.parametrize(("alive", "words"), [(True, "is still being written"), (False, "was cut short")])
def test_unfinished_runs(
    faulty: Path, unfinish: Callable[..., None], alive: bool, words: str, capfd: pytest.CaptureFixture[str]
) -> None:
    unfinish(faulty, alive=alive)
    code, _, err = compare(capfd, HEALTHY, FAULTY, "--fail-on-new", "error")
    assert (code, err) == (1, f"osler: {FAULTY} {words}\n")


def test_what_could_not_be_read_is_told(faulty: Path, capfd: pytest.CaptureFixture[str]) -> None:
    segment = faulty / "r00000/scalars-000000.arrows"
    segment.write_bytes(segment.read_bytes()[:-50])
    _, _, err = compare(capfd, HEALTHY, FAULTY)
    assert err == f"osler: not read: {FAULTY}: r00000/scalars-000000.arrows: 1 damaged batch left out\n"


def test_mistakes(home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert compare(capfd, HEALTHY, "2027") == (
        2,
        "",
        f"osler: there is no run '2027' in {home}\n  fix: List the runs with `osler runs`.\n",
    )
    assert compare(capfd, HEALTHY)[2] == (
        "osler: the following arguments are required: B\n  fix: See `osler compare --help`.\n"
    )
