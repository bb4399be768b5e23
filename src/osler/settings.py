"""What the user has asked for: `[tool.osler]` in pyproject.toml, overruled by the command line."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

from osler.errors import SettingsError, UnknownName
from osler.model import Severity

NEVER = "never"
TEXT = "text"
FAIL_ON = (NEVER, *(s.label for s in Severity))
SAMPLES = "samples"
KEEP = ("nothing", SAMPLES)
STOP_ON = (NEVER, Severity.WARNING.label, Severity.ERROR.label)
INTENDED = "intended"
PER_FILE_IGNORES = "per-file-ignores"


@dataclass(frozen=True, slots=True)
class Settings:
    """One run's settings, complete and checked.

    Attributes:
        select: checks to evaluate; empty means all.
        ignore: checks to leave out.
        fail_on: from this severity on, a script that ended well exits with 10; None means never.
        stop_on: from this severity on, the script is stopped; None means never.
        overhead: share of the training time that sampled work may use.
        max_steps: optimizer steps after which the script is stopped; None means it runs to its end.
        format: of the report.
        output: absolute path of the file that receives the report.
        keep: `samples` keeps the first ones that a model is trained on in the record; `nothing` does not.
        store: record the run in a run directory.
        run_dir: absolute path of that directory; None means a new one below ``.osler/runs``.
        quiet: print nothing but the script's own output.
        intended: check name to patterns of subjects for which the user wants exactly that.
        lint: pattern of absolute paths to the checks that reading the source leaves out there.
    """

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    fail_on: Severity | None = None
    stop_on: Severity | None = None
    overhead: float = 0.01
    max_steps: int | None = None
    format: str = TEXT
    output: Path | None = None
    keep: str = KEEP[0]
    store: bool = True
    run_dir: Path | None = None
    quiet: bool = False
    intended: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    lint: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])

    def intends(self, subject: str, check: str) -> bool:
        """Whether ``[tool.osler.intended]`` says that the user wants exactly that."""
        return any(fnmatchcase(subject, pattern) for pattern in self.intended.get(check, ()))

    def ignores(self, file: str, check: str) -> bool:
        """Whether this check is left out for this file in ``[tool.osler.lint.per-file-ignores]``."""
        return any(fnmatchcase(file, p) and check in names for p, names in self.lint.items())


@dataclass(frozen=True, slots=True)
class _Source:
    """Where values come from, so that complaints can name it.

    Attributes:
        name: what a complaint begins with: the file and table, or empty for the command line.
        folder: what relative paths start from.
        known: names of all checks.
        formats: how the files of each format end, by the format's name.
    """

    name: str
    folder: Path
    known: Collection[str]
    formats: Mapping[str, str]

    def complain(self, key: str, value: object, expected: str, fix: str = "") -> SettingsError:
        """The error for a value that this key cannot have."""
        return SettingsError(f"{self.named(key)} is {value!r}, expected {expected}", fix=fix)

    def named(self, key: str) -> str:
        """The key as the user wrote it."""
        return f"{self.name}: `{key}`" if self.name else f"--{key}"


def load(
    folder: Path | None,
    given: Mapping[str, object],
    known: Collection[str],
    formats: Mapping[str, str],
    otherwise: Settings = Settings(),
) -> Settings:
    """Read the settings for a script.

    Where ``output`` is set without ``format``, the file's ending decides if exactly one format has it.

    Args:
        folder: folder of the script; it and the folders above are searched for a ``[tool.osler]`` table.
            None leaves that out: a run that was recorded elsewhere is not subject to this project.
        given: values from the command line, by key as written in the table; they win.
        known: names of all checks.
        formats: how the files of each format end, by the format's name; empty if there is no custom.
        otherwise: what holds where neither says anything.

    Raises:
        SettingsError: a key is unknown or a value is wrong.
        UnknownName: the command line names a check that does not exist.
    """
    file, table = _find_table(folder.resolve()) if folder is not None else (None, {})
    settings = otherwise
    if file:
        settings = replace(
            settings, **_read(table, _Source(f"{file} [tool.osler]", file.parent, known, formats))
        )
    return replace(settings, **_read(given, _Source("", Path.cwd(), known, formats)))


def _find_table(folder: Path) -> tuple[Path | None, dict[str, object]]:
    for place in (folder, *folder.parents):
        file = place / "pyproject.toml"
        if file.is_file():
            table = _osler_table(file)
            if table is not None:
                return file, table
    return None, {}


def _osler_table(file: Path) -> dict[str, object] | None:
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"cannot read {file}: {error}", fix="Correct the file.") from error
    table: object = cast("dict[str, object]", content.get("tool", {})).get("osler")
    if table is None:
        return None
    if not isinstance(table, dict):
        message = f"{file}: `tool.osler` is {table!r}, expected a table"
        raise SettingsError(message, fix="Write `[tool.osler]`.")
    return cast("dict[str, object]", table)


def _read(values: Mapping[str, object], source: _Source) -> dict[str, Any]:
    """Values by the name of their field: the readers have made sure of their types."""
    read: dict[str, Any] = {}
    for key, value in values.items():
        if key not in READERS:
            raise _unknown_key(key, source)
        read[key.replace("-", "_")] = READERS[key](key, value, source)
    if "output" in read and "format" not in read:
        read |= _format_of(read["output"], source)
    return read


def _format_of(file: Path, source: _Source) -> dict[str, str]:
    """The format that the file's ending stands for, if there is exactly one."""
    found = [name for name, suffix in source.formats.items() if suffix and suffix == file.suffix.lower()]
    return {"format": found[0]} if len(found) == 1 else {}


def _unknown_key(key: str, source: _Source) -> SettingsError:
    near = difflib.get_close_matches(key.replace("_", "-"), READERS, n=1, cutoff=0.5)
    fix = f"Did you mean '{near[0]}'?" if near else f"The settings are: {', '.join(READERS)}."
    message = f"there is no setting named '{key}'"
    return SettingsError(f"{source.name}: {message}" if source.name else message, fix=fix)


def _texts(key: str, value: object, source: _Source) -> tuple[str, ...]:
    texts = _texts_in(value)
    if texts is None:
        raise source.complain(key, value, "a list of texts")
    return texts


def _texts_in(value: object) -> tuple[str, ...] | None:
    if not isinstance(value, list):
        return None
    items = cast("list[object]", value)
    texts = tuple(i for i in items if isinstance(i, str))
    return texts if len(texts) == len(items) else None


def _check_names(key: str, value: object, source: _Source) -> tuple[str, ...]:
    names = _texts(key, value, source)
    for name in names:
        _require_check(name, key, source)
    return names


def _require_check(name: str, key: str, source: _Source) -> None:
    if name in source.known:
        return
    unknown = UnknownName("check", name, source.known)
    if not source.name:
        raise unknown
    raise SettingsError(f"{source.named(key)}: {unknown}", fix=unknown.fix)


def _intended(key: str, value: object, source: _Source) -> Mapping[str, tuple[str, ...]]:
    if not isinstance(value, dict):
        raise source.complain(key, value, "a table from check name to a list of subject patterns")
    table = cast("dict[str, object]", value)
    for name in table:
        _require_check(name, key, source)
    return {name: _texts(f"{key}.{name}", patterns, source) for name, patterns in table.items()}


def _lint(key: str, value: object, source: _Source) -> Mapping[str, tuple[str, ...]]:
    expected = f"a table with `{PER_FILE_IGNORES}`"
    if not isinstance(value, dict):
        raise source.complain(key, value, expected)
    table = cast("dict[str, object]", value)
    if set(table) - {PER_FILE_IGNORES}:
        raise source.complain(key, table, expected)
    patterns: object = table.get(PER_FILE_IGNORES, dict[str, object]())
    if not isinstance(patterns, dict):
        named = f"{key}.{PER_FILE_IGNORES}"
        raise source.complain(named, patterns, "a table from path pattern to check names")
    inner = cast("dict[str, object]", patterns)
    return {
        str(source.folder / pattern): _check_names(f"{key}.{PER_FILE_IGNORES}", names, source)
        for pattern, names in inner.items()
    }


def _fail_on(key: str, value: object, source: _Source) -> Severity | None:
    return _severity(_one_of(FAIL_ON, key, value, source))


def _stop_on(key: str, value: object, source: _Source) -> Severity | None:
    return _severity(_one_of(STOP_ON, key, value, source))


def _format(key: str, value: object, source: _Source) -> str:
    return _one_of(tuple(source.formats), key, value, source)


def _one_of(words: tuple[str, ...], key: str, value: object, source: _Source) -> str:
    if not isinstance(value, str) or value not in words:
        raise source.complain(key, value, f"{', '.join(words[:-1])} or {words[-1]}")
    return value


def _severity(word: str) -> Severity | None:
    return None if word == NEVER else Severity[word.upper()]


def _keep(key: str, value: object, source: _Source) -> str:
    return _one_of(KEEP, key, value, source)


def _share(key: str, value: object, source: _Source) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 1:
        raise source.complain(key, value, "a share of the time above 0 and up to 1, for example 0.01")
    return float(value)


def _steps(key: str, value: object, source: _Source) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise source.complain(key, value, "a number of steps, 1 or more")
    return value


def _path(key: str, value: object, source: _Source) -> Path:
    if not isinstance(value, str) or not value:
        raise source.complain(key, value, "the path of a file")
    path = (source.folder / value).absolute()
    if path.is_dir():
        raise source.complain(key, value, "the path of a file", fix="Add a file name: this is a folder.")
    if not path.parent.is_dir():
        raise source.complain(
            key, value, "a file in a folder that exists", fix=f"Create {path.parent} first."
        )
    return path


def _folder(key: str, value: object, source: _Source) -> Path:
    if not isinstance(value, str) or not value:
        raise source.complain(key, value, "the path of a folder")
    path = (source.folder / value).absolute()
    if path.exists() and not path.is_dir():
        raise source.complain(key, value, "the path of a folder", fix="Choose another name: this is a file.")
    return path


def _truth(key: str, value: object, source: _Source) -> bool:
    if not isinstance(value, bool):
        raise source.complain(key, value, "true or false")
    return value


READERS: Mapping[str, Callable[[str, object, _Source], object]] = MappingProxyType(
    {
        "select": _check_names,
        "ignore": _check_names,
        "fail-on": _fail_on,
        "stop-on": _stop_on,
        "overhead": _share,
        "max-steps": _steps,
        "format": _format,
        "output": _path,
        "keep": _keep,
        "store": _truth,
        "run-dir": _folder,
        "quiet": _truth,
        INTENDED: _intended,
        "lint": _lint,
    }
)
"""Every key of the table, and what turns its value into a setting or complains."""
