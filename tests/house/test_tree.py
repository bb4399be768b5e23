"""The tests mirror the source: a module and its test find each other by name."""

from pathlib import Path

ROOT = Path(__file__).parents[2]

STARTERS = {"__init__.py", "__main__.py"}
"""Modules that only hand on what others hold."""

TOGETHER = {
    "cli/plot": "tests/report/plots/test_plots.py",
    "model/course": "tests/checks/course/test_no_better_than_baseline.py",
    "model/edit": "tests/checks/test_fixes.py",
    "model/wiring": "tests/checks/optimizer/test_teacher_trained.py",
    "preflight/": "tests/cli/preflight/test_room.py",
    "replay/": "tests/replay/test_wheel.py",
    "report/page/": "tests/report/page",
    "report/plots/": "tests/report/plots",
    "model/setup": "tests/checks/course/test_cannot_overfit_one_batch.py",
    "engine/fixing": "tests/checks/test_fixes.py",
    "static/edits": "tests/checks/test_fixes.py",
    "static/mending": "tests/checks/test_fixes.py",
}
"""Parts whose modules are tested together, by running them as a user does, and where."""


def untested_modules(root: Path) -> list[str]:
    """Every `src/osler/<path>/<x>.py` needs `tests/<path>/test_<x>.py`."""
    modules = [path.relative_to(root / "src/osler") for path in (root / "src/osler").rglob("*.py")]
    return sorted(
        module.as_posix()
        for module in modules
        if module.name not in STARTERS
        and not (root / "tests" / module.parent / f"test_{module.name}").exists()
    )


def untested_checks(root: Path) -> list[str]:
    """Every `src/osler/checks/<topic>/<x>.py` needs `tests/checks/<topic>/test_<x>.py`."""
    checks = [
        path.relative_to(root / "src/osler/checks") for path in (root / "src/osler/checks").glob("*/*.py")
    ]
    tests = root / "tests/checks"
    return sorted(
        str(check)
        for check in checks
        if check.stem != "__init__" and not (tests / check.parent / f"test_{check.name}").exists()
    )


def orphaned_tests(root: Path) -> list[str]:
    """A test that outlived its check, or whose name is misspelt, tests nothing that is shipped."""
    tests = [path.relative_to(root / "tests/checks") for path in (root / "tests/checks").glob("*/test_*.py")]
    checks = root / "src/osler/checks"
    return sorted(
        str(test) for test in tests if not (checks / test.parent / test.name.removeprefix("test_")).exists()
    )


def test_every_module_has_its_test() -> None:
    assert [module for module in untested_modules(ROOT) if not module.startswith(tuple(TOGETHER))] == []
    assert all((ROOT / test).exists() for test in TOGETHER.values())


def test_a_test_in_another_folder_is_not_its_test(tmp_path: Path) -> None:
    for name in [
        "src/osler/__init__.py",
        "src/osler/__main__.py",
        "src/osler/errors.py",
        "src/osler/store/export/csv.py",
        "src/osler/store/lines.py",
        "src/osler/store/sums.py",
        "tests/test_errors.py",
        "tests/test_lines.py",
        "tests/store/test_csv.py",
        "tests/store/test_sum.py",
    ]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert untested_modules(tmp_path) == ["store/export/csv.py", "store/lines.py", "store/sums.py"]


def test_every_check_has_its_test() -> None:
    assert untested_checks(ROOT) == []


def test_every_test_has_its_check() -> None:
    assert orphaned_tests(ROOT) == []


def test_a_missing_partner_is_noticed(tmp_path: Path) -> None:
    for name in [
        "src/osler/checks/loss/__init__.py",
        "src/osler/checks/loss/paired.py",
        "src/osler/checks/loss/untested.py",
        "tests/checks/test_catalogue.py",
        "tests/checks/loss/test_paired.py",
        "tests/checks/loss/test_outlived.py",
    ]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert untested_checks(tmp_path) == ["loss/untested.py"]
    assert orphaned_tests(tmp_path) == ["loss/test_outlived.py"]
