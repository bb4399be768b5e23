"""Secrets never reach the disk; what tells runs apart does."""

import pytest

from osler.store.redact import arguments, environment, text

HIDDEN = [
    (["--api-key", "abc"], ["--api-key", "***"]),
    (["--api_key=abc"], ["--api_key=***"]),
    (["--apiKey", "abc"], ["--apiKey", "***"]),
    (["--hf-token", "abc", "--lr", "0.1"], ["--hf-token", "***", "--lr", "0.1"]),
    (["-p", "x", "--password", "hunter2"], ["-p", "x", "--password", "***"]),
    (["wandb.api_key=abc"], ["wandb.api_key=***"]),
    (["+logger.token=abc"], ["+logger.token=***"]),
    (["--data=s3://user:secret@host/x"], ["--data=s3://***@host/x"]),
    (["https://host/x?token=abc&page=2"], ["https://host/x?token=***&page=2"]),
    (['{"api_key": "abc", "lr": 1}'], ['{"api_key": "***", "lr": 1}']),
    (["hf_abcdefghijklmnopqrst"], ["***"]),
    (["x", "sk-proj-abcdefghijklmnop"], ["x", "***"]),
    (["Authorization: Bearer abc.def"], ["Authorization: *** ***"]),
    (["AKIAABCDEFGHIJKLMNOP"], ["***"]),
    (["0123456789abcdef0123456789abcdef01234567"], ["***"]),
]

KEPT = [
    ["--tokenizer", "gpt2"],
    ["--num-tokens", "512"],
    ["--max_tokens=512"],
    ["--lr=0.1", "--key-dim", "64"],
    ["--keyboard", "qwerty"],
    ["--author", "me"],
    ["--passes=3"],
    ["--monkey", "x"],
    ["model.d_key=64"],
    ["https://host/page?step=3"],
    ["train.py", "run", "--out", "/home/me/runs"],
    ["--token"],
]


@pytest.mark.parametrize(("given", "stored"), HIDDEN)
def test_hidden(given: list[str], stored: list[str]) -> None:
    assert arguments(given) == stored


@pytest.mark.parametrize("given", KEPT)
def test_kept(given: list[str]) -> None:
    assert arguments(given) == given


def test_an_option_after_a_secret_option_is_no_secret() -> None:
    assert arguments(["--token", "--lr", "0.1"]) == ["--token", "--lr", "0.1"]


def test_the_environment_by_a_list_of_what_is_allowed() -> None:
    given = {
        "RANK": "3",
        "PATH": "/bin",
        "WANDB_API_KEY": "abc",
        "CUDA_VISIBLE_DEVICES": "0,1",
        "HOME": "/root",
    }
    assert environment(given) == {"CUDA_VISIBLE_DEVICES": "0,1", "RANK": "3"}


def test_an_allowed_variable_may_hold_no_secret_either() -> None:
    assert environment({"NCCL_DEBUG": "https://me:pw@host"}) == {"NCCL_DEBUG": "https://***@host"}


def test_text_without_secrets_stays() -> None:
    assert text("python train.py --lr 0.1") == "python train.py --lr 0.1"
