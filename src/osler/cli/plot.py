"""Draw one picture of a recorded run, with the numbers of the HTML report."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from osler.cli import Parser

EPILOG = """\
RUN is a path, an id as `osler runs` lists it, the beginning of one, or `latest`.
Needs the package matplotlib: python -m pip install 'osler[plot]'."""
LATEST = "latest"


def configure(parser: Parser) -> None:
    """Declare the arguments."""
    from osler.report.plots.drawing import ENDINGS, known

    promises = {name: (plot.__doc__ or "").partition("\n")[0] for name, plot in known().items()}
    rows = "\n".join(f"  {name:14} {promise}" for name, promise in promises.items())
    parser.epilog = f"plots:\n{rows}\n\n{EPILOG}"
    parser.add_argument("run", metavar="RUN", help="the recorded run")
    parser.add_argument("name", metavar="NAME", help="of the plot, see below")
    parser.add_argument(
        "-o", "--output", metavar="FILE", help=f"{' or '.join(ENDINGS)}; NAME.png if not given"
    )


def execute(args: Namespace) -> int:
    """Draw, write, and say where."""
    from osler.cli import OK, tell
    from osler.report.plots.drawing import plot, save
    from osler.report.wording import printable
    from osler.store.locate import find_run
    from osler.store.reader import open_run

    stored = open_run(find_run(None if args.run == LATEST else args.run, Path.cwd()))
    path = Path(args.output or f"{args.name}.png")
    save(plot(stored, args.name), path)
    tell(f"osler: {args.name} written to {printable(str(path))}\n")
    return OK
