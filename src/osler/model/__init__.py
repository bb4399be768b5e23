"""The nouns of the project. Standard library only; everything else imports this."""

from osler.model.check import Check
from osler.model.context import Context
from osler.model.diagnosis import Cost, Coverage, Diagnosis, Group, Subject
from osler.model.event import Event, Kind, Pattern, Site
from osler.model.evidence import Run
from osler.model.facts import (
    BlindFact,
    CrashFact,
    CutFact,
    LossInputFact,
    ModelFact,
    NotFiniteFact,
    OptimizerFact,
    ParameterFact,
    RetainedFact,
)
from osler.model.finding import Confidence, Evidence, Finding, Place, Related, Severity
from osler.model.measure import Column, Measure, Record

__all__ = [
    "BlindFact",
    "Check",
    "Column",
    "Confidence",
    "Context",
    "Cost",
    "Coverage",
    "CrashFact",
    "CutFact",
    "Diagnosis",
    "Event",
    "Evidence",
    "Finding",
    "Group",
    "Kind",
    "LossInputFact",
    "Measure",
    "ModelFact",
    "NotFiniteFact",
    "OptimizerFact",
    "ParameterFact",
    "Pattern",
    "Place",
    "Record",
    "Related",
    "RetainedFact",
    "Run",
    "Severity",
    "Site",
    "Subject",
]
