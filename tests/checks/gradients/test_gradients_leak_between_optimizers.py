import pytest

from osler.checks.gradients.gradients_leak_between_optimizers import check
from osler.model import GraphFact, Kind, LeakFact, OptimizerFact, ParameterFact, Run, Severity
from osler.testing import event, examine, findings, place, run_of

MAKER, JUDGE = (place(20),), (place(14),)
CLEAR = event(Kind.CLEAR, "Adam", 16)
STEP = event(Kind.STEP, "Adam", 15, "fresh")
BUILT = [OptimizerFact("Adam", (place(3),), 1, 8), OptimizerFact("SGD", (place(4),), 1, 8)]
HELD = [
    ParameterFact("weight", "Judge", 8, optimizers=("Adam",)),
    ParameterFact("weight", "Maker", 8, optimizers=("SGD",)),
]
THROUGH = GraphFact(
    MAKER,
    ("MeanBackward0", "AddmmBackward0", "AddmmBackward0", "AccumulateGrad", "AccumulateGrad"),
    ((0, 1), (1, 3), (1, 2), (2, 4)),
    ((3, "Judge.weight"), (4, "Maker.weight")),
)
"""The loss, the judge, the maker; their weights."""
OWN = GraphFact(JUDGE, ("MeanBackward0", "AccumulateGrad"), ((0, 1),), ((1, "Judge.weight"),))
LEAK = LeakFact("Adam", "SGD", MAKER, JUDGE, (place(15),), 9, 1)


def run(*facts: LeakFact, graphs: tuple[GraphFact, ...] = (THROUGH, OWN)) -> Run:
    known = {g.site: g for g in graphs}
    held = {"Judge.weight": HELD[0], "Maker.weight": HELD[1]}
    return run_of([[CLEAR, STEP]] * 9, leaks=list(facts), optimizers=BUILT, graphs=known, parameters=held)


def test_says_what_was_seen() -> None:
    (found,) = findings(run(LEAK), [check])
    assert found.message == (
        "`Adam` stepped at least 9 times on the gradients of two losses: on its own, and on those that this "
        "`backward()`, made for a step of `SGD`, had left in its parameters."
    )
    assert (found.place.line, found.place.subject, found.place.step) == (20, "Adam", 1)
    assert [(r.place.line, r.label) for r in found.related] == [
        (14, "its own backward adds to them"),
        (15, "this step uses both"),
        (16, "too early or too late to clear them"),
    ]


def test_applies_to_several_optimizers() -> None:
    assert check.applies(Run()) == "there is only one optimizer"
    assert check.applies(run()) == ""


FEW = LeakFact("Adam", "SGD", MAKER, JUDGE, (place(15),), 2, 1)
BESIDE = GraphFact(
    MAKER,
    ("MeanBackward0", "AddmmBackward0", "AddmmBackward0", "AccumulateGrad", "AccumulateGrad"),
    ((0, 1), (1, 4), (1, 2), (2, 3)),
    ((3, "Judge.weight"), (4, "Maker.weight")),
)
QUIET = {
    "nothing leaks": run(),
    "only in the first turns": run(FEW),
    "a trunk behind the head": run(LEAK, graphs=(BESIDE, OWN)),
    "the graph is not known": run(LEAK, graphs=(OWN,)),
    "a hand": run(LeakFact("by hand", "SGD", MAKER, JUDGE, (place(15),), 9, 1)),
}


@pytest.mark.parametrize("healthy", QUIET.values(), ids=QUIET)
def test_stays_quiet_on(healthy: Run) -> None:
    assert findings(healthy, [check]) == ()


GAME = """
maker, judge = nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Linear(16, 8)), nn.Linear(8, 1)
maker_optimizer = torch.optim.Adam(maker.parameters(), lr=0.01)
judge_optimizer = torch.optim.Adam(judge.parameters(), lr=0.01)

def judge_loss(x, fake):
    return F.softplus(-judge(x)).mean() + F.softplus(judge(fake)).mean()

def maker_loss(fake):
    return F.softplus(-judge(fake)).mean()

for x, y in [*loader] * 2:
    fake = maker(torch.randn(len(x), 4))
"""
BAD = {
    "the judge is cleared after its step": """
    judge_loss(x, fake.detach()).backward()
    judge_optimizer.step()
    judge_optimizer.zero_grad()
    maker_optimizer.zero_grad()
    maker_loss(fake).backward()
    maker_optimizer.step()
""",
    "the maker comes first": """
    maker_optimizer.zero_grad()
    judge_optimizer.zero_grad()
    maker_loss(fake).backward()
    maker_optimizer.step()
    judge_loss(x, fake.detach()).backward()
    judge_optimizer.step()
""",
    "the judge's loss is not detached": """
    maker_optimizer.zero_grad()
    judge_optimizer.zero_grad()
    judge_loss(x, fake).backward(retain_graph=True)
    judge_optimizer.step()
    maker_loss(fake).backward()
    maker_optimizer.step()
""",
    "gradients are clipped in between": """
    maker_optimizer.zero_grad()
    judge_optimizer.zero_grad()
    maker_loss(fake).backward()
    nn.utils.clip_grad_norm_(judge.parameters(), 0.01)
    maker_optimizer.step()
    judge_loss(x, fake.detach()).backward()
    judge_optimizer.step()
""",
}


@pytest.mark.parametrize("code", BAD.values(), ids=BAD)
def test_is_found(code: str) -> None:
    found = examine(GAME + code).headlines
    assert [f.check for f in found] == [check.name]


SILENT = {
    "each is cleared before its own backward": """
    judge_optimizer.zero_grad()
    judge_loss(x, fake.detach()).backward()
    judge_optimizer.step()
    maker_optimizer.zero_grad()
    maker_loss(fake).backward()
    maker_optimizer.step()
""",
    "both are cleared first, and the judge's loss is detached": """
    maker_optimizer.zero_grad()
    judge_optimizer.zero_grad()
    judge_loss(x, fake.detach()).backward()
    judge_optimizer.step()
    maker_loss(fake).backward()
    maker_optimizer.step()
""",
    "left behind, cleared before its own": """
    judge_optimizer.zero_grad()
    judge_loss(x, fake).backward(retain_graph=True)
    judge_optimizer.step()
    maker_optimizer.zero_grad()
    maker_loss(fake).backward()
    maker_optimizer.step()
""",
    "cleared by hand": """
    maker_loss(fake).backward()
    maker_optimizer.step()
    for p in [*maker.parameters(), *judge.parameters()]:
        p.grad = None
    judge_loss(x, fake.detach()).backward()
    judge_optimizer.step()
    for p in judge.parameters():
        p.grad.zero_()
""",
    "the judge is frozen meanwhile": """
    maker_optimizer.zero_grad()
    judge_optimizer.zero_grad()
    judge.requires_grad_(False)
    maker_loss(fake).backward()
    maker_optimizer.step()
    judge.requires_grad_(True)
    judge_loss(x, fake.detach()).backward()
    judge_optimizer.step()
""",
    "gradients of one sum for both": """
    maker_optimizer.zero_grad()
    judge_optimizer.zero_grad()
    (maker_loss(fake) + judge_loss(x, fake)).backward()
    maker_optimizer.step()
    judge_optimizer.step()
""",
    "gradients of two losses for both": """
    maker_optimizer.zero_grad()
    judge_optimizer.zero_grad()
    maker_loss(fake).backward(retain_graph=True)
    judge_loss(x, fake).backward()
    maker_optimizer.step()
    judge_optimizer.step()
""",
    "several steps of the judge": """
    for _ in range(3):
        judge_optimizer.zero_grad()
        judge_loss(x, fake.detach()).backward()
        judge_optimizer.step()
    maker_optimizer.zero_grad()
    maker_loss(fake).backward()
    maker_optimizer.step()
""",
}


@pytest.mark.parametrize("code", SILENT.values(), ids=SILENT)
def test_stays_quiet(code: str) -> None:
    assert check.name not in {f.check for f in examine(GAME + code).findings}


TRUNK = """
trunk, first, second = nn.Linear(8, 16), nn.Linear(16, 4), nn.Linear(16, 8)
optimizers = [torch.optim.Adam(m.parameters(), lr=0.01) for m in (trunk, first, second)]
for x, y in [*loader] * 2:
    for optimizer in optimizers:
        optimizer.zero_grad()
    loss_fn(first(torch.relu(trunk(x))), y).backward()
    optimizers[1].step()
    F.mse_loss(second(torch.relu(trunk(x))), x).backward()
    optimizers[2].step()
    optimizers[0].step()
"""
PROBE = """
encoder, decoder, probe = nn.Linear(8, 16), nn.Linear(16, 8), nn.Linear(16, 4)
own = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=0.01)
probing = torch.optim.Adam(probe.parameters(), lr=0.01)
for x, y in [*loader] * 2:
    own.zero_grad()
    probing.zero_grad()
    loss_fn(probe(torch.relu(encoder(x))), y).backward()
    probing.step()
    F.mse_loss(decoder(torch.relu(encoder(x))), x).backward()
    own.step()
"""


@pytest.mark.parametrize("code", [TRUNK, PROBE], ids=["a shared trunk", "an encoder that a probe trains too"])
def test_stays_quiet_on_parts_that_are_shared_on_purpose(code: str) -> None:
    assert not [f.message for f in examine(code).findings if f.severity > Severity.HINT]
