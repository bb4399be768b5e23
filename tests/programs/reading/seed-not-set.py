# fault: numpy
import numpy as np

x, y = rows(192).tensors
for epoch in range(epochs):
    order = np.random.permutation(192)  # <-
    for part in np.array_split(order, 12):
        optimizer.zero_grad()
        loss_fn(model(x[part]), y[part]).backward()
        optimizer.step()
# fault: random, in a class
import random


class Trainer:
    def __init__(self):
        self.net = Net()
        self.opt = torch.optim.Adam(self.net.parameters())

    def fit(self, samples):
        for epoch in range(epochs):
            random.shuffle(samples)  # <-
            for x, y in samples:
                if random.random() < 0.5:
                    x = x.flip(0)
                self.opt.zero_grad()
                F.cross_entropy(self.net(x), y).backward()
                self.opt.step()


Trainer().fit(list(loader))
# near: seeded
import random

import numpy as np

random.seed(0)
np.random.seed(0)
x, y = rows(192).tensors
for epoch in range(epochs):
    order = np.random.permutation(192)
    if random.random() < 0.5:
        order = order[::-1]
    for part in np.array_split(order, 12):
        optimizer.zero_grad()
        loss_fn(model(x[part]), y[part]).backward()
        optimizer.step()
# near: a helper that may seed anything
import numpy as np
from helpers import seed_everything

seed_everything(7)
order = np.random.permutation(192)
x, y = rows(192).tensors
for part in np.array_split(order, 12):
    optimizer.zero_grad()
    loss_fn(model(x[part]), y[part]).backward()
    optimizer.step()
# near: a helper that is followed, and is given other names
import random

import numpy as np


def fix(seed):
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


fix(3)
order = np.random.permutation(192)
x, y = rows(192).tensors
for part in np.array_split(order, 12):
    optimizer.zero_grad()
    loss_fn(model(x[part]), y[part]).backward()
    optimizer.step()
    print(random.random())
# near: generators of their own
import random

import numpy as np

rng = np.random.default_rng(0)
dice = random.Random(0)
order = rng.permutation(192)
x, y = rows(192).tensors
for part in np.array_split(order, 12):
    optimizer.zero_grad()
    loss_fn(model(x[part]), y[part]).backward()
    optimizer.step()
    print(dice.random())
# near: what workers draw
import random

import numpy as np


class Crops(torch.utils.data.Dataset):
    def __len__(self):
        return 64

    def __getitem__(self, index):
        noise = np.random.normal(size=8)
        return torch.tensor(noise + random.random()).float(), index % 4


crops = DataLoader(Crops(), batch_size=16, shuffle=True, num_workers=2)
for x, y in crops:
    optimizer.zero_grad()
    loss_fn(model(x), y).backward()
    optimizer.step()
# near: nothing is trained
import numpy as np

print(model(torch.tensor(np.random.normal(size=(4, 8))).float()))
