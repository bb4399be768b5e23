# fault: functional
net = nn.Linear(8, 4)
opt = torch.optim.Adam(net.parameters())
for x, y in loader:
    opt.zero_grad()
    loss_fn(torch.relu(net(x)), y).backward()  # <-
    opt.step()
# fault: a class
class Rectified(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4), nn.ReLU())

    def forward(self, x):
        return self.layers(x)


net = Rectified()
opt = torch.optim.Adam(net.parameters())
for x, y in loader:
    opt.zero_grad()
    loss_fn(net(x), y).backward()  # <-
    opt.step()
# near: inside the network
for x, y in loader:
    optimizer.zero_grad()
    loss_fn(nn.Linear(4, 4)(torch.relu(model(x))), y).backward()
    optimizer.step()
# near: a regression
for x, y in loader:
    optimizer.zero_grad()
    F.mse_loss(torch.relu(model(x)).sum(1), y.float()).backward()
    optimizer.step()
# near: leaky
for x, y in loader:
    optimizer.zero_grad()
    loss_fn(F.leaky_relu(model(x)), y).backward()
    optimizer.step()
# near: the last ReLU of a list is left out
layers = []
for before, behind in zip([8, 16], [16, 4]):
    layers += [nn.Linear(before, behind), nn.ReLU()]
net = nn.Sequential(*layers[:-1])
own = torch.optim.SGD(net.parameters(), lr=0.05)
for x, y in loader:
    own.zero_grad()
    loss_fn(net(x), y).backward()
    own.step()
