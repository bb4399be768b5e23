"""What an unknown name stands for, judged by what is done with it and by how it is called."""

from __future__ import annotations

import re

from osler.model import Helper, Loader, Network, Optimizer, Place, Unknown, Value
from osler.static.sources import Source

OPTIMIZER = re.compile(r"(^|_)(optim\w*|opt|opt_\w{1,4}|\w+_opt)$|optimizer", re.IGNORECASE)
SCHEDULE = re.compile(r"sched", re.IGNORECASE)
SCALER = re.compile(r"^(grad_?|amp_?|loss_?)?scaler$", re.IGNORECASE)
MODEL = re.compile(
    r"(^|_)(model|net|netG|netD|network|encoder|decoder|generator|discriminator|actor|critic|policy|classifier"
    r"|backbone|agent|G|D)(_?\d*)$"
)
LOADER = re.compile(r"(loader|dataloader|(^|_)dl|_iter|_batches)$|loader", re.IGNORECASE)
ACCELERATOR = re.compile(r"^(accelerator|fabric)$")

ASKED_OF_MODELS = frozenset({"parameters", "named_parameters", "eval", "train", "modules", "named_modules"})
NOT_USED = frozenset[str]()

ASKED_OF_OPTIMIZERS = frozenset({"step", "zero_grad", "param_groups", "state_dict", "add_param_group"})


def guess(name: str, source: Source, place: Place) -> Value:
    """An object of the role that a dotted name seems to have; unknown if it seems to have none."""
    used = source.usage.get(name, NOT_USED)
    last = name.rpartition(".")[2]
    for role in (_helper, _optimizer, _loader, _model):
        if (value := role(last, used, place)) is not None:
            return value
    return Unknown(last)


def _helper(last: str, used: frozenset[str], place: Place) -> Value | None:
    if SCHEDULE.search(last):
        return Helper("schedule", last, place=place)
    if SCALER.search(last) and (not used or used & {"scale", "step", "update"}):
        return Helper("scaler", last, place=place)
    if ACCELERATOR.search(last):
        return Helper("accelerator", last, place=place)
    return None


def _optimizer(last: str, used: frozenset[str], place: Place) -> Value | None:
    if {"step", "zero_grad"} <= used and not used & {"backward", "forward", "parameters", "()"}:
        return Optimizer(last, place=place)
    if OPTIMIZER.search(last) and not used - ASKED_OF_OPTIMIZERS:
        return Optimizer(last, place=place)
    return None


def _loader(last: str, used: frozenset[str], place: Place) -> Value | None:
    if LOADER.search(last) and "()" not in used:
        return Loader(last, place=place)
    return None


def _model(last: str, used: frozenset[str], place: Place) -> Value | None:
    if {"train", "eval"} <= used or {"parameters", "()"} <= used or {"eval", "()"} <= used:
        return Network(last, place=place, known=False, pretrained=True)
    if MODEL.search(last) and (used & ASKED_OF_MODELS or "()" in used or not used):
        return Network(last, place=place, known=False, pretrained=True)
    return None


def baptized(value: Value, name: str, source: Source, place: Place) -> Value:
    """A value that is unknown gets the role of the name it is given, if that seems to have one."""
    if type(value) is Unknown and not value.parts:
        seen = guess(name, source, place)
        return value if isinstance(seen, Unknown) else seen
    return value
