# fault: state and next state, in classes
import random

import numpy as np


class Corridor:
    def __init__(self):
        self.cells = np.zeros(8, dtype=np.float32)

    def reset(self):
        self.cells[:] = 0
        self.cells[0] = 1
        return self._seen()

    def _seen(self):
        return self.cells  # <-

    def step(self, action):
        at = int(self.cells.argmax())
        self.cells[at] = 0
        self.cells[min(max(at + 2 * action - 1, 0), 7)] = 1
        return self._seen(), float(self.cells[7]), bool(self.cells[7])


class Learner:
    def __init__(self, net):
        self.net, self.memory = net, []
        self.optimizer = torch.optim.Adam(net.parameters())

    def play(self, world):
        state, done = world.reset(), False
        while not done:
            action = random.randrange(2)
            following, reward, done = world.step(action)
            self.memory.append((state, action, reward, following, done))
            state = following

    def learn(self):
        states, actions, rewards, following, done = zip(*random.sample(self.memory, 16))
        value = self.net(torch.from_numpy(np.stack(states)))[range(16), list(actions)]
        with torch.no_grad():
            future = self.net(torch.from_numpy(np.stack(following))).amax(dim=1)
        loss = F.smooth_l1_loss(value, torch.tensor(rewards) + 0.9 * future * ~torch.tensor(done))
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()


world, learner = Corridor(), Learner(nn.Linear(8, 2))
for episode in range(20):
    learner.play(world)
    learner.learn()
# fault: a running total in a list
seen = torch.zeros(4)
curve = []
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
        seen += torch.bincount(y, minlength=4)
    curve.append(seen)  # <-
print(torch.stack(curve))
# fault: the weights of each epoch
history = []
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
    history.append(model[0].weight.detach())  # <-
print([(b - a).norm() for a, b in zip(history, history[1:])])
# near: copies handed out
class Drift:
    def __init__(self):
        self.at = torch.zeros(8)

    def step(self, action):
        self.at[action] += 1
        return self.at.clone()


drift, memory = Drift(), []
state = drift.step(0)
for turn in range(16):
    following = drift.step(turn % 8)
    memory.append((state, turn % 8, following))
    state = following
print(torch.stack([m[0] for m in memory]))
# near: a new state for each step
class Growth:
    def __init__(self):
        self.at = torch.zeros(8)

    def step(self, action):
        self.at = 0.9 * self.at
        self.at[action] += 1
        return self.at


growth, memory = Growth(), []
state = growth.step(0)
for turn in range(16):
    following = growth.step(turn % 8)
    memory.append((state, turn % 8, following))
    state = following
print(torch.stack([m[0] for m in memory]))
# near: states copied into a table before the next step
class Drift:
    def __init__(self):
        self.at = torch.zeros(8)

    def step(self, action):
        self.at[action] += 1
        return self.at


drift, table = Drift(), torch.empty(16, 8)
state = drift.step(0)
for turn in range(16):
    table[turn] = state
    state = drift.step(turn % 8)
print(model(table))
# near: one state that is only looked at
class Drift:
    def __init__(self):
        self.at = torch.zeros(8)

    def step(self, action):
        self.at[action] += 1
        return self.at


drift, choices = Drift(), []
state = drift.step(0)
model.eval()
with torch.no_grad():
    for turn in range(16):
        choices.append(model(state[None]).argmax().item())
        state = drift.step(choices[-1])
print(choices)
# near: a total for each epoch
curve = []
for epoch in range(epochs):
    seen = torch.zeros(4)
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
        seen += torch.bincount(y, minlength=4)
    curve.append(seen)
print(torch.stack(curve))
# near: an accumulator read at the end
seen = torch.zeros(4)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
        seen += torch.bincount(y, minlength=4)
print(seen)
