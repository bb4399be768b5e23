"""What a reader is told first: what was run, with what, where; never a secret."""

import json
import os
import platform
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from osler.store.layout import SCHEMA, birth, host
from osler.store.manifest import Manifest, begin, from_json, number, to_json, with_variables

FULL = Manifest(
    argv=("train.py", "--lr", "0.1"),
    script="train.py",
    started="2026-01-02T03:04:05+00:00",
    versions={"python": "3.12.1", "torch": "2.13.0"},
    host="box/1a2b",
    pid=77,
    birth="12345",
    rank=3,
    world_size=8,
    environment={"CUDA_VISIBLE_DEVICES": "0"},
    commit="1a2b3c",
    dirty=False,
)


def begun(argv: list[str] = ["train.py"], **variables: str) -> Manifest:  # noqa: B006
    return begin(argv, argv[0], {"osler": "0.1"}, variables)


def test_this_process_is_described() -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    known = begun(["train.py", "--lr", "0.1"])
    assert (known.schema, known.script, known.argv) == (SCHEMA, "train.py", ("train.py", "--lr", "0.1"))
    assert known.versions == {"python": platform.python_version(), "osler": "0.1"}
    assert (known.pid, known.birth, known.host) == (os.getpid(), birth(os.getpid()), host())
    assert before <= datetime.fromisoformat(known.started) <= datetime.now(UTC)
    assert (known.commit, known.dirty) == ("", None), "git is asked later"


def test_no_secret_is_kept() -> None:
    known = begun(["train.py", "--api-key", "abc"], HF_TOKEN="abc", CUDA_VISIBLE_DEVICES="0")
    assert "abc" not in to_json(known)
    assert known.environment == {"CUDA_VISIBLE_DEVICES": "0"}
    script = begin([], "https://me:hunter2@host/train.py", {}, {}).script
    assert "hunter2" not in script


@pytest.mark.parametrize(
    ("variables", "rank", "world_size"),
    [
        ({}, 0, 1),
        ({"RANK": "3", "WORLD_SIZE": "8"}, 3, 8),
        ({"RANK": "", "WORLD_SIZE": "x"}, 0, 1),
        ({"RANK": "-1"}, 0, 1),
        ({"RANK": "²"}, 0, 1),
        ({"RANK": "٣"}, 0, 1),
        ({"LOCAL_RANK": "3"}, 0, 1),
    ],
    ids=["alone", "torchrun", "nonsense", "negative", "a power", "other digits", "only local"],
)
def test_its_place_among_the_processes(variables: dict[str, str], rank: int, world_size: int) -> None:
    known = begun(**variables)
    assert (known.rank, known.world_size) == (rank, world_size)


def test_variables_may_be_set_after_the_start() -> None:
    """`torch.multiprocessing.spawn`: the process sets its own rank."""
    known = with_variables(FULL, {"RANK": "1", "WORLD_SIZE": "2"})
    assert known == replace(FULL, rank=1, world_size=2, environment={"RANK": "1", "WORLD_SIZE": "2"})


@pytest.mark.parametrize(
    ("given", "value"), [(None, 5), ("", 5), ("7", 7), ("007", 7), (" 7", 5), ("7.0", 5)]
)
def test_a_number_of_processes(given: str | None, value: int) -> None:
    assert number(given, 5) == value


@pytest.mark.parametrize(
    "manifest", [FULL, Manifest(), replace(FULL, dirty=None), replace(FULL, argv=("\ud800é",))]
)
def test_what_is_written_is_read(manifest: Manifest) -> None:
    assert from_json(to_json(manifest)) == manifest


def test_the_file_can_be_read_by_people() -> None:
    text = to_json(Manifest(script="train.py"))
    assert text == '{\n  "schema": 1,\n  "script": "train.py",\n  "crc": "81265439"\n}\n'


def test_laid_out_anew_it_is_the_same() -> None:
    """Some tools sort and indent what they copy."""
    content = json.loads(to_json(FULL))
    assert from_json(json.dumps(content, sort_keys=True, indent=8)) == FULL


def test_what_a_later_version_adds_is_left_out() -> None:
    from osler.store.manifest import checksum

    content = {"schema": SCHEMA, "script": "train.py", "cluster": {"nodes": 4}}
    text = json.dumps({**content, "crc": checksum(content)})
    assert from_json(text) == Manifest(script="train.py")


def changed(**values: Any) -> str:
    return json.dumps(json.loads(to_json(FULL)) | values)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "3",
        "{}",
        changed(pid=78),
        changed(crc="00000000"),
        changed(crc=None),
        to_json(FULL)[:-9],
    ],
    ids=[
        "empty",
        "cut",
        "a list",
        "null",
        "a number",
        "no checksum",
        "changed",
        "another",
        "none",
        "its end is gone",
    ],
)
def test_a_damaged_file_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        from_json(text)
