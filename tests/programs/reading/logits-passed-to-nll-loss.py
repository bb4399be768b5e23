# fault: the output of a layer
net = Net()
opt = torch.optim.SGD(net.parameters(), 0.1)
for x, y in loader:
    opt.zero_grad()
    F.nll_loss(net(x), y).backward()  # <-
    opt.step()
# fault: a class
class Learner:
    def __init__(self):
        self.net = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))
        self.opt = torch.optim.SGD(self.net.parameters(), 0.1)
        self.criterion = nn.NLLLoss()

    def learn(self):
        for x, y in loader:
            self.opt.zero_grad()
            output = self.net(x)
            loss = self.criterion(output, y)  # <-
            loss.backward()
            self.opt.step()


Learner().learn()
# near: log_softmax as a layer
net = nn.Sequential(nn.Linear(8, 4), nn.LogSoftmax(dim=1))
opt = torch.optim.SGD(net.parameters(), 0.1)
for x, y in loader:
    opt.zero_grad()
    F.nll_loss(net(x), y).backward()
    opt.step()
# near: normalised by hand
for x, y in loader:
    logits = model(x)
    optimizer.zero_grad()
    F.nll_loss(logits - logits.logsumexp(dim=1, keepdim=True), y).backward()
    optimizer.step()
# near: cross entropy
for x, y in loader:
    optimizer.zero_grad()
    F.cross_entropy(model(x), y).backward()
    optimizer.step()
