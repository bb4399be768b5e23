# fault: a part of a picture is erased where it is stored
import random

import numpy as np
from sklearn.datasets import load_digits
from torch.utils.data import Dataset


class Digits(Dataset):
    def __init__(self):
        raw = load_digits()
        self.images = raw.images.astype("float32") / 16
        self.labels = raw.target

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        image = self.images[index]
        top, left = random.randrange(6), random.randrange(6)
        image[top : top + 3, left : left + 3] = 0  # <-
        return torch.from_numpy(image)[None], int(self.labels[index])


net = nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3)
digits = DataLoader(Digits(), batch_size=64, shuffle=True)
for epoch in range(10):
    for images, labels in digits:
        optimizer.zero_grad()
        loss = F.cross_entropy(net(images), labels)
        loss.backward()
        optimizer.step()
# fault: a trainer whose samples are normalised once more each time
from torch.utils.data import Dataset


class Table(Dataset):
    def __init__(self, count, seed):
        generator = torch.Generator().manual_seed(seed)
        x = torch.randn(count, 8, generator=generator) * 3 + 1
        self.rows = [{"features": row, "label": int(row[:4].argmax())} for row in x]
        self.mean, self.std = x.mean(0), x.std(0)

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, index):
        row = self.rows[index]
        row["features"] = (row["features"] - self.mean) / self.std  # <-
        return row["features"], row["label"]


class Trainer:
    def __init__(self, net, data):
        self.net = net
        self.batches = DataLoader(data, 16, True)
        self.optimizer = torch.optim.SGD(net.parameters(), lr=0.05)

    def fit(self, epochs):
        for _ in range(epochs):
            for x, y in self.batches:
                self.optimizer.zero_grad()
                F.cross_entropy(self.net(x), y).backward()
                self.optimizer.step()


Trainer(Net(), Table(256, 1)).fit(4)
# fault: words are masked at random in the stored text
from torch.utils.data import Dataset


class Words(Dataset):
    def __init__(self, count):
        self.ids = torch.randint(2, 50, (count, 12))

    def __len__(self):
        return len(self.ids)

    def __getitem__(self, index):
        ids = self.ids[index]
        target = ids.clone()
        hidden = torch.rand(12) < 0.15
        ids[hidden] = 1  # <-
        target[~hidden] = -100
        return ids, target


reader = nn.Sequential(nn.Embedding(50, 16), nn.Linear(16, 50))
optimizer = torch.optim.Adam(reader.parameters(), lr=1e-2)
words = DataLoader(Words(64), batch_size=8, shuffle=True)
for epoch in range(epochs):
    for ids, target in words:
        optimizer.zero_grad()
        F.cross_entropy(reader(ids).flatten(0, 1), target.flatten()).backward()
        optimizer.step()
# near: a copy is changed
from torch.utils.data import Dataset


class Words(Dataset):
    def __init__(self, count):
        self.ids = torch.randint(2, 50, (count, 12))

    def __len__(self):
        return len(self.ids)

    def __getitem__(self, index):
        ids = self.ids[index].clone()
        target = ids.clone()
        hidden = torch.rand(12) < 0.15
        ids[hidden] = 1
        target[~hidden] = -100
        return ids, target


reader = nn.Sequential(nn.Embedding(50, 16), nn.Linear(16, 50))
optimizer = torch.optim.Adam(reader.parameters(), lr=1e-2)
words = DataLoader(Words(64), batch_size=8, shuffle=True)
for epoch in range(epochs):
    for ids, target in words:
        optimizer.zero_grad()
        F.cross_entropy(reader(ids).flatten(0, 1), target.flatten()).backward()
        optimizer.step()
# near: workers change copies of their own
from torch.utils.data import Dataset


class Noisy(Dataset):
    def __init__(self, count):
        self.x = torch.randn(count, 8)
        self.y = self.x[:, :4].argmax(dim=1)

    def __len__(self):
        return len(self.x)

    def __getitem__(self, index):
        x = self.x[index]
        x += 0.1 * torch.randn(8)
        return x, self.y[index]


noisy = DataLoader(Noisy(192), batch_size=16, shuffle=True, num_workers=2)
for epoch in range(epochs):
    for x, y in noisy:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
# near: samples that are scaled when they are first asked for
from torch.utils.data import Dataset


class Scaled(Dataset):
    def __init__(self, count):
        self.x = 255 * torch.rand(count, 8)
        self.y = self.x[:, :4].argmax(dim=1)
        self.is_scaled = torch.zeros(count, dtype=torch.bool)

    def __len__(self):
        return len(self.x)

    def __getitem__(self, index):
        x = self.x[index]
        if not self.is_scaled[index]:
            x /= 255
            self.is_scaled[index] = True
        return x, self.y[index]


scaled = DataLoader(Scaled(192), batch_size=16, shuffle=True)
for epoch in range(epochs):
    for x, y in scaled:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
# near: a replay memory
from torch.utils.data import Dataset


class Memory(Dataset):
    def __init__(self, size):
        self.states = torch.zeros(size, 8)
        self.actions = torch.zeros(size, dtype=torch.long)
        self.weights = torch.ones(size)
        self.next = 0

    def push(self, state, action):
        place = self.next % len(self.states)
        self.states[place], self.actions[place] = state, action
        row = self.states[place]
        row += 0.01 * torch.randn(8)
        self.next += 1
        return row

    def __len__(self):
        return len(self.states)

    def __getitem__(self, index):
        self.weights[index] *= 0.9
        return self.states[index], self.actions[index]


memory = Memory(64)
batches = DataLoader(memory, batch_size=16, shuffle=True)
for epoch in range(epochs):
    for _ in range(64):
        state = torch.randn(8)
        memory.push(state, int(state[:4].argmax()))
    for x, y in batches:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
# near: a new dataset for each epoch
from torch.utils.data import Dataset


class Noisy(Dataset):
    def __init__(self, count):
        self.x = torch.randn(count, 8)
        self.y = self.x[:, :4].argmax(dim=1)

    def __len__(self):
        return len(self.x)

    def __getitem__(self, index):
        x = self.x[index]
        x += 0.1 * torch.randn(8)
        return x, self.y[index]


for epoch in range(epochs):
    for x, y in DataLoader(Noisy(192), batch_size=16, shuffle=True):
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
# near: each entry of a dict is computed from another one
from torch.utils.data import Dataset


class Table(Dataset):
    def __init__(self, count):
        x = torch.randn(count, 8)
        self.rows = [{"raw": row, "label": int(row[:4].argmax())} for row in x]

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, index):
        row = self.rows[index]
        row["features"] = row["raw"] + 0.1 * torch.randn(8)
        row["times"] = row.get("times", 0) + 1
        return row["features"], row["label"]


table = DataLoader(Table(192), batch_size=16, shuffle=True)
for epoch in range(epochs):
    for x, y in table:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
