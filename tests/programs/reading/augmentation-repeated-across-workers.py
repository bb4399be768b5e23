# fault: a generator of numpy
import numpy as np
from torch.utils.data import Dataset


class Noisy(Dataset):
    def __init__(self, data):
        self.data = data
        self.rng = np.random.default_rng(0)  # <-

    def __len__(self):
        return len(self.data)

    def __getitem__(self, index):
        x, y = self.data[index]
        return x + float(self.rng.normal(0, 0.1)), y


noisy = DataLoader(Noisy(rows(64)), batch_size=16, shuffle=True, num_workers=2)
for epoch in range(epochs):
    for x, y in noisy:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
# fault: a transform that a trainer's dataset holds
import random

from torch.utils.data import Dataset


class Flip:
    def __init__(self, seed):
        self.coin = random.Random(seed)  # <-

    def __call__(self, x):
        return x.flip(0) if self.coin.random() < 0.5 else x


class Flipped(Dataset):
    def __init__(self, data, transform):
        self.data, self.transform = data, transform

    def __len__(self):
        return len(self.data)

    def __getitem__(self, index):
        x, y = self.data[index]
        return self.transform(x), y


class Trainer:
    def __init__(self):
        self.net = Net()
        self.opt = torch.optim.SGD(self.net.parameters(), lr=0.1)
        self.batches = DataLoader(Flipped(rows(64), Flip(3)), 16, True, num_workers=4, persistent_workers=True)

    def fit(self):
        for _ in range(epochs):
            for x, y in self.batches:
                self.opt.zero_grad()
                F.cross_entropy(self.net(x), y).backward()
                self.opt.step()


Trainer().fit()
# fault: drawn by a method, from a generator of torch, in one worker that starts anew
class Masked(torch.utils.data.Dataset):
    def __init__(self, data):
        self.data = data
        self.generator = torch.Generator().manual_seed(0)  # <-

    def __len__(self):
        return len(self.data)

    def mask(self, x):
        return x * (torch.rand(x.shape, generator=self.generator) > 0.2)

    def __getitem__(self, index):
        x, y = self.data[index]
        return self.mask(x), y


masked = DataLoader(Masked(rows(64)), batch_size=16, shuffle=True, num_workers=1)
for epoch in range(epochs):
    for x, y in masked:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
# near: each worker seeds it
import numpy as np


class Noisy(torch.utils.data.Dataset):
    def __init__(self, data):
        self.data = data
        self.rng = np.random.default_rng(0)

    def __len__(self):
        return len(self.data)

    def __getitem__(self, index):
        x, y = self.data[index]
        return x + float(self.rng.normal(0, 0.1)), y


def reseed(worker):
    dataset = torch.utils.data.get_worker_info().dataset
    dataset.rng = np.random.default_rng(torch.initial_seed())


noisy = DataLoader(Noisy(rows(64)), batch_size=16, shuffle=True, num_workers=2, worker_init_fn=reseed)
for epoch in range(epochs):
    for x, y in noisy:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
# near: no workers
import numpy as np


class Noisy(torch.utils.data.Dataset):
    def __init__(self, data):
        self.data = data
        self.rng = np.random.default_rng(0)

    def __len__(self):
        return len(self.data)

    def __getitem__(self, index):
        x, y = self.data[index]
        return x + float(self.rng.normal(0, 0.1)), y


noisy = DataLoader(Noisy(rows(64)), batch_size=16, shuffle=True)
for epoch in range(epochs):
    for x, y in noisy:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
# near: the global generators, which torch seeds in each worker
import random

import numpy as np


class Noisy(torch.utils.data.Dataset):
    def __init__(self, data):
        self.data = data

    def __len__(self):
        return len(self.data)

    def __getitem__(self, index):
        x, y = self.data[index]
        return x * random.choice([-1, 1]) + float(np.random.normal(0, 0.1)) + torch.randn(8), y


noisy = DataLoader(Noisy(rows(64)), batch_size=16, shuffle=True, num_workers=2)
for epoch in range(epochs):
    for x, y in noisy:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
# near: a generator for each sample
import numpy as np


class Noisy(torch.utils.data.Dataset):
    def __init__(self, data, seed):
        self.data, self.seed = data, seed

    def __len__(self):
        return len(self.data)

    def __getitem__(self, index):
        rng = np.random.default_rng((self.seed, index))
        x, y = self.data[index]
        return x + float(rng.normal(0, 0.1)), y


noisy = DataLoader(Noisy(rows(64), 0), batch_size=16, shuffle=True, num_workers=2)
for epoch in range(epochs):
    for x, y in noisy:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
# near: only used while the dataset is built
import numpy as np


class Chosen(torch.utils.data.Dataset):
    def __init__(self, data):
        self.data = data
        self.rng = np.random.default_rng(0)
        self.order = self.rng.permutation(len(data))

    def __len__(self):
        return len(self.data)

    def __getitem__(self, index):
        return self.data[int(self.order[index])]


chosen = DataLoader(Chosen(rows(64)), batch_size=16, shuffle=True, num_workers=2)
for epoch in range(epochs):
    for x, y in chosen:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
# near: the same noise in every evaluation
import numpy as np


class Noisy(torch.utils.data.Dataset):
    def __init__(self, data):
        self.data = data
        self.rng = np.random.default_rng(0)

    def __len__(self):
        return len(self.data)

    def __getitem__(self, index):
        x, y = self.data[index]
        return x + float(self.rng.normal(0, 0.1)), y


noisy = DataLoader(Noisy(rows(64)), batch_size=16, num_workers=2)
model.eval()
with torch.no_grad():
    for x, y in noisy:
        print(loss_fn(model(x), y).item())
# near: seeded anew when a worker first uses it
import numpy as np


class Noisy(torch.utils.data.Dataset):
    def __init__(self, data):
        self.data = data
        self.rng = None

    def __len__(self):
        return len(self.data)

    def __getitem__(self, index):
        if self.rng is None:
            self.rng = np.random.default_rng(torch.initial_seed())
        x, y = self.data[index]
        return x + float(self.rng.normal(0, 0.1)), y


noisy = DataLoader(Noisy(rows(64)), batch_size=16, shuffle=True, num_workers=2)
for epoch in range(epochs):
    for x, y in noisy:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
