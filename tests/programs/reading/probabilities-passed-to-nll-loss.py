# fault: functional
net = Net()
opt = torch.optim.SGD(net.parameters(), 0.1)
for x, y in loader:
    opt.zero_grad()
    F.nll_loss(F.softmax(net(x), dim=1), y).backward()  # <-
    opt.step()
# fault: a class with its own loss
class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(8, 4), nn.Softmax(dim=1))
        self.criterion = nn.NLLLoss()

    def forward(self, x):
        return self.layers(x)

    def loss(self, x, y):
        return self.criterion(self(x), y)  # <-


net = Model()
opt = torch.optim.SGD(net.parameters(), 0.1)
for x, y in loader:
    opt.zero_grad()
    net.loss(x, y).backward()
    opt.step()
# near: log_softmax
for x, y in loader:
    optimizer.zero_grad()
    F.nll_loss(F.log_softmax(model(x), dim=1), y).backward()
    optimizer.step()
# near: the logarithm of probabilities
for x, y in loader:
    optimizer.zero_grad()
    F.nll_loss(torch.log(torch.mean(torch.stack([F.softmax(model(x), dim=1)] * 3), dim=0)), y).backward()
    optimizer.step()
# near: without gradient
with torch.no_grad():
    model.eval()
    for x, y in val_loader:
        print(F.nll_loss(F.softmax(model(x), dim=1), y))
