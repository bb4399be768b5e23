# ML course, homework 3
# Task: 5-fold cross-validation of a neural network on the diabetes data, compare with ridge regression.
import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge
from sklearn.metrics import mean_absolute_error, r2_score
from sklearn.model_selection import KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

SEED = 42
np.random.seed(SEED)
torch.manual_seed(SEED)

X, y = load_diabetes(return_X_y=True, scaled=False)
print("data:", X.shape, "target between", y.min(), "and", y.max())


class Net(nn.Module):
    def __init__(self, n_features):
        super(Net, self).__init__()
        self.fc1 = nn.Linear(n_features, 64)
        self.fc2 = nn.Linear(64, 32)
        self.fc3 = nn.Linear(32, 1)
        self.dropout = nn.Dropout(0.1)

    def forward(self, x):
        x = torch.relu(self.fc1(x))
        x = self.dropout(x)
        x = torch.relu(self.fc2(x))
        return self.fc3(x)


def train_one_epoch(model, optimizer, criterion, X_train, y_train, batch_size=32):
    model.train()
    perm = torch.randperm(len(X_train))
    total_loss = 0
    for i in range(0, len(perm), batch_size):
        idx = perm[i:i + batch_size]
        optimizer.zero_grad()
        output = model(X_train[idx])
        loss = criterion(output, y_train[idx])
        loss.backward()
        optimizer.step()
        total_loss += loss.item() * len(idx)
    return total_loss / len(perm)


def predict(model, X_test):
    model.eval()
    with torch.no_grad():
        return model(X_test)


# ---------------------------------------------------------------- part (a): ridge regression
kf = KFold(n_splits=5, shuffle=True, random_state=SEED)
ridge_r2, ridge_mae = [], []
for train_idx, test_idx in kf.split(X):
    ridge = make_pipeline(StandardScaler(), Ridge(alpha=1.0))
    ridge.fit(X[train_idx], y[train_idx])
    pred = ridge.predict(X[test_idx])
    ridge_r2.append(r2_score(y[test_idx], pred))
    ridge_mae.append(mean_absolute_error(y[test_idx], pred))
print("ridge:  R2 %.3f +- %.3f   MAE %.1f" % (np.mean(ridge_r2), np.std(ridge_r2), np.mean(ridge_mae)))

# ---------------------------------------------------------------- part (b): neural network
EPOCHS = 60
LR = 0.002

model = Net(X.shape[1])
criterion = nn.MSELoss()
print("network with", sum(p.numel() for p in model.parameters()), "parameters")

net_r2, net_mae = [], []
for fold, (train_idx, test_idx) in enumerate(kf.split(X)):
    # scale inputs and target with the statistics of the training folds
    x_scaler = StandardScaler().fit(X[train_idx])
    y_mean, y_std = y[train_idx].mean(), y[train_idx].std()

    X_train = torch.tensor(x_scaler.transform(X[train_idx]), dtype=torch.float32)
    X_test = torch.tensor(x_scaler.transform(X[test_idx]), dtype=torch.float32)
    y_train = torch.tensor((y[train_idx] - y_mean) / y_std, dtype=torch.float32).unsqueeze(1)

    optimizer = torch.optim.Adam(model.parameters(), lr=LR, weight_decay=1e-3)

    for epoch in range(EPOCHS):
        loss = train_one_epoch(model, optimizer, criterion, X_train, y_train)
        if (epoch + 1) % 20 == 0:
            print("  fold %d epoch %2d train loss %.4f" % (fold + 1, epoch + 1, loss))

    pred = predict(model, X_test).squeeze(1).numpy() * y_std + y_mean
    net_r2.append(r2_score(y[test_idx], pred))
    net_mae.append(mean_absolute_error(y[test_idx], pred))
    print("fold %d: R2 %.3f  MAE %.1f" % (fold + 1, net_r2[-1], net_mae[-1]))

print("network: R2 %.3f +- %.3f   MAE %.1f" % (np.mean(net_r2), np.std(net_r2), np.mean(net_mae)))

# ---------------------------------------------------------------- part (c): which one would you use?
if np.mean(net_r2) > np.mean(ridge_r2):
    print("=> the network is better by %.3f in R2" % (np.mean(net_r2) - np.mean(ridge_r2)))
else:
    print("=> ridge is better by %.3f in R2" % (np.mean(ridge_r2) - np.mean(net_r2)))
