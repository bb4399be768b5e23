import pytest

from osler.checks.optimizer.target_network_aliased import check
from osler.model import Kind, Run, SelfLoadFact
from osler.testing import event, examine, findings, place, run_of

FORWARD = event(Kind.FORWARD, "Net", 12, "no-grad")
STEP = event(Kind.STEP, "SGD", 15, "fresh")


def run(*facts: SelfLoadFact) -> Run:
    return run_of([[FORWARD, STEP]] * 9, self_loads=list(facts))


def test_says_what_was_seen() -> None:
    (found,) = findings(run(SelfLoadFact((place(20),), "Net", 3, 2)), [check])
    assert found.message == (
        "the weights of `Net` were loaded into the network they belong to 3 times while it was trained: "
        "nothing was copied."
    )
    assert (found.place.line, found.place.step) == (20, 2)


def test_says_what_was_put_in_place() -> None:
    (found,) = findings(run(SelfLoadFact((place(20),), "Net", 3, 2, assigned=True)), [check])
    assert found.message == (
        "the weights of `Net` were put in place of another network's 3 times while it was trained: "
        "both share them from then on."
    )


def test_once_is_no_habit() -> None:
    assert not findings(run(SelfLoadFact((place(20),), "Net", 1, 2)), [check])


def test_applies_where_weights_are_loaded() -> None:
    assert check.applies(run()) == "no weights were loaded into their own memory"
    assert check.applies(run(SelfLoadFact((place(20),), "Net"))) == ""


START = """
import copy

class Own(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(8, 4)

    def forward(self, x):
        return self.layer(x)

online = Own()
target = {target}
optimizer = torch.optim.Adam(online.parameters(), lr=0.01)
for turn, (x, y) in enumerate([*loader] * 3):
    with torch.no_grad():
        aim = target(x)
    optimizer.zero_grad()
    scores = online(x)
    (loss_fn(scores, y) + 0.1 * F.mse_loss(scores, aim)).backward()
    optimizer.step()
    if turn % 5 == 4:
        {sync}
"""


def loop(target: str, sync: str) -> str:
    return START.format(target=target, sync=sync)


BAD = {
    "another name": loop("online", "target.load_state_dict(online.state_dict())"),
    "a shallow copy": loop("copy.copy(online)", "target.load_state_dict(online.state_dict())"),
    "weights in another dict": loop("online", "target.load_state_dict(dict(online.state_dict()))"),
    "weights are assigned": loop("Own()", "target.load_state_dict(online.state_dict(), assign=True)"),
}


@pytest.mark.parametrize("code", BAD.values(), ids=BAD)
def test_is_found(code: str) -> None:
    found = examine(code).headlines
    assert [f.check for f in found] == [check.name]


OWN = "copy.deepcopy(online)"
SILENT = {
    "a deep copy": loop(OWN, "target.load_state_dict(online.state_dict())"),
    "a new network": loop("Own()", "target.load_state_dict(online.state_dict())"),
    "weights are cloned": loop(
        "online", "target.load_state_dict({k: v.clone() for k, v in online.state_dict().items()})"
    ),
    "weights are changed first": loop(
        "online", "online.load_state_dict({k: 0.99 * v for k, v in online.state_dict().items()})"
    ),
    "copies are assigned": loop(
        OWN, "target.load_state_dict(copy.deepcopy(online.state_dict()), assign=True)"
    ),
    "once, at the end": loop(OWN, "pass") + "online.load_state_dict(online.state_dict())",
    "ahead of training": "model.load_state_dict(model.state_dict())\n" * 3 + loop(OWN, "pass"),
    "the optimizer's state": loop(OWN, "optimizer.load_state_dict(optimizer.state_dict())"),
}


@pytest.mark.parametrize("code", SILENT.values(), ids=SILENT)
def test_stays_quiet(code: str) -> None:
    assert check.name not in {f.check for f in examine(code).findings}
