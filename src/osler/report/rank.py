"""What a rank beside the first one says: the first shows the whole diagnosis, of which this is a line."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from osler.model import Diagnosis
from osler.report.summary import ending, problems, script
from osler.report.wording import printable, where
from osler.store.manifest import number

MOST = 3
"""Headlines that are named; the record has them all."""


def later_rank(variables: Mapping[str, str]) -> int:
    """The rank of this process if another one of the same launch speaks for all, otherwise 0.

    Args:
        variables: the environment; torchrun and those like it set ``RANK`` and ``WORLD_SIZE``.
    """
    rank = number(variables.get("RANK"), 0)
    return rank if rank < number(variables.get("WORLD_SIZE"), 1) else 0


def of_rank(file: Path, rank: int) -> Path:
    """Where a rank writes what the first writes to `file`: ``report.json`` becomes ``report.rank1.json``."""
    return file.with_name(f"{file.stem}.rank{rank}{file.suffix}") if rank else file


def line(diagnosis: Diagnosis, rank: int, root: Path) -> str:
    """Problems with their names and places, and how the script was cut short; empty if all went well."""
    causes = diagnosis.headlines
    named = [f"{printable(f.check)} at {where(f.place, root)}" for f in causes[:MOST]]
    if len(causes) > MOST:
        named.append(f"{len(causes) - MOST} more")
    found = f"{problems(diagnosis)} in {script(diagnosis.subject)}: {', '.join(named)}" if causes else ""
    said = "; ".join(filter(None, (ending(diagnosis.subject), found)))
    return f"osler: rank {rank}: {said}\n" if said else ""
