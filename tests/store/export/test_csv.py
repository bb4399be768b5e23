"""CSV: one row per value, all digits kept."""

import csv
from collections.abc import Callable
from pathlib import Path

from osler.store.export.csv import write
from osler.store.reader import StoredRun

State = Callable[[StoredRun], StoredRun]
HEAD = "series,measure,subject,step,value,unit,process\n"

TEXT = r"""series,measure,subject,step,value,unit,process
loss,loss,,0,0.1,nats,r00000
loss,loss,,1,nan,nats,r00000
loss,loss,,1,inf,nats,r00000
loss,loss,,2,-1e+300,nats,r00000
"gradient_norm:fc,1",gradient_norm,"fc,1",0,0.5,,r00000
"gradient_norm:fc,1",gradient_norm,"fc,1",2,0.3333333333333333,,r00000
"odd ""name""
\ud800","odd ""name""
\ud800",,7,1.0,,r00000
"""


def test_word_for_word(stored: StoredRun, state: State, tmp_path: Path) -> None:
    assert write(state(stored), tmp_path / "x.csv") == 7
    assert (tmp_path / "x.csv").read_text("utf-8") == TEXT


def test_read_back(two: StoredRun, state: State, tmp_path: Path) -> None:
    assert write(state(two), tmp_path / "x.csv") == 9
    with (tmp_path / "x.csv").open(newline="") as file:
        rows = [(r["process"], r["series"], float(r["value"])) for r in csv.DictReader(file)]
    assert rows[-2:] == [("r00001", "accuracy", 0.5), ("r00001", "loss", 0.75)]
    assert len(rows) == 9


def test_nothing_recorded(empty: StoredRun, tmp_path: Path) -> None:
    assert write(empty, tmp_path / "x.csv") == 0
    assert (tmp_path / "x.csv").read_text() == HEAD


def test_a_series_whose_name_was_lost(stored: StoredRun, tmp_path: Path) -> None:
    facts = stored.main.folder / "facts.jsonl"
    facts.write_bytes(facts.read_bytes().replace(b'"name":"loss"', b'"name":"lost"'))
    write(StoredRun(stored.path), tmp_path / "x.csv")
    assert (tmp_path / "x.csv").read_text().splitlines()[1] == "series 0,,,0,0.1,,r00000"
