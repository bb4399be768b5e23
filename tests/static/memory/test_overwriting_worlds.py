"""Environments of all sorts, each healthy, and each with one change that makes two states one."""

from collections.abc import Callable

import pytest

from osler.model import OverwrittenFact

Told = Callable[..., list[OverwrittenFact]]

LOOP = """
env, memory = Env(), []
s = env.reset()
for t in range(900):
    s2, r, done = env.step(policy(s))
    memory.append((s, r, s2))
    s = env.reset() if done else s2
learn(memory)
"""


def world(step: str, reset: str = "self.state = np.zeros(4)\nreturn self.state", loop: str = LOOP) -> str:
    """An environment with these methods, and a loop that keeps what they return."""
    methods = (("__init__(self)", "self.t, self.state = 0, np.zeros(4)"), ("reset(self)", reset))
    lines = ["class Env:"]
    for head, body in (*methods, ("step(self, a)", step)):
        lines += [f"    def {head}:", *(f"        {line}" for line in body.splitlines())]
    return "\n".join(lines) + "\n" + loop


END = ", 1.0, self.t > 9"
ADDS = f"self.state[0] += a\nreturn {{}}{END}"

COPIES = [
    "self.state.copy()",
    "np.copy(self.state)",
    "np.array(self.state)",
    "np.array(self.state, dtype=np.float32)",
    "copy.copy(self.state)",
    "copy.deepcopy(self.state)",
    "self.state.astype(np.float32)",
    "self.state.tolist()",
    "self.state.flatten()",
    "np.float32(self.state)",
    "tuple(self.state)",
    "(*self.state,)",
    "[*self.state]",
    "[x for x in self.state]",
    "list(self.state)",
    "self.state + 0",
    "-self.state",
    "self.state / self.scale",
    "self.state > 0",
    "self.state[self.state > 0]",
    "self.state[[0, 1]]",
    "self.state[self.rows]",
    "self.state[0]",
    "self.state.take([0, 1])",
    "self.state.sum()",
    "np.append(self.state, self.t)",
    "np.hstack([self.state, [self.t]])",
    "np.concatenate((self.state, self.last))",
    "np.stack([self.state == 1, self.state == -1])",
    "np.r_[self.state, self.t]",
    "np.clip(self.state, -1, 1)",
    "np.where(self.state > 0, 1, 0)",
    "np.diff(self.state)",
    "torch.tensor(self.state)",
    "torch.FloatTensor(self.state)",
    "torch.Tensor(self.state)",
    "torch.from_numpy(self.state).float()",
    "torch.from_numpy(self.state).clone()",
    "torch.from_numpy(self.state).to(device)",
    "torch.as_tensor(self.state, device='cuda')",
    "torch.as_tensor(self.state, dtype=torch.float32)",
    "{'state': self.state.copy()}",
    "dict(state=self.state.copy())",
    "self.state.copy()[:2]",
    "encode(self.state)",
    "''.join(map(str, self.state))",
    "f'{self.state}'",
]


@pytest.mark.parametrize("copied", COPIES)
def test_a_state_that_is_handed_out_as_a_copy(told: Told, copied: str) -> None:
    assert told(world(ADDS.format(copied))) == []


VIEWS = [
    "self.state",
    "self.state[:]",
    "self.state[None]",
    "self.state[..., None]",
    "self.state[np.newaxis]",
    "self.state.reshape(2, 2)",
    "self.state.ravel()",
    "self.state.T",
    "self.state.squeeze()",
    "np.asarray(self.state)",
    "np.ravel(self.state)",
    "np.expand_dims(self.state, 0)",
    "torch.from_numpy(self.state)",
    "torch.as_tensor(self.state)",
    "torch.from_numpy(self.state).unsqueeze(0)",
    "(self.state)",
    "(x := self.state)",
    "self.state if a else self.state",
]


@pytest.mark.parametrize("view", VIEWS)
def test_a_state_that_is_handed_out_itself(told: Told, view: str) -> None:
    reset = f"self.state = np.zeros(4)\nreturn {view.replace('if a else', 'if self.t else')}"
    (fact,) = told(world(ADDS.format(view), reset))
    assert (fact.kind, fact.name, fact.holder, fact.later) == ("pair", "self.state", "s", "s2")


@pytest.mark.parametrize(
    ("step", "changed"),
    [
        ("self.state = self.state + a", ("self.state = self.state + a", "self.state += a")),
        ("self.state = np.clip(self.state + a, -1, 1)", ("-1, 1)", "-1, 1, out=self.state)")),
        ("x = self.state.copy()\nx[0] += a\nself.state = x", ("self.state.copy()", "self.state")),
        ("x = np.array(self.state)\nx[0] += a\nself.state = x", ("np.array", "np.asarray")),
        ("x = self.state\nx = x + a\nx[0] = 1\nself.state = x", ("x = x + a", "x += a")),
        ("self.state = self.state.copy()\nself.state[0] += a", ("self.state.copy()", "self.state")),
        (
            "x, v, *_ = self.state\nself.state = np.array([x + a, v])",
            ("self.state = np.array", "self.state[:] ="),
        ),
        ("self.state = f(self.state, a)\nself.state[0] %= 6.28", ("self.state = f(self.state, a)", "pass")),
        (
            "self.state = np.where(self.state > a, 0, 1)\nself.state[0] = a",
            ("self.state = np.where", "np.where"),
        ),
        ("self.state = np.zeros(4)\nself.state[a] = 1", ("self.state = np.zeros(4)", "self.state[:] = 0")),
        ("self.state = np.roll(self.state, -1)\nself.state[-1] = a", ("self.state = np", "x = np")),
        ("self.state = np.append(self.state[1:], a)", ("self.state = np", "self.state[:] = np")),
        ("np.copyto(self.other, a)", ("self.other", "self.state")),
        ("np.multiply(self.state, a, out=self.other)", ("out=self.other", "out=self.state")),
        ("self.rng.shuffle(self.other)", ("self.other", "self.state")),
        (
            "for k in range(3):\n    self.state = self.state + k",
            ("self.state = self.state + k", "self.state += k"),
        ),
        ("if a:\n    self.state = self.state - a", ("self.state = self.state - a", "self.state -= a")),
        (
            "match a:\n    case 0:\n        self.state = self.state * 2",
            ("self.state = self.state * 2", "self.state *= 2"),
        ),
        (
            "with self.lock:\n    self.state = self.state + a",
            ("self.state = self.state + a", "self.state += a"),
        ),
        (
            "try:\n    self.state = self.state / a\nexcept ValueError:\n    pass",
            ("self.state = self.state / a", "self.state /= a"),
        ),
    ],
)
def test_a_new_state_in_each_step(told: Told, step: str, changed: tuple[str, str]) -> None:
    healthy = world(f"{step}\nreturn self.state{END}")
    assert told(healthy) == []
    assert changed[0] in step
    assert [f.kind for f in told(world(f"{step.replace(*changed)}\nreturn self.state{END}"))] == ["pair"]


FAULTY = ADDS.format("self.state")

LOOPS = {
    "the state is copied before the step": "s = env.reset()\nfor t in range(9):\n    old = s.copy()\n"
    "    s, r, done = env.step(policy(s))\n    memory.append((old, s.copy()))",
    "the state is a tensor before the step": "s = torch.tensor(env.reset())\nfor t in range(9):\n"
    "    s2, r, done = env.step(policy(s))\n    s2 = torch.tensor(s2)\n"
    "    memory.append((s, s2))\n    s = s2",
    "a function makes tensors": "def pre(o): return torch.from_numpy(o).float()[None]\n"
    "s = pre(env.reset())\nfor t in range(9):\n    o, r, done = env.step(policy(s))\n    s2 = pre(o)\n"
    "    memory.append((s, s2))\n    s = s2",
    "a scaled state": "s = env.reset() / 2\nfor t in range(9):\n    o, r, done = env.step(policy(s))\n"
    "    s2 = o / 2\n    memory.append((s, s2))\n    s = s2",
    "arrays filled in time": "s, old, new = env.reset(), np.zeros((9, 4)), np.zeros((9, 4))\n"
    "for t in range(9):\n    old[t] = s\n    s, r, done = env.step(policy(s))\n    new[t] = s",
    "only values of it": "s = env.reset()\nq = net(torch.tensor(s))\nfor t in range(9):\n"
    "    s, r, done = env.step(q.argmax())\n    q2 = net(torch.tensor(s))\n    learn(q, q2)\n    q = q2",
    "only rewards": "s, total = env.reset(), 0.0\nwhile True:\n    s, r, done = env.step(policy(s))\n"
    "    total += r\n    if done:\n        break",
    "only its form": "s = env.reset()\nfor t in range(9):\n    s2, r, done = env.step(policy(s))\n"
    "    print(s.shape, s.dtype, len(s), s2.shape)\n    assert s.shape == s2.shape\n    s = s2",
    "whether it is the same": "s = env.reset()\nfor t in range(9):\n    s2, r, done = env.step(policy(s))\n"
    "    same = s is s2\n    s = s2",
    "two environments": "other = Env()\na, b = env.reset(), other.reset()\nfor t in range(9):\n"
    "    a, r, d = env.step(policy(a))\n    b, r, d = other.step(policy(b))\n    log(np.abs(a - b).max())",
    "several in a tuple": "envs = (Env(), Env())\nstates = [e.reset() for e in envs]\nfor t in range(9):\n"
    "    for i, e in enumerate(envs):\n        states[i] = e.step(policy(states[i]))[0]\n"
    "    learn(np.stack(states))",
    "several in a dict": "envs = {k: Env() for k in 'ab'}\na = envs['a'].reset()\nfor t in range(9):\n"
    "    a2, r, d = envs['a'].step(policy(a))\n    memory.append((a, a2))\n    a = a2",
    "one for each episode": "for episode in range(9):\n    e = Env()\n    s = e.reset()\n"
    "    s2, r, done = e.step(policy(s.copy()))\n    memory.append(s2)",
    "behind a context manager that cannot be followed": "with made(env) as e:\n    s = e.reset()\n"
    "    for t in range(9):\n        s2, r, d = e.step(policy(s))\n"
    "        memory.append((s, s2))\n        s = s2",
    "a function of its own, called by nobody with an environment": "def run(e):\n    s = e.reset()\n"
    "    for t in range(9):\n        s2, r, d = e.step(policy(s))\n"
    "        memory.append((s, s2))\n        s = s2",
    "the last state alone": "s = env.reset()\nfor t in range(9):\n    s, r, done = env.step(policy(s))\n"
    "memory.append(s)",
}


@pytest.mark.parametrize("loop", LOOPS.values(), ids=LOOPS)
def test_a_loop_that_needs_no_copy(told: Told, loop: str) -> None:
    assert told(world(FAULTY, loop=f"env, memory = Env(), []\n{loop}\nlearn(memory)")) == []


def test_the_same_environment_in_the_usual_loop(told: Told) -> None:
    assert len(told(world(FAULTY))) == 1


PROPERTY = """
class Env:
    def __init__(self):
        self.state = np.zeros(4)

    @property
    def state(self):
        return self._state{copied}

    @state.setter
    def state(self, value):
        self._state = value

    @state.deleter
    def state(self):
        del self._state

    def reset(self):
        self.state = np.zeros(4)
        return self.state

    def step(self, a):
        x = self.state
        x[0] += a
        self.state = x
        return self.state, 1.0, False
"""


def test_a_property_that_hands_out_copies(told: Told) -> None:
    assert told(PROPERTY.format(copied=".copy()") + LOOP) == []
    assert [f.name for f in told(PROPERTY.format(copied="") + LOOP)] == ["self._state"]


STACK = """
class Stack:
    def __init__(self, env):
        self.env, self.frames = env, deque(maxlen=4)

    def seen(self):
        return {seen}

    def reset(self):
        s = self.env.reset()
        for _ in range(4):
            self.frames.append(s)
        return self.seen()

    def step(self, a):
        s, r, done = self.env.step(a)
        self.frames.append(s)
        return self.seen(), r, done
"""


@pytest.mark.parametrize("seen", ["np.stack(self.frames)", "np.concatenate(list(self.frames))"])
def test_stacked_frames_of_new_states(told: Told, seen: str) -> None:
    loop = STACK.format(seen=seen) + LOOP.replace("Env()", "Stack(Env())")
    assert told(world(f"self.state = self.state + a\nreturn self.state{END}", loop=loop)) == []
    assert told(world(FAULTY, loop=loop))


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("self.board.copy()", False),
        ("self.board * self.player", False),
        ("(self.board == 1).astype(float)", False),
        ("torch.stack([torch.tensor(self.board)])", False),
        ("self.board", True),
        ("self.board.reshape(9)", True),
    ],
)
def test_positions_of_a_game(told: Told, given: str, kept: bool) -> None:
    text = f"""
class Game:
    def __init__(self):
        self.board, self.player = np.zeros((3, 3)), 1

    def play(self, row, column):
        self.board[row, column] = self.player
        self.player = -self.player

    def canonical(self):
        return {given}

game, examples = Game(), []
for row, column in moves:
    examples.append((game.canonical(), row, column))
    game.play(row, column)
learn(examples)
"""
    assert [f.kind for f in told(text)] == ["list"] * kept


@pytest.mark.parametrize("base", ["gym.Env", "gymnasium.Env", "abc.ABC", "object", "Protocol"])
def test_bases_that_are_known(told: Told, base: str) -> None:
    head = "import gym, gymnasium, abc\nfrom typing import Protocol\n"
    text = world(FAULTY).replace("class Env:", f"class Env({base}):")
    assert len(told(head + text)) == 1


@pytest.mark.parametrize(
    "wrapped",
    ["gym.wrappers.RescaleAction(Env(), -1, 1)", "make(Env)", "Monitor(Env())", "registry['env']()", "Env"],
)
def test_environments_that_something_unknown_makes(told: Told, wrapped: str) -> None:
    assert told("import gym\n" + world(FAULTY, loop=LOOP.replace("Env()", wrapped))) == []


SEEN = """
env, seen = Env(), []
for t in range(9):
    env.step(t)
    seen.append(env.state)
    {}
plot(seen)
"""


@pytest.mark.parametrize(
    "given",
    [
        "attach(env)",
        "helper.attach(env)",
        "setattr(env, 'state', np.zeros(4))",
        "setattr(env, name, x)",
        "vars(env).update(x)",
        "env.__dict__ |= x",
        "env.state = np.zeros(4)",
        "env = Env()",
        "env.reset()",
        "env.__init__()",
    ],
)
def test_an_object_that_is_given_new_attributes(told: Told, given: str) -> None:
    assert told(world(FAULTY, loop=SEEN.format(given))) == []


@pytest.mark.parametrize(
    "given", ["print(env)", "len(env)", "env.t = 3", "setattr(env, 't', 3)", "log.info(env)"]
)
def test_an_object_that_keeps_what_it_has(told: Told, given: str) -> None:
    assert [f.kind for f in told(world(FAULTY, loop=SEEN.format(given)))] == ["list"]
