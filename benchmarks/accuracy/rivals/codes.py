"""What the codes of the rivals name, in Osler's words: the checks whose fault such a finding explains."""

from __future__ import annotations

import re

NOT_FINITE = (
    "loss-not-finite",
    "activations-not-finite",
    "gradients-not-finite",
    "inputs-not-finite",
)
UNREACHED = ("parameters-without-gradient", "graph-broken", "parameters-frozen-unintentionally")
UNHELD = ("parameters-missing-from-optimizer", "optimizer-holds-stale-parameters", "optimizer-never-steps")
CRASHES = (
    "labels-out-of-range",
    "index-out-of-range",
    "logits-passed-to-bce-loss",
    "graph-freed",
    "in-place-breaks-gradient",
    "module-init-missing",
)

CODES: dict[str, dict[str, tuple[str, ...]]] = {
    "torch-preflight": {
        "TG001": ("graph-kept-in-accumulator",),
        "TG002": ("evaluation-tracks-gradients",),
        "TG003": ("gradients-not-cleared",),
        "TG005": ("softmax-before-cross-entropy",),
        "TG006": ("sigmoid-before-bce-with-logits", "logits-passed-to-bce-loss"),
        "TG011": ("training-in-eval-mode",),
        "TG014": ("accumulated-loss-not-averaged",),
    },
    "torchtest2": {
        "forward": (*CRASHES, *NOT_FINITE),
        "output_finite": NOT_FINITE,
        "loss": (*NOT_FINITE, *CRASHES),
        "optimizer_coverage": UNHELD,
        "gradient_flow": (*UNREACHED, *NOT_FINITE),
        "params_change": (*UNREACHED, "updates-absent"),
        "input_dependency": ("graph-broken", "outputs-ignore-inputs"),
        "output_varies": ("outputs-ignore-inputs",),
        "eval_determinism": ("dropout-always-active",),
        "initial_loss": ("initial-loss-unexpected",),
        "batch_independence": ("samples-leak-across-batch",),
        "overfit_batch": ("cannot-overfit-one-batch", "loss-sign-flipped", "outputs-ignore-inputs"),
        "gradcheck": ("custom-gradient-wrong",),
    },
    "preflight-ml": {
        "nan_inf_detection": NOT_FINITE,
        "shape_mismatch": CRASHES,
        "gradient_check": (*UNREACHED, *NOT_FINITE, *CRASHES),
    },
    "guardtower": {
        "loss": (*NOT_FINITE, *CRASHES),
        "backward": CRASHES,
        "LOSS-001": ("graph-broken", "optimizer-never-steps"),
        "GRAD-001": UNREACHED,
        "GRAD-004": UNREACHED,
        "OPT-001": UNHELD,
        "NAN-001": NOT_FINITE,
        "NAN-002": NOT_FINITE,
        "train_mode": ("training-in-eval-mode",),
        "INPUT-001": ("graph-broken",),
    },
    "torch-audit": {
        "TA100": NOT_FINITE,
        "TA103": UNREACHED,
        "TA104": (*UNREACHED, "gradients-cleared-before-step", "step-before-backward"),
        "TA305": (*CRASHES, "inputs-not-finite"),
        "TA500": (*UNREACHED, "parameters-not-registered"),
    },
}
"""By rival and code."""

SENTENCES: list[tuple[str, tuple[str, ...]]] = [
    (r"zero_grad", ("gradients-not-cleared",)),
    (r"\.step\(\)|never.*step", ("optimizer-never-steps",)),
    (r"softmax.*CrossEntropy|CrossEntropy.*softmax|cross_entropy", ("softmax-before-cross-entropy",)),
    (
        r"sigmoid.*(BCEWithLogits|with_logits)|(BCEWithLogits|with_logits).*sigmoid",
        ("sigmoid-before-bce-with-logits",),
    ),
    (r"NLLLoss|nll_loss", ("probabilities-passed-to-nll-loss", "logits-passed-to-nll-loss")),
    (r"BCELoss", ("logits-passed-to-bce-loss",)),
    (r"total_loss|retain|graph", ("graph-kept-in-accumulator",)),
    (r"no_grad", ("evaluation-tracks-gradients", "evaluating-in-train-mode")),
    (r"shuffle", ("samples-not-shuffled",)),
]
"""The linter of pulseml has no codes: by what its sentence says."""


def explains(rival: str, code: str, message: str, check: str) -> bool:
    """Whether a finding of a rival names the fault that a check of Osler stands for."""
    if rival == "pulseml":
        return any(check in checks and re.search(pattern, message) for pattern, checks in SENTENCES)
    return check in CODES[rival].get(code, ())
