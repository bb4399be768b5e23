# fault: the whole shape of a feature map
class Up(nn.Module):
    def __init__(self):
        super().__init__()
        self.low = nn.Conv2d(3, 8, 3, stride=2)
        self.high = nn.Conv2d(3, 8, 1)

    def forward(self, x):
        high = self.high(x)
        return high + F.interpolate(self.low(x), size=high.shape, mode="bilinear")  # <-


print(Up())
# fault: channels are left in
body = nn.Conv2d(3, 8, 3)
for x, y in loader:
    features = body(x)
    print(F.interpolate(features, features.size()[1:]).shape)  # <-
# near: height and width
class Up(nn.Module):
    def __init__(self):
        super().__init__()
        self.low = nn.Conv2d(3, 8, 3, stride=2)
        self.high = nn.Conv2d(3, 8, 1)

    def forward(self, x):
        high = self.high(x)
        return high + F.interpolate(self.low(x), size=high.shape[-2:]) + F.interpolate(x, high.size()[2:])


print(Up())
# near: the shape of an array
def resized(image, mask):
    return F.interpolate(image, size=mask.shape)


print(resized)
# near: two numbers of it
body = nn.Conv2d(3, 8, 3)
for x, y in loader:
    features = body(x)
    print(F.interpolate(x, size=(features.shape[2], features.shape[3])))
# near: a scale
for x, y in loader:
    print(F.interpolate(x, scale_factor=2))
