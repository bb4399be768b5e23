# fault: eval without no_grad
for epoch in range(epochs):
    model.train()
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
    model.eval()
    hits = 0
    for x, y in val_loader:
        hits += (model(x).argmax(1) == y).sum().item()  # <-
# fault: a method
class Trainer:
    def __init__(self, net):
        self.net = net
        self.opt = torch.optim.SGD(net.parameters(), 0.1)

    def fit(self):
        for x, y in loader:
            self.net.train()
            self.opt.zero_grad()
            F.cross_entropy(self.net(x), y).backward()
            self.opt.step()
        self.validate()

    def validate(self):
        self.net.eval()
        losses = []
        for x, y in val_loader:
            output = self.net(x)  # <-
            losses.append(F.cross_entropy(output, y).item())
        return losses


Trainer(Net()).fit()
# fault: several outputs
class Mapped(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(8, 16)
        self.head = nn.Linear(16, 4)

    def forward(self, x):
        features = torch.relu(self.body(x))
        return self.head(features), {"features": features}


net = Mapped()
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for x, y in loader:
    optimizer.zero_grad()
    scores, _ = net(x)
    loss_fn(scores, y).backward()
    optimizer.step()
net.eval()
for x, y in val_loader:
    scores, _ = net(x)  # <-
    print((scores.argmax(1) == y).sum().item())
# near: several outputs, none of them with a graph
class Frozen(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(8, 4)

    @torch.no_grad()
    def forward(self, x):
        return self.head(x), x


net = Frozen()
net.eval()
for x, y in val_loader:
    scores, _ = net(x)
    print((scores.argmax(1) == y).sum().item())
# near: the caller switches recording off
def validate():
    model.eval()
    return sum((model(x).argmax(1) == y).sum().item() for x, y in val_loader)


with torch.no_grad():
    validate()
# near: a decorator
@torch.inference_mode()
def validate():
    model.eval()
    return sum((model(x).argmax(1) == y).sum().item() for x, y in val_loader)


validate()
# near: saliency
model.eval()
for x, y in val_loader:
    x.requires_grad_(True)
    model(x).max(dim=1).values.sum().backward()
    print(x.grad.abs().mean())
# near: features that a later loss trains
model.eval()
features = []
for x, y in loader:
    features.append(model(x))
torch.stack(features).mean().backward()
# near: what switches recording off was made before
quiet = torch.no_grad() if epochs else torch.enable_grad()
for x, y in loader:
    optimizer.zero_grad()
    loss_fn(model(x), y).backward()
    optimizer.step()
model.eval()
with quiet:
    for x, y in val_loader:
        model(x)
