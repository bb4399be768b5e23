"""Take secrets out of what is stored: the command line and the environment."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from osler.store.codec import cut

HIDDEN = "***"

KEPT_VARIABLES = re.compile(
    r"(CUDA_(VISIBLE_DEVICES|DEVICE_ORDER|DEVICE_MAX_CONNECTIONS|LAUNCH_BLOCKING)|CUBLAS_WORKSPACE_CONFIG"
    r"|(NVIDIA|HIP|ROCR)_VISIBLE_DEVICES|NVIDIA_TF32_OVERRIDE|PYTHONHASHSEED"
    r"|(OMP|MKL)_NUM_THREADS|OMP_PROC_BIND|KMP_AFFINITY|MALLOC_ARENA_MAX"
    r"|(LOCAL_|GROUP_|NODE_)?RANK|(LOCAL_)?WORLD_SIZE|TORCHELASTIC_(RUN_ID|RESTART_COUNT)"
    r"|SLURM_(JOB_ID|NNODES|NTASKS|PROCID|ARRAY_JOB_ID|ARRAY_TASK_ID)"
    r"|NCCL_(ALGO|DEBUG|IB_DISABLE|P2P_DISABLE|PROTO)|TORCH_NCCL_BLOCKING_WAIT"
    r"|PYTORCH_((CUDA_)?ALLOC_CONF|ENABLE_MPS_FALLBACK)|TORCH_ALLOW_TF32_CUBLAS_OVERRIDE)"
)
"""Environment variables that are stored: they change how training computes, and none holds a secret."""

SECRET_NAME = re.compile(
    r"(.* )?(api ?key|auth|authorization|bearer|credentials?|pass(phrase|wd|word)|pat|pwd?|secrets?"
    r"|sig(nature)?|token"
    r"|(access|account|api|auth|deploy|encryption|license|private|secret|service|ssh) key)|key"
)
"""Names whose value is a secret, as lower-case words."""

WORDS = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])")

OPTION = re.compile(r"-{0,2}\+{0,2}(?P<name>[A-Za-z][\w.\-/]*)")

NAME = re.compile(r"""(?<![\w.\-])[\-+]*([A-Za-z][\w.\-]*)["']?\s*[=:]\s*["']?""")
"""The beginning of ``key=value``, also inside URLs and JSON."""

VALUE = re.compile(r"""[^\s"'&,;}\])]+""")

BARE = (
    re.compile(r"(?<=://)[^/\s@]+(?=@)"),  # user and password of a URL
    re.compile(r"(?i)(?<=bearer )\S+"),
    re.compile(
        r"\b(?:sk|pk|rk|hf|gh[oprsu]|github_pat|glpat|xox[a-z]|npm|pypi|dop_v1|wandb_v1)[-_][\w\-]{12,}"
    ),
    re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"),
    re.compile(r"\bAIza[\w\-]{30,}"),
    re.compile(r"\beyJ[\w\-]+\.[\w\-]+\.[\w\-]*"),
    re.compile(r"\b[0-9a-f]{40}\b"),
)
"""Values that are secrets whatever they are called."""


def arguments(argv: Iterable[str]) -> list[str]:
    """A command line with the values hidden that are secrets by their option's name or by their form."""
    hidden: list[str] = []
    expects_secret = False
    for argument in argv:
        option = OPTION.fullmatch(argument)
        if expects_secret and not argument.startswith("-"):
            hidden.append(HIDDEN)
            expects_secret = False
            continue
        hidden.append(text(argument))
        expects_secret = argument.startswith("-") and option is not None and is_secret(option["name"])
    return hidden


def environment(variables: Mapping[str, str]) -> dict[str, str]:
    """The variables that matter for training, by a list of what is allowed."""
    return {name: text(value) for name, value in sorted(variables.items()) if KEPT_VARIABLES.fullmatch(name)}


def text(given: str) -> str:
    """A text with everything hidden that looks like a secret."""
    given = cut(given)
    for form in BARE:
        given = form.sub(HIDDEN, given)
    at = 0
    while named := NAME.search(given, at):
        at = named.end()
        if is_secret(named[1]) and (value := VALUE.match(given, at)):
            given = given[:at] + HIDDEN + given[value.end() :]
            at += len(HIDDEN)
    return given


def is_secret(name: str) -> bool:
    """Whether an option or variable of this name holds a secret: ``--hf-token``, ``wandb.apiKey``."""
    return SECRET_NAME.fullmatch(" ".join(WORDS.findall(name)).lower()) is not None
