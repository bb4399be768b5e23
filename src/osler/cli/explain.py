"""Show the page of one check: what it finds, why it matters, wrong and right code."""

from __future__ import annotations

import sys
from argparse import Namespace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from osler.cli import Parser
    from osler.model import Check


def configure(parser: Parser) -> None:
    """Declare the arguments."""
    parser.add_argument("name", metavar="NAME", help="name of a check, as `osler checks` lists it")


def execute(args: Namespace) -> int:
    """Print the page."""
    from osler.engine.catalogue import catalogue, selected

    selected((args.name,))
    text = page(catalogue()[args.name])
    if sys.stdout.isatty():
        render(text)
    else:
        sys.stdout.write(text)
        sys.stdout.flush()
    return 0


def page(check: Check) -> str:
    """The page as Markdown: its title, the docstring of the check's module, and the fix."""
    from osler.engine.catalogue import prose

    head = f"# {check.name}\n\n{check.severity.label} | {check.topic}"
    return f"{head}\n\n{prose(check)}\n\n## Fix\n\n{check.fix}\n"


def render(text: str) -> None:
    """Write Markdown for a terminal."""
    from rich.console import Console
    from rich.markdown import Markdown

    from osler.report.screen import WIDEST

    console = Console(file=sys.stdout)
    console.width = min(console.width, WIDEST)
    console.print(Markdown(text, code_theme="ansi_dark"))
