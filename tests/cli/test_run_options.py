"""What `osler run` does before the script starts, and with what it is told when the script has ended."""

import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from osler.cli import Parser, main, run
from osler.errors import UsageError
from osler.model import Diagnosis, Finding, Group, Place, Severity, Subject
from osler.report.formats import formats, suffixes
from osler.report.live import Live
from osler.report.screen import Screen
from osler.report.source import Sources
from osler.settings import Settings, load


@dataclass(frozen=True)
class Ending:
    exit_code: int = 0
    ended_by: str = ""
    crash: BaseException | None = None


@dataclass
class Session:
    """Remembers what it was told, and finds what it was given."""

    groups: tuple[Group, ...] = ()
    stopped_by: str = ""
    detached: bool = False

    def close(self, report: str) -> None:
        self.kept = report

    def sources(self, *scripts: Path) -> list[Path]:
        return list(scripts)

    def detach(self) -> None:
        self.detached = True

    def finish(
        self, script: str, exit_code: int, ended_by: str, crash: BaseException | None, files: list[Path]
    ) -> Diagnosis:
        assert self.detached
        subject = Subject(script=script, steps=3, backwards=3, exit_code=exit_code, ended_by=ended_by)
        return Diagnosis(subject, self.groups, checked=("gradients-not-cleared",))


def found(severity: Severity, **known: Any) -> tuple[Group, ...]:
    return (Group(Finding("gradients-not-cleared", Place("", 0), "seen", "", "", "", severity, **known)),)


Told = Callable[..., tuple[int | None, str]]


@pytest.fixture
def told(tmp_path: Path) -> Told:
    """End a run; the exit code that replaces the script's, and what was written on the screen."""

    def end(settings: Settings, session: Session, ending: Ending | None = None) -> tuple[int | None, str]:
        file = tmp_path / "screen"
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT)
        screen = Screen(descriptor)
        live = Live(screen, tmp_path)
        bedside: Any = run.Bedside
        answer = bedside(
            settings, session, screen, live, tmp_path, "train.py", Sources(), tuple(sys.path)
        ).end(ending or Ending())
        os.close(descriptor)
        return answer, file.read_text()

    return end


def parsed(*words: str) -> dict[str, object]:
    parser = Parser("osler run", "")
    run.configure(parser)
    return run.given(parser.read(words))


def test_nothing_given_is_nothing_told() -> None:
    assert parsed("train.py", "--quiet") == {}


def test_every_option() -> None:
    words = (
        "--format json --output o.json --fail-on error --select a,b --ignore c, --max-steps 3"
        " --stop-on warning --overhead 0.02 --quiet train.py"
    )
    assert parsed(*words.split()) == {
        "format": "json",
        "output": "o.json",
        "fail-on": "error",
        "select": ["a", "b"],
        "ignore": ["c"],
        "max-steps": 3,
        "stop-on": "warning",
        "overhead": 0.02,
        "quiet": True,
    }


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ("", "no script was given"),
        ("--quiet", "no script was given"),
        ("--format pdf train.py", "argument --format: invalid choice: 'pdf'"),
        ("--fail-on sometimes train.py", "argument --fail-on: invalid choice: 'sometimes'"),
        ("--max-steps many train.py", "argument --max-steps: invalid int value: 'many'"),
        ("--max-steps 0 train.py", "--max-steps is 0, expected a number of steps, 1 or more"),
        ("--max-stps 3 train.py", "unrecognized arguments: --max-stps"),
        ("--select nonsense train.py", "there is no check named 'nonsense'"),
        ("--output /no/such/folder/x train.py", "--output is '/no/such/folder/x'"),
    ],
)
def test_mistakes_are_told_before_anything_runs(
    words: str,
    complaint: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["run", *words.split()]) == 2
    assert capsys.readouterr().err.startswith(f"osler: {complaint}")


def test_a_python_without_torch_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UsageError, match="has no torch") as caught:
        run.require_torch()
    assert "pip install osler" in caught.value.fix


@pytest.mark.parametrize(
    ("fail_on", "worst", "code"),
    [
        (None, Severity.ERROR, None),
        (Severity.ERROR, Severity.ERROR, 10),
        (Severity.ERROR, Severity.WARNING, None),
        (Severity.WARNING, Severity.ERROR, 10),
        (Severity.HINT, Severity.HINT, 10),
        (Severity.HINT, None, None),
    ],
)
def test_fail_on(fail_on: Severity | None, worst: Severity | None, code: int | None, told: Told) -> None:
    groups = found(worst) if worst is not None else ()
    assert told(Settings(fail_on=fail_on), Session(groups))[0] == code


def test_what_is_intended_does_not_fail(told: Told) -> None:
    session = Session(found(Severity.ERROR, suppressed=True))
    assert told(Settings(fail_on=Severity.HINT), session)[0] is None


@pytest.mark.parametrize(("stopped_by", "code"), [("stop-on", 10), ("max-steps", None)])
def test_a_run_that_was_stopped(stopped_by: str, code: int | None, told: Told) -> None:
    answer, text = told(Settings(), Session(stopped_by=stopped_by), Ending(0, "stopped"))
    assert answer == code
    assert text.startswith(f"osler: train.py was stopped by --{stopped_by} after 3 steps\n")


def test_the_report_goes_to_the_screen(told: Told) -> None:
    assert told(Settings(), Session())[1] == (
        "osler: no problem found in 3 steps (1 check; saw no modules; cost unknown)\n"
    )


def test_quiet_prints_nothing(told: Told) -> None:
    assert told(Settings(quiet=True), Session(found(Severity.ERROR)))[1] == ""


def test_json_without_a_file_is_one_line_on_the_screen(told: Told) -> None:
    text = told(Settings(format="json", quiet=True), Session())[1]
    assert text.count("\n") == 1
    assert json.loads(text)["subject"]["script"] == "train.py"


def test_json_in_a_file_leaves_the_text_on_the_screen(told: Told, tmp_path: Path) -> None:
    output = tmp_path / "report.json"
    text = told(Settings(format="json", output=output), Session())[1]
    assert text.startswith("osler: no problem found")
    assert json.loads(output.read_text())["subject"]["steps"] == 3


@pytest.mark.parametrize("name", sorted(set(formats()) - {"text"}))
def test_a_format_without_a_file_takes_the_place_of_the_text(name: str, told: Told) -> None:
    text = told(Settings(format=name, quiet=True), Session())[1]
    assert ("no problem found" in text) == (name in ("github", "html", "markdown"))
    assert "train.py" in text or name == "github"


@pytest.mark.parametrize("name", formats())
def test_a_format_in_a_file_leaves_the_text_on_the_screen(name: str, told: Told, tmp_path: Path) -> None:
    output = tmp_path / "report"
    text = told(Settings(format=name, output=output), Session())[1]
    assert text.startswith("osler: no problem found")
    assert output.read_text()


def test_help_names_every_format_and_ending(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["run", "--help"])
    told = " ".join(capsys.readouterr().out.split())
    assert f"--format {{{','.join(formats())}}}" in told
    assert "without --format its ending decides: .html .json .jsonl .xml .md .sarif .txt" in told


def test_an_ending_chooses_the_format_of_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for words, expected in [
        (("--output", "o.sarif"), "sarif"),
        (("--output", "o.md"), "markdown"),
        (("--output", "o.xml"), "junit"),
        (("--output", "o.xml", "--format", "json"), "json"),
        (("--output", "o"), "text"),
    ]:
        assert load(tmp_path, parsed(*words, "train.py"), (), suffixes()).format == expected


def test_text_in_a_file(told: Told, tmp_path: Path) -> None:
    output = tmp_path / "report.txt"
    text = told(Settings(output=output), Session())[1]
    assert output.read_text() == text
    told(Settings(output=output, quiet=True), Session(found(Severity.ERROR)))
    assert "1 error in train.py" in output.read_text()


def test_a_file_that_cannot_be_written_does_not_hide_the_report(told: Told, tmp_path: Path) -> None:
    output = tmp_path / "folder" / "report.txt"
    text = told(Settings(output=output), Session())[1]
    assert text.startswith("osler: no problem found")
    assert text.endswith(f"osler: cannot write {output}: No such file or directory\n")


def test_reports_are_imported_from_where_osler_was_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", ["/script", *sys.path])
    with run.search_path(("/osler",)):
        assert sys.path == ["/osler"]
    assert sys.path[0] == "/script"


def test_an_edited_script_is_shown_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    script = tmp_path / "train.py"
    script.write_text("before = 1\n")
    parser = Parser("osler run", "")
    run.configure(parser)
    sources = run.sources_of(parser.read(["train.py"]))
    script.write_text("after = 1\n")
    assert sources.line(replace(Place(), file=str(script), line=1)) == "before = 1"
