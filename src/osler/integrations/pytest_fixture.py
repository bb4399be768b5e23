"""The pytest fixture ``osler``: ``def test_model(osler): osler.preflight(model=..., loss=..., ...)``."""

from __future__ import annotations

from typing import Any

import pytest

from osler.examination import preflight as examine
from osler.model import Diagnosis, Finding


class Doctor:
    """What the fixture offers."""

    def preflight(self, **arguments: Any) -> Diagnosis:
        """Make the experiments of `osler.preflight`; the test fails if anything above a hint is found.

        Raises:
            AssertionError: with everything that was found.
        """
        __tracebackhide__ = True
        diagnosis = examine(**arguments)
        assert not diagnosis.headlines, "\n".join(map(told, diagnosis.headlines))
        return diagnosis


def told(finding: Finding) -> str:
    """A finding for the report of a failed test."""
    return f"{finding.severity.label} {finding.check}: {finding.message} {finding.fix}"


@pytest.fixture
def osler() -> Doctor:
    """Ask Osler about a model: ``osler.preflight(model=..., loss=..., batch=..., optimizer=...)``."""
    return Doctor()
