"""State that a file holds and that nobody takes up again."""

from collections.abc import Callable

import pytest

from osler.model import Code

STATES = "'model': model.state_dict(), 'optimizer': optimizer.state_dict()"


def program(
    *,
    states: str = STATES,
    build: str = "optimizer = torch.optim.Adam(model.parameters())",
    resume: str = "start = stored['epoch']",
    loop: str = "for epoch in range(start, 9): work()",
) -> str:
    return f"""
model = nn.Linear(4, 2)
{build}
stored = torch.load(path)
model.load_state_dict(stored['model'])
{resume}
{loop}
torch.save({{{states}, 'epoch': epoch}}, path)
"""


def told(code: Callable[..., Code], text: str, **others: str) -> list[tuple[str, str, str]]:
    found = code(text, {f"{n}.py": t for n, t in others.items()}).resumptions
    return [(f.kind, f.name, f.key) for f in found]


LOST = [("optimizer", "optimizer", "optimizer")]


def test_says_where(code: Callable[..., Code]) -> None:
    (fact,) = code(program()).resumptions
    assert (fact.site[0].line, fact.saved[0].line) == (5, 8)
    assert fact.sign == 'it begins at the "epoch" that the file holds'


@pytest.mark.parametrize(
    "resume",
    [
        "start = stored['epoch'] + 1",
        "start = int(stored['epoch'])",
        "start = stored['epoch'] if resume else 0",
        "start = stored['epoch']; print(stored.get('loss'))",
        "start = stored['epoch']; 'note' in stored",
    ],
)
def test_training_goes_on(code: Callable[..., Code], resume: str) -> None:
    assert told(code, program(resume=resume)) == LOST


@pytest.mark.parametrize(
    ("resume", "loop"),
    [
        ("start = 0", "for epoch in range(start, 9): work()"),
        ("print(stored['epoch'])", "for epoch in range(9): work()"),
        ("start = stored['epoch']", "for epoch in range(9): work()"),
        ("start = stored['seed']", "for epoch in range(start, 9): work()"),
        ("start = stored['epoch']; restore(stored)", "for epoch in range(start, 9): work()"),
        (
            "start = stored['epoch']; optimizer.load_state_dict(stored['optimizer'])",
            "for epoch in range(start): work()",
        ),
        ("start = stored['epoch']; keep = stored['optimizer']", "for epoch in range(start): work()"),
        (
            "start = stored['epoch']; optimizer.load_state_dict(torch.load(other))",
            "for epoch in range(start): work()",
        ),
        ("start = stored['epoch']\nfor key in stored: work(key)", "for epoch in range(start): work()"),
    ],
)
def test_it_does_not_or_the_rest_is_taken_up(code: Callable[..., Code], resume: str, loop: str) -> None:
    assert told(code, program(resume=resume, loop=loop)) == []


@pytest.mark.parametrize(
    ("build", "found"),
    [
        ("optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)", LOST),
        ("optimizer = torch.optim.SGD(model.parameters(), lr=0.1, **options)", LOST),
        ("optimizer = build(model)", LOST),
        ("optimizer = torch.optim.SGD(model.parameters(), lr=0.1)", []),
    ],
)
def test_what_an_optimizer_would_miss(
    code: Callable[..., Code], build: str, found: list[tuple[str, str, str]]
) -> None:
    assert told(code, program(build=build)) == found


SCHEDULED = (
    "optimizer = torch.optim.Adam(model.parameters()); "
    "decay = torch.optim.lr_scheduler.StepLR(optimizer, 3{more}); scaler = torch.amp.GradScaler()"
)


@pytest.mark.parametrize(
    ("more", "loop", "kinds"),
    [
        ("", "for epoch in range(start, 9): decay.step()", ["schedule", "scaler"]),
        ("", "for epoch in range(start, 9): decay.step(epoch)", ["scaler"]),
        (", last_epoch=2", "for epoch in range(start, 9): decay.step()", ["scaler"]),
    ],
)
def test_schedules_and_scalers(code: Callable[..., Code], more: str, loop: str, kinds: list[str]) -> None:
    states = f"{STATES}, 'decay': decay.state_dict(), 'scaler': scaler.state_dict()"
    resume = "optimizer.load_state_dict(stored['optimizer']); start = stored['epoch']"
    text = program(states=states, build=SCHEDULED.format(more=more), resume=resume, loop=loop)
    assert [kind for kind, _, _ in told(code, text)] == kinds


def test_another_state_that_is_restored_is_a_sign(code: Callable[..., Code]) -> None:
    states = f"{STATES}, 'decay': decay.state_dict()"
    resume = "optimizer.load_state_dict(stored['optimizer'])"
    text = program(states=states, build=SCHEDULED.format(more=""), resume=resume, loop="decay.step()")
    (fact,) = code(text).resumptions
    assert (fact.key, fact.sign) == ("decay", "`optimizer` is restored from it")


def test_the_file_may_be_written_by_another_one(code: Callable[..., Code]) -> None:
    states = f"torch.save({{{STATES}, 'epoch': epoch}}, path)"
    rest = program().replace(states, "save(model, optimizer, epoch)")
    saving = f"def save(model, optimizer, epoch):\n    {states}"
    assert told(code, f"from saving import save\n{rest}", saving=saving) == LOST
    assert told(code, rest) == []


def test_a_model_alone_is_no_resumption(code: Callable[..., Code]) -> None:
    assert told(code, program(states="'model': model.state_dict()")) == []


GOES_ON = "for epoch in range(start, 9): work()"


@pytest.mark.parametrize(
    "resume",
    [
        "optimizer.load_state_dict(stored['optimizer']); start = stored['epoch'] + 1",
        "for o, k in ((model, 'model'), (optimizer, 'optimizer')): o.load_state_dict(stored[k])\n"
        "start = stored['epoch']",
        "parts = dict(model=model, optimizer=optimizer)\n"
        "for k, o in parts.items(): o.load_state_dict(stored[k])\nstart = stored['epoch']",
        "optimizer.load_state_dict(stored.pop('optimizer')); start = stored.pop('epoch')",
        "if stored.get('optimizer'): optimizer.load_state_dict(stored['optimizer'])\nstart = stored['epoch']",
        "if 'optimizer' in stored: optimizer.load_state_dict(stored['optimizer'])\nstart = stored['epoch']",
        "match stored:\n    case {'optimizer': o, 'epoch': start}: optimizer.load_state_dict(o)",
        "o, start = stored['optimizer'], stored['epoch']; optimizer.load_state_dict(o)",
        "from operator import itemgetter\no, start = itemgetter('optimizer', 'epoch')(stored)\n"
        "optimizer.load_state_dict(o)",
        "KEY = 'optimizer'; optimizer.load_state_dict(stored[KEY]); start = stored['epoch']",
        "optimizer.__setstate__(stored['optimizer']); start = stored['epoch']",
        "(o := optimizer).load_state_dict(stored['optimizer']); start = stored['epoch']",
        "resume(optimizer, **stored); start = stored['epoch']",
        "vars(state).update(stored); start = stored['epoch']",
        "start = 0; best = stored['epoch']",
        "print(f'trained until {stored[\"epoch\"]}'); start = 0",
    ],
)
def test_every_way_to_take_it_up_or_to_begin_anew(code: Callable[..., Code], resume: str) -> None:
    assert told(code, program(resume=resume, loop=GOES_ON)) == []


@pytest.mark.parametrize(
    ("loop", "goes_on"),
    [
        ("for epoch in range(start, 9): work()", True),
        ("for epoch in range(start, 9, 2): work()", True),
        ("for epoch in range(start + 1, 9): work()", True),
        ("for epoch in trange(start, 9): work()", True),
        ("for epoch in tqdm(range(start, 9)): work()", True),
        ("for epoch in range(9 - start): work()", True),
        ("for epoch in range(start): work()", False),
        ("for epoch in range(9, start): work()", False),
        ("for epoch in range(0, start): work()", False),
        ("for epoch in range(start - 9): work()", False),
        ("for epoch in range(9): work(start)", False),
        ("xs = list(range(start)); plot(xs)", False),
    ],
)
def test_where_the_loop_begins(code: Callable[..., Code], loop: str, goes_on: bool) -> None:
    assert told(code, program(loop=loop)) == LOST * goes_on


@pytest.mark.parametrize(
    ("states", "found"),
    [
        ("'model': model.state_dict(), 'optimizer': optimizer.state_dict()", LOST),
        ('"model": model.state_dict(), "optimizer": optimizer.state_dict()', LOST),
        ("'model': model.state_dict(), 'opt': optimizer.state_dict()", [("optimizer", "optimizer", "opt")]),
        ("'model': model.state_dict(), 'optimizer': optimizer.state_dict() if all else None", LOST),
        ("'optimizer': optimizer.state_dict()", []),
        ("'model': model, 'optimizer': optimizer", []),
        ("'model': model.state_dict(), 'ema': ema.state_dict()", []),
        ("'model': model.state_dict(), **{'a': 1}", []),
        ("KEY: model.state_dict(), 'optimizer': optimizer.state_dict()", []),
    ],
)
def test_what_the_file_holds(
    code: Callable[..., Code], states: str, found: list[tuple[str, str, str]]
) -> None:
    assert told(code, program(states=states, loop=GOES_ON)) == found
