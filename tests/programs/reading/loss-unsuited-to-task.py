# fault: cross entropy of one column
judge = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1))
optimizer = torch.optim.SGD(judge.parameters(), lr=0.05)
for x, y in loader:
    optimizer.zero_grad()
    loss = loss_fn(judge(x), (y > 1).float().unsqueeze(1))  # <-
    loss.backward()
    optimizer.step()
# fault: a class with log_softmax, a convolution, and softmax for a yes or no
class Judge(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(8, 16)
        self.head = nn.Linear(16, out_features=1)

    def forward(self, x):
        return F.log_softmax(self.head(torch.relu(self.body(x))), dim=1)


class Masks(nn.Module):
    def __init__(self):
        super().__init__()
        self.out = nn.Conv2d(3, 1, kernel_size=1)

    def forward(self, x):
        return self.out(x)


class Chance(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(8, 1)

    def forward(self, x):
        return torch.softmax(self.head(x), dim=-1)


judge, masks, chance = Judge(), Masks(), Chance()
weights = [*judge.parameters(), *masks.parameters(), *chance.parameters()]
optimizer = torch.optim.Adam(weights)
for x, y in loader:
    optimizer.zero_grad()
    loss = F.nll_loss(judge(x), torch.zeros_like(y))  # <-
    loss = loss + F.cross_entropy(masks(x.float()), y)  # <-
    loss = loss + F.binary_cross_entropy(chance(x), (y > 1).float())  # <-
    loss.backward()
    optimizer.step()
# near: one column with the loss for one column
judge = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1))
optimizer = torch.optim.SGD(judge.parameters(), lr=0.05)
for x, y in loader:
    optimizer.zero_grad()
    logits = judge(x)
    loss = F.binary_cross_entropy_with_logits(logits, (y > 1).float().unsqueeze(1))
    loss = loss + F.mse_loss(logits, y.float().unsqueeze(1))
    loss.backward()
    optimizer.step()
# near: candidates that are scored one by one
class Choice(nn.Module):
    def __init__(self):
        super().__init__()
        self.score = nn.Linear(8, 1)

    def forward(self, candidates):
        return self.score(candidates).squeeze(-1)


choice = Choice()
optimizer = torch.optim.Adam(choice.parameters())
for x, y in loader:
    optimizer.zero_grad()
    loss = F.cross_entropy(choice(x.view(-1, 4, 8)), y)
    loss = loss + F.cross_entropy(choice.score(x).view(-1, 4), y)
    loss.backward()
    optimizer.step()
# near: weights of attention
class Pooled(nn.Module):
    def __init__(self):
        super().__init__()
        self.gate = nn.Linear(8, 1)
        self.head = nn.Linear(8, 4)

    def forward(self, x):
        weights = torch.softmax(self.gate(x), dim=1)
        return self.head((weights * x).sum(dim=1))


pooled = Pooled()
optimizer = torch.optim.Adam(pooled.parameters())
for x, y in loader:
    optimizer.zero_grad()
    F.cross_entropy(pooled(x.view(-1, 2, 8)), y).backward()
    optimizer.step()
# near: a number of columns that is not known, or a loss that depends on it
class Net2(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.head = nn.Linear(8, classes)
        self.classes = classes

    def forward(self, x):
        return self.head(x)


net = Net2(classes)
optimizer = torch.optim.Adam(net.parameters())
criterion = nn.CrossEntropyLoss() if net.classes > 1 else nn.BCEWithLogitsLoss()
for x, y in loader:
    optimizer.zero_grad()
    (criterion(net(x), y) + F.cross_entropy(net(x), y)).backward()
    optimizer.step()
