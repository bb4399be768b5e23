# fault: the test rows are scaled by a scaler of their own
import numpy as np
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

rng = np.random.default_rng(0)
rows, labels = rng.normal(size=(400, 8)) * 3 + 1, rng.integers(0, 4, 400)
x_train, x_test, y_train, y_test = train_test_split(rows, labels, test_size=0.25, random_state=0)
scaler = StandardScaler()
x_train = scaler.fit_transform(x_train)
x_test = scaler.fit_transform(x_test)  # <-
net = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))
optimizer = torch.optim.Adam(net.parameters())
x, y = torch.tensor(x_train).float(), torch.tensor(y_train)
for epoch in range(30):
    optimizer.zero_grad()
    F.cross_entropy(net(x), y).backward()
    optimizer.step()
with torch.no_grad():
    hits = net(torch.tensor(x_test).float()).argmax(1) == torch.tensor(y_test)
print(hits.float().mean().item())
# fault: a data set in a class that numbers the names it is given, for training and for validation
import numpy as np
from torch.utils.data import Dataset


class Purchases(Dataset):
    def __init__(self, rows):
        self.shops, codes = np.unique([r[0] for r in rows], return_inverse=True)  # <-
        self.shop = torch.from_numpy(codes).long()
        self.amount = torch.tensor([r[1] for r in rows])

    def __len__(self):
        return len(self.shop)

    def __getitem__(self, i):
        return self.shop[i], self.amount[i]


class Forecast(nn.Module):
    def __init__(self, shops):
        super().__init__()
        self.table = nn.Embedding(shops, 8)
        self.head = nn.Linear(8, 1)

    def forward(self, shop):
        return self.head(self.table(shop)).squeeze(1)


def records(shops, seed):
    rng = np.random.default_rng(seed)
    return [(f"shop {s}", float(s) + rng.normal()) for s in rng.choice(shops, 200)]


train_set, val_set = Purchases(records(30, 0)), Purchases(records(24, 1))
net = Forecast(30)
optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
for epoch in range(10):
    for shop, amount in DataLoader(train_set, batch_size=20, shuffle=True):
        optimizer.zero_grad()
        F.mse_loss(net(shop), amount).backward()
        optimizer.step()
    with torch.no_grad():
        errors = [F.mse_loss(net(shop), amount).item() for shop, amount in DataLoader(val_set, batch_size=20)]
    print(epoch, sum(errors) / len(errors))
# near: fitted on the training part alone
import numpy as np
from sklearn.preprocessing import StandardScaler

rng = np.random.default_rng(0)
rows, labels = rng.normal(size=(400, 8)) * 3 + 1, rng.integers(0, 4, 400)
scaler = StandardScaler()
x_train, x_test = scaler.fit_transform(rows[:300]), scaler.transform(rows[300:])
net = nn.Linear(8, 4)
optimizer = torch.optim.Adam(net.parameters())
x, y = torch.tensor(x_train).float(), torch.tensor(labels[:300])
for epoch in range(30):
    optimizer.zero_grad()
    F.cross_entropy(net(x), y).backward()
    optimizer.step()
with torch.no_grad():
    print((net(torch.tensor(x_test).float()).argmax(1) == torch.tensor(labels[300:])).float().mean().item())
# near: the vocabulary of the training set is handed on
import numpy as np
from torch.utils.data import Dataset


class Purchases(Dataset):
    def __init__(self, rows, shops=None):
        self.shops = shops if shops is not None else {s: i for i, s in enumerate(sorted({r[0] for r in rows}))}
        self.shop = torch.tensor([self.shops[r[0]] for r in rows])
        self.amount = torch.tensor([r[1] for r in rows])

    def __len__(self):
        return len(self.shop)

    def __getitem__(self, i):
        return self.shop[i], self.amount[i]


def records(shops, seed):
    rng = np.random.default_rng(seed)
    return [(f"shop {s}", float(s) + rng.normal()) for s in rng.choice(shops, 200)]


train_set = Purchases(records(30, 0))
val_set = Purchases(records(24, 1), train_set.shops)
net = nn.Sequential(nn.Embedding(30, 8), nn.Linear(8, 1), nn.Flatten(0))
optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
for epoch in range(10):
    for shop, amount in DataLoader(train_set, batch_size=20, shuffle=True):
        optimizer.zero_grad()
        F.mse_loss(net(shop), amount).backward()
        optimizer.step()
    with torch.no_grad():
        print(sum(F.mse_loss(net(s), a).item() for s, a in DataLoader(val_set, batch_size=20)))
# near: each recording is brought to its own mean and size, in training and in testing
def load(split):
    torch.manual_seed(len(split))
    waves = torch.randn(200, 64) * torch.rand(200, 1)
    waves = (waves - waves.mean(1, keepdim=True)) / waves.std(1, keepdim=True)
    return waves, (waves[:, :8].sum(1) > 0).long()


x_train, y_train = load("train")
x_test, y_test = load("test")
net = nn.Linear(64, 2)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for epoch in range(30):
    optimizer.zero_grad()
    F.cross_entropy(net(x_train), y_train).backward()
    optimizer.step()
with torch.no_grad():
    print((net(x_test).argmax(1) == y_test).float().mean().item())
