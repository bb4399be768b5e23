"""The command `osler`: one file of this package per command, found by walking it."""

from __future__ import annotations

import argparse
import ast
import difflib
import importlib
import importlib.util
import os
import pkgutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn, Protocol, cast

from osler import __version__
from osler.errors import OslerError, UsageError

OK = 0
FAILED = 1
"""Osler was asked to fail on what it found."""
FOUND = 10
"""`osler run`: the script ended well, but Osler was asked to fail on what it found."""
COULD_NOT_RUN = 2
PIPE_CLOSED = 141
"""What a shell reports for a program whose reader went away."""

ABOUT = "The doctor for PyTorch training: what is wrong, where, why, and how to fix it."


class Command(Protocol):
    """What a file of this package offers; its docstring is the help text."""

    __doc__: str

    def configure(self, parser: Parser) -> None:
        """Declare the arguments."""
        ...

    def execute(self, args: argparse.Namespace) -> int:
        """Do it; the exit code."""
        ...


class Parser(argparse.ArgumentParser):
    """Reads the words of one command; mistakes become usage errors that suggest the nearest option."""

    def __init__(self, prog: str, description: str) -> None:
        super().__init__(
            prog=prog,
            description=description,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        self.starts_a_script = False

    def read(self, words: Sequence[str]) -> argparse.Namespace:
        """The arguments; ``arguments`` holds the words that belong to the user's script."""
        own = self._own(words) if self.starts_a_script else len(words)
        args = self.parse_args(words[:own])
        args.arguments = tuple(words[own:])
        return args

    def error(self, message: str) -> NoReturn:
        """Called by argparse for every mistake."""
        raise UsageError(message, fix=self._nearest(message) or f"See `{self.prog} --help`.")

    def _own(self, words: Sequence[str]) -> int:
        """How many words are Osler's: up to and with the script's path, or the module after ``-m``."""
        at = 0
        while at < len(words) and words[at].startswith("-"):
            action = self._option_string_actions.get(words[at])
            at += 1 if action is None or action.nargs == 0 else 2
            if action is not None and action.dest == "module":
                return at
        return at + 1

    def _nearest(self, message: str) -> str:
        words = [w.partition("=")[0] for w in message.split() if w.startswith("--")]
        if "unrecognized" not in message or not words:
            return ""
        near = difflib.get_close_matches(words[0], self._option_string_actions, n=1)
        return f"Did you mean '{near[0]}'?" if near else ""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        if words and not words[0].startswith("-"):
            return command(words[0], words[1:])
        return without_command(words)
    except OslerError as error:
        complain(error)
        return COULD_NOT_RUN
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # or Python complains again while it shuts down
        return PIPE_CLOSED


def command(name: str, words: Sequence[str]) -> int:
    """Read the words and do what they say."""
    if name not in names():
        raise unknown(name)
    chosen = load(name)
    parser = Parser(f"osler {name}", chosen.__doc__)
    chosen.configure(parser)
    return chosen.execute(parser.read(words))


def names() -> list[str]:
    """Every command, in alphabetical order."""
    return [m.name.replace("_", "-") for m in pkgutil.iter_modules(__path__)]


def load(name: str) -> Command:
    """The module of a command."""
    return cast(Command, importlib.import_module(f"{__name__}.{name.replace('-', '_')}"))


def unknown(name: str) -> UsageError:
    """There is no such command: what may have been meant."""
    if Path(name).suffix == ".py" or Path(name).is_file():
        return UsageError(f"'{name}' is a script, not a command", fix=f"To watch it: osler run {name}")
    near = difflib.get_close_matches(name, names(), n=1, cutoff=0.5)
    fix = f"Did you mean '{near[0]}'?" if near else "List the commands with `osler --help`."
    return UsageError(f"there is no command named '{name}'", fix=fix)


def without_command(words: Sequence[str]) -> int:
    """Help and version."""
    parser = Parser("osler", f"{ABOUT}\n\ncommands:\n{table_of_commands()}")
    parser.usage = "osler [--version [--verbose]] [--help] COMMAND ..."
    parser.epilog = "start here:  osler run train.py"
    parser.add_argument("--version", action="store_true", help="show the version and exit")
    parser.add_argument("--verbose", action="store_true", help="with --version: what a bug report needs")
    args = parser.read(words)
    if args.version:
        sys.stdout.write(f"{version(verbose=args.verbose)}\n")
        return OK
    parser.print_help(sys.stderr)
    return COULD_NOT_RUN


def table_of_commands() -> str:
    """Each command with the first line of its docstring."""
    return "\n".join(f"  {name:9} {promise(name)}" for name in names())


def promise(name: str) -> str:
    """What a command does, read from its file: importing all commands would make help slow."""
    spec = importlib.util.find_spec(f"{__name__}.{name.replace('-', '_')}")
    source = Path(spec.origin).read_text(encoding="utf-8") if spec is not None and spec.origin else ""
    return (ast.get_docstring(ast.parse(source), clean=False) or "").partition("\n")[0]


def split(names: str) -> list[str]:
    """Names separated by commas."""
    return [n.strip() for n in names.split(",") if n.strip()]


def version(*, verbose: bool) -> str:
    """Osler's version; with everything that a bug report needs."""
    if not verbose:
        return f"osler {__version__}"
    import importlib.metadata as metadata
    import platform

    try:
        torch = metadata.version("torch")  # importing torch takes seconds
    except metadata.PackageNotFoundError:
        torch = "not installed"
    rows = {
        "osler": __version__,
        "python": f"{platform.python_version()} ({sys.executable})",
        "torch": torch,
        "platform": platform.platform(),
        "path": str(Path(__file__).parents[1]),
    }
    return "\n".join(f"{name:9} {value}" for name, value in rows.items())


def complain(error: OslerError) -> None:
    """Say what could not be done, and what to do instead."""
    from osler.report.wording import printable

    fix = f"  fix: {printable(error.fix)}\n" if error.fix else ""
    tell(f"osler: {printable(str(error))}\n{fix}")


def tell(text: str) -> None:
    """Write to stderr, unless it is closed."""
    if sys.stderr is not None:  # pyright: ignore[reportUnnecessaryComparison] - it is None under `2>&-`
        sys.stderr.write(text)
