# fault: distillation that forgets to detach
teacher = Net()
for x, y in loader:
    optimizer.zero_grad()
    loss = F.cross_entropy(model(x), F.softmax(teacher(x), dim=1))  # <-
    loss.backward()
    optimizer.step()
# fault: a class whose target is its own score
class Pair(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.judge = nn.Linear(8, 1), nn.Linear(8, 1)

    def forward(self, x):
        wanted = torch.sigmoid(self.judge(x))
        return F.binary_cross_entropy_with_logits(self.body(x), wanted)  # <-


pair = Pair()
opt = torch.optim.SGD(pair.parameters(), 0.1)
for x, y in loader:
    opt.zero_grad()
    pair(x).backward()
    opt.step()
# near: under no_grad
teacher = Net()
for x, y in loader:
    with torch.no_grad():
        target = F.softmax(teacher(x), dim=1)
    optimizer.zero_grad()
    F.cross_entropy(model(x), target).backward()
    optimizer.step()
# near: detached
teacher = Net()
for x, y in loader:
    optimizer.zero_grad()
    F.cross_entropy(model(x), F.softmax(teacher(x), dim=1).detach()).backward()
    optimizer.step()
# near: frozen
teacher = Net()
for p in teacher.parameters():
    p.requires_grad = False
for x, y in loader:
    optimizer.zero_grad()
    F.cross_entropy(model(x), F.softmax(teacher(x), dim=1)).backward()
    optimizer.step()
# near: a distance between two that are both trained
other = Net()
both = torch.optim.SGD([*model.parameters(), *other.parameters()], lr=0.1)
for x, y in loader:
    both.zero_grad()
    F.mse_loss(model(x), other(x)).backward()
    both.step()
# near: labels
for x, y in loader:
    optimizer.zero_grad()
    F.cross_entropy(model(x), y).backward()
    optimizer.step()
