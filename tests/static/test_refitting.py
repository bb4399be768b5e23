"""What is learned of both parts, also where another file learns it."""

from pathlib import Path

import pytest

from osler.model import RefitFact
from osler.static.project import project
from osler.static.refitting import names_both, refits
from osler.static.sources import parse

ROWS = """
class Rows(Dataset):
    def __init__(self, rows, index=None):
        self.index = index or {w: i for i, w in enumerate(sorted(set(rows)))}
        self.codes = torch.tensor([self.index[w] for w in rows])
"""
TRAIN = """
from data import Rows
{made}
table = nn.Embedding(9, 4)
loss.backward()
"""


def found(made: str) -> list[RefitFact]:
    files = {"data": ROWS, "train": TRAIN.format(made=made)}
    sources = [parse(Path(f"/home/user/{name}.py"), text.encode()) for name, text in files.items()]
    return list(refits(sources, project(sources)))


def test_a_class_of_another_file() -> None:
    (fact,) = found("train_set = Rows(a)\nvalid_set = Rows(b)")
    assert (fact.kind, fact.function, fact.train, fact.held_out) == (
        "codes", "Rows", "`train_set`", "`valid_set`",
    )  # fmt: skip
    assert (Path(fact.place.file).name, fact.place.line) == ("data.py", 4)
    assert [(Path(p.file).name, p.line) for p in fact.calls] == [("train.py", 3), ("train.py", 4)]


def test_handed_over() -> None:
    assert found("train_set = Rows(a)\nvalid_set = Rows(b, train_set.index)") == []


def test_one_part_alone() -> None:
    assert found("train_set = Rows(a)\nother = Rows(b)") == []


PAIRS = {
    "arrays": "x_train = rows[:9]\nx_val = rows[9:]",
    "bare": "train, test = split(rows)",
    "files": "load('train.csv'), load('test.csv')",
    "abbreviated": "Xtr, Xte = halves(x)",
    "constants": "TRAIN_ROWS, TEST_ROWS = 90, 10",
    "any names": "fitted, rest = train_test_split(rows)",
}


@pytest.mark.parametrize("text", PAIRS.values(), ids=PAIRS)
def test_a_text_with_both_parts(text: str) -> None:
    assert names_both(text)


NO_PAIRS = {
    "values": "old_val = q(s)\nloss = mse(train_q, old_val)",
    "in a comment": "loss = train(q)  # see https://rows.dev/test",
    "one part": "x_train = rows[:9]",
    "other words": "tested = latest(value, device)",
}


@pytest.mark.parametrize("text", NO_PAIRS.values(), ids=NO_PAIRS)
def test_a_text_without(text: str) -> None:
    assert not names_both(text)
