"""Checks are found by walking the package."""

from pathlib import Path

import pytest

from osler import checks
from osler.engine.catalogue import catalogue, selected
from osler.errors import UnknownName

FILES = [p for p in Path(checks.__path__[0]).glob("*/*.py") if p.stem != "__init__"]


def test_every_file_is_a_check() -> None:
    assert set(catalogue()) == {p.stem.replace("_", "-") for p in FILES}


def test_names_are_in_order_and_lead_to_their_checks() -> None:
    assert list(catalogue()) == sorted(catalogue())
    assert all(name == check.name for name, check in catalogue().items())


def test_every_check_can_be_seen() -> None:
    checks = catalogue().values()
    assert all(c.run_detector or c.code_detector or c.setup_detector for c in checks)


def test_all_are_selected_unless_said_otherwise() -> None:
    assert selected() == tuple(catalogue().values())


def test_some_may_be_selected_and_some_ignored() -> None:
    names = ("monitor-blind", "graph-broken")
    assert [c.name for c in selected(names)] == ["graph-broken", "monitor-blind"]
    assert [c.name for c in selected(names, ("graph-broken",))] == ["monitor-blind"]
    assert "graph-broken" not in [c.name for c in selected(ignore=("graph-broken",))]
    assert len(selected(ignore=("graph-broken",))) == len(catalogue()) - 1


@pytest.mark.parametrize("where", ["select", "ignore"])
def test_a_name_that_does_not_exist_is_refused(where: str) -> None:
    with pytest.raises(UnknownName, match="graph-borken"):
        selected(**{where: ("graph-borken",)})
