# fault: functional
judge = nn.Linear(8, 1)
opt = torch.optim.Adam(judge.parameters())
for x, y in loader:
    opt.zero_grad()
    loss = F.binary_cross_entropy(judge(x).squeeze(1), (y > 1).float())  # <-
    loss.backward()
    opt.step()
# fault: a class
class Judge(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.head = nn.Linear(8, 8), nn.Linear(8, 1)
        self.criterion = nn.BCELoss()

    def forward(self, x, y):
        score = self.head(torch.relu(self.body(x)))
        return self.criterion(score.squeeze(1), y)  # <-


judge = Judge()
opt = torch.optim.Adam(judge.parameters())
for x, y in loader:
    opt.zero_grad()
    judge(x, (y > 1).float()).backward()
    opt.step()
# near: sigmoid
judge = nn.Sequential(nn.Linear(8, 1), nn.Sigmoid())
opt = torch.optim.Adam(judge.parameters())
for x, y in loader:
    opt.zero_grad()
    F.binary_cross_entropy(judge(x).squeeze(1), (y > 1).float()).backward()
    opt.step()
# near: brought between 0 and 1 by hand
judge = nn.Linear(8, 1)
opt = torch.optim.Adam(judge.parameters())
for x, y in loader:
    opt.zero_grad()
    p = 1 / (1 + torch.exp(-judge(x).squeeze(1)))
    F.binary_cross_entropy(p, (y > 1).float()).backward()
    opt.step()
# near: softmax, one column
judge = nn.Linear(8, 2)
opt = torch.optim.Adam(judge.parameters())
for x, y in loader:
    opt.zero_grad()
    F.binary_cross_entropy(judge(x).softmax(dim=1)[:, 1], (y > 1).float()).backward()
    opt.step()
