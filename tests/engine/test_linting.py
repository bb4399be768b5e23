"""Reading files and folders gives one verdict: what was found, what could not be read, what was given up."""

import json
from pathlib import Path

import pytest

from osler.engine.catalogue import catalogue
from osler.engine.linting import Verdict, as_in_notebook, in_cell, in_order, lint, lint_sources, open_source
from osler.model import Check, Finding, Place, Related, Severity
from osler.static.notebooks import parse_notebook
from osler.static.sources import parse
from osler.testing import PRELUDE

CHECKS = tuple(catalogue().values())

FAULTY = PRELUDE + "for x, y in loader:\n    loss_fn(model(x), y).backward()\n    optimizer.step()\n"
HEALTHY = FAULTY.replace("    loss_fn", "    optimizer.zero_grad()\n    loss_fn")
FAULT = "gradients-not-cleared"
LINE = len(FAULTY.splitlines())


@pytest.fixture
def tree(tmp_path: Path):
    """Write files and lint their folder."""

    def linted(**texts: str) -> Verdict:
        for name, text in texts.items():
            (tmp_path / f"{name}.py").write_text(text)
        return lint([tmp_path], CHECKS)

    return linted


def told(verdict: Verdict) -> list[tuple[str, str, int]]:
    return [(Path(f.place.file).stem, f.check, f.place.line) for f in verdict.diagnosis.findings]


def test_a_fault_is_told_with_its_file_and_line(tree) -> None:
    assert told(tree(train=FAULTY)) == [("train", FAULT, LINE)]


def test_a_healthy_program_is_not(tree) -> None:
    verdict = tree(train=HEALTHY)
    assert told(verdict) == []
    assert FAULT in verdict.diagnosis.checked


def test_only_the_checks_that_are_wanted(tree, tmp_path: Path) -> None:
    tree(train=FAULTY)
    wanted = [c for c in CHECKS if c.name != FAULT]
    verdict = lint([tmp_path], wanted)
    assert told(verdict) == []
    assert FAULT not in verdict.diagnosis.checked
    assert all(catalogue()[name].code_detector for name in verdict.diagnosis.checked)


def test_files_are_counted_and_only_those_about_training_are_read(tree) -> None:
    verdict = tree(train=HEALTHY, web="import flask\n", tool="x = 1\n")
    assert (verdict.files, verdict.read) == (3, 1)


def test_files_that_have_nothing_to_do_with_each_other_are_judged_apart(tree) -> None:
    assert told(tree(b=FAULTY, a=FAULTY, c=HEALTHY)) == [("a", FAULT, LINE), ("b", FAULT, LINE)]


def test_files_that_belong_together_are_judged_together(tree) -> None:
    step = "def step(model, optimizer, loss):\n    loss.backward()\n    optimizer.step()\n"
    loop = (
        "for x, y in loader:\n    optimizer.zero_grad()\n    step(model, optimizer, loss_fn(model(x), y))\n"
    )
    assert told(tree(train=f"{PRELUDE}from steps import step\n{loop}", steps=step)) == []
    forgetful = loop.replace("    optimizer.zero_grad()\n", "")
    assert told(tree(train=f"{PRELUDE}from steps import step\n{forgetful}", steps=step)) == [
        ("steps", FAULT, 3)
    ]


def test_what_cannot_be_read_is_told_and_the_rest_is_judged(tree) -> None:
    verdict = tree(train=FAULTY, broken="import torch\ndef f(:\n")
    (unread,) = verdict.unread
    assert (Path(unread.file).name, unread.line) == ("broken.py", 2)
    assert unread.problem == "it is not valid Python: invalid syntax"
    assert told(verdict) == [("train", FAULT, LINE)]


def test_a_missing_file(tmp_path: Path) -> None:
    (unread,) = lint([tmp_path / "none.py"], CHECKS).unread
    assert unread.problem == "No such file or directory"


def test_nothing_to_read(tmp_path: Path) -> None:
    verdict = lint([tmp_path], CHECKS)
    assert (verdict.files, verdict.read, told(verdict), verdict.unread, verdict.unused) == (0, 0, [], (), ())


def test_a_known_fault_is_marked_and_no_headline(tree) -> None:
    verdict = tree(train=FAULTY.rstrip() + f"  # osler: ignore[{FAULT}] on purpose\n")
    (finding,) = verdict.diagnosis.findings
    assert finding.suppressed
    assert verdict.diagnosis.headlines == ()
    assert verdict.unused == ()


@pytest.mark.parametrize(
    ("comment", "names"),
    [(FAULT, [FAULT]), ("graph-broken", ["graph-broken"]), ("no-such-check", []), ("", [])],
    ids=["not there", "another", "no check", "no name"],
)
def test_comments_without_use(tree, comment: str, names: list[str]) -> None:
    verdict = tree(train=HEALTHY.rstrip() + f"  # osler: ignore[{comment}]\n")
    assert [(u.name, u.line) for u in verdict.unused] == [(n, LINE + 1) for n in names]


def test_what_was_not_followed_is_counted(tree) -> None:
    verdict = tree(train="import torch\ndef f(n):\n    return f(n - 1)\nf(3)\n")
    assert verdict.given_up == {"recursion": 1}


def test_findings_in_order_of_file_and_line() -> None:
    def at(file: str, line: int, check: str = "a") -> Finding:
        return Finding(check, Place(file, line), "", "", "", "", Severity.ERROR)

    ordered = [at("a.py", 9), at("b.py", 1), at("b.py", 2), at("b.py", 2, "b")]
    assert in_order(ordered[::-1]) == ordered


def notebook(*cells: str) -> str:
    return json.dumps({"cells": [{"cell_type": "code", "source": c} for c in cells]})


def test_a_fault_in_a_notebook_is_told_with_its_cell(tmp_path: Path) -> None:
    loop = FAULTY.removeprefix(PRELUDE)
    (tmp_path / "train.ipynb").write_text(notebook("!pip install torch", PRELUDE, f"# train\n{loop}"))
    (finding,) = lint([tmp_path], CHECKS).diagnosis.findings
    assert (finding.check, finding.place.cell, finding.place.line) == (FAULT, "3", 4)
    assert {r.place.cell for r in finding.related} == {"3"}


@pytest.mark.parametrize(("is_by_absence", "severity"), [(True, Severity.HINT), (False, Severity.ERROR)])
def test_what_depends_on_the_order_of_cells_is_a_hint(is_by_absence: bool, severity: Severity) -> None:
    file = "/home/user/train.ipynb"
    source = parse_notebook(Path(file), notebook("import torch\nx = 1", "y = 2"))
    check = Check("osler.checks.a.b", Severity.ERROR, "", "", "")
    if is_by_absence:
        check.in_code_by_absence(lambda code: iter(()))
    related = (Related(Place(file, 1), "here"),)
    finding = Finding("b", Place(file, 3), "", "", "", "", Severity.ERROR, related=related)
    shown = as_in_notebook(finding, {"b": check}, {file: source})
    assert (shown.severity, shown.place.cell, shown.place.line) == (severity, "2", 1)
    assert (shown.related[0].place.cell, shown.related[0].place.line) == ("1", 1)


def test_a_finding_in_a_file_of_python_stays_as_it_is() -> None:
    source = parse(Path("/a.py"), b"x = 1\n")
    finding = Finding("b", Place("/a.py", 1), "", "", "", "", Severity.ERROR)
    assert as_in_notebook(finding, {}, {"/a.py": source}) is finding
    assert as_in_notebook(finding, {}, {}) is finding


@pytest.mark.parametrize("line", [0, 3, 99])
def test_a_line_outside_all_cells_stays_as_it_is(line: int) -> None:
    source = parse_notebook(Path("/a.ipynb"), notebook("x = 1", "y = 2"))
    assert in_cell(Place("/a.ipynb", line), {"/a.ipynb": source}) == Place("/a.ipynb", line)


@pytest.mark.parametrize(
    ("name", "data", "problem"),
    [
        ("a.ipynb", b"\xff", "it cannot be read: 'utf-8' codec"),
        ("a.ipynb", b"{", "it is no notebook: "),
        ("a.py", b"\xff", "its encoding is wrong"),
        ("a.ipynb", b'\xef\xbb\xbf{"cells": []}', ""),
        ("a.ipynb", b'{"cells": []}', ""),
        ("a.py", b"x = 1", ""),
        ("script", b"x = 1", ""),
    ],
)
def test_opening_a_file(tmp_path: Path, name: str, data: bytes, problem: str) -> None:
    (tmp_path / name).write_bytes(data)
    source = open_source(tmp_path / name)
    assert source.problem.startswith(problem)
    assert bool(source.problem) is bool(problem)


def test_sources_that_were_read_elsewhere() -> None:
    source = parse(Path("/home/user/train.py"), FAULTY.encode())
    assert told(lint_sources([source], CHECKS)) == [("train", FAULT, LINE)]
