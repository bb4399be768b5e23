# fault: a new head
net = Net()
opt = torch.optim.SGD(net.parameters(), 0.1)
net.head = nn.Linear(16, 4)  # <-
for x, y in loader:
    opt.zero_grad()
    loss_fn(net(x), y).backward()
    opt.step()
# fault: a class
class Learner:
    def __init__(self):
        self.net = Net()
        self.opt = torch.optim.Adam(self.net.parameters())

    def widen(self):
        self.net.head = nn.Linear(16, 8)  # <-

    def learn(self):
        for x, y in loader:
            self.opt.zero_grad()
            F.cross_entropy(self.net(x), y).backward()
            self.opt.step()


learner = Learner()
learner.widen()
learner.learn()
# near: in the right order
net = Net()
net.head = nn.Linear(16, 4)
opt = torch.optim.SGD(net.parameters(), 0.1)
for x, y in loader:
    opt.zero_grad()
    loss_fn(net(x), y).backward()
    opt.step()
# near: a new optimizer
net = Net()
opt = torch.optim.SGD(net.parameters(), 0.1)
net.head = nn.Linear(16, 4)
opt = torch.optim.SGD(net.parameters(), 0.1)
for x, y in loader:
    opt.zero_grad()
    loss_fn(net(x), y).backward()
    opt.step()
# near: another model
net, other = Net(), Net()
opt = torch.optim.SGD(net.parameters(), 0.1)
other.head = nn.Linear(16, 4)
for x, y in loader:
    opt.zero_grad()
    loss_fn(net(x), y).backward()
    opt.step()
# near: another optimizer for the new head
net = Net()
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for x, y in loader:
    optimizer.zero_grad()
    loss_fn(net(x), y).backward()
    optimizer.step()
net.head = nn.Linear(16, 4)
optimizer = torch.optim.SGD(net.head.parameters(), lr=0.1)
for x, y in loader:
    optimizer.zero_grad()
    loss_fn(net(x), y).backward()
    optimizer.step()
# fault: replaced while it trains
net = Net()
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(net(x), y).backward()
        optimizer.step()
    if epoch == 1:
        net.head = nn.Linear(16, 4)  # <-
