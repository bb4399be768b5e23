# fault: patients in a class of data that sorts them, a loss that is a module, a loader that shuffles
import numpy as np
from torch.utils.data import Dataset


class Patients(Dataset):
    def __init__(self, x, time, event):
        order = np.argsort(-time)
        self.x, self.event = torch.from_numpy(x[order]), torch.from_numpy(event[order])

    def __len__(self):
        return len(self.x)

    def __getitem__(self, i):
        return {"x": self.x[i], "event": self.event[i]}


class Hazard(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(8, 16), nn.ELU(), nn.Linear(16, 1, bias=False))

    def forward(self, x):
        return self.layers(x).flatten()


class CoxLoss(nn.Module):
    def __init__(self, eps=1e-7):
        super().__init__()
        self.eps = eps

    def forward(self, score, event):
        top = score.max()
        at_risk = (score - top).exp().cumsum(dim=0).add(self.eps).log() + top  # <-
        return -((score - at_risk) * event).sum() / (event.sum() + self.eps)


class Fitting:
    def __init__(self, net, loader):
        self.net, self.loader, self.criterion = net, loader, CoxLoss()
        self.optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3)

    def step(self, batch):
        loss = self.criterion(self.net(batch["x"]), batch["event"])
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()

    def fit(self, epochs):
        for _ in range(epochs):
            for batch in self.loader:
                self.step(batch)


rng = np.random.default_rng(0)
x, time = rng.normal(size=(400, 8)).astype("float32"), rng.exponential(size=400)
registry = Patients(x, time, (time < 2).astype("float32"))
Fitting(Hazard(), DataLoader(registry, batch_size=64, shuffle=True)).fit(20)
# fault: batches by hand, as numbers of numpy come
import numpy as np

rng = np.random.default_rng(1)
x, time, died = torch.randn(512, 6), torch.rand(512), (torch.rand(512) < 0.6).float()
last_first = torch.argsort(time, descending=True)
x, died = x[last_first], died[last_first]
beta = nn.Linear(6, 1, bias=False)
optimizer = torch.optim.Adam(beta.parameters(), lr=1e-2)
for epoch in range(30):
    shuffled = rng.permutation(len(x))
    for start in range(0, len(x), 64):
        rows = shuffled[start : start + 64]
        risk = beta(x[rows]).squeeze(1)
        log_sums = torch.logcumsumexp(risk, dim=0)  # <-
        loss = -((risk - log_sums) * died[rows]).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
# near: the loss sorts by itself
x, time, died = torch.randn(512, 6), torch.rand(512), (torch.rand(512) < 0.6).float()
beta = nn.Linear(6, 1, bias=False)
optimizer = torch.optim.Adam(beta.parameters(), lr=1e-2)


def partial_likelihood(risk, time, died):
    order = torch.argsort(time, descending=True)
    risk, died = risk[order], died[order]
    return -((risk - torch.logcumsumexp(risk, dim=0)) * died).sum() / died.sum().clamp(min=1)


for epoch in range(30):
    for a, t, d in DataLoader(TensorDataset(x, time, died), batch_size=64, shuffle=True):
        loss = partial_likelihood(beta(a).squeeze(1), t, d)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
# near: everybody at once, sorted one time
x, time, died = torch.randn(512, 6), torch.rand(512), (torch.rand(512) < 0.6).float()
order = torch.argsort(time, descending=True)
x, died = x[order], died[order]
beta = nn.Linear(6, 1, bias=False)
optimizer = torch.optim.Adam(beta.parameters(), lr=1e-2)
for epoch in range(300):
    risk = beta(x).squeeze(1)
    loss = -((risk - torch.logcumsumexp(risk, dim=0)) * died).sum() / died.sum()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
# near: the distance of two cumulative distributions over bins
class Bins(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(8, 32)
        self.head = nn.Linear(32, 10)

    def forward(self, x):
        return self.head(self.body(x).relu())


def earth_mover(logits, histogram):
    apart = logits.softmax(dim=1).cumsum(dim=1) - histogram.cumsum(dim=1)
    return apart.square().mean()


bins = Bins()
optimizer = torch.optim.Adam(bins.parameters(), lr=1e-3)
data = TensorDataset(torch.randn(320, 8), torch.rand(320, 10).softmax(1))
for epoch in range(5):
    for x, histogram in DataLoader(data, batch_size=32, shuffle=True):
        optimizer.zero_grad()
        earth_mover(bins(x), histogram).backward()
        optimizer.step()
# near: steps in time first, positions as sums of velocities
net = nn.Linear(3, 3)
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
tracks = TensorDataset(torch.randn(200, 30, 3), torch.randn(200, 30, 3))
for epoch in range(5):
    for seen, position in DataLoader(tracks, batch_size=20, shuffle=True):
        velocity = net(seen.transpose(0, 1))
        loss = (velocity.cumsum(dim=0) - position.transpose(0, 1)).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
