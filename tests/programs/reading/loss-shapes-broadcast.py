# fault: a difference of a column and the targets of a loader
net = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1))
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for x, y in loader:
    optimizer.zero_grad()
    loss = ((net(x) - y) ** 2).mean()  # <-
    loss.backward()
    optimizer.step()
# fault: all samples at once, in a class
from sklearn.datasets import load_diabetes


class Regression(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.body = nn.Linear(width, 16)
        self.head = nn.Linear(16, 1)

    def forward(self, x):
        return self.head(torch.relu(self.body(x)))


inputs, prices = load_diabetes(return_X_y=True)
inputs = torch.tensor(inputs, dtype=torch.float32)
prices = torch.tensor(prices, dtype=torch.float32)
regression, squared = Regression(10), nn.MSELoss()
optimizer = torch.optim.Adam(regression.parameters())
for epoch in range(epochs):
    optimizer.zero_grad()
    guessed = regression(inputs)
    loss = squared(guessed, prices)  # <-
    loss.backward()
    optimizer.step()
# near: the column is squeezed
net = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1))
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for x, y in loader:
    optimizer.zero_grad()
    F.mse_loss(net(x).squeeze(1), y.float()).backward()
    optimizer.step()
# near: the targets are made a column
net = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1))
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for x, y in loader:
    y = y.float().view(-1, 1)
    optimizer.zero_grad()
    F.mse_loss(net(x), y).backward()
    optimizer.step()
# near: every score with every other, on purpose
net = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1))
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for x, y in loader:
    scores = net(x)
    order = torch.sign(y[:, None] - y[None, :])
    optimizer.zero_grad()
    F.softplus(-order * (scores - scores.T)).mean().backward()
    optimizer.step()
# near: an offset that is spread over the batch
net = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1))
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
middle = torch.tensor([1.5])
for x, y in loader:
    optimizer.zero_grad()
    F.mse_loss((net(x) - middle).squeeze(1), y.float()).backward()
    optimizer.step()
# near: nobody knows the shape of the targets
net = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1))
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)


def fit(batches):
    for x, y in batches:
        optimizer.zero_grad()
        F.mse_loss(net(x), y).backward()
        optimizer.step()
