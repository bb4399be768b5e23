# fault: a head for ten classes, where there are a hundred
from torchvision import datasets, transforms

pictures = datasets.CIFAR100("data", train=True, transform=transforms.ToTensor())
batches = DataLoader(pictures, batch_size=64, shuffle=True)
net = nn.Sequential(nn.Flatten(), nn.Linear(3072, 128), nn.ReLU(), nn.Linear(128, 10))
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for x, y in batches:
    optimizer.zero_grad()
    loss_fn(net(x), y).backward()  # <-
    optimizer.step()
# fault: the digits of scikit-learn, in a class
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split


class Reader(nn.Module):
    def __init__(self, width, classes):
        super().__init__()
        self.body = nn.Linear(width, 64)
        self.head = nn.Linear(64, classes)

    def forward(self, x):
        return self.head(torch.relu(self.body(x)))


digits = load_digits()
x_train, x_test, y_train, y_test = train_test_split(digits.data, digits.target)
inputs, labels = torch.tensor(x_train).float(), torch.tensor(y_train).long()
reader = Reader(64, 9)
optimizer = torch.optim.Adam(reader.parameters())
for epoch in range(epochs):
    optimizer.zero_grad()
    scores = reader(inputs)
    loss = F.cross_entropy(scores, labels)  # <-
    loss.backward()
    optimizer.step()
# near: a column for each class
from torchvision import datasets

pictures = datasets.MNIST("data")
net = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for number, (x, y) in enumerate(DataLoader(pictures, batch_size=64, shuffle=True)):
    optimizer.zero_grad()
    loss_fn(net(x), y).backward()
    optimizer.step()
# near: one more, for none of them
from torchvision import datasets

pictures = datasets.MNIST("data")
net = nn.Sequential(nn.Flatten(), nn.Linear(784, 11))
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for x, y in DataLoader(pictures, batch_size=64, shuffle=True):
    optimizer.zero_grad()
    loss_fn(net(x), y).backward()
    optimizer.step()
# near: classes that were counted anew
from torchvision import datasets

pictures = datasets.CIFAR100("data")
net = nn.Sequential(nn.Flatten(), nn.Linear(3072, 20))
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for x, y in DataLoader(pictures, batch_size=64, shuffle=True):
    y = y // 5
    optimizer.zero_grad()
    loss_fn(net(x), y).backward()
    optimizer.step()
# near: only some of the classes
from torchvision import datasets

pictures = datasets.MNIST("data")
chosen = pictures.targets < 5
pictures.data, pictures.targets = pictures.data[chosen], pictures.targets[chosen]
net = nn.Sequential(nn.Flatten(), nn.Linear(784, 5))
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for x, y in DataLoader(pictures, batch_size=64, shuffle=True):
    optimizer.zero_grad()
    loss_fn(net(x), y).backward()
    optimizer.step()
# near: even or odd
from torchvision import datasets

pictures = datasets.MNIST("data", target_transform=lambda y: y % 2)
net = nn.Sequential(nn.Flatten(), nn.Linear(784, 2))
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for x, y in DataLoader(pictures, batch_size=64, shuffle=True):
    optimizer.zero_grad()
    loss_fn(net(x), y).backward()
    optimizer.step()
