"""`osler checks` lists the catalogue for people and programs."""

import json

import pytest

from osler.cli import main
from osler.engine.catalogue import catalogue


def test_one_line_per_check(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["checks"]) == 0
    head, *rows = capsys.readouterr().out.splitlines()
    assert head.split() == ["name", "severity", "topic", "what"]
    assert [row.split()[0] for row in rows] == list(catalogue())


def test_columns_are_aligned(capsys: pytest.CaptureFixture[str]) -> None:
    main(["checks"])
    head, *rows = capsys.readouterr().out.splitlines()
    starts = [head.index(word) for word in ("severity", "topic", "what")]
    assert all(row[start - 1] == " " and row[start] != " " for row in rows for start in starts)


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["checks", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert list(rows) == list(catalogue())
    row = rows["gradients-not-cleared"]
    assert list(row) == ["name", "severity", "topic", "what", "expected", "why", "fix"]
    assert (row["severity"], row["topic"]) == ("error", "gradients")
    assert all(row.values())
