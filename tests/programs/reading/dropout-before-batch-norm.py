# fault: a Sequential
body = nn.Sequential(nn.Linear(8, 8), nn.Dropout(0.1), nn.BatchNorm1d(8))  # <-
# fault: a class
class Block(nn.Module):
    def __init__(self, channels):
        super().__init__()
        norm = nn.BatchNorm2d(channels)  # <-
        self.body = nn.Sequential(nn.Conv2d(3, channels, 3), nn.Dropout2d(0.2), norm, nn.ReLU())

    def forward(self, x):
        return self.body(x)


block = Block(4)
# near: the other way round
body = nn.Sequential(nn.Linear(8, 8), nn.BatchNorm1d(8), nn.Dropout(0.1))
# near: weights in between
body = nn.Sequential(nn.Dropout(0.1), nn.Linear(8, 8), nn.BatchNorm1d(8))
# near: another norm
body = nn.Sequential(nn.Dropout(0.1), nn.LayerNorm(8))
