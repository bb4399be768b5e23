"""Settings from pyproject.toml and the command line, and complaints a user can act on."""

from dataclasses import replace
from pathlib import Path

import pytest

from osler.errors import OslerError, SettingsError, UnknownName
from osler.model import Finding, Place, Severity
from osler.settings import Settings, load

KNOWN = ("gradients-not-cleared", "loss-not-finite", "training-in-eval-mode")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(folder: Path, table: str) -> Path:
    file = folder / "pyproject.toml"
    file.write_text(table)
    return file


def test_defaults(project: Path) -> None:
    assert load(project, {}, KNOWN) == Settings()
    assert Settings().fail_on is None
    assert Settings().overhead == 0.01


def test_every_key_of_the_table(project: Path) -> None:
    write(
        project,
        """
        [tool.osler]
        select = ["gradients-not-cleared", "loss-not-finite"]
        ignore = ["loss-not-finite"]
        fail-on = "warning"
        stop-on = "error"
        overhead = 0.02
        max-steps = 100
        format = "json"
        output = "osler.json"
        quiet = true
        [tool.osler.intended]
        training-in-eval-mode = ["Teacher", "backbone.*"]
        """,
    )
    assert load(project, {}, KNOWN) == Settings(
        select=("gradients-not-cleared", "loss-not-finite"),
        ignore=("loss-not-finite",),
        fail_on=Severity.WARNING,
        stop_on=Severity.ERROR,
        overhead=0.02,
        max_steps=100,
        format="json",
        output=project / "osler.json",
        quiet=True,
        intended={"training-in-eval-mode": ("Teacher", "backbone.*")},
    )


def test_the_command_line_wins(project: Path) -> None:
    write(project, '[tool.osler]\nfail-on = "error"\nmax-steps = 100\n')
    settings = load(project, {"fail-on": "never", "select": ["loss-not-finite"]}, KNOWN)
    assert settings == Settings(fail_on=None, max_steps=100, select=("loss-not-finite",))


def test_never_means_none(project: Path) -> None:
    assert load(project, {"fail-on": "never", "stop-on": "never"}, KNOWN) == Settings()


def test_the_nearest_table_above_the_script_counts(project: Path) -> None:
    write(project, "[tool.osler]\nmax-steps = 1\n")
    scripts = project / "experiments" / "scripts"
    scripts.mkdir(parents=True)
    write(project / "experiments", "[project]\nname = 'without-a-table'\n")
    assert load(scripts, {}, KNOWN).max_steps == 1
    write(project / "experiments", "[tool.osler]\nmax-steps = 2\n")
    assert load(scripts, {}, KNOWN).max_steps == 2


def test_paths_start_where_they_are_written(project: Path) -> None:
    scripts = project / "scripts"
    scripts.mkdir()
    write(scripts, '[tool.osler]\noutput = "report.json"\n')
    assert load(scripts, {}, KNOWN).output == scripts / "report.json"
    assert load(scripts, {"output": "report.json"}, KNOWN).output == project / "report.json"


@pytest.mark.parametrize(
    ("table", "message", "fix"),
    [
        ("fail_on = 'error'", "there is no setting named 'fail_on'", "Did you mean 'fail-on'?"),
        ("max-stps = 3", "there is no setting named 'max-stps'", "Did you mean 'max-steps'?"),
        (
            "colour = 'red'",
            "there is no setting named 'colour'",
            "The settings are: select, ignore, fail-on, stop-on, overhead, max-steps, format, output, quiet, "
            "intended, lint.",
        ),
        (
            "select = ['gradient-not-cleared']",
            "`select`: there is no check named 'gradient-not-cleared'",
            "Did you mean 'gradients-not-cleared'?",
        ),
        (
            "intended = {xyz = []}",
            "`intended`: there is no check named 'xyz'",
            "List the names with `osler checks`.",
        ),
        ("select = 'loss-not-finite'", "`select` is 'loss-not-finite', expected a list of texts", ""),
        ("ignore = [1]", "`ignore` is [1], expected a list of texts", ""),
        ("fail-on = 'fatal'", "`fail-on` is 'fatal', expected never, hint, warning or error", ""),
        ("fail-on = true", "`fail-on` is True, expected never, hint, warning or error", ""),
        ("stop-on = 'hint'", "`stop-on` is 'hint', expected never, warning or error", ""),
        ("format = 'xml'", "`format` is 'xml', expected text or json", ""),
        (
            "overhead = 5",
            "`overhead` is 5, expected a share of the time above 0 and up to 1, for example 0.01",
            "",
        ),
        (
            "overhead = true",
            "`overhead` is True, expected a share of the time above 0 and up to 1, for example 0.01",
            "",
        ),
        ("max-steps = 0", "`max-steps` is 0, expected a number of steps, 1 or more", ""),
        ("max-steps = 1.5", "`max-steps` is 1.5, expected a number of steps, 1 or more", ""),
        ("quiet = 1", "`quiet` is 1, expected true or false", ""),
        ("output = 3", "`output` is 3, expected the path of a file", ""),
        (
            "output = '.'",
            "`output` is '.', expected the path of a file",
            "Add a file name: this is a folder.",
        ),
        (
            "intended = ['Net']",
            "`intended` is ['Net'], expected a table from check name to a list of subject patterns",
            "",
        ),
        (
            "intended = {loss-not-finite = 'Net'}",
            "`intended.loss-not-finite` is 'Net', expected a list of texts",
            "",
        ),
    ],
)
def test_complaints_name_the_file(table: str, message: str, fix: str, project: Path) -> None:
    file = write(project, f"[tool.osler]\n{table}\n")
    with pytest.raises(SettingsError) as caught:
        load(project, {}, KNOWN)
    assert (str(caught.value), caught.value.fix) == (f"{file} [tool.osler]: {message}", fix)


def test_complaints_about_the_command_line_name_the_option(project: Path) -> None:
    with pytest.raises(SettingsError, match=r"^--max-steps is -1, expected a number of steps, 1 or more$"):
        load(project, {"max-steps": -1}, KNOWN)


def test_an_unknown_check_on_the_command_line(project: Path) -> None:
    with pytest.raises(UnknownName, match="there is no check named 'loss-not-finit'") as caught:
        load(project, {"select": ["loss-not-finit"]}, KNOWN)
    assert caught.value.fix == "Did you mean 'loss-not-finite'?"


def test_a_missing_folder_is_noticed_before_training(project: Path) -> None:
    with pytest.raises(SettingsError, match="expected a file in a folder that exists") as caught:
        load(project, {"output": "reports/osler.json"}, KNOWN)
    assert caught.value.fix == f"Create {project / 'reports'} first."


@pytest.mark.parametrize("content", ["[tool.osler", "\xff"])
def test_a_broken_file_is_named(content: str, project: Path) -> None:
    file = project / "pyproject.toml"
    file.write_bytes(content.encode("latin-1"))
    with pytest.raises(OslerError, match="cannot read") as caught:
        load(project, {}, KNOWN)
    assert str(file) in str(caught.value)


def test_a_table_that_is_none(project: Path) -> None:
    write(project, "[tool]\nosler = 3\n")
    with pytest.raises(SettingsError, match=r"`tool\.osler` is 3, expected a table"):
        load(project, {}, KNOWN)


@pytest.mark.parametrize(
    ("check", "subject", "intended"),
    [
        ("loss-not-finite", "", True),
        ("training-in-eval-mode", "backbone.layer1", True),
        ("training-in-eval-mode", "Teacher", True),
        ("training-in-eval-mode", "teacher", False),
        ("training-in-eval-mode", "head.backbone", False),
        ("training-in-eval-mode", "", False),
        ("gradients-not-cleared", "Teacher", False),
    ],
)
def test_intended(check: str, subject: str, intended: bool) -> None:
    settings = Settings(
        intended={"training-in-eval-mode": ("Teacher", "backbone.*"), "loss-not-finite": ("*",)}
    )
    finding = Finding(check, Place(), "", "", "", "", Severity.ERROR)
    assert settings.intends(replace(finding, place=Place(subject=subject))) is intended
