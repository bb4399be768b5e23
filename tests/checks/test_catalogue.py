"""What every check owes its reader: a page whose examples run, advice to follow, a promised name."""

import re
from functools import cache
from pathlib import Path

import pytest

from osler.engine.catalogue import catalogue
from osler.model import Check, Diagnosis, Severity
from osler.testing import examine, read, try_out

HERE = Path(__file__).parent
PROMISED = dict(line.split() for line in (HERE / "catalogue_names.txt").read_text("utf-8").splitlines())
SECTIONS = ["Bad", "Good", "Not a problem", "Sources"]
pytestmark = pytest.mark.filterwarnings("ignore:Detected call of `lr_scheduler:UserWarning")
CHECKS = list(catalogue().values())
IMPERATIVES = """
Add Apply Ask Build Call Change Check Clear Compare Compute Detach Divide Drop Evaluate Feed Find
Free Give Keep Leave Let Look Lower Make Move Name Pass Put Raise Read Remove Replace Return Run Scale
Set Start Step Switch Take Train Turn Unfreeze Use Wrap
"""


@pytest.fixture(params=CHECKS, ids=lambda c: c.name)
def check(request: pytest.FixtureRequest) -> Check:
    return request.param


def page(check: Check) -> str:
    return __import__(check.module, fromlist=["check"]).__doc__ or ""


def section(check: Check, title: str) -> str:
    found = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", page(check), re.MULTILINE | re.DOTALL)
    assert found, f"{check.name} has no section {title}"
    return found[1].strip()


def example(check: Check, title: str) -> str:
    (code,) = re.findall(r"^```python\n(.*?)^```$", section(check, title), re.MULTILINE | re.DOTALL)
    return code


def test_page_has_its_sections_in_order(check: Check) -> None:
    assert re.findall(r"^## (.*)$", page(check), re.MULTILINE) == SECTIONS
    assert all(section(check, title) for title in SECTIONS)


def test_page_opens_with_one_sentence_that_says_what_is_wrong(check: Check) -> None:
    first, blank, *_ = page(check).splitlines()
    assert first.endswith(".")
    assert not blank


@pytest.mark.parametrize("title", ["Bad", "Good"])
def test_example_is_one_block_that_compiles(check: Check, title: str) -> None:
    compile(example(check, title), check.name, "exec")


def test_sources_are_links(check: Check) -> None:
    assert re.search(r"\]\(https://[^)\s]+\)", section(check, "Sources"))


def test_fix_is_an_imperative_sentence(check: Check) -> None:
    assert check.fix.endswith(".")
    assert check.fix.split()[0] in IMPERATIVES.split()


def test_why_is_a_sentence(check: Check) -> None:
    assert check.why.endswith(".")
    assert check.expected


def test_name_and_severity_are_the_promised_ones(check: Check) -> None:
    assert PROMISED[check.name] == check.severity.label


def test_symptoms_are_other_names_of_the_catalogue(check: Check) -> None:
    assert set(check.symptoms) <= set(PROMISED) - {check.name}
    assert len(set(check.symptoms)) == len(check.symptoms)


def test_has_its_own_test(check: Check) -> None:
    assert (HERE / check.topic / f"test_{check.name.replace('-', '_')}.py").exists()


def test_has_a_detector(check: Check) -> None:
    assert check.code_detector or check.run_detector or check.setup_detector


@cache
def was_read(code: str) -> Diagnosis:
    return read(code)


def test_bad_example_is_found_by_reading(check: Check) -> None:
    if check.code_detector:
        assert check.name in {f.check for f in was_read(example(check, "Bad")).findings}


def test_good_example_reads_healthy(check: Check) -> None:
    assert [f.message for f in was_read(example(check, "Good")).headlines] == []


def test_bad_example_is_found(check: Check) -> None:
    if check.run_detector is None:
        pytest.skip("it is not seen in a run")
    diagnosis = examine(example(check, "Bad"))
    found = [f for f in diagnosis.findings if f.check == check.name]
    assert any(f.place.line for f in found)
    assert all(f.severity <= Severity[PROMISED[check.name].upper()] for f in found)
    assert not diagnosis.failed


def test_good_example_is_healthy(check: Check) -> None:
    diagnosis = examine(example(check, "Good"))
    assert [f.message for f in diagnosis.headlines] == []
    assert not diagnosis.failed


@pytest.fixture(params=[c for c in CHECKS if c.setup_detector], ids=lambda c: c.name)
def tried(request: pytest.FixtureRequest) -> Check:
    return request.param


@pytest.mark.slow
def test_bad_example_is_found_by_experiment(tried: Check) -> None:
    found = [f for f in try_out(example(tried, "Bad")).findings if f.check == tried.name]
    assert any("setup" in f.seen_by and f.place.line for f in found)


@pytest.mark.slow
def test_good_example_is_healthy_under_experiments(tried: Check) -> None:
    diagnosis = try_out(example(tried, "Good"))
    assert [f.message for f in diagnosis.headlines] == []
    assert not diagnosis.failed
