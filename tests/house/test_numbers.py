"""Numbers that the README states are those of the code and of the tests."""

import re
from pathlib import Path

from stage import healthy

from osler.engine.catalogue import catalogue

README = (Path(__file__).parents[2] / "README.md").read_text("utf-8")


def test_how_many_checks_there_are() -> None:
    (stated,) = re.findall(r"`osler checks` lists all (\d+)", README)
    assert int(stated) == len(catalogue())


def test_how_many_healthy_programs_there_are() -> None:
    (stated,) = re.findall(r"The (\d+) programs there look like faults", README)
    assert int(stated) == len(healthy())
