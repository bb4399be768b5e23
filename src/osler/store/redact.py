"""Take secrets out of what is stored: the command line and the environment."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

HIDDEN = "***"

KEPT_VARIABLES = frozenset(
    """CUBLAS_WORKSPACE_CONFIG CUDA_DEVICE_MAX_CONNECTIONS CUDA_DEVICE_ORDER CUDA_LAUNCH_BLOCKING
    CUDA_VISIBLE_DEVICES GROUP_RANK HIP_VISIBLE_DEVICES KMP_AFFINITY LOCAL_RANK LOCAL_WORLD_SIZE MALLOC_ARENA_MAX
    MKL_NUM_THREADS NCCL_ALGO NCCL_DEBUG NCCL_IB_DISABLE NCCL_P2P_DISABLE NCCL_PROTO NODE_RANK
    NVIDIA_TF32_OVERRIDE NVIDIA_VISIBLE_DEVICES OMP_NUM_THREADS OMP_PROC_BIND PYTHONHASHSEED PYTORCH_ALLOC_CONF
    PYTORCH_CUDA_ALLOC_CONF PYTORCH_ENABLE_MPS_FALLBACK RANK ROCR_VISIBLE_DEVICES SLURM_ARRAY_JOB_ID
    SLURM_ARRAY_TASK_ID SLURM_JOB_ID SLURM_NNODES SLURM_NTASKS SLURM_PROCID TORCHELASTIC_RESTART_COUNT
    TORCHELASTIC_RUN_ID TORCHINDUCTOR_COMPILE_THREADS TORCH_ALLOW_TF32_CUBLAS_OVERRIDE TORCH_BACKEND
    TORCH_NCCL_BLOCKING_WAIT TORCH_NUM_THREADS WORLD_SIZE""".split()
)
"""Environment variables that are stored: they change how training computes, and none holds a secret."""

SECRET_WORDS = frozenset(
    "apikey auth authorization bearer credential credentials passphrase passwd password pat pwd pw secret"
    " secrets signature token".split()
)
"""An option that ends in one of these words holds a secret."""

SECRET_KEYS = frozenset("access account api auth deploy encryption license private secret service ssh".split())
"""Words that make a secret of the ``key`` that follows them."""

WORDS = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])")

OPTION = re.compile(r"-{0,2}\+{0,2}(?P<name>[A-Za-z][\w.\-/]*)")

NAMED_VALUE = re.compile(r"""(?P<name>[A-Za-z][\w.\-]*)(?P<gap>["']?\s*[=:]\s*["']?)(?P<value>[^\s"'&,;}\])]+)""")
"""``key=value``, also inside URLs and JSON."""

BARE = (
    re.compile(r"(?<=://)[^/\s@]+(?=@)"),  # user and password of a URL
    re.compile(r"(?i)(?<=bearer )\S+"),
    re.compile(r"\b(?:sk|pk|rk|hf|gh[oprsu]|github_pat|glpat|xox[a-z]|npm|pypi|dop_v1|wandb_v1)[-_][\w\-]{12,}"),
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
    return {name: text(variables[name]) for name in sorted(KEPT_VARIABLES & variables.keys())}


def text(given: str) -> str:
    """A text with everything hidden that looks like a secret."""
    for form in BARE:
        given = form.sub(HIDDEN, given)
    return NAMED_VALUE.sub(hide_value, given)


def hide_value(found: re.Match[str]) -> str:
    """A named value, hidden if its name says that it is a secret."""
    return f"{found['name']}{found['gap']}{HIDDEN}" if is_secret(found["name"]) else found[0]


def is_secret(name: str) -> bool:
    """Whether an option or variable of this name holds a secret: ``--hf-token``, ``wandb.apiKey``."""
    words = [w.lower() for w in WORDS.findall(name)]
    if not words:
        return False
    return words[-1] in SECRET_WORDS or (words[-1] == "key" and (len(words) == 1 or words[-2] in SECRET_KEYS))
