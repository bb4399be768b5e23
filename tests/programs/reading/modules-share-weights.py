# fault: a list
layers = nn.ModuleList([nn.Linear(8, 8)] * 4)  # <-
# fault: a class of its own
class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(8, 8)

    def forward(self, x):
        return self.body(x)


stack = nn.Sequential(*([Block()] * 3))  # <-
# near: built anew
layers = nn.ModuleList([nn.Linear(8, 8) for _ in range(4)])
# near: numbers
widths = [8] * 4
# near: layers without weights
layers = nn.Sequential(*([nn.ReLU()] * 3))
# near: a model beside every batch
for epoch in range(epochs):
    for m, (x, y) in zip([model] * len(loader), loader):
        optimizer.zero_grad()
        loss_fn(m(x), y).backward()
        optimizer.step()
# near: a model beside every view
views = list(map(lambda m, v: m(v), [model] * 2, torch.randn(2, 16, 8)))
# near: a model beside every number
pairs = list(zip([model] * 3, [0.1, 0.2, 0.3]))
for m, lr in pairs:
    print(m, lr)
