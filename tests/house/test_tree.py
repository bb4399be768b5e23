"""The tests mirror the source: a check and its test find each other by name."""

from pathlib import Path

ROOT = Path(__file__).parents[2]


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
