# fault: one of 321 rows is left over
uneven = DataLoader(rows(321), batch_size=16, shuffle=True)
for epoch in range(epochs):
    for x, y in uneven:  # <-
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
# fault: a class
class Wide(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm1d(8)
        self.head = nn.Linear(8, 4)

    def forward(self, x):
        return self.head(self.norm(x))


class Trainer:
    def __init__(self, data):
        self.net = Wide()
        self.opt = torch.optim.SGD(self.net.parameters(), lr=0.1)
        self.batches = DataLoader(data, 10, shuffle=True)

    def fit(self):
        for x, y in self.batches:  # <-
            self.opt.zero_grad()
            F.cross_entropy(self.net(x), y).backward()
            self.opt.step()


Trainer(TensorDataset(torch.randn(101, 8), torch.randint(0, 4, (101,)))).fit()
# near: the rest is dropped
even = DataLoader(rows(321), batch_size=16, shuffle=True, drop_last=True)
for epoch in range(epochs):
    for x, y in even:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
# near: a rest of two
uneven = DataLoader(rows(322), batch_size=16, shuffle=True)
for epoch in range(epochs):
    for x, y in uneven:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
# near: nothing computes a variance
net = Net()
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
uneven = DataLoader(rows(321), batch_size=16, shuffle=True)
for epoch in range(epochs):
    for x, y in uneven:
        optimizer.zero_grad()
        loss_fn(net(x), y).backward()
        optimizer.step()
# near: the loop leaves it out
uneven = DataLoader(rows(321), batch_size=16, shuffle=True)
for epoch in range(epochs):
    for x, y in uneven:
        if len(x) == 1:
            continue
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
# near: one at a time
single = DataLoader(rows(321), batch_size=1, shuffle=True)
net = Net()
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for epoch in range(epochs):
    for x, y in single:
        optimizer.zero_grad()
        loss_fn(net(x), y).backward()
        optimizer.step()
# near: only evaluated
uneven = DataLoader(rows(65), batch_size=16)
model.eval()
with torch.no_grad():
    for x, y in uneven:
        print(loss_fn(model(x), y).item())
# near: only steps of enough samples
uneven = DataLoader(rows(321), batch_size=16, shuffle=True)
for epoch in range(epochs):
    for x, y in uneven:
        if len(x) > 1:
            optimizer.zero_grad()
            loss_fn(model(x), y).backward()
            optimizer.step()
