"""`osler export` writes what was recorded for other programs."""

import csv
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from osler.cli import main
from osler.store.reader import open_run

FAULTY = "20260102-120000-bbbbbbbb"


def export(capfd: pytest.CaptureFixture[str], *words: str | Path) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of `osler export`."""
    code = main(["export", *map(str, words)])
    return code, *capfd.readouterr()


def losses(run: Path) -> list[tuple[int, float]]:
    steps, values = open_run(run).series("loss")
    return list(zip(steps.tolist(), values.tolist(), strict=True))


def test_csv(faulty: Path, project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code, out, err = export(capfd, "--to", "csv")
    assert (code, out) == (0, "")
    with (project / f"{FAULTY}.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(int(r["step"]), float(r["value"])) for r in rows if r["series"] == "loss"] == losses(faulty)
    series = len({r["series"] for r in rows})
    assert err == f"osler: {len(rows)} values of {series} series written to {FAULTY}.csv\n"
    norms = {r["subject"] for r in rows if r["measure"] == "gradient_norm"}
    assert {"", "0.weight", "3.bias"} <= norms


def test_parquet(faulty: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert export(capfd, FAULTY, "--to", "parquet", "--output", tmp_path / "x.parquet")[0] == 0
    with duckdb.connect() as connection:
        query = "select step, value from read_parquet(?) where series = 'loss'"
        assert connection.execute(query, [str(tmp_path / "x.parquet")]).fetchall() == losses(faulty)


def test_tensorboard(faulty: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    assert export(capfd, "2026010", "--to", "tensorboard", "--output", tmp_path / "x")[0] == 2
    assert export(capfd, "20260102", "--to", "tensorboard", "--output", tmp_path / "x")[0] == 0
    events = EventAccumulator(str(tmp_path / "x")).Reload().Scalars("loss")
    assert [(e.step, e.value) for e in events] == [(s, pytest.approx(v)) for s, v in losses(faulty)]


@pytest.mark.parametrize("alive", [True, False])
def test_unfinished_runs(
    faulty: Path,
    unfinish: Callable[..., None],
    alive: bool,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    unfinish(faulty, alive=alive)
    assert export(capfd, "--to", "csv", "--output", tmp_path / "x.csv")[0] == 0
    assert (tmp_path / "x.csv").read_text().count("\nloss,") == 60


def test_what_could_not_be_read_is_told(
    faulty: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    segment = faulty / "r00000/scalars-000000.arrows"
    segment.write_bytes(segment.read_bytes()[:-50])
    code, _, err = export(capfd, "--to", "csv", "--output", tmp_path / "x.csv")
    assert code == 0
    assert err.endswith("\nosler: not read: r00000/scalars-000000.arrows: 1 damaged batch left out\n")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ([], "the following arguments are required: --to\n  fix: See `osler export --help`."),
        (
            ["20260103", "--to", "csv"],
            "there is no run '20260103' in {home}\n  fix: Did you mean '20260102-120000-bbbbbbbb'?",
        ),
        (
            ["--to", "csv", "--output", "no/x.csv"],
            "cannot write {project}/no/x.csv: there is no such folder\n  fix: Create {project}/no first.",
        ),
        (
            ["--to", "csv", "--output", ".osler"],
            "cannot write {project}/.osler: Is a directory\n  fix: Choose another --output.",
        ),
    ],
)
def test_mistakes(
    words: list[str], complaint: str, home: Path, project: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    told = f"osler: {complaint.format(home=home, project=project)}\n"
    assert export(capfd, *words) == (2, "", told)


def test_a_target_that_is_not_there(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code, _, err = export(capfd, "--to", "excel")
    assert code == 2
    assert "'csv', 'parquet', 'tensorboard'" in err or "csv, parquet, tensorboard" in err
