# fault: built before the loop
import numpy as np
from sklearn.datasets import load_wine
from sklearn.model_selection import StratifiedKFold

wine = load_wine()
inputs = torch.tensor(wine.data, dtype=torch.float32)
labels = torch.tensor(wine.target)
network = nn.Sequential(nn.Linear(13, 32), nn.ReLU(), nn.Linear(32, 3))  # <-
hits = []
folds = StratifiedKFold(n_splits=5, shuffle=True, random_state=1)
for number, (fit_rows, held_rows) in enumerate(folds.split(wine.data, wine.target)):
    mean, deviation = inputs[fit_rows].mean(0), inputs[fit_rows].std(0)
    batches = DataLoader(
        TensorDataset((inputs[fit_rows] - mean) / deviation, labels[fit_rows]), batch_size=16, shuffle=True
    )
    adam = torch.optim.Adam(network.parameters(), lr=1e-3)
    for epoch in range(20):
        network.train()
        for values, classes in batches:
            adam.zero_grad()
            loss = F.cross_entropy(network(values), classes)
            loss.backward()
            adam.step()
    network.eval()
    with torch.no_grad():
        answer = network((inputs[held_rows] - mean) / deviation).argmax(dim=1)
    hits.append((answer == labels[held_rows]).float().mean().item())
print(np.mean(hits))
# fault: a study with an object for each task
class Learner:
    def __init__(self, width, rate):
        self.network = nn.Sequential(nn.Linear(8, width), nn.Tanh(), nn.Linear(width, 1))  # <-
        self.rate = rate

    def learn(self, x, y):
        self.solver = torch.optim.RMSprop(self.network.parameters(), lr=self.rate)
        self.network.train()
        for _ in range(50):
            self.solver.zero_grad()
            F.mse_loss(self.network(x).squeeze(1), y).backward()
            self.solver.step()

    @torch.no_grad()
    def error(self, x, y):
        self.network.eval()
        return F.l1_loss(self.network(x).squeeze(1), y).item()

    def cross_validate(self, x, y, k=4):
        parts = torch.randperm(len(x)).chunk(k)
        errors = []
        for i in range(k):
            rest = torch.cat([parts[j] for j in range(k) if j != i])
            self.learn(x[rest], y[rest])
            errors.append(self.error(x[parts[i]], y[parts[i]]))
        return sum(errors) / k


table = torch.randn(100, 8)
print(Learner(16, 1e-3).cross_validate(table, table.sum(dim=1)))
# fault: weights put aside without a copy
x, y = torch.randn(90, 8), torch.randint(0, 4, (90,))
fold_of = torch.randperm(90) % 3
learner = Net()
first = learner.state_dict()  # <-


def run(fold):
    learner.load_state_dict(first)
    solver = torch.optim.SGD(learner.parameters(), lr=0.1, momentum=0.9)
    here, there = fold_of != fold, fold_of == fold
    learner.train()
    for epoch in range(10):
        solver.zero_grad()
        F.cross_entropy(learner(x[here]), y[here]).backward()
        solver.step()
    learner.eval()
    with torch.no_grad():
        return (learner(x[there]).argmax(dim=1) == y[there]).float().mean().item()


for fold in range(3):
    print(run(fold))
# near: built by the function that runs a fold
from sklearn.model_selection import KFold

x, y = torch.randn(90, 8), torch.randint(0, 4, (90,))


def run(fit_rows, held_rows):
    learner = Net()
    solver = torch.optim.SGD(learner.parameters(), lr=0.1)
    for epoch in range(10):
        solver.zero_grad()
        F.cross_entropy(learner(x[fit_rows]), y[fit_rows]).backward()
        solver.step()
    learner.eval()
    with torch.no_grad():
        return (learner(x[held_rows]).argmax(dim=1) == y[held_rows]).float().mean().item()


print([run(fit, held) for fit, held in KFold(5).split(x)])
# near: put back from a copy
import copy

from sklearn.model_selection import KFold

x, y = torch.randn(90, 8), torch.randint(0, 4, (90,))
learner = Net()
first = copy.deepcopy(learner.state_dict())
for fit_rows, held_rows in KFold(5).split(x):
    learner.load_state_dict(first)
    solver = torch.optim.SGD(learner.parameters(), lr=0.1)
    for epoch in range(10):
        solver.zero_grad()
        F.cross_entropy(learner(x[fit_rows]), y[fit_rows]).backward()
        solver.step()
    with torch.no_grad():
        print((learner(x[held_rows]).argmax(dim=1) == y[held_rows]).float().mean().item())
# near: forecasts that go on through time
from sklearn.model_selection import TimeSeriesSplit

x, y = torch.randn(90, 8), torch.randn(90, 4)
learner = Net()
solver = torch.optim.Adam(learner.parameters())
for past, future in TimeSeriesSplit(5).split(x):
    for epoch in range(10):
        solver.zero_grad()
        F.mse_loss(learner(x[past]), y[past]).backward()
        solver.step()
    with torch.no_grad():
        print(F.mse_loss(learner(x[future]), y[future]).item())
# near: one task after the other
x, y = torch.randn(90, 8), torch.randint(0, 4, (90,))
learner = Net()
solver = torch.optim.Adam(learner.parameters())
for task in range(4):
    old, new = y < task, y == task
    for epoch in range(10):
        solver.zero_grad()
        F.cross_entropy(learner(x[new]), y[new]).backward()
        solver.step()
    with torch.no_grad():
        print(task, F.cross_entropy(learner(x[old]), y[old]).item())
# near: reset layer by layer in a class
class Study:
    def __init__(self):
        self.network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))

    def forget(self):
        for layer in self.network:
            if hasattr(layer, "reset_parameters"):
                layer.reset_parameters()

    def run(self, x, y, k=5):
        parts = list(torch.randperm(len(x)).chunk(k))
        for i, held in enumerate(parts):
            self.forget()
            rest = torch.cat(parts[:i] + parts[i + 1 :])
            solver = torch.optim.Adam(self.network.parameters())
            for _ in range(30):
                solver.zero_grad()
                F.cross_entropy(self.network(x[rest]), y[rest]).backward()
                solver.step()
            with torch.no_grad():
                print((self.network(x[held]).argmax(dim=1) == y[held]).float().mean())


Study().run(torch.randn(90, 8), torch.randint(0, 4, (90,)))
