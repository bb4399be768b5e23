# fault: a variable
best, lowest = None, 1e9
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
    if loss.item() < lowest:
        lowest = loss.item()
        best = model.state_dict()  # <-
model.load_state_dict(best)
# fault: an attribute
class Trainer:
    def __init__(self):
        self.net = Net()
        self.opt = torch.optim.Adam(self.net.parameters())
        self.best = None

    def fit(self):
        for epoch in range(epochs):
            for x, y in loader:
                self.opt.zero_grad()
                loss = F.cross_entropy(self.net(x), y)
                loss.backward()
                self.opt.step()
            if loss.item() < 1.0:
                self.best = self.net.state_dict()  # <-
        self.net.load_state_dict(self.best)


Trainer().fit()
# near: a deep copy
from copy import deepcopy

best, lowest = None, 1e9
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
    if loss.item() < lowest:
        lowest = loss.item()
        best = deepcopy(model.state_dict())
model.load_state_dict(best)
# near: cloned one by one
best, lowest = None, 1e9
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
    if loss.item() < lowest:
        lowest = loss.item()
        best = {k: v.clone() for k, v in model.state_dict().items()}
model.load_state_dict(best)
# near: another model
best, lowest = None, 1e9
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
    if loss.item() < lowest:
        lowest = loss.item()
        best = model.state_dict()
other = Net()
other.load_state_dict(best)
# near: saved to disk
best, lowest = None, 1e9
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
    if loss.item() < lowest:
        lowest = loss.item()
        torch.save(model.state_dict(), "best.pt")
model.load_state_dict(torch.load("best.pt"))
