"""The manifest: what was run, with what, where. Written when a run begins; a reader reads it first."""

from __future__ import annotations

import json
import os
import platform
from binascii import crc32
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from osler.store import redact
from osler.store.codec import decode, encode, mapping
from osler.store.layout import SCHEMA, birth, host


@dataclass(frozen=True, slots=True)
class Manifest:
    """What is known when a process begins to record.

    Attributes:
        schema: version of the run directory's format.
        command: the Osler command: ``run``, or ``preflight``, which does not train to the end.
        argv: the command line, secrets hidden.
        script: path of the user's script, or ``-m`` and the module.
        started: UTC time, ISO 8601.
        versions: of python, torch and osler.
        host: name of the machine, with what tells two starts of it apart.
        pid: number of the process.
        birth: when the process was started, in the kernel's count; empty if unknown.
        rank: global process number.
        world_size: number of processes that train together.
        environment: variables that change how training computes.
        commit: git commit of the script's folder, empty if unknown.
        dirty: files that git follows were changed; None if unknown.
    """

    schema: int = SCHEMA
    command: str = "run"
    argv: tuple[str, ...] = ()
    script: str = ""
    started: str = ""
    versions: dict[str, str] = field(default_factory=dict[str, str])
    host: str = ""
    pid: int = 0
    birth: str = ""
    rank: int = 0
    world_size: int = 1
    environment: dict[str, str] = field(default_factory=dict[str, str])
    commit: str = ""
    dirty: bool | None = None


def begin(
    argv: list[str], script: str, versions: Mapping[str, str], variables: Mapping[str, str]
) -> Manifest:
    """The manifest of this process, as it starts. Runs no other program.

    Args:
        argv: the command line as typed.
        script: path of the user's script.
        versions: of osler, and of torch if it is loaded.
        variables: the environment.
    """
    known = Manifest(
        argv=tuple(redact.arguments(argv)),
        script=redact.text(script),
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        versions={"python": platform.python_version(), **versions},
        host=host(),
        pid=os.getpid(),
        birth=birth(os.getpid()),
    )
    return with_variables(known, variables)


def with_variables(known: Manifest, variables: Mapping[str, str]) -> Manifest:
    """The manifest with what the environment says now."""
    return replace(
        known,
        rank=number(variables.get("RANK"), 0),
        world_size=number(variables.get("WORLD_SIZE"), 1),
        environment=redact.environment(variables),
    )


def number(given: str | None, otherwise: int) -> int:
    """A variable that should hold a number of processes."""
    return int(given) if given is not None and given.isascii() and given.isdigit() else otherwise


def to_json(manifest: Manifest) -> str:
    """The file's text, its checksum included."""
    content = {"schema": manifest.schema, **mapping(encode(manifest))}
    return json.dumps({**content, "crc": checksum(content)}, indent=2) + "\n"


def from_json(text: str) -> Manifest:
    """Read the file's text.

    Raises:
        ValueError: it is damaged.
    """
    content = mapping(json.loads(text))
    if content.pop("crc", None) != checksum(content):
        raise ValueError("the checksum is another")
    return decode(Manifest, content)


def checksum(content: dict[str, object]) -> str:
    """Of the content, however it is laid out."""
    return f"{crc32(json.dumps(content, sort_keys=True).encode()):08x}"
