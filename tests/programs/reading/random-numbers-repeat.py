# fault: an evaluation that seeds
import random
import numpy as np

def set_seed(seed):
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)  # <-

def evaluate(model, loader, seed=123):
    set_seed(seed)
    model.eval()
    with torch.no_grad():
        hits = sum((model(x + torch.randn_like(x)).argmax(1) == y).sum() for x, y in loader)
    model.train()
    return hits

for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
    if (epoch + 1) % 2 == 0:
        print(evaluate(model, val_loader))
# fault: a class whose epochs seed
class Trainer:
    def __init__(self, model, optimizer, args):
        self.model = model
        self.optimizer = optimizer
        self.args = args

    def fit(self, loader, epochs):
        for epoch in range(epochs):
            self.train_epoch(loader)

    def train_epoch(self, loader):
        torch.manual_seed(self.args.seed)  # <-
        for x, y in loader:
            noise = torch.randn_like(x)
            self.optimizer.zero_grad()
            loss_fn(self.model(x + 0.1 * noise), y).backward()
            self.optimizer.step()


Trainer(model, optimizer, settings).fit(loader, epochs)
# fault: a sampler that picks
class Balanced(torch.utils.data.Sampler):
    def __init__(self, labels, count, seed=0):
        self.labels = labels
        self.count = count
        self.seed = seed

    def __len__(self):
        return self.count

    def __iter__(self):
        g = torch.Generator()
        g.manual_seed(self.seed)  # <-
        weights = 1.0 / torch.bincount(self.labels)[self.labels]
        return iter(torch.multinomial(weights, self.count, replacement=True, generator=g).tolist())


data = rows(128)
batches = DataLoader(data, batch_size=16, sampler=Balanced(data.tensors[1], 64))
for epoch in range(epochs):
    for x, y in batches:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
# fault: a subset of its own choice
import numpy as np

class Batches:
    def __init__(self, data, size):
        self.data = data
        self.size = size

    def __iter__(self):
        rng = np.random.default_rng(7)  # <-
        for _ in range(4):
            chosen = rng.integers(len(self.data), size=self.size)
            yield tuple(t[chosen] for t in self.data.tensors)


batches = Batches(rows(128), 16)
for epoch in range(epochs):
    for x, y in batches:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
# fault: a dataset that seeds for each sample
import numpy as np

class Noisy(torch.utils.data.Dataset):
    def __init__(self, data):
        self.data = data

    def __len__(self):
        return len(self.data)

    def __getitem__(self, index):
        np.random.seed(42)  # <-
        x, y = self.data[index]
        return x + np.random.normal(0, 0.1, size=x.shape).astype("float32"), y


noisy = DataLoader(Noisy(rows(64)), batch_size=16, shuffle=True)
for epoch in range(epochs):
    for x, y in noisy:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
# fault: the same mask in each step
model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, 4))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for x, y in loader:
    torch.manual_seed(0)  # <-
    optimizer.zero_grad()
    loss_fn(model(x), y).backward()
    optimizer.step()
# near: seeded once
import random
random.seed(0)
torch.manual_seed(0)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
# near: another seed each epoch
import argparse
import random
import numpy as np

def set_seed(seed):
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)

args = argparse.ArgumentParser().parse_args()
for epoch in range(epochs):
    set_seed(args.seed + epoch)
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
# near: an evaluation that seeds, and epochs that seed anew
def evaluate():
    torch.manual_seed(0)
    model.eval()
    with torch.no_grad():
        for x, y in val_loader:
            print(model(x + torch.randn_like(x)))
    model.train()

for epoch in range(epochs):
    torch.manual_seed(1000 + epoch)
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
    evaluate()
# near: folds
for fold in range(5):
    torch.manual_seed(0)
    model = Net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for epoch in range(epochs):
        for x, y in loader:
            optimizer.zero_grad()
            loss_fn(model(x), y).backward()
            optimizer.step()
# near: a search
def run(lr):
    torch.manual_seed(42)
    model = Net()
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    for epoch in range(epochs):
        for x, y in loader:
            optimizer.zero_grad()
            loss_fn(model(x), y).backward()
            optimizer.step()
    return model

for lr in search_space:
    run(lr)
# near: a search with trainers of somebody else
from lab import build

for config in configs:
    torch.manual_seed(config.seed)
    net, optimizer = build(config)
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(net(x), y).backward()
        optimizer.step()
# near: the state is put back
def evaluate():
    state = torch.get_rng_state()
    torch.manual_seed(0)
    model.eval()
    with torch.no_grad():
        for x, y in val_loader:
            print(model(x + torch.randn_like(x)))
    model.train()
    torch.set_rng_state(state)

for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
    evaluate()
# near: a fork
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        print(torch.randn(3))
# near: noise for pictures
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
    fixed = torch.randn(4, 8, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        print(model(fixed))
# near: evaluation with a generator of its own
numbers = torch.Generator()
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
    numbers.manual_seed(0)
    model.eval()
    with torch.no_grad():
        for x, y in val_loader:
            print(model(x + torch.randn(x.shape, generator=numbers)))
    model.train()
# near: twice the same mask in one step
for step in range(100):
    x, y = next(iter(loader))
    seed = int(torch.randint(1 << 30, ()))
    torch.manual_seed(seed)
    first = model(x)
    torch.manual_seed(seed)
    second = model(x)
    optimizer.zero_grad()
    (loss_fn(first, y) + loss_fn(second, y)).backward()
    optimizer.step()
# near: the number of the step
for step, (x, y) in enumerate(loader):
    torch.manual_seed(step)
    optimizer.zero_grad()
    loss_fn(model(x), y).backward()
    optimizer.step()
# near: nothing is drawn from what is seeded
import random
still = nn.Linear(8, 4)
optimizer = torch.optim.SGD(still.parameters(), lr=0.1)
for epoch in range(epochs):
    random.seed(0)
    for x, y in val_loader:
        optimizer.zero_grad()
        loss_fn(still(x), y).backward()
        optimizer.step()
# near: the first turn alone
for epoch in range(epochs):
    if epoch == 0:
        torch.manual_seed(0)
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
# near: a seed that counts
import argparse

seed = argparse.ArgumentParser().parse_args().seed
for epoch in range(epochs):
    torch.manual_seed(seed)
    seed += 1
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
# near: pictures behind the training
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
for number in range(4):
    torch.manual_seed(0)
    print(model(torch.randn(4, 8)))
# near: saliency
model.eval()
for strength in (0.1, 0.2):
    torch.manual_seed(0)
    for x, y in loader:
        x.requires_grad_()
        loss_fn(model(x + strength * torch.randn_like(x)), y).backward()
# near: weights that start anew
start = {k: v.clone() for k, v in model.state_dict().items()}
for trial in range(3):
    torch.manual_seed(0)
    model.load_state_dict(start)
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
# near: a sampler that is told the epoch
class Sampler(torch.utils.data.Sampler):
    def __init__(self, data, seed):
        self.data = data
        self.seed = seed
        self.epoch = 0

    def set_epoch(self, epoch):
        self.epoch = epoch

    def __iter__(self):
        g = torch.Generator()
        g.manual_seed(self.seed + self.epoch)
        return iter(torch.randint(len(self.data), (32,), generator=g).tolist())


data = rows(128)
sampler = Sampler(data, 0)
batches = DataLoader(data, batch_size=16, sampler=sampler)
for epoch in range(epochs):
    sampler.set_epoch(epoch)
    for x, y in batches:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
# near: a sampler that counts
import random

class Sampler(torch.utils.data.Sampler):
    def __init__(self, data, seed):
        self.data = data
        self.seed = seed

    def __iter__(self):
        rng = random.Random(self.seed)
        self.seed += 1
        return iter(rng.sample(range(len(self.data)), 32))


data = rows(128)
batches = DataLoader(data, batch_size=16, sampler=Sampler(data, 0))
for epoch in range(epochs):
    for x, y in batches:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
# near: a generator that goes on
import numpy as np

class Sampler(torch.utils.data.Sampler):
    def __init__(self, data, seed):
        self.data = data
        self.rng = np.random.default_rng(seed)

    def __iter__(self):
        return iter(self.rng.choice(len(self.data), 32).tolist())


data = rows(128)
batches = DataLoader(data, batch_size=16, sampler=Sampler(data, 0))
for epoch in range(epochs):
    for x, y in batches:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
# near: a list that is shuffled again
import random

class Batches:
    def __init__(self, data):
        self.data = data
        self.order = list(range(len(data)))

    def __iter__(self):
        random.Random(0).shuffle(self.order)
        for start in range(0, 64, 16):
            yield tuple(t[self.order[start : start + 16]] for t in self.data.tensors)


batches = Batches(rows(128))
for epoch in range(epochs):
    for x, y in batches:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
# near: data that are made up, the same each time
import numpy as np

class Made(torch.utils.data.IterableDataset):
    def __init__(self, seed):
        self.seed = seed

    def __iter__(self):
        rng = np.random.default_rng(self.seed)
        for _ in range(64):
            x = rng.normal(size=8).astype("float32")
            yield x, int(rng.integers(4))


batches = DataLoader(Made(0), batch_size=16)
for epoch in range(epochs):
    for x, y in batches:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
# near: a sampler for evaluation
class Some(torch.utils.data.Sampler):
    def __init__(self, data):
        self.data = data

    def __iter__(self):
        g = torch.Generator().manual_seed(0)
        return iter(torch.randperm(len(self.data), generator=g)[:32].tolist())


data = rows(128)
some = DataLoader(data, batch_size=16, sampler=Some(data))
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        for x, y in some:
            print(model(x))
    model.train()
# near: a sample is made from its number
import numpy as np

class Fixed(torch.utils.data.Dataset):
    def __init__(self, data):
        self.data = data

    def __len__(self):
        return len(self.data)

    def __getitem__(self, index):
        np.random.seed(index)
        x, y = self.data[index]
        return x + np.random.normal(0, 0.1, size=x.shape).astype("float32"), y


for epoch in range(epochs):
    for x, y in DataLoader(Fixed(rows(64)), batch_size=16, shuffle=True):
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
# near: image and mask alike
import random

class Pairs(torch.utils.data.Dataset):
    def __init__(self, images, masks):
        self.images = images
        self.masks = masks

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        seed = random.randrange(1 << 30)
        random.seed(seed)
        image = self.images[index] if random.random() < 0.5 else self.images[index].flip(0)
        random.seed(seed)
        mask = self.masks[index] if random.random() < 0.5 else self.masks[index].flip(0)
        return image, mask


pairs = DataLoader(Pairs(torch.randn(64, 8), torch.randint(4, (64,))), batch_size=16, shuffle=True)
for epoch in range(epochs):
    for x, y in pairs:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
# near: workers that are seeded
import numpy as np

def seed_worker(worker_id):
    np.random.seed(torch.initial_seed() % 2**32)

g = torch.Generator()
g.manual_seed(0)
batches = DataLoader(rows(64), 16, shuffle=True, num_workers=2, worker_init_fn=seed_worker, generator=g)
for epoch in range(epochs):
    for x, y in batches:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
