"""Arrays that are stored without a copy, programs that do, and programs that only look as if they did."""

from textwrap import indent

import pytest

from osler.checks.data.stored_array_overwritten import check
from osler.testing import read

IMPORTS = "import random, copy\nfrom collections import deque, namedtuple\nimport numpy as np\n"

LOOP = """
env = Env()
memory = []
for episode in range(9):
    s, done = env.reset(), False
    while not done:
        a = policy(s)
        s2, r, done = env.step(a)
        memory.append((s, a, r, s2, done))
        s = s2
    learn(random.sample(memory, 32))
"""
STORES = "memory.append((s, a, r, s2, done))"


def world(step: str, reset: str = "self.state = np.zeros(4)\nreturn self.state", loop: str = LOOP) -> str:
    """An environment with these methods, and a loop that keeps what they return."""
    return f"""
class Env:
    def __init__(self):
        self.state = np.zeros(4)
        self.t = 0

    def reset(self):
{indent(reset, " " * 8)}

    def step(self, a):
        self.t += 1
{indent(step, " " * 8)}

    def observe(self):
        return self.state

    def move(self, a):
        self.state[a] += 1
{loop}"""


RETURN = "return self.state, 1.0, self.t > 9"
ADDS = f"self.state[0] += a\n{RETURN}"


def stores(statement: str, before: str = "") -> str:
    """The usual loop, but with another line that stores, and one before the call."""
    return LOOP.replace(STORES, statement).replace("a = policy(s)", f"{before or 'pass'}; a = policy(s)")


def trained(keeps: str) -> str:
    """Nine steps of a small network, each followed by a line that keeps its weights."""
    return f"""
kept = []
for turn in range(9):
    optimizer.zero_grad()
    F.cross_entropy(net(x), y).backward()
    optimizer.step()
    {keeps}
plot(kept)
"""


def kept(start: str, *lines: str, end: str = "plot(entries)") -> str:
    """A list `entries`, to which the lines of a loop over data add something, and which is read behind it."""
    body = "\n".join(f"    {line}" for line in lines)
    return f"entries = []\n{start}\nfor n, x in enumerate(xs):\n{body}\n{end}"


NET = "net = nn.Linear(8, 4); optimizer = torch.optim.SGD(net.parameters(), lr=0.1)\n"


def told(code: str) -> list[str]:
    return [f.message for f in read(IMPORTS + code, [check]).findings]


PAIRS = {
    "an entry": world(ADDS),
    "a part": world(f"self.state[:2] = a\n{RETURN}"),
    "all of it": world(f"self.state += a\n{RETURN}"),
    "copyto": world(f"np.copyto(self.state, a)\n{RETURN}"),
    "out": world(f"np.add(self.state, a, out=self.state)\n{RETURN}"),
    "a tensor": world(f"self.state.add_(a)\n{RETURN}").replace("np.zeros", "torch.zeros"),
    "a list": world(ADDS).replace("np.zeros(4)", "[0.0, 0.0]"),
    "a view that was changed": world(f"x = self.state[:2]\nx += a\n{RETURN}"),
    "other methods": world(
        "self.move(a)\nreturn self.observe(), 1.0, self.t > 9", "self.state[:] = 0\nreturn self.observe()"
    ),
    "a local name": world("x = self.state\nx.fill(a)\nreturn x, 1.0, self.t > 9"),
    "shared with torch": world("self.state += a\nreturn torch.from_numpy(self.state), 1.0, self.t > 9"),
    "shared, of the same type": world(
        "self.state += a\nreturn torch.as_tensor(self.state, dtype=torch.float32), 1.0, self.t > 9"
    ).replace("np.zeros(4)", "np.zeros(4, dtype=np.float32)"),
    "one way only": world(f"if a > 0:\n    self.state[0] += a\n{RETURN}"),
    "a replay of its own": world(ADDS, loop=stores("replay.push(s, a, r, s2, done)")),
    "a list of lists": world(ADDS, loop=stores("memory.append([s, a, r, s2, done])")),
    "learned from at once": world(ADDS, loop=stores("loss = critic(s) - critic(s2)")),
    "arrays that are filled too late": world(ADDS, loop=stores("first[t] = s; second[t] = s2")),
    "copied too late": world(ADDS, loop=stores("memory.append((s.copy(), a, r, s2.copy(), done))")),
    "a difference": world(ADDS, loop=stores("memory.append(s2 - s)")),
    "a wrapper": world(
        ADDS,
        loop="""
class Doubled:
    def __init__(self, env):
        self.env = env

    def reset(self):
        return self.env.reset()

    def step(self, a):
        s, r, done = self.env.step(a)
        return s, 2 * r, done
"""
        + LOOP.replace("Env()", "Doubled(Env())"),
    ),
    "an heir": world(
        ADDS,
        loop="""
class Harder(Env):
    def __init__(self):
        super().__init__()
        self.level = 2
"""
        + LOOP.replace("Env()", "Harder()"),
    ),
    "a function that makes it": world(
        ADDS, loop="def make():\n    return Env()\n" + LOOP.replace("= Env()", "= make()")
    ),
    "an environment of gymnasium": world(
        ADDS, "super().reset(seed=1)\nself.state = np.zeros(4)\nreturn self.state"
    ).replace("class Env:", "import gymnasium as gym\nclass Env(gym.Env):"),
}

AGENT = """
class Agent:
    def __init__(self, env):
        self.env = env
        self.memory = deque(maxlen=100)

    def run(self):
        state = self.env.reset()
        for turn in range(100):
            action = self.act(state)
            next_state, reward, done = self.env.step(action)
            self.memory.append((state, action, reward, next_state))
            state = self.env.reset() if done else next_state
        return random.sample(self.memory, 8)

    def act(self, state):
        return self.policy(state)


def main():
    agent = Agent(Env())
    agent.run()


if __name__ == "__main__":
    main()
"""


@pytest.mark.parametrize("code", PAIRS.values(), ids=PAIRS)
def test_state_and_next_state(code: str) -> None:
    (message,) = told(code)
    assert "`s` and `s2` are one and the same" in message


def test_says_what_was_seen() -> None:
    (found,) = read(IMPORTS + world(ADDS), [check]).findings
    assert found.message == (
        "`Env.step` returns `self.state` itself, and line 48 changes it in place: `s` and `s2` are one and "
        "the same where line 64 uses them."
    )
    assert found.place.line == 49
    assert [(r.place.line, r.label) for r in found.related] == [
        (48, "it is changed here"),
        (64, "it is used here, overwritten"),
        (44, "it is returned here too"),
    ]


def test_an_agent_that_keeps_its_environment() -> None:
    (message,) = told(world(ADDS, loop=AGENT))
    assert "`state` and `next_state` are one and the same" in message


def test_the_next_state_without_a_name() -> None:
    loop = LOOP.replace("s2, r, done = env.step(a)", "env.move(a)").replace(
        "(s, a, r, s2, done)", "(s, env.observe())"
    )
    (message,) = told(world(ADDS, loop=loop.replace("s = s2", "s = env.observe()")))
    assert "`s` and what the next call returns are one and the same" in message


LISTS = {
    "states": (world(ADDS, loop=stores("pass", "memory.append(s)")), "self.state"),
    "states as tensors": (
        world(ADDS, loop=stores("pass", "memory.append(torch.from_numpy(s))")),
        "self.state",
    ),
    "states of a comprehension": (
        world(ADDS, loop="env = Env()\nstates = [env.step(a)[0] for a in range(9)]\nx = np.stack(states)"),
        "self.state",
    ),
    "a running total": (kept("total = np.zeros(3)", "total += f(x)", "entries.append(total)"), "total"),
    "a total of tensors": (
        kept(
            "total = torch.zeros(3)",
            "total += f(x)",
            "entries.append(total.detach())",
            end="torch.stack(entries)",
        ),
        "total",
    ),
    "weights": (NET + trained("kept.append(net.weight.data)"), "net.weight"),
    "all weights": (NET + trained("kept.append([p.data for p in net.parameters()])"), "net.parameters()"),
    "weights stepped by hand": (
        kept(
            "w = torch.zeros(3, requires_grad=True)",
            "f(w, x).backward()",
            "with torch.no_grad(): w -= 0.1 * w.grad",
            "entries.append(w.detach())",
        ),
        "w",
    ),
    "a hidden state": (
        """
class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("h", torch.zeros(1, 8))
        self.queue = deque(maxlen=5)

    def forward(self, x):
        self.h.mul_(0.9).add_(x)
        self.queue.append(self.h)
        return torch.cat(list(self.queue))


encoder = Encoder()
for x in xs:
    encoder(x)
""",
        "self.h",
    ),
    "counts that are emptied": (
        """
class Counts:
    def __init__(self):
        self.table = torch.zeros(3, 3)

    def empty(self):
        self.table.zero_()

    def update(self, a, b):
        self.table[a, b] += 1

    def compute(self):
        return self.table


counts, history = Counts(), []
for epoch in range(9):
    counts.empty()
    for a, b in xs:
        counts.update(a, b)
    history.append(counts.compute())
plot(history)
""",
        "self.table",
    ),
}


@pytest.mark.parametrize(("code", "name"), LISTS.values(), ids=LISTS)
def test_the_same_entry_again_and_again(code: str, name: str) -> None:
    (message,) = told(code)
    assert f"`{name}`" in message
    assert "again and again" in message


def test_says_what_was_seen_in_a_list() -> None:
    (found,) = read(IMPORTS + LISTS["a running total"][0], [check]).findings
    assert found.message == (
        "`total` is put into `entries` again and again while line 39 changes it in place: the entries are "
        "one and the same."
    )
    assert found.place.line == 40


SILENT = {
    "copies": world("self.state[0] += a\nreturn self.state.copy(), 1.0, self.t > 9"),
    "clones": world("self.state[0] += a\nreturn self.state.clone(), 1.0, 0").replace(
        "np.zeros", "torch.zeros"
    ),
    "np.array": world("self.state[0] += a\nreturn np.array(self.state), 1.0, self.t > 9"),
    "torch.tensor": world("self.state[0] += a\nreturn torch.tensor(self.state), 1.0, self.t > 9"),
    "a sum": world("self.state[0] += a\nreturn self.state + 0, 1.0, self.t > 9"),
    "another type": world("self.state[0] += a\nreturn self.state.astype(np.float32), 1.0, self.t > 9"),
    "another type for torch": world(
        "self.state[0] += a\nreturn torch.as_tensor(self.state, dtype=torch.float32), 1.0, self.t > 9"
    ),
    "a new array": world(f"self.state = self.state + a\n{RETURN}"),
    "a new array, of a list": world(f"self.state = np.array([a, 1.0])\n{RETURN}"),
    "a new array that is changed": world(f"self.state = self.state + a\nself.state[0] = 0\n{RETURN}"),
    "a copy that is changed": world(f"x = self.state.copy()\nx[0] += a\nself.state = x\n{RETURN}"),
    "an array built for each": world(
        "self.x = a\no = np.zeros(4)\no[0] = self.x\nreturn o, 1.0, self.t > 9", "return np.zeros(4)"
    ),
    "numbers": world("self.t += 1\nreturn self.t, 1.0, self.t > 9", "return self.t"),
    "a tuple": world("self.x = a\nreturn (self.x, self.t), 1.0, self.t > 9", "return (0, 0)"),
    "used up before": world(ADDS, loop=stores("rewards.append(r)")),
    "a tensor of it before": world(ADDS, loop=stores("memory.append((x, a, r))", "x = torch.tensor(s)")),
    "a copy of it before": world(ADDS, loop=stores("memory.append((x, s2.copy()))", "x = s.copy()")),
    "arrays that are filled in time": world(ADDS, loop=stores("rewards[t] = r", "states[t] = s")),
    "only printed": world(ADDS, loop=stores("print(s, s2, s.shape, len(s))")),
    "numbers from it": world(ADDS, loop=stores("pass", "memory.append(s.tolist()); memory.append(s[0])")),
    "an unknown environment": LOOP.replace("Env()", "gym.make('CartPole-v1')"),
    "an unknown wrapper": world(ADDS).replace("env = Env()", "env = Limited(Env())"),
    "a wrapper that copies": world(
        ADDS,
        loop="""
class Copied:
    def __init__(self, env):
        self.env = env

    def reset(self):
        return self.env.reset().copy()

    def step(self, a):
        s, r, done = self.env.step(a)
        return np.array(s), r, done
"""
        + LOOP.replace("Env()", "Copied(Env())"),
    ),
    "copied if asked": world(
        "self.state[0] += a\nif self.safe:\n    return self.state.copy(), 1.0, 0\nreturn self.state, 1.0, 0",
        "return self.state.copy() if self.safe else self.state",
    ),
    "two arrays in turn": world(
        "self.k = 1 - self.k\nself.both[self.k][:] = a\nreturn self.both[self.k], 1.0, 0"
    ),
    "a part of it": world("self.state[0] += a\nreturn self.state[1:], 1.0, 0", "return self.state[1:]"),
    "a view on purpose": world(
        ADDS,
        loop="env = Env()\ns = env.observe()\nfor turn in range(9):\n    env.step(policy(s))\n    learn(s)",
    ),
    "an environment each": world(
        ADDS,
        "self.state[:] = 0\nreturn self.state",
        loop="""
envs = [Env() for _ in range(4)]
states = [env.reset() for env in envs]
for turn in range(9):
    x = np.stack(states)
    states = [env.step(a)[0] for env, a in zip(envs, policy(x))]
""",
    ),
    "a generator": (
        "def rows():\n    row = np.zeros(4)\n    for x in xs:\n        row[:] = x\n        yield row\n"
        "for row in rows():\n    train(row)"
    ),
    "a ring that is sampled": """
class Ring:
    def __init__(self):
        self.rows, self.next = np.zeros((100, 4)), 0

    def add(self, row):
        self.rows[self.next] = row
        self.next += 1

    def sample(self):
        return self.rows[np.random.randint(0, self.next, 4)]


ring, kept = Ring(), []
for x in xs:
    ring.add(x)
    first = ring.sample()
    ring.add(x)
    second = ring.sample()
    kept.append((first, second))
plot(kept)
""",
    "a total at the end": kept(
        "total = np.zeros(3)", "total += f(x)", end="entries.append(total); plot(entries)"
    ),
    "means of a total": kept("total = np.zeros(3)", "total += f(x)", "entries.append(total / n)"),
    "a number": kept("total = 0.0", "total += f(x)", "entries.append(total)"),
    "a total for each epoch": kept(
        "", "total = np.zeros(3)", "for y in ys: total += f(x, y)", "entries.append(total)"
    ),
    "counts that begin anew": LISTS["counts that are emptied"][0].replace(
        "self.table.zero_()", "self.table = torch.zeros(3, 3)"
    ),
    "entries that are given away": kept(
        "row, k = np.zeros(4), 0",
        "row[k] = x",
        "k += 1",
        "if k == 4: entries.append(row); row = np.zeros(4); k = 0",
    ),
    "entries that are filled in the list": kept(
        "", "if n % 4 == 0: row = np.zeros(4); entries.append(row)", "row[n % 4] = x"
    ),
    "columns of a table": kept(
        "table = torch.zeros(3, 9)",
        "table[:, n] = f(x)",
        "entries.append(table[:, n])",
        "entries.append(table[:, : n + 1])",
    ),
    "only the last is read": kept(
        "total = np.zeros(3)", "total += f(x)", "entries.append(total)", end="plot(entries[-1])"
    ),
    "a list that is emptied": kept(
        "row = np.zeros(3)", "row[:] = x", "entries.append(row)", "use(np.stack(entries))", "entries.clear()"
    ),
    "taken out at once": kept("row = np.zeros(3)", "row[:] = x", "entries.append(row)", "use(entries.pop())"),
    "a queue of one": kept(
        "row, entries = np.zeros(3), deque(maxlen=1)", "row[:] = x", "entries.append(row)"
    ),
    "copies of weights": NET + trained("kept.append(net.weight.data.clone())"),
    "numbers of weights": NET + trained("kept.append(net.weight.data.norm().item())"),
    "weights on another device, perhaps": NET + trained("kept.append(net.weight.detach().cpu())"),
    "weights that nobody steps": NET
    + "kept = []\nfor turn in range(9):\n    kept.append(net.weight)\nplot(kept)",
    "a hidden state made anew": LISTS["a hidden state"][0].replace(
        "self.h.mul_(0.9).add_(x)", "self.h = 0.9 * self.h + x"
    ),
}


@pytest.mark.parametrize("code", SILENT.values(), ids=SILENT)
def test_stays_quiet(code: str) -> None:
    assert told(code) == []
