"""One JSON object per line, each with its own checksum, so that a damaged line is known and skipped."""

from __future__ import annotations

import json
import re
from binascii import crc32
from typing import cast

MARK = ',"crc":"'
ENDING = re.compile(rb',"crc":"([0-9a-f]{8})"\}')
ENCODER = json.JSONEncoder(separators=(",", ":"), allow_nan=False)
LENGTH = len(MARK) + len('01234567"}')

Line = dict[str, object]


def to_line(content: Line) -> str:
    """An object, which has at least one key, as a line with its checksum at the end."""
    body = ENCODER.encode(content)[:-1]
    return f'{body}{MARK}{crc32(body.encode("ascii")):08x}"}}\n'


def from_line(line: bytes) -> Line | None:
    """The object of a line without its line break; None if the line is damaged."""
    body, ending = line[:-LENGTH], ENDING.fullmatch(line[-LENGTH:])
    if ending is None or crc32(body) != int(ending[1], 16):
        return None
    try:
        content: object = json.loads(body + b"}")
    except (ValueError, RecursionError):
        return None
    return cast("Line", content) if isinstance(content, dict) else None
