"""DuckDB, which writes and queries Parquet: the one place that knows it. Reader's side only."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
from numpy.typing import NDArray

from osler.errors import StoreError

ROW_GROUP = 131_072
"""Rows that are compressed together, and skipped together when another series is asked for."""

SETTINGS = {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false", "threads": "2"}
"""Nothing is downloaded. More threads than two do not help with files of this size."""

OPTIONS = f"format parquet, compression zstd, parquet_version v2, row_group_size {ROW_GROUP}"
"""How Parquet is written."""

Table = dict[str, NDArray[Any]]


@cache
def engine() -> Engine:
    """The one of this process; it may be used by several threads."""
    return Engine()


class Engine:
    """One connection to a database that holds nothing."""

    def __init__(self) -> None:
        self._connection: Any = duckdb.connect(config=dict(SETTINGS))

    def write(self, table: Mapping[str, NDArray[Any]], path: Path) -> None:
        """Write columns of equal length as Parquet, rows in their order.

        Raises:
            StoreError: the file cannot be written.
        """
        with self._connection.cursor() as cursor:
            cursor.register("given", dict(table))
            columns = ", ".join(kept(name, column) for name, column in table.items())
            run(
                cursor,
                f"copy (select {columns} from given) to '{quoted(path)}' ({OPTIONS})",
                [],
                f"write {path}",
            )

    def write_joined(
        self, numbers: Iterable[Table], names: Callable[[], Table], columns: Sequence[str], path: Path
    ) -> int:
        """Write records beside what is known about their series as Parquet, sorted by series.

        Args:
            numbers: tables of ``key``, ``step`` and ``value``.
            names: called after the last of them; a table with a row of texts for each ``key``.
            columns: of the file, in their order.
            path: of the file.

        Returns:
            How many rows were written.

        Raises:
            StoreError: the file cannot be written.
        """
        with self._connection.cursor() as cursor:
            run(cursor, "create temp table numbers (key uinteger, step bigint, value double)", [])
            for table in numbers:
                cursor.register("given", table)
                run(
                    cursor,
                    f"insert into numbers select key, step, {kept('value', table['value'])} from given",
                    [],
                )
            cursor.register("names", names())
            for name in set(columns) - {"step", "value"}:  # a join would carry all texts through the sorting
                run(cursor, f"set variable {name} = (select list({name} order by key) from names)", [])
            shown = [n if n in ("step", "value") else f"getvariable('{n}')[key + 1] as {n}" for n in columns]
            query = f"select {', '.join(shown)} from (from numbers order by key, rowid)"
            run(cursor, f"copy ({query}) to '{quoted(path)}' ({OPTIONS})", [], f"write {path}")
            return run(cursor, "select count(*) from numbers", []).fetchall()[0][0]

    def count(self, path: Path) -> int:
        """Rows of a Parquet file.

        Raises:
            StoreError: the file cannot be read.
        """
        with self._connection.cursor() as cursor:
            return run(cursor, "select count(*) from read_parquet(?)", [[literal(path)]]).fetchall()[0][0]

    def select(self, columns: str, paths: list[Path], sid: int | None = None) -> Table:
        """Columns of all rows, or of those of one series, in the order of the files.

        Raises:
            StoreError: a file cannot be read.
        """
        where = "" if sid is None else f"where sid = {sid}"
        query = f"select {columns} from read_parquet(?) {where}"
        with self._connection.cursor() as cursor:
            return run(cursor, query, [[literal(path) for path in paths]]).fetchnumpy()


def run(cursor: Any, query: str, parameters: list[object], task: str = "read sealed records") -> Any:
    """Execute a query; whatever DuckDB finds wrong with a file is one kind of error."""
    try:
        return cursor.execute(query, parameters)
    except duckdb.Error as error:
        reason = str(error).partition("\n")[0]
        raise StoreError(f"cannot {task}: {reason}") from error


def kept(name: str, column: NDArray[Any]) -> str:
    """A column as it is: DuckDB takes NaN from numpy for a missing value, of which we have none."""
    return f"coalesce({name}, 'nan'::double) as {name}" if column.dtype.kind == "f" else name


def quoted(path: Path) -> str:
    """A path inside a text of SQL."""
    return str(path).replace("'", "''")


def literal(path: Path) -> str:
    """A path in which no character stands for others."""
    return "".join(f"[{c}]" if c in "*?[" else c for c in str(path))
