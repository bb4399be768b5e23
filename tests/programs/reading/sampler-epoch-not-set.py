# fault: a script
from torch.utils.data.distributed import DistributedSampler

data = rows(64)
sampler = DistributedSampler(data)  # <-
batches = DataLoader(data, batch_size=16, sampler=sampler)
for epoch in range(epochs):
    for x, y in batches:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
# fault: a class
class Worker:
    def __init__(self, data):
        self.sampler = torch.utils.data.distributed.DistributedSampler(data)  # <-
        self.batches = DataLoader(data, batch_size=16, sampler=self.sampler)

    def fit(self):
        for epoch in range(epochs):
            self.fit_epoch()

    def fit_epoch(self):
        for x, y in self.batches:
            optimizer.zero_grad()
            loss_fn(model(x), y).backward()
            optimizer.step()


Worker(rows(64)).fit()
# near: told
from torch.utils.data.distributed import DistributedSampler

data = rows(64)
sampler = DistributedSampler(data)
batches = DataLoader(data, batch_size=16, sampler=sampler)
for epoch in range(epochs):
    sampler.set_epoch(epoch)
    for x, y in batches:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
# near: told through the loader
from torch.utils.data.distributed import DistributedSampler

data = rows(64)
batches = DataLoader(data, batch_size=16, sampler=DistributedSampler(data))
for epoch in range(epochs):
    batches.sampler.set_epoch(epoch)
    for x, y in batches:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
# near: told through a dict of loaders
from torch.utils.data.distributed import DistributedSampler

data = rows(64)
loaders = {"train": DataLoader(data, batch_size=16, sampler=DistributedSampler(data))}
for epoch in range(epochs):
    loaders["train"].sampler.set_epoch(epoch)
    for x, y in loaders["train"]:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
# near: one epoch
from torch.utils.data.distributed import DistributedSampler

data = rows(64)
batches = DataLoader(data, batch_size=16, sampler=DistributedSampler(data))
for x, y in batches:
    optimizer.zero_grad()
    loss_fn(model(x), y).backward()
    optimizer.step()
# near: in order on purpose
from torch.utils.data.distributed import DistributedSampler

data = rows(64)
batches = DataLoader(data, batch_size=16, sampler=DistributedSampler(data, shuffle=False))
for epoch in range(epochs):
    for x, y in batches:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
# near: the epoch is written into the sampler
from torch.utils.data.distributed import DistributedSampler

data = rows(192)
sampler = DistributedSampler(data, num_replicas=2, rank=0)
batches = DataLoader(data, batch_size=16, sampler=sampler)
for epoch in range(epochs):
    sampler.epoch = epoch
    for x, y in batches:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
# near: the epoch is counted in the sampler of the loader
from torch.utils.data.distributed import DistributedSampler

data = rows(192)
sampler = DistributedSampler(data, num_replicas=2, rank=0)
batches = DataLoader(data, batch_size=16, sampler=sampler)
for epoch in range(epochs):
    for x, y in batches:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
    batches.sampler.epoch += 1
# near: a sampler that counts by itself
from torch.utils.data.distributed import DistributedSampler


class Own(DistributedSampler):
    def __iter__(self):
        self.epoch += 1
        return super().__iter__()


data = rows(192)
sampler = Own(data, num_replicas=2, rank=0)
batches = DataLoader(data, batch_size=16, sampler=sampler)
for epoch in range(epochs):
    for x, y in batches:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
# near: told under another name
from torch.utils.data.distributed import DistributedSampler

data = rows(192)
sampler = DistributedSampler(data, num_replicas=2, rank=0)
batches = DataLoader(data, batch_size=16, sampler=sampler)
tell = sampler.set_epoch
for epoch in range(epochs):
    tell(epoch)
    for x, y in batches:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
# near: another seed in every epoch
from torch.utils.data.distributed import DistributedSampler

data = rows(192)
sampler = DistributedSampler(data, num_replicas=2, rank=0)
batches = DataLoader(data, batch_size=16, sampler=sampler)
for epoch in range(epochs):
    sampler.seed = epoch
    for x, y in batches:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
# near: told by a name that is looked up
from torch.utils.data.distributed import DistributedSampler

data = rows(192)
sampler = DistributedSampler(data, num_replicas=2, rank=0)
batches = DataLoader(data, batch_size=16, sampler=sampler)
for epoch in range(epochs):
    if hasattr(batches.sampler, "set_epoch"):
        getattr(batches.sampler, "set_epoch")(epoch)
    for x, y in batches:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
