# fault: eps for momentum
body = nn.BatchNorm2d(16, 0.8)  # <-
# fault: the other convention, in a class
class Block(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.norm = nn.BatchNorm1d(channels, momentum=0.99)  # <-

    def forward(self, x):
        return self.norm(x)


block = Block(8)
# near: usual values
body = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16, eps=1e-3, momentum=0.01), nn.ReLU(), nn.Linear(16, 4))
# near: positions in their order
body = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16, 1e-5, 0.1), nn.ReLU(), nn.Linear(16, 4))
# near: the last batch on purpose
body = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16, momentum=1.0), nn.ReLU(), nn.Linear(16, 4))
# near: values from elsewhere
body = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16, settings.eps), nn.ReLU(), nn.Linear(16, 4))
