# fault: over the batch
class Noisy(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.head = nn.Linear(8, 16), nn.Linear(16, 4)

    def forward(self, x):
        return F.log_softmax(self.head(self.body(x)), dim=0)  # <-


noisy = Noisy()
opt = torch.optim.Adam(noisy.parameters())
for x, y in loader:
    opt.zero_grad()
    F.nll_loss(noisy(x), y).backward()
    opt.step()
# fault: no axis
model.eval()
with torch.no_grad():
    for x, y in val_loader:
        print(F.softmax(model(x)))  # <-
# near: over the classes
for x, y in loader:
    optimizer.zero_grad()
    F.nll_loss(F.log_softmax(model(x), dim=1), y).backward()
    optimizer.step()
# near: by position
x, y = next(iter(loader))
print(F.softmax(model(x), 1), model(x).softmax(-1))
# near: attention over time steps along axis 0
class Noisy(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.head = nn.Linear(8, 16), nn.Linear(16, 4)

    def forward(self, x):
        weights = F.softmax(self.body(x), dim=0)
        return self.head(weights)


noisy = Noisy()
opt = torch.optim.Adam(noisy.parameters())
for x, y in loader:
    opt.zero_grad()
    loss_fn(noisy(x), y).backward()
    opt.step()
# near: turned by an attribute, and back
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        F.nll_loss(F.log_softmax(model(x).T, dim=0).T, y).backward()
        optimizer.step()
# near: turned by mT
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        logp = F.log_softmax(model(x).mT, dim=0)
        F.nll_loss(logp.mT, y).backward()
        optimizer.step()
# near: sample by sample, by index
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        out = model(x)
        loss = 0
        for i in range(len(x)):
            loss = loss + F.nll_loss(F.log_softmax(out[i], dim=0), y[i])
        (loss / len(x)).backward()
        optimizer.step()
# near: the first sample
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        out = model(x)[0]
        loss = F.nll_loss(torch.log_softmax(out, dim=0)[None], y[:1])
        loss.backward()
        optimizer.step()
# near: sample by sample, in a loop
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        losses = []
        for row, t in zip(model(x), y):
            losses.append(F.nll_loss(F.log_softmax(row, dim=0), t))
        torch.stack(losses).mean().backward()
        optimizer.step()
# near: a data set without a loader
data = rows(64)
for epoch in range(epochs):
    for x, y in data:
        optimizer.zero_grad()
        out = model(x)
        F.nll_loss(F.log_softmax(out, dim=0), y).backward()
        optimizer.step()
# near: one sample, flattened
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        p = F.log_softmax(model(x[:1]).flatten(), 0)
        F.nll_loss(p, y[0]).backward()
        optimizer.step()
# near: one sample, as a row
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        p = F.log_softmax(model(x[:1]).view(-1), 0)
        F.nll_loss(p, y[0]).backward()
        optimizer.step()
# near: turned by einops
from einops import rearrange
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        p = F.log_softmax(rearrange(model(x), "b c -> c b"), 0)
        F.nll_loss(rearrange(p, "c b -> b c"), y).backward()
        optimizer.step()
# near: mapped over the samples
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        p = torch.vmap(lambda s: F.log_softmax(s, dim=0))(model(x))
        F.nll_loss(p, y).backward()
        optimizer.step()
# near: a loader that hands out single samples
single = DataLoader(rows(64), batch_size=None, shuffle=True)
for epoch in range(epochs):
    for x, y in single:
        optimizer.zero_grad()
        F.nll_loss(F.log_softmax(model(x[None])[0], dim=0), y).backward()
        optimizer.step()
# near: nodes of a graph
from torch_geometric.loader import DataLoader as GraphLoader

for epoch in range(epochs):
    for batch in GraphLoader(graphs, batch_size=16, shuffle=True):
        optimizer.zero_grad()
        F.nll_loss(torch.log_softmax(model(batch.x), 0), batch.y).backward()
        optimizer.step()
# fault: as a method, behind a view
class Pixels(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(8, 4)

    def forward(self, x):
        x = x.view(x.size(0), -1)
        return F.dropout(self.body(x), training=self.training).log_softmax(0)  # <-


net = Pixels()
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for epoch in range(epochs):
    for batch in loader:
        x, y = batch
        optimizer.zero_grad()
        F.nll_loss(net(x.float()), y).backward()
        optimizer.step()
# fault: the first columns
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        F.nll_loss(torch.log_softmax(model(x)[:, :4] / 2, dim=0), y).backward()  # <-
        optimizer.step()
