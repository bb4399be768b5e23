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
