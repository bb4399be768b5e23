# fault: scalers of scikit-learn
import numpy as np
import pandas as pd
from sklearn.decomposition import PCA
from sklearn.model_selection import KFold, train_test_split
from sklearn.preprocessing import MinMaxScaler, StandardScaler

table = pd.read_csv("table.csv")
x, y = table.drop("label", axis=1).values, table["label"].values
scaler = StandardScaler()
x = scaler.fit_transform(x)  # <-
x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=0.2)


def folds(x, y):
    reduced = PCA(8).fit_transform(x)  # <-
    for fold, (train, held) in enumerate(KFold(5).split(reduced)):
        print(fold, y[train].mean(), y[held].mean())


def series(path, steps):
    prices = pd.read_csv(path)[["close"]].values
    scaler = MinMaxScaler()
    scaled = scaler.fit_transform(prices.reshape(-1, 1))  # <-
    windows = np.array([scaled[i : i + steps] for i in range(len(scaled) - steps)])
    bound = int(len(windows) * 0.8)
    x_train = torch.tensor(windows[:bound, :-1])
    x_test = torch.tensor(windows[bound:, :-1])
    return x_train, x_test, scaler


def columns(table):
    numeric = StandardScaler()
    columns = ["a", "b"]
    table[columns] = numeric.fit_transform(table[columns])  # <-
    return train_test_split(table)


def late(x, y):
    x_train, x_test, y_train, y_test = train_test_split(x, y)
    scaler = StandardScaler().fit(x_train)
    scaler = StandardScaler()
    scaler.fit(x)  # <-
    return scaler.transform(x_train), scaler.transform(x_test)
# fault: by hand, in a class
from torch.utils.data import random_split


class Data:
    def __init__(self, path):
        self.path = path

    def parts(self):
        x, y = torch.load(self.path)
        mean = x.mean(dim=0, keepdim=True)
        x = (x - mean) / (x.std(0) + 1e-6)  # <-
        return random_split(TensorDataset(x, y), [0.8, 0.2])

    def ends(self):
        values = torch.load(self.path)
        low, high = values.min(), values.max()
        values = (values - low) / (high - low)  # <-
        train, test = values[:1000], values[1000:]
        return train, test


train_set, test_set = Data("x.pt").parts()
# near: fitted on the training part
import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import MinMaxScaler, StandardScaler

table = pd.read_csv("table.csv")
x, y = table.drop("label", axis=1).values, table["label"].values
x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=0.2)
scaler = StandardScaler()
x_train = scaler.fit_transform(x_train)
x_test = scaler.transform(x_test)


def series(path, bound):
    values = pd.read_csv(path).values
    scaler = MinMaxScaler()
    train_part = values[:bound]
    scaler.fit(train_part)
    values = scaler.transform(values)
    x_train, x_test = values[:bound], values[bound:]
    return x_train, x_test


def first_rows(x, bound):
    scaler = StandardScaler()
    scaler.fit(x[:bound])
    x = scaler.transform(x)
    return train_test_split(x)
# near: encoders, constants, and samples by themselves
import numpy as np
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import LabelEncoder, Normalizer, OneHotEncoder


def prepare(x, labels):
    labels = LabelEncoder().fit_transform(labels)
    codes = OneHotEncoder().fit_transform(labels.reshape(-1, 1))
    x = Normalizer().fit_transform(x) / 255.0
    x = (x - 0.1307) / 0.3081
    x = (x - x.mean(axis=1, keepdims=True)) / x.std(axis=1, keepdims=True)
    x = x - x.mean(-1, keepdims=True)
    x = x / x.max()
    return train_test_split(x, labels), train_test_split(codes, labels)
# near: the test data come from elsewhere
import pandas as pd
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

x, y = pd.read_csv("a.csv").values, pd.read_csv("b.csv").values
x_test = pd.read_csv("c.csv").values
scaler = StandardScaler()
x = scaler.fit_transform(x)
x_test = scaler.transform(x_test)
x_fit, x_val, y_fit, y_val = train_test_split(x, y)
# near: nothing is held out, or other things are split
import numpy as np
from sklearn.preprocessing import StandardScaler


def whole(x):
    x = StandardScaler().fit_transform(x)
    return TensorDataset(torch.tensor(x))


def advantages(values, size):
    values = (values - values.mean()) / values.std()
    for part in values.split(size):
        print(part)
    for one, other in torch.split(values, 2):
        print(one, other)
    first, last = values[:size], values[size:]
    return first, last
# near: sizes of what was scaled, and other data
import numpy as np
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler


def other(x, y, z):
    scaled = StandardScaler().fit_transform(x)
    count = int(len(scaled) * 0.8)
    width = scaled.shape[1]
    train, test = z[:count], z[count:]
    scaled = np.zeros(width)
    return train_test_split(scaled, y), train, test
