"""List every check: its name, severity, topic and what it finds."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from osler.cli import Parser
    from osler.model import Check


def configure(parser: Parser) -> None:
    """Declare the arguments."""
    parser.add_argument("--json", action="store_true", help="write a JSON list instead of a table")


def execute(args: Namespace) -> int:
    """Print all checks."""
    from osler.engine.catalogue import catalogue

    checks = list(catalogue().values())
    sys.stdout.write(as_json(checks) if args.json else as_table(checks))
    sys.stdout.flush()  # here a reader that has gone away is no error, at the end of the process it is one
    return 0


def what(check: Check) -> str:
    """The first line of the check's page."""
    from osler.engine.catalogue import prose

    return prose(check).partition("\n")[0]


def as_json(checks: list[Check]) -> str:
    """Everything short that is known about each check."""
    rows = [
        {
            "name": c.name,
            "severity": c.severity.label,
            "topic": c.topic,
            "what": what(c),
            "expected": c.expected,
            "why": c.why,
            "fix": c.fix,
        }
        for c in checks
    ]
    return json.dumps(rows, indent=2, ensure_ascii=False) + "\n"


def as_table(checks: list[Check]) -> str:
    """One line per check whatever the width, so that `grep` finds whole lines."""
    head = ("name", "severity", "topic", "what")
    rows = [head, *((c.name, c.severity.label, c.topic, what(c)) for c in checks)]
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    return "".join(
        f"{name:{widths[0]}}  {severity:{widths[1]}}  {topic:{widths[2]}}  {text}\n"
        for name, severity, topic, text in rows
    )
