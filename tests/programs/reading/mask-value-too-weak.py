# fault: the sign of the exponent
def attend(query, key, value, mask):
    scores = torch.matmul(query, key.transpose(-2, -1)) / 8
    scores = scores.masked_fill(mask == 0, 1e-9)  # <-
    return torch.matmul(torch.softmax(scores, dim=-1), value)


print(attend)
# fault: a class that fills with zero
class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.query, self.key = nn.Linear(8, 8), nn.Linear(8, 8)

    def forward(self, x, mask):
        scores = self.query(x) @ self.key(x).transpose(-2, -1)
        weights = F.softmax(scores.masked_fill(mask, 0), dim=-1)  # <-
        return weights @ x


print(Attention())
# near: far below
def attend(query, key, value, mask):
    scores = torch.matmul(query, key.transpose(-2, -1))
    scores = scores.masked_fill(mask == 0, -1e9)
    return torch.matmul(torch.softmax(scores, dim=-1), value)


print(attend)
# near: minus infinity
def attend(query, key, value, mask):
    scores = torch.matmul(query, key.transpose(-2, -1))
    return torch.softmax(scores.masked_fill(mask, float("-inf")), dim=-1) @ value


print(attend)
# near: no softmax follows
def pooled(states, mask):
    hidden = torch.relu(states)
    return hidden.masked_fill(mask, 0).sum(1)


print(pooled)
# near: the number of the type
def attend(query, key, mask):
    scores = torch.matmul(query, key)
    return scores.masked_fill(mask, torch.finfo(scores.dtype).min).softmax(-1)


print(attend)
