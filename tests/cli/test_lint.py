"""`osler lint`: what it prints, writes and exits with."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from osler.cli import main
from osler.testing import PRELUDE

FAULTY = f"""{PRELUDE}
for x, y in loader:
    loss_fn(model(x), y).backward()
    optimizer.step()
"""
LINE = len(FAULTY.splitlines())


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def lint(capfd: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    code = main(["lint", *words])
    return code, capfd.readouterr().out


def test_nothing_found(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (folder / "train.py").write_text(PRELUDE)
    code, out = lint(capfd)
    assert code == 0
    assert out.startswith("osler: no problem found in 1 file, ")


def test_a_finding_has_place_reason_and_cure(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (folder / "train.py").write_text(FAULTY)
    code, out = lint(capfd, "train.py")
    assert code == 1
    assert f"train.py:{LINE}  error  gradients-not-cleared" in out
    assert "fix" in out
    assert "osler explain gradients-not-cleared" in out
    assert "osler: 1 error in 1 file, " in out


def test_json(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (folder / "train.py").write_text(FAULTY)
    code, out = lint(capfd, "--format", "json")
    report = json.loads(out)
    assert code == 1
    assert report["subject"]["command"] == "lint"
    (finding,) = report["findings"]
    assert finding["seen_by"] == ["code"]
    assert finding["place"]["line"] == LINE


def test_written_to_a_file(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (folder / "train.py").write_text(FAULTY)
    code, out = lint(capfd, "--output", "report.txt")
    assert (code, out) == (1, "")
    assert "gradients-not-cleared" in (folder / "report.txt").read_text()


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--exit-zero"], 0),
        (["--fail-on", "never"], 0),
        (["--fail-on", "error"], 1),
        (["--ignore", "gradients-not-cleared"], 0),
        (["--select", "graph-broken"], 0),
        (["--select", "gradients-not-cleared"], 1),
    ],
)
def test_exit_code(folder: Path, capfd: pytest.CaptureFixture[str], words: list[str], code: int) -> None:
    (folder / "train.py").write_text(FAULTY)
    assert lint(capfd, *words)[0] == code


def test_a_file_that_cannot_be_read_is_listed(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (folder / "train.py").write_text("import torch\nfor x in\n")
    code, out = lint(capfd)
    assert code == 2
    assert "train.py:2  not read: it is not valid Python: invalid syntax" in out


def test_a_path_that_does_not_exist(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["lint", "nowhere.py"]) == 2
    assert "osler: there is no file or folder 'nowhere.py'" in capfd.readouterr().err


def test_statistics(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (folder / "train.py").write_text(FAULTY)
    assert "     1  gradients-not-cleared" in lint(capfd, "--statistics")[1]


def test_an_acknowledged_finding_is_not_told(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    text = FAULTY.rstrip() + "  # osler: ignore[gradients-not-cleared] momentum on purpose\n"
    (folder / "train.py").write_text(text)
    code, out = lint(capfd)
    assert code == 0
    assert "no problem found" in out


def test_an_unused_acknowledgement_is_told(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (folder / "train.py").write_text("import torch  # osler: ignore[graph-broken] why not\n")
    assert "train.py:1  unused: nothing here is graph-broken, remove the comment" in lint(capfd)[1]


def test_ignored_for_some_files(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (folder / "old").mkdir()
    (folder / "old" / "train.py").write_text(FAULTY)
    (folder / "pyproject.toml").write_text(
        '[tool.osler.lint.per-file-ignores]\n"old/*" = ["gradients-not-cleared"]\n'
    )
    assert lint(capfd)[0] == 0


def test_git_ignores(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (folder / "copies").mkdir()
    (folder / "copies" / "train.py").write_text(FAULTY)
    (folder / ".gitignore").write_text("copies/\n")
    assert "in 0 files" in lint(capfd)[1]


def test_a_notebook_names_cell_and_line(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    cells = [
        {"cell_type": "markdown", "source": ["# Title"]},
        {"cell_type": "code", "source": ["%matplotlib inline\n", *PRELUDE.splitlines(keepends=True)]},
        {"cell_type": "code", "source": "for p in model.parameters():\n    p.require_grad = False\n"},
    ]
    (folder / "train.ipynb").write_text(json.dumps({"cells": cells}))
    code, out = lint(capfd)
    assert code == 1
    assert "cell 2, line 2" in out
    assert "parameters-frozen-unintentionally" in out


def test_what_is_missing_in_a_notebook_is_a_hint(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (folder / "train.ipynb").write_text(
        json.dumps({"cells": [{"cell_type": "code", "source": FAULTY.splitlines(keepends=True)}]})
    )
    code, out = lint(capfd)
    assert code == 0
    assert "hint  gradients-not-cleared" in out


def test_what_an_editor_holds(folder: Path) -> None:
    command = [sys.executable, "-m", "osler", "lint", "--stdin-filename", "new.py", "--format", "json"]
    done = subprocess.run(command, input=FAULTY, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert json.loads(done.stdout)["findings"][0]["place"]["file"] == "new.py"


def test_starts_without_torch(folder: Path) -> None:
    (folder / "train.py").write_text(FAULTY)
    program = (
        "import sys; from osler.cli import main; code = main(['lint']); "
        "assert not {'torch', 'numpy'} & set(sys.modules); sys.exit(code)"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, check=False).returncode == 1


def test_other_files_of_the_tree_are_followed(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (folder / "loops.py").write_text(
        "import torch\n\n\ndef fit(model, optimizer, loader, loss_fn):\n    for x, y in loader:\n"
        "        loss_fn(model(x), y).backward()\n        optimizer.step()\n        reset(optimizer)\n\n\n"
        "def reset(optimizer):\n    optimizer.zero_grad()\n"
    )
    (folder / "train.py").write_text(
        f"{PRELUDE}\nfrom loops import fit\n\nfit(model, optimizer, loader, loss_fn)\n"
    )
    assert lint(capfd)[0] == 0
    (folder / "loops.py").write_text(
        (folder / "loops.py").read_text().replace("        reset(optimizer)\n", "")
    )
    code, out = lint(capfd)
    assert code == 1
    assert "loops.py:7  error  gradients-not-cleared" in out
    assert "train.py:" in out


def test_a_second_time_is_the_same(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (folder / "train.py").write_text(FAULTY)
    (folder / "broken.py").write_text("import torch\nfor\n")
    first = lint(capfd)
    assert (folder / ".osler" / "cache" / "lint.json").is_file()
    assert lint(capfd) == first
    assert lint(capfd, "--jobs", "2", "--no-cache") == first


def test_without_a_cache_nothing_is_written(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (folder / "train.py").write_text(FAULTY)
    lint(capfd, "--no-cache")
    assert [p.name for p in folder.iterdir()] == ["train.py"]


@pytest.mark.parametrize("jobs", ["-1", "many"])
def test_a_number_of_processes_that_is_none(
    folder: Path, jobs: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["lint", f"--jobs={jobs}"]) == 2
    assert f"argument --jobs: invalid number of processes value: '{jobs}'" in capfd.readouterr().err


def test_a_baseline_passes_over_what_was_there(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (folder / "train.py").write_text(FAULTY)
    assert main(["lint", "--add-baseline"]) == 0
    assert capfd.readouterr().err == "osler: 1 finding written to osler-baseline.json\n"
    (folder / "train.py").write_text(FAULTY.replace("for x", "# moved\n\nfor x"))
    assert lint(capfd)[0] == 0
    (folder / "new.py").write_text(FAULTY)
    code, out = lint(capfd)
    assert code == 1
    assert f"new.py:{LINE}  error  gradients-not-cleared" in out
    assert "train.py:" not in out


def test_an_outdated_baseline_is_told(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (folder / "train.py").write_text(FAULTY)
    main(["lint", "--add-baseline", "--baseline", "known.json"])
    (folder / "train.py").write_text(PRELUDE)
    code, out = lint(capfd, "--baseline", "known.json")
    assert code == 0
    assert "osler: 1 finding of the baseline no longer found: write it again with --add-baseline" in out


def test_a_baseline_that_does_not_exist(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["lint", "--baseline", "nowhere.json"]) == 2
    assert "osler: cannot read the baseline nowhere.json" in capfd.readouterr().err


def test_the_project_decides_what_fails(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (folder / "train.py").write_text(FAULTY)
    (folder / "pyproject.toml").write_text('[tool.osler]\nfail-on = "never"\n')
    assert lint(capfd)[0] == 0
    assert lint(capfd, "--fail-on", "error")[0] == 1


def test_intended_in_the_project(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (folder / "train.py").write_text(FAULTY)
    (folder / "pyproject.toml").write_text('[tool.osler.intended]\ngradients-not-cleared = ["opt*"]\n')
    assert lint(capfd)[0] == 0


def test_markdown_speaks_of_files(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (folder / "train.py").write_text(PRELUDE)
    (folder / "broken.py").write_text("import torch\nfor\n")
    out = lint(capfd, "--format", "markdown")[1]
    assert "**osler:** no problem found in 2 files, " in out
    assert "**osler:** not seen: broken.py:2: it is not valid Python: invalid syntax" in out
    assert "step" not in out
    assert "cost" not in out


MENDED = FAULTY + "    optimizer.zero_grad()\n"


def test_a_diff_is_shown_and_nothing_written(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (folder / "train.py").write_text(FAULTY)
    assert main(["lint", "--diff"]) == 0
    out, err = capfd.readouterr()
    assert out == ""
    assert err == "osler: nothing to mend, 1 more with --unsafe-fixes, which change the training\n"
    assert main(["lint", "--diff", "--unsafe-fixes"]) == 1
    out, err = capfd.readouterr()
    assert out.startswith("--- a/train.py\n+++ b/train.py\n@@ ")
    assert out.endswith("     optimizer.step()\n+    optimizer.zero_grad()\n")
    assert err == "osler: 1 finding would be mended\n"
    assert (folder / "train.py").read_text() == FAULTY


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1"])
def test_a_file_is_mended_in_its_own_form(
    end: str, encoding: str, folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    head = f"# -*- coding: {encoding.removesuffix('-sig')} -*-\n# é\n"
    file = folder / "train.py"
    file.write_bytes((head + FAULTY).replace("\n", end).encode(encoding))
    code, out = lint(capfd, "--fix", "--unsafe-fixes")
    assert code == 0
    assert "no problem found" in out
    assert file.read_bytes() == (head + MENDED).replace("\n", end).encode(encoding)
    assert lint(capfd, "--fix", "--unsafe-fixes") == (code, out)


def test_a_file_with_mixed_line_ends_is_left_alone(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    file = folder / "train.py"
    file.write_bytes(FAULTY.encode().replace(b"\n", b"\r\n", 3))
    before = file.read_bytes()
    assert main(["lint", "--fix", "--unsafe-fixes"]) == 1
    assert "osler: train.py is left as it was: its line ends are mixed\n" in capfd.readouterr().err
    assert file.read_bytes() == before


def test_an_editor_gets_the_mended_text(folder: Path) -> None:
    command = [sys.executable, "-m", "osler", "lint", "--stdin-filename", "new.py", "--fix", "--unsafe-fixes"]
    for given in (FAULTY, MENDED):
        done = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (0, MENDED)


def test_unsafe_alone_is_no_order(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["lint", "--unsafe-fixes"]) == 2
    assert "osler: --unsafe-fixes says which edits are meant\n" in capfd.readouterr().err


def test_the_baseline_is_not_mended(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (folder / "train.py").write_text(FAULTY)
    main(["lint", "--add-baseline"])
    assert lint(capfd, "--fix", "--unsafe-fixes")[0] == 0
    assert (folder / "train.py").read_text() == FAULTY


def test_sarif_knows_columns_and_the_way(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    text = f"""{PRELUDE}
for epoch in range(3):
    for x, y in loader:
        optimizer.zero_grad()
        ü = "é"; loss_fn(model(x), y).backward()
        optimizer.step()
    model.eval()
"""
    (folder / "train.py").write_text(text, "utf-8")
    last = len(text.splitlines())
    (result,) = json.loads(lint(capfd, "--format", "sarif")[1])["runs"][0]["results"]
    assert result["ruleId"] == "training-in-eval-mode"
    region = {"startLine": last - 2, "startColumn": 18, "endLine": last - 2, "endColumn": 49}
    assert result["locations"][0]["physicalLocation"]["region"] == region
    (flow,) = result["codeFlows"][0]["threadFlows"]
    way = [(s["location"]["physicalLocation"]["region"]["startLine"]) for s in flow["locations"]]
    assert way == [last, last - 2]
    place = json.loads(lint(capfd, "--format", "json")[1])["findings"][0]["place"]
    assert (place["column"], place["end_line"], place["end_column"]) == (18, last - 2, 49)
