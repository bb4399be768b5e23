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
