"""Start a script the way `python script.py`, `python folder`, `python -m module` do: it cannot tell."""

from __future__ import annotations

import builtins
import difflib
import importlib.util
import os
import pkgutil
import runpy
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.machinery import SourceFileLoader, SourcelessFileLoader
from io import BytesIO
from pathlib import Path
from types import CodeType, FunctionType, ModuleType

from osler.errors import UsageError


@dataclass(frozen=True, slots=True)
class Target:
    """What to run: a script, folder or zip file (``path``) or a ``module`` as with `-m`; its arguments."""

    path: str | None
    module: str | None
    args: tuple[str, ...] = ()


class NeverStarted(UsageError):
    """No line of the user's program has run, because there is none to be found."""


RUN_AS_MAIN: FunctionType = vars(runpy)["_run_module_as_main"]
"""What the interpreter itself calls for `-m`, folders and zip files, so tracebacks are equal to the byte."""


def prepare(target: Target) -> Callable[[], object]:
    """Look the program up; call the result to run it as `__main__`.

    Raises:
        UsageError: there is no such file, or it is no Python program.
    """
    if target.module is not None:
        return partial(start_module, target.module, target.args)
    path = target.path
    if not path:
        raise missing("")
    if pkgutil.get_importer(absolute(path)) is not None:
        return partial(start_folder, path, target.args)
    return partial(start_file, path, read(path), target.args)


def start_file(path: str, source: bytes, args: tuple[str, ...]) -> None:
    """Run one file."""
    filename = absolute(path)
    is_compiled = source.startswith(importlib.util.MAGIC_NUMBER)
    loader = SourcelessFileLoader if is_compiled else SourceFileLoader
    main = enter([path, *args], None if sys.flags.safe_path else str(Path(path).resolve().parent))
    main.__loader__ = loader("__main__", filename)
    main.__dict__.update(__file__=filename, __cached__=None)
    code = read_compiled(source) if is_compiled else compile(source, filename, "exec", dont_inherit=True)
    exec(code, main.__dict__)


def start_folder(path: str, args: tuple[str, ...]) -> None:
    """Run the `__main__.py` of a folder or zip file."""
    enter([path, *args], absolute(path))
    start_by_runpy("__main__", "Name the script inside it, or add a `__main__.py`.", keeps_argv=True)


def start_module(name: str, args: tuple[str, ...]) -> None:
    """Run a module by its dotted name."""
    folder = str(Path.cwd())
    enter(["-m", *args], None if sys.flags.safe_path else folder)
    fix = f"`-m` takes a dotted name without `.py`, looked up from {folder} and in the installed packages."
    start_by_runpy(name, fix)


def start_by_runpy(name: str, fix: str, *, keeps_argv: bool = False) -> None:
    """Let the interpreter's own starter find the module and run it in the present `__main__`."""
    try:
        RUN_AS_MAIN(name, not keeps_argv)
    except SystemExit as leaving:
        if innermost_code(leaving) is RUN_AS_MAIN.__code__:
            raise NeverStarted(str(leaving).removeprefix(f"{sys.executable}: "), fix=fix) from None
        raise


def innermost_code(error: BaseException) -> CodeType | None:
    """The code that raised: that of the starter itself if it found nothing to start."""
    entry = error.__traceback__
    while entry is not None and entry.tb_next is not None:
        entry = entry.tb_next
    return entry.tb_frame.f_code if entry is not None else None


def enter(argv: list[str], folder: str | None) -> ModuleType:
    """Set the scene: arguments, search path, and a fresh `__main__` that stays until the interpreter ends.

    Args:
        argv: what `sys.argv` is for the program.
        folder: what stands first in its `sys.path`; None if Python was told to add nothing (`-P`).
    """
    sys.argv = argv
    if not sys.flags.safe_path:
        del sys.path[0]  # where Osler's own starter lives
    if folder is not None:
        sys.path.insert(0, folder)
    main = ModuleType("__main__")
    if hasattr(sys.modules["__main__"], "__annotations__"):  # Python 3.14 makes it when it is asked for
        main.__annotations__ = {}
    main.__dict__["__builtins__"] = builtins
    sys.modules["__main__"] = main
    return main


def absolute(path: str) -> str:
    """The path as Python shows it in `__file__`: complete, but neither shortened nor resolved."""
    return path if Path(path).is_absolute() else f"{Path.cwd()}{os.sep}{path}"


def read(path: str) -> bytes:
    """The content of a script."""
    try:
        source = Path(path).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise missing(path) from None
    except OSError as problem:
        raise UsageError(
            f"cannot read {absolute(path)}: {problem.strerror}",
            fix="Check that it is a file and that you may read it.",
        ) from None
    if b"\0" in source and not source.startswith(importlib.util.MAGIC_NUMBER):
        raise UsageError(
            f"{path} is not a Python script: it contains binary data",
            fix="Name the file that starts the training, for example `osler run train.py`.",
        )
    return source


def read_compiled(source: bytes) -> CodeType:
    """The code in a `.pyc` file."""
    code = pkgutil.read_code(BytesIO(source))
    if not isinstance(code, CodeType):
        raise NeverStarted("the compiled file holds no code", fix="Run its source instead.")
    return code


def missing(path: str) -> UsageError:
    """There is no such script: what was looked for, from where, and what may have been meant."""
    folder = Path(path).parent
    known = [each.name for each in folder.glob("*.py")]
    near = difflib.get_close_matches(Path(path).name, known, n=1)
    hint = f"Did you mean {folder / near[0]}?" if near else "Check the name and the current directory."
    return UsageError(
        f"there is no script {path!r}: looked for {absolute(path)} (current directory {Path.cwd()})", fix=hint
    )
