# fault: the last layer of a Sequential
net = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4), nn.Softmax(dim=1))
opt = torch.optim.SGD(net.parameters(), 0.1)
for x, y in loader:
    opt.zero_grad()
    loss = loss_fn(net(x), y)  # <-
    loss.backward()
    opt.step()
# fault: an attribute of a class that returns a dict
class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(8, 4)
        self.activation = nn.Softmax(-1)

    def forward(self, x):
        scores = self.body(x)
        return {"scores": scores, "probabilities": self.activation(scores)}


net = Classifier()
opt = torch.optim.SGD(net.parameters(), 0.1)
for x, y in loader:
    opt.zero_grad()
    out = net(x)
    loss = F.cross_entropy(out["probabilities"].squeeze(), y)  # <-
    loss.backward()
    opt.step()
# fault: a tuple, unpacked by the caller
class Two(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(8, 4)

    def forward(self, x):
        h = self.body(x)
        return h, torch.softmax(h, dim=1)


net = Two()
opt = torch.optim.SGD(net.parameters(), 0.1)
for x, y in loader:
    _, guess = net(x)
    opt.zero_grad()
    loss_fn(guess, y).backward()  # <-
    opt.step()
# near: the softmax is only for reading
for x, y in loader:
    logits = model(x)
    optimizer.zero_grad()
    loss_fn(logits, y).backward()
    optimizer.step()
    print(logits.softmax(dim=1).max())
# near: soft targets
for x, y in loader:
    optimizer.zero_grad()
    loss_fn(model(x), F.softmax(torch.randn(16, 4), dim=1)).backward()
    optimizer.step()
# near: only in eval mode
class Careful(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(8, 4)

    def forward(self, x):
        h = self.body(x)
        if self.training:
            return h
        return torch.softmax(h, dim=1)


net = Careful()
opt = torch.optim.SGD(net.parameters(), 0.1)
for x, y in loader:
    opt.zero_grad()
    loss_fn(net(x), y).backward()
    opt.step()
# near: attention inside the model
class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.query, self.head = nn.Linear(8, 8), nn.Linear(8, 4)

    def forward(self, x):
        weights = torch.softmax(self.query(x), dim=-1)
        return self.head(weights * x)


net = Attention()
opt = torch.optim.SGD(net.parameters(), 0.1)
for x, y in loader:
    opt.zero_grad()
    loss_fn(net(x), y).backward()
    opt.step()
# fault: the loss was moved to a device
criterion = nn.CrossEntropyLoss().to("cpu")
for x, y in loader:
    optimizer.zero_grad()
    loss = criterion(torch.softmax(model(x), dim=1), y)  # <-
    loss.backward()
    optimizer.step()
