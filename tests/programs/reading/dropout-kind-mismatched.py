# fault: behind a linear layer
net = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Dropout2d(0.5), nn.Linear(32, 4))  # <-
print(net)
# fault: a head behind convolutions
class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Sequential(
            nn.Conv2d(3, 8, 3),
            nn.ReLU(),
            nn.Flatten(),
            nn.Dropout2d(),  # <-
            nn.Linear(32, 4),
        )

    def forward(self, x):
        return self.head(x)


print(Classifier())
# near: behind a convolution
net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Dropout2d(0.5), nn.Flatten(), nn.Linear(32, 4))
print(net)
# near: a picture again
net = nn.Sequential(nn.Linear(8, 64), nn.Unflatten(1, (4, 4, 4)), nn.Dropout2d(), nn.Conv2d(4, 1, 1))
print(net)
# near: plain dropout
net = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Dropout(0.5), nn.Linear(32, 4))
print(net)
# near: what comes before is not known
net = nn.Sequential(Net(), nn.Dropout2d(0.5))
print(net)
