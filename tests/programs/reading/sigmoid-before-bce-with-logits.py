# fault: a last layer
judge = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1), nn.Sigmoid())
opt = torch.optim.Adam(judge.parameters())
criterion = nn.BCEWithLogitsLoss()
for x, y in loader:
    opt.zero_grad()
    loss = criterion(judge(x).view(-1), (y > 1).float())  # <-
    loss.backward()
    opt.step()
# fault: a class whose loss is elsewhere
class Judge(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(8, 1)

    def forward(self, x):
        out = self.body(x)
        return torch.sigmoid(out)


class Trainer:
    def __init__(self, net):
        self.net = net
        self.opt = torch.optim.Adam(net.parameters())
        self.loss = nn.BCEWithLogitsLoss(pos_weight=torch.tensor(2.0))

    def step(self, x, y):
        self.opt.zero_grad()
        loss = self.loss(self.net(x).squeeze(1), y)  # <-
        loss.backward()
        self.opt.step()


trainer = Trainer(Judge())
for x, y in loader:
    trainer.step(x, (y > 1).float())
# near: sigmoid only for the accuracy
judge = nn.Linear(8, 1)
opt = torch.optim.Adam(judge.parameters())
for x, y in loader:
    out = judge(x).squeeze(1)
    opt.zero_grad()
    F.binary_cross_entropy_with_logits(out, (y > 1).float()).backward()
    opt.step()
    hits = (torch.sigmoid(out) > 0.5).float().mean().item()
# near: sigmoid inside the network
judge = nn.Sequential(nn.Linear(8, 16), nn.Sigmoid(), nn.Linear(16, 1))
opt = torch.optim.Adam(judge.parameters())
for x, y in loader:
    opt.zero_grad()
    F.binary_cross_entropy_with_logits(judge(x).squeeze(1), (y > 1).float()).backward()
    opt.step()
# near: sigmoid on the target
judge = nn.Linear(8, 1)
opt = torch.optim.Adam(judge.parameters())
for x, y in loader:
    opt.zero_grad()
    F.binary_cross_entropy_with_logits(judge(x).squeeze(1), torch.sigmoid(y.float())).backward()
    opt.step()
