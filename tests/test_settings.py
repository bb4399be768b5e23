"""Settings from pyproject.toml and the command line, and complaints a user can act on."""

from pathlib import Path

import pytest

from osler.errors import OslerError, SettingsError, UnknownName
from osler.model import Severity
from osler.settings import Settings, load

KNOWN = ("gradients-not-cleared", "loss-not-finite", "training-in-eval-mode")
FORMATS = {"github": "", "json": ".json", "sarif": ".sarif", "text": ".txt", "one": ".same", "other": ".same"}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(folder: Path, table: str) -> Path:
    file = folder / "pyproject.toml"
    file.write_text(table)
    return file


def test_defaults(project: Path) -> None:
    assert load(project, {}, KNOWN, FORMATS) == Settings()
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
    assert load(project, {}, KNOWN, FORMATS) == Settings(
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
    settings = load(project, {"fail-on": "never", "select": ["loss-not-finite"]}, KNOWN, FORMATS)
    assert settings == Settings(fail_on=None, max_steps=100, select=("loss-not-finite",))


def test_without_a_folder_the_command_line_alone_counts(project: Path) -> None:
    (project / "pyproject.toml").write_text("[tool.osler]\nmax-steps = 7\n")
    assert load(None, {"fail-on": "error"}, KNOWN, FORMATS) == Settings(fail_on=Severity.ERROR)


def test_a_command_may_have_defaults_of_its_own(project: Path) -> None:
    usual = Settings(fail_on=Severity.WARNING)
    assert load(project, {}, KNOWN, FORMATS, usual).fail_on is Severity.WARNING
    write(project, "[tool.osler]\nfail-on = 'error'\n")
    assert load(project, {}, KNOWN, FORMATS, usual).fail_on is Severity.ERROR
    assert load(project, {"fail-on": "never"}, KNOWN, FORMATS, usual).fail_on is None


def test_never_means_none(project: Path) -> None:
    assert load(project, {"fail-on": "never", "stop-on": "never"}, KNOWN, FORMATS) == Settings()


def test_the_nearest_table_above_the_script_counts(project: Path) -> None:
    write(project, "[tool.osler]\nmax-steps = 1\n")
    scripts = project / "experiments" / "scripts"
    scripts.mkdir(parents=True)
    write(project / "experiments", "[project]\nname = 'without-a-table'\n")
    assert load(scripts, {}, KNOWN, FORMATS).max_steps == 1
    write(project / "experiments", "[tool.osler]\nmax-steps = 2\n")
    assert load(scripts, {}, KNOWN, FORMATS).max_steps == 2


def test_paths_start_where_they_are_written(project: Path) -> None:
    scripts = project / "scripts"
    scripts.mkdir()
    write(scripts, '[tool.osler]\noutput = "report.json"\n')
    assert load(scripts, {}, KNOWN, FORMATS).output == scripts / "report.json"
    assert load(scripts, {"output": "report.json"}, KNOWN, FORMATS).output == project / "report.json"


@pytest.mark.parametrize(
    ("table", "message", "fix"),
    [
        ("fail_on = 'error'", "there is no setting named 'fail_on'", "Did you mean 'fail-on'?"),
        ("max-stps = 3", "there is no setting named 'max-stps'", "Did you mean 'max-steps'?"),
        (
            "colour = 'red'",
            "there is no setting named 'colour'",
            "The settings are: select, ignore, fail-on, stop-on, overhead, max-steps, format, output, "
            "keep, store, run-dir, quiet, intended, lint.",
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
        ("format = 'xml'", "`format` is 'xml', expected github, json, sarif, text, one or other", ""),
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
        load(project, {}, KNOWN, FORMATS)
    assert (str(caught.value), caught.value.fix) == (f"{file} [tool.osler]: {message}", fix)


def test_complaints_about_the_command_line_name_the_option(project: Path) -> None:
    with pytest.raises(SettingsError, match=r"^--max-steps is -1, expected a number of steps, 1 or more$"):
        load(project, {"max-steps": -1}, KNOWN, FORMATS)


def test_an_unknown_check_on_the_command_line(project: Path) -> None:
    with pytest.raises(UnknownName, match="there is no check named 'loss-not-finit'") as caught:
        load(project, {"select": ["loss-not-finit"]}, KNOWN, FORMATS)
    assert caught.value.fix == "Did you mean 'loss-not-finite'?"


def test_a_missing_folder_is_noticed_before_training(project: Path) -> None:
    with pytest.raises(SettingsError, match="expected a file in a folder that exists") as caught:
        load(project, {"output": "reports/osler.json"}, KNOWN, FORMATS)
    assert caught.value.fix == f"Create {project / 'reports'} first."


@pytest.mark.parametrize("content", ["[tool.osler", "\xff"])
def test_a_broken_file_is_named(content: str, project: Path) -> None:
    file = project / "pyproject.toml"
    file.write_bytes(content.encode("latin-1"))
    with pytest.raises(OslerError, match="cannot read") as caught:
        load(project, {}, KNOWN, FORMATS)
    assert str(file) in str(caught.value)


def test_a_table_that_is_none(project: Path) -> None:
    write(project, "[tool]\nosler = 3\n")
    with pytest.raises(SettingsError, match=r"`tool\.osler` is 3, expected a table"):
        load(project, {}, KNOWN, FORMATS)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ({"output": "report.json"}, "json"),
        ({"output": "REPORT.SARIF"}, "sarif"),
        ({"output": "report.json", "format": "text"}, "text"),
        ({"output": "report.html"}, "text"),
        ({"output": "report"}, "text"),
        ({"output": ".json"}, "text"),
        ({"output": "report.same"}, "text"),
        ({"output": "report.json.gz"}, "text"),
    ],
)
def test_the_ending_of_the_file_decides_only_where_one_format_has_it(
    words: dict[str, str], expected: str, project: Path
) -> None:
    assert load(project, words, KNOWN, FORMATS).format == expected


@pytest.mark.parametrize(
    ("table", "words", "expected"),
    [
        ('output = "a.json"', {}, "json"),
        ('output = "a.json"', {"output": "b.sarif"}, "sarif"),
        ('output = "a.json"', {"format": "text"}, "text"),
        ('format = "json"', {"output": "b.sarif"}, "sarif"),
        ('format = "json"', {"output": "b.log"}, "json"),
        ('format = "text"\noutput = "a.json"', {}, "text"),
    ],
)
def test_what_the_command_line_names_decides_before_the_table(
    table: str, words: dict[str, str], expected: str, project: Path
) -> None:
    write(project, f"[tool.osler]\n{table}\n")
    assert load(project, words, KNOWN, FORMATS).format == expected


def test_what_is_kept_besides_numbers(project: Path) -> None:
    assert load(project, {}, KNOWN, FORMATS).keep == "nothing"
    assert load(project, {"keep": "samples"}, KNOWN, FORMATS).keep == "samples"
    write(project, "[tool.osler]\nkeep = 'samples'\n")
    assert load(project, {}, KNOWN, FORMATS).keep == "samples"
    assert load(project, {"keep": "nothing"}, KNOWN, FORMATS).keep == "nothing"
    with pytest.raises(SettingsError, match="--keep is 'all', expected nothing or samples"):
        load(project, {"keep": "all"}, KNOWN, FORMATS)


def test_where_the_run_is_recorded(project: Path) -> None:
    (project / "file").touch()
    assert load(project, {}, KNOWN, FORMATS).store
    assert load(project, {"store": False}, KNOWN, FORMATS).store is False
    assert load(project, {"run-dir": "runs/first"}, KNOWN, FORMATS).run_dir == project / "runs" / "first"
    with pytest.raises(SettingsError, match=r"--run-dir is 'file', expected the path of a folder") as caught:
        load(project, {"run-dir": "file"}, KNOWN, FORMATS)
    assert caught.value.fix == "Choose another name: this is a file."
    with pytest.raises(SettingsError, match=r"--run-dir is '', expected the path of a folder"):
        load(project, {"run-dir": ""}, KNOWN, FORMATS)
