"""A baseline: what it passes over, and what it does not."""

import json
from pathlib import Path

import pytest

from osler.engine.baseline import open_baseline, written
from osler.errors import SettingsError
from osler.model import Finding, Place, Severity


def found(name: str, line: int = 1) -> Finding:
    return Finding(name, Place("/project/train.py", line), "seen", "", "", "", Severity.ERROR)


def mark(finding: Finding) -> str:
    return f"mark of {finding.check}"


def test_what_is_known_is_recognised_as_often_as_it_was_there(tmp_path: Path) -> None:
    file = tmp_path / "known.json"
    file.write_text(written([found("one"), found("one", 9), found("two")], mark, Path("/project")))
    baseline = open_baseline(file, mark)
    assert [baseline.knows(found("one", n)) for n in (4, 12, 13)] == [True, True, False]
    assert not baseline.knows(found("three"))
    assert baseline.outdated == 1


def test_one_finding_to_a_line(tmp_path: Path) -> None:
    text = written([found("two", 3), found("one", 9)], mark, Path("/project"))
    assert text == (
        '{\n  "schema": "osler.baseline/1",\n  "findings": [\n'
        '    {"file": "train.py", "check": "one", "fingerprint": "mark of one"},\n'
        '    {"file": "train.py", "check": "two", "fingerprint": "mark of two"}\n'
        "  ]\n}\n"
    )
    assert written([], mark, tmp_path) == '{\n  "schema": "osler.baseline/1",\n  "findings": []\n}\n'


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{", "Expecting property name"),
        ("[]", "its `schema` is None, expected 'osler.baseline/1'"),
        (json.dumps({"schema": "osler.baseline/1"}), "`findings` is no list of findings"),
        (json.dumps({"schema": "osler.baseline/1", "findings": [{}]}), "`findings` is no list of findings"),
    ],
)
def test_a_file_that_is_none(content: str, reason: str, tmp_path: Path) -> None:
    file = tmp_path / "known.json"
    file.write_text(content)
    with pytest.raises(SettingsError) as raised:
        open_baseline(file, mark)
    assert str(raised.value).startswith(f"cannot read the baseline {file}: {reason}")
    assert raised.value.fix == "Write it again with `osler lint --add-baseline`."
