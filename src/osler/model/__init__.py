"""The nouns of the project. Standard library only; everything else imports this."""

from osler.model.check import CALLED_HERE, Check, needs_loss, needs_mode, needs_optimizer, needs_step
from osler.model.context import Context
from osler.model.diagnosis import Cost, Coverage, Diagnosis, Group, Subject
from osler.model.event import BY_HAND, Call, Event, Kind, Pattern, Site, turns
from osler.model.evidence import Run
from osler.model.facts import (
    BlindFact,
    CrashFact,
    CutFact,
    GraphFact,
    LossInputFact,
    ModelFact,
    ModuleFact,
    NotFiniteFact,
    OptimizerFact,
    ParameterFact,
    RetainedFact,
    by_model,
    elements_of,
    since,
)
from osler.model.finding import Confidence, Evidence, Finding, Place, Related, Severity
from osler.model.histogram import Histogram
from osler.model.measure import Column, Measure, Record
from osler.model.table import Table
from osler.model.wording import counted, listed

__all__ = [
    "BY_HAND",
    "CALLED_HERE",
    "BlindFact",
    "Call",
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
    "GraphFact",
    "Group",
    "Histogram",
    "Kind",
    "LossInputFact",
    "Measure",
    "ModelFact",
    "ModuleFact",
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
    "Table",
    "by_model",
    "counted",
    "elements_of",
    "listed",
    "needs_loss",
    "needs_mode",
    "needs_optimizer",
    "needs_step",
    "since",
    "turns",
]
