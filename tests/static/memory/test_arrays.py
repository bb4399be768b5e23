"""Calls of numpy and torch."""

from collections.abc import Callable

import pytest

from osler.static.memory.blocks import is_array


@pytest.mark.parametrize(
    "made",
    [
        "np.zeros(4)",
        "np.array([1, 2])",
        "torch.zeros(4)",
        "torch.tensor(0.0)",
        "torch.rand(4)",
        "np.random.rand(4)",
        "np.random.normal(size=4)",
        "np.random.default_rng(0).normal(size=4)",
        "np.zeros(4) + x",
        "np.zeros(4).copy()",
        "np.clip(np.zeros(4), 0, 1)",
    ],
)
def test_new_arrays(follow: Callable[..., object], made: str) -> None:
    assert is_array(follow(f"a = {made}")["a"])


@pytest.mark.parametrize("made", ["np.random.rand()", "np.array(0.0)", "np.sum(x)", "unknown(4)", "0.0"])
def test_what_may_be_a_number(follow: Callable[..., object], made: str) -> None:
    assert not is_array(follow(f"a = {made}")["a"])


@pytest.mark.parametrize(
    "view",
    [
        "a",
        "a[:]",
        "a[None]",
        "a.T",
        "a.data",
        "a.detach()",
        "a.reshape(2, 2)",
        "torch.from_numpy(a)",
        "np.asarray(a)",
        "torch.as_tensor(a)",
        "np.asarray(a, dtype=np.float64)",
        "torch.as_tensor(a, dtype=torch.double)",
    ],
)
def test_the_same_memory(follow: Callable[..., object], view: str) -> None:
    assert follow(f"a = np.zeros(4)\nb = {view}").shares("a", "b")


@pytest.mark.parametrize(
    "copied",
    [
        "a.copy()",
        "a.clone()",
        "a + 0",
        "np.array(a)",
        "torch.tensor(a)",
        "a.astype(np.float32)",
        "torch.as_tensor(a, dtype=torch.float32)",
        "torch.as_tensor(a, device=device)",
        "a.float()",
        "a.to(device)",
        "a[rows]",
        "a[0]",
        "copy.deepcopy(a)",
    ],
)
def test_other_memory(follow: Callable[..., object], copied: str) -> None:
    assert not follow(f"a = np.zeros(4)\nb = {copied}").shares("a", "b")


@pytest.mark.parametrize(
    "change",
    [
        "a[0] = 1",
        "a[0] += 1",
        "a += 1",
        "a.fill(1)",
        "a.add_(1)",
        "a.T[0] = 1",
        "np.copyto(a, b)",
        "np.add(a, b, out=a)",
        "np.random.shuffle(a)",
        "np.random.default_rng(0).shuffle(a)",
    ],
)
def test_changes_in_place(follow: Callable[..., object], change: str) -> None:
    assert follow(f"a = np.zeros(4)\n{change}").is_changed("a")


@pytest.mark.parametrize(
    "change", ["a = a + 1", "a.sum()", "a.requires_grad_()", "b = a.copy(); b += 1", "f(a)"]
)
def test_what_leaves_it_alone(follow: Callable[..., object], change: str) -> None:
    assert not follow(f"a = np.zeros(4)\n{change}").is_changed("a")
