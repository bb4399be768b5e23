# fault: a total
test_loader = DataLoader(rows(50), batch_size=16)
model.eval()
total = 0
with torch.no_grad():
    for x, y in test_loader:
        total += loss_fn(model(x), y).item()
print(total / len(test_loader))  # <-
# fault: attributes
class Trainer:
    def __init__(self, net, test_set):
        self.net = net
        self.test_loader = DataLoader(test_set, batch_size=32)
        self.criterion = nn.CrossEntropyLoss()

    @torch.no_grad()
    def evaluate(self):
        self.net.eval()
        losses, accuracy = [], 0.0
        for x, y in self.test_loader:
            logits = self.net(x)
            losses.append(self.criterion(logits, y).item())
            hit = logits.argmax(dim=1) == y
            accuracy += hit.float().mean().item()
        accuracy /= len(self.test_loader)  # <-
        return sum(losses) / len(losses), accuracy  # <-


print(Trainer(Net(), rows(100)).evaluate())
# fault: divided by the samples
import numpy as np

test_loader = DataLoader(rows(64), batch_size=16)


def evaluate(net, batches):
    net.eval()
    total = 0.0
    with torch.no_grad():
        for x, y in batches:
            total += F.cross_entropy(net(x), y).item()
    return total / len(batches.dataset)  # <-


print(evaluate(model, test_loader))
# fault: one expression and a mean of a list
import numpy as np

test_loader = DataLoader(rows(50), batch_size=16)
model.eval()
with torch.no_grad():
    total = sum(loss_fn(model(x), y).item() for x, y in test_loader)
    mean = total / len(test_loader)  # <-
    losses = []
    for x, y in test_loader:
        losses.append(loss_fn(model(x), y))
print(mean, np.mean(losses), torch.stack(losses).mean())  # <-
# near: weighted
test_loader = DataLoader(rows(50), batch_size=16)
model.eval()
total, seen = 0.0, 0
with torch.no_grad():
    for x, y in test_loader:
        total += loss_fn(model(x), y).item() * x.size(0)
        seen += x.size(0)
print(total / seen, total / len(test_loader.dataset))
# near: the rest is dropped
test_loader = DataLoader(rows(50), 16, drop_last=True)
model.eval()
losses = []
with torch.no_grad():
    for x, y in test_loader:
        losses.append(loss_fn(model(x), y).item())
print(sum(losses) / len(losses))
# near: the batches are equal
test_loader = DataLoader(rows(48), batch_size=16)
model.eval()
total = 0
with torch.no_grad():
    for x, y in test_loader:
        total += loss_fn(model(x), y).item()
print(total / len(test_loader))
# near: a data set of a size that everybody knows
from torchvision import datasets

test_loader = DataLoader(datasets.CIFAR10("data", train=False), batch_size=100)
model.eval()
total = 0
with torch.no_grad():
    for x, y in test_loader:
        total += loss_fn(model(x), y).item()
print(total / len(test_loader))
# near: parts that the batch size divides
whole = TensorDataset(torch.randn(100, 8), torch.randint(0, 4, (100,)))
train_set, test_set = torch.utils.data.random_split(whole, [80, 20])
test_loader = DataLoader(test_set, batch_size=10)
model.eval()
total = 0
with torch.no_grad():
    for x, y in test_loader:
        total += loss_fn(model(x), y).item()
print(total / len(test_loader))
# near: what the epoch shows
train_loader = DataLoader(rows(50), batch_size=16, shuffle=True)
for epoch in range(epochs):
    running, hits = 0.0, 0.0
    for x, y in train_loader:
        optimizer.zero_grad()
        out = model(x)
        loss = loss_fn(out, y)
        loss.backward()
        optimizer.step()
        running += loss.item()
        hits += (out.argmax(1) == y).float().mean().item()
    print(running / len(train_loader), hits / len(train_loader))
# near: sums
test_loader = DataLoader(rows(50), batch_size=16)
model.eval()
total, right = 0.0, 0
with torch.no_grad():
    for x, y in test_loader:
        out = model(x)
        total += F.cross_entropy(out, y, reduction="sum").item()
        right += (out.argmax(1) == y).sum().item()
print(total / len(test_loader.dataset), right / len(test_loader.dataset))
# near: one loss for each sample
test_loader = DataLoader(rows(50), batch_size=16)
model.eval()
losses = []
with torch.no_grad():
    for x, y in test_loader:
        losses.append(F.mse_loss(model(x), F.one_hot(y, 4).float(), reduction="none").mean(dim=1))
print(torch.cat(losses).mean())
# near: one sample at a time, or a sampler that deals out equal shares
from torch.utils.data.distributed import DistributedSampler

singles = DataLoader(rows(50))
shares = DataLoader(rows(50), batch_size=16, sampler=DistributedSampler(rows(50)))
model.eval()
one, other = 0.0, 0.0
with torch.no_grad():
    for x, y in singles:
        one += loss_fn(model(x), y).item()
    for x, y in shares:
        other += loss_fn(model(x), y).item()
print(one / len(singles), other / len(shares))
# near: a loader that somebody else built
def evaluate(net, batches_loader):
    net.eval()
    total = 0.0
    with torch.no_grad():
        for x, y in batches_loader:
            total += F.cross_entropy(net(x), y).item()
    return total / len(batches_loader)
# near: other lengths and other means
test_loader = DataLoader(rows(50), batch_size=16)
model.eval()
total, outputs = 0.0, []
with torch.no_grad():
    for x, y in test_loader:
        total += loss_fn(model(x), y).item()
        outputs.append(model(x))
print(total / len(outputs[0]), torch.cat(outputs).mean(), 3 / len(test_loader))
