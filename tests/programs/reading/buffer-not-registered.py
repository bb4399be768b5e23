# fault: positions
class Positions(nn.Module):
    def __init__(self, width, longest):
        super().__init__()
        position = torch.arange(longest).unsqueeze(1)
        table = torch.zeros(longest, width)
        table[:, 0::2] = torch.sin(position / 100)
        self.table = table.unsqueeze(0)  # <-
        self.body = nn.Linear(width, width)

    def forward(self, x):
        return self.body(x) + self.table[:, : x.size(1)]


net = Positions(8, 64).cuda()
# fault: a mask and a kernel that helper methods use
class Attention(nn.Module):
    def __init__(self, longest=16):
        super().__init__()
        self.query = nn.Linear(8, 8)
        self.mask = torch.tril(torch.ones(longest, longest))  # <-
        self.kernel = torch.tensor([[1.0, 2.0, 1.0]])[None]  # <-
        self.scale = nn.Parameter(torch.ones(8))
        self.rates = torch.linspace(0.1, 1, 8)  # <-

    def forward(self, x, mask=None):
        q = self.query(x)
        scores = q @ q.transpose(-2, -1)
        shape = x.size(1)
        causal = self.mask[:shape, :shape]
        scores = scores.masked_fill(causal == 0, float("-inf"))
        return self.smoothed(scores.softmax(-1) @ x)

    def smoothed(self, x: torch.Tensor):
        return F.conv1d(x.transpose(1, 2), weight=self.kernel) * (self.scale * self.rates).sum()


net = Attention()
net.to("cuda")
# fault: times that are looked up
class Noise(nn.Module):
    def __init__(self, steps: int):
        super().__init__()
        betas = torch.linspace(1e-4, 0.02, steps)
        alphas = torch.cumprod(1 - betas, dim=0)
        self.net = Net()
        self.alphas = alphas  # <-

    def forward(self, x, t):
        return self.net(x) * self.alphas[t]


Noise(10).to("cuda")
# near: a buffer
class Positions(nn.Module):
    def __init__(self, width, longest):
        super().__init__()
        self.register_buffer("table", torch.zeros(1, longest, width), persistent=False)
        self.other = nn.Buffer(torch.zeros(longest))
        self.learned = nn.Parameter(torch.zeros(1, longest, width))

    def forward(self, x):
        return x + self.table[:, : x.size(1)] + self.learned * self.other


Positions(8, 64).cuda()
# near: moved where it is used
class Positions(nn.Module):
    def __init__(self, width, longest):
        super().__init__()
        self.table = torch.zeros(1, longest, width)
        self.mask = torch.tril(torch.ones(longest, longest))
        self.weights = torch.ones(longest)
        self.kernel = torch.ones(1, 1, 3)

    def forward(self, x):
        mask = self.mask[: x.size(1)].bool()
        mask = mask.to(x.device)
        kernel = self.kernel.type_as(x)
        table = (self.table * self.weights[:, None]).to(x)
        return F.conv1d(x + table[:, : x.size(1)], kernel).masked_fill(mask, 0.0)


Positions(8, 64).cuda()
# near: made on its device, or by the one who moves everything
class Fixed(nn.Module):
    def __init__(self, device):
        super().__init__()
        self.table = torch.zeros(8, device=device)
        self.other = torch.ones(8).to(device)

    def forward(self, x):
        return x * self.table + self.other


class Moving(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = torch.zeros(8)

    def _apply(self, function):
        self.table = function(self.table)
        return super()._apply(function)

    def forward(self, x):
        return x * self.table


nn.Sequential(Fixed("cuda"), Moving()).cuda()
# near: numbers, sizes and indices
class Counted(nn.Module):
    def __init__(self):
        super().__init__()
        self.eps = torch.tensor(1e-5)
        self.order = torch.randperm(8)
        self.shape = torch.zeros(3, 4).shape
        self.rates = torch.linspace(0, 1, 4)
        self.mean = torch.ones(4).mean()
        self.anchors = [1.0, 2.0]

    def forward(self, x, scale=2.0):
        for rate in self.rates.tolist():
            x = x * rate
        return x[:, self.order] / (self.eps + self.mean) * self.shape[0] + self.anchors[0]


Counted().cuda()
# near: replaced at every call, or from outside
class Kept(nn.Module):
    def __init__(self):
        super().__init__()
        self.state = torch.zeros(1, 8)
        self.table = torch.zeros(1, 8)

    def forward(self, x):
        self.state = torch.zeros_like(x)
        return x + self.state + self.table


kept = Kept().cuda()
kept.table = kept.table.cuda()
# near: no module
class Scaler:
    def __init__(self):
        self.mean = torch.zeros(8)

    def __call__(self, x):
        return x - self.mean


class Images(torch.utils.data.Dataset):
    def __init__(self):
        self.x = torch.randn(10, 8)

    def __getitem__(self, index):
        return self.x[index] * 2


model.cuda()
# near: handed on to somebody who may move it, or never in an operation
class Handed(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = torch.zeros(1, 8)
        self.notes = torch.zeros(3)
        self.cell = Net()

    def forward(self, x):
        print(self.notes.sum())
        return self.cell(x) + lookup(self.table, x)

    def initial(self, batch):
        return self.table.expand(batch, -1)


Handed().cuda()
