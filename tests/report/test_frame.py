"""What every format is given beside the diagnosis."""

from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from osler.engine.catalogue import catalogue
from osler.report.frame import Frame
from osler.report.source import Sources


def test_unless_told_otherwise_every_check_is_explained_and_lines_are_not_spared() -> None:
    frame = Frame("1.2.3", Path("/work"), Sources())
    assert frame.checks == catalogue()
    assert not frame.compact


def test_a_report_may_know_fewer_checks() -> None:
    assert Frame("1.2.3", Path("/work"), Sources(), checks={}).checks == {}


def test_all_formats_of_one_report_are_told_the_same() -> None:
    frame = Frame("1.2.3", Path("/work"), Sources())
    with pytest.raises(FrozenInstanceError):
        frame.version = "2"
