# fault: functional
for x, y in loader:
    optimizer.zero_grad()
    F.nll_loss(torch.log(F.softmax(model(x), dim=1)), y).backward()  # <-
    optimizer.step()
# fault: a class
class Noisy(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.head = nn.Linear(8, 16), nn.Linear(16, 4)

    def forward(self, x):
        p = self.head(self.body(x)).softmax(dim=1)
        return p.log()  # <-


noisy = Noisy()
opt = torch.optim.Adam(noisy.parameters())
for x, y in loader:
    opt.zero_grad()
    F.nll_loss(noisy(x), y).backward()
    opt.step()
# near: log_softmax
for x, y in loader:
    optimizer.zero_grad()
    F.nll_loss(F.log_softmax(model(x), dim=1), y).backward()
    optimizer.step()
# near: with a small constant
for x, y in loader:
    optimizer.zero_grad()
    F.nll_loss(torch.log(F.softmax(model(x), dim=1) + 1e-9), y).backward()
    optimizer.step()
# near: a mean of several
for x, y in loader:
    optimizer.zero_grad()
    p = torch.stack([F.softmax(model(x), dim=1) for _ in range(3)]).mean(0)
    F.nll_loss(p.log(), y).backward()
    optimizer.step()
# near: clamped
for x, y in loader:
    optimizer.zero_grad()
    F.nll_loss(F.softmax(model(x), dim=1).clamp(min=1e-9).log(), y).backward()
    optimizer.step()
