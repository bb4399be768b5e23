"""The cache: the same answers without reading again, and nothing that could make them wrong."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from osler.engine import linting, reading
from osler.engine.cache import FILE, open_cache
from osler.engine.catalogue import catalogue
from osler.engine.linting import Verdict, lint
from osler.model import Check
from osler.testing import PRELUDE

CHECKS = tuple(catalogue().values())
HELPER = "import torch\n\ndef reset(optimizer):\n    optimizer.zero_grad()\n"
TRAIN = f"""{PRELUDE}
from helper import reset

for x, y in loader:
    reset(optimizer)
    loss_fn(model(x), y).backward()
    optimizer.step()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "helper.py").write_text(HELPER)
    (tmp_path / "train.py").write_text(TRAIN)
    (tmp_path / "other.py").write_text("x = 1\n")
    (tmp_path / "broken.py").write_text("x = \n")
    return tmp_path


@pytest.fixture
def parts_read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many parts were read, call by call."""
    counts: list[int] = []

    def counting(
        parts: Sequence[reading.Part], checks: Sequence[Check], jobs: int = 1
    ) -> list[reading.Result]:
        counts.append(len(parts))
        return reading.read_parts(parts, checks, jobs)

    monkeypatch.setattr(linting, "read_parts", counting)
    return counts


def read(folder: Path, checks: Sequence[Check] = CHECKS) -> Verdict:
    cache = open_cache(folder, "1.0")
    verdict = lint([folder], checks, memory=cache)
    cache.save()
    return verdict


def test_the_second_time_nothing_is_read(folder: Path, parts_read: list[int]) -> None:
    (folder / "train.py").write_text(TRAIN.replace("    reset(optimizer)\n", ""))
    first, second = read(folder), read(folder)
    assert parts_read == [3, 0]
    assert [f.check for f in first.diagnosis.findings] == ["gradients-not-cleared"]
    assert [Path(u.file).name for u in first.unread] == ["broken.py"]
    assert second == first == lint([folder], CHECKS)


def test_a_change_in_an_imported_module_counts(folder: Path, parts_read: list[int]) -> None:
    assert read(folder).diagnosis.findings == ()
    (folder / "helper.py").write_text(HELPER.replace("optimizer.zero_grad()", "pass"))
    (finding,) = read(folder).diagnosis.findings
    assert finding.check == "gradients-not-cleared"
    assert parts_read == [3, 1]


def test_a_module_that_appears_counts(folder: Path, parts_read: list[int]) -> None:
    (folder / "helper.py").unlink()
    read(folder)
    (folder / "helper.py").write_text(HELPER.replace("optimizer.zero_grad()", "pass"))
    assert [f.check for f in read(folder).diagnosis.findings] == ["gradients-not-cleared"]


def test_other_checks_are_other_answers(folder: Path, parts_read: list[int]) -> None:
    (folder / "helper.py").write_text(HELPER.replace("optimizer.zero_grad()", "pass"))
    few = [c for c in CHECKS if c.name == "graph-broken"]
    assert len(read(folder, few).diagnosis.findings) == 0
    assert len(read(folder).diagnosis.findings) == 1
    assert parts_read == [3, 1]  # whether the others can be parsed does not depend on the checks


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"stamp": 1}', '{"parts": {}}', "\x00", "[" * 9999])
def test_a_damaged_file_is_as_good_as_none(text: str, folder: Path, parts_read: list[int]) -> None:
    read(folder)
    (folder / FILE).write_text(text)
    assert read(folder) == lint([folder], CHECKS)
    assert parts_read[:2] == [3, 3]


def test_a_damaged_entry_is_read_again(folder: Path, parts_read: list[int]) -> None:
    read(folder)
    content = json.loads((folder / FILE).read_text())
    content["parts"] = {key: {"findings": [{"check": 3}]} for key in content["parts"]}
    (folder / FILE).write_text(json.dumps(content))
    read(folder)
    assert parts_read == [3, 3]


def test_another_version_reads_again(folder: Path, parts_read: list[int]) -> None:
    read(folder)
    content = json.loads((folder / FILE).read_text())
    (folder / FILE).write_text(json.dumps({**content, "stamp": "older"}))
    read(folder)
    assert parts_read == [3, 3]


def test_a_text_that_would_come_back_shorter_is_not_kept(folder: Path) -> None:
    cache = open_cache(folder, "1.0")
    (finding,) = lint([folder], CHECKS).diagnosis.findings or (None,)
    assert finding is None
    (folder / "helper.py").write_text(HELPER.replace("optimizer.zero_grad()", "pass"))
    (finding,) = lint([folder], CHECKS).diagnosis.findings
    long = reading.Result((replace(finding, message="x" * 10_000),))
    cache.keep(reading.Part((), is_concerned=True), CHECKS, long)
    assert cache.entries == {}


def test_git_does_not_see_it(folder: Path) -> None:
    read(folder)
    assert (folder / ".osler" / ".gitignore").read_text() == "*\n"


def test_a_folder_that_cannot_be_written(folder: Path) -> None:
    (folder / ".osler").write_text("a file")
    assert read(folder).files == 4
