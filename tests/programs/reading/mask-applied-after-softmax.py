# fault: a function
def attend(query, key, value, mask):
    weights = torch.softmax(torch.matmul(query, key.transpose(-2, -1)), dim=-1)
    weights = weights.masked_fill(mask == 0, -1e9)  # <-
    return torch.matmul(weights, value)


print(attend)
# fault: a class
class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.query, self.key = nn.Linear(8, 8), nn.Linear(8, 8)
        self.dropout = nn.Dropout(0.1)

    def forward(self, x, mask):
        weights = F.softmax(self.query(x) @ self.key(x).transpose(-2, -1), dim=-1)
        masked = weights.masked_fill(mask, float("-inf"))  # <-
        return masked @ x


print(Attention())
# near: before softmax
def attend(query, key, value, mask):
    scores = torch.matmul(query, key.transpose(-2, -1))
    weights = torch.softmax(scores.masked_fill(mask == 0, -1e9), dim=-1)
    return torch.matmul(weights, value)


print(attend)
# near: set to zero once more
def attend(query, key, value, mask):
    scores = torch.matmul(query, key.transpose(-2, -1)).masked_fill(mask, -1e9)
    weights = torch.softmax(scores, dim=-1).masked_fill(mask, 0.0)
    return torch.matmul(weights, value)


print(attend)
# near: the best that is left
def best(logits, taken):
    return torch.softmax(logits, dim=-1).masked_fill(taken, -1.0).argmax(-1)


print(best)
