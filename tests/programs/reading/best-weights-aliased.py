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
# fault: a dict of one's own
best, lowest = None, 1e9
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
    if loss.item() < lowest:
        lowest = loss.item()
        best = {k: v for k, v in model.state_dict().items()}  # <-
model.load_state_dict(best)
# fault: detached
best, lowest = None, 1e9
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
    if loss.item() < lowest:
        lowest = loss.item()
        best = {name: w.detach() for name, w in model.state_dict().items()}  # <-
model.load_state_dict(best)
# fault: the data of each
best, lowest = None, 1e9
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
    if loss.item() < lowest:
        lowest = loss.item()
        best = {k: v.data for k, v in model.state_dict().items()}  # <-
model.load_state_dict(best)
# fault: a shallow copy
import copy

best, lowest = None, 1e9
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
    if loss.item() < lowest:
        lowest = loss.item()
        best = copy.copy(model.state_dict())  # <-
model.load_state_dict(best)
# fault: a plain dict
best, lowest = None, 1e9
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
    if loss.item() < lowest:
        lowest = loss.item()
        best = dict(model.state_dict())  # <-
model.load_state_dict(best)
# near: detached and cloned
best, lowest = None, 1e9
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
    if loss.item() < lowest:
        lowest = loss.item()
        best = {k: v.detach().clone() for k, v in model.state_dict().items()}
model.load_state_dict(best)
# near: moved, which copies on other devices
best, lowest = None, 1e9
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
    if loss.item() < lowest:
        lowest = loss.item()
        best = {k: v.detach().cpu() for k, v in model.state_dict().items()}
model.load_state_dict(best)
# near: in another precision
best, lowest = None, 1e9
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
    if loss.item() < lowest:
        lowest = loss.item()
        best = {k: v.half() for k, v in model.state_dict().items()}
model.load_state_dict(best)
# near: a part of them
best, lowest = None, 1e9
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
    if loss.item() < lowest:
        lowest = loss.item()
        best = {k: v for k, v in model.state_dict().items() if 'head' in k}
model.load_state_dict(best)
# near: an average
best, lowest = None, 1e9
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
    if loss.item() < lowest:
        lowest = loss.item()
        best = {k: v / 2 for k, v in model.state_dict().items()}
model.load_state_dict(best)
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
