# fault: the first activation of a block
class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.body = nn.Sequential(nn.ReLU(inplace=True), nn.Linear(width, width))

    def forward(self, x):
        out = self.body(x)  # <-
        out += x
        return out


net = nn.Sequential(nn.Linear(8, 16), Block(16), Block(16), nn.Linear(16, 4))
for x, y in loader:
    optimizer.zero_grad()
    loss_fn(net(x), y).backward()
    optimizer.step()
# fault: the identity has a name of its own
class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.one = nn.Conv2d(8, 8, 3, padding=1)
        self.two = nn.Conv2d(8, 8, 3, padding=1)
        self.act = nn.LeakyReLU(0.2, True)

    def forward(self, x):
        identity = x
        x = self.act(x)  # <-
        x = self.one(x)
        x = self.two(torch.relu(x))
        return torch.add(x, identity)


Block()
# fault: functions
def block(x, one, two):
    h = one(F.silu(x, inplace=True))  # <-
    return x + two(torch.tanh(h))


net = Net()
for x, y in loader:
    optimizer.zero_grad()
    h = nn.Linear(8, 8)(x)
    skip = h
    out = nn.Linear(8, 4)(h.relu_())  # <-
    loss_fn(out.add(skip), y).backward()
    optimizer.step()
# near: the block of ResNet
class Basic(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(8, 8, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(8)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(8, 8, 3, padding=1)
        self.bn2 = nn.BatchNorm2d(8)

    def forward(self, x):
        identity = x
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out += identity
        out = self.relu(out)
        return out


Basic()
# near: activated before it becomes the identity
class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(8, 8)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x):
        x = self.relu(x)
        return x + self.body(x)


class Meant(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(8, 8)

    def forward(self, x):
        F.relu_(x)
        h = torch.relu(self.body(x), out=None)
        self.body(h)
        return x + h


nn.Sequential(Block(), Meant())
# near: normalised first, as in pre-activation ResNet and DenseNet
class Before(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.BatchNorm1d(8), nn.ReLU(inplace=True), nn.Linear(8, 8))
        self.norm = nn.LayerNorm(8)

    def forward(self, x):
        x = x + self.body(x)
        h = F.relu(self.norm(x), inplace=True)
        return torch.cat([x, self.body(h)], dim=1) + h


Before()
# near: not in place, or nothing is added
class Block(nn.Module):
    def __init__(self, inplace):
        super().__init__()
        self.body = nn.Sequential(nn.ReLU(), nn.Linear(8, 8))
        self.other = nn.Sequential(nn.ReLU(inplace=True), nn.Linear(8, 8))
        self.maybe = nn.ELU(inplace=inplace)

    def forward(self, x):
        x = x + self.body(x)
        x = self.body(self.maybe(x)) + x
        return self.other(x)


Block(whether)
# near: blocks that end in an activation get nothing negative
class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.ReLU(inplace=True), nn.Linear(8, 8))

    def forward(self, x):
        return F.relu(x + self.body(x))


class Stem(nn.Module):
    def __init__(self):
        super().__init__()
        self.start = nn.Sequential(nn.Linear(8, 8), nn.ReLU())
        self.body = nn.Sequential(nn.ReLU(inplace=True), nn.Linear(8, 8))

    def forward(self, x):
        x = self.start(x)
        return x + self.body(x)


nn.Sequential(Stem(), Block())
