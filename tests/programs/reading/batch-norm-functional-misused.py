# fault: the statistics of a layer that is never called
class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(8, 16)
        self.norm = nn.BatchNorm1d(16)
        self.head = nn.Linear(16, 4)

    def forward(self, x):
        norm = self.norm
        x = F.batch_norm(self.linear(x), norm.running_mean, norm.running_var, norm.weight, norm.bias)  # <-
        return self.head(torch.relu(x))


block = Block()
optimizer = torch.optim.SGD(block.parameters(), lr=0.05)
for x, y in loader:
    optimizer.zero_grad()
    loss_fn(block(x), y).backward()
    optimizer.step()
# fault: buffers of its own
class Normed(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(width)), nn.Parameter(torch.zeros(width))
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("variance", torch.ones(width))

    def forward(self, x):
        return F.batch_norm(x, self.mean, self.variance, self.weight, self.bias, momentum=0.1)  # <-


net = nn.Sequential(nn.Linear(8, 16), Normed(16), nn.ReLU(), nn.Linear(16, 4))
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for x, y in loader:
    optimizer.zero_grad()
    loss_fn(net(x), y).backward()
    optimizer.step()
# near: it is told the mode
class Normed(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("variance", torch.ones(width))

    def forward(self, x):
        return F.batch_norm(x, self.mean, self.variance, training=self.training)


net = nn.Sequential(nn.Linear(8, 16), Normed(16), nn.ReLU(), nn.Linear(16, 4))
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for x, y in loader:
    optimizer.zero_grad()
    loss_fn(net(x), y).backward()
    optimizer.step()
# near: updated by hand
class Normed(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("variance", torch.ones(width))

    def forward(self, x):
        self.mean.lerp_(x.mean(0).detach(), 0.1)
        self.variance.lerp_(x.var(0).detach(), 0.1)
        return F.batch_norm(x, self.mean, self.variance)


net = nn.Sequential(nn.Linear(8, 16), Normed(16), nn.ReLU(), nn.Linear(16, 4))
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for x, y in loader:
    optimizer.zero_grad()
    loss_fn(net(x), y).backward()
    optimizer.step()
# near: a way for evaluation
class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm1d(8)
        self.head = nn.Linear(8, 4)

    def forward(self, x):
        if self.training:
            x = self.norm(x)
        else:
            x = F.batch_norm(x, self.norm.running_mean, self.norm.running_var)
        return self.head(x)


block = Block()
optimizer = torch.optim.SGD(block.parameters(), lr=0.05)
for x, y in loader:
    optimizer.zero_grad()
    loss_fn(block(x), y).backward()
    optimizer.step()
# near: statistics from pretraining
class Frozen(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("variance", torch.ones(width))

    def forward(self, x):
        return F.batch_norm(x, self.mean, self.variance)


net = nn.Sequential(nn.Linear(8, 16), Frozen(16), nn.ReLU(), nn.Linear(16, 4))
net.load_state_dict(torch.load("pretrained.pt"))
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for x, y in loader:
    optimizer.zero_grad()
    loss_fn(net(x), y).backward()
    optimizer.step()
# near: no statistics but those of the batch
class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(8, 4)

    def forward(self, x):
        return self.head(F.batch_norm(x, x.mean(0), x.var(0)))


block = Block()
optimizer = torch.optim.SGD(block.parameters(), lr=0.05)
for x, y in loader:
    optimizer.zero_grad()
    loss_fn(block(x), y).backward()
    optimizer.step()
