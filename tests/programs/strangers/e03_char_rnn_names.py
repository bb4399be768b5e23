# NLP from scratch: classifying names with a character-level RNN
# following the classic tutorial, with a small list of names typed in by hand
import math
import random
import time
import unicodedata

import torch
import torch.nn as nn

NAMES = {
    "Italian": "Rossi Ferrari Esposito Bianchi Romano Colombo Ricci Marino Greco Bruno Gallo Conti DeLuca Mancini "
               "Costa Giordano Rizzo Lombardi Moretti Barbieri Fontana Santoro Mariani Rinaldi Caruso Ferrara Galli "
               "Martini Leone Longo Gentile Martinelli Vitale Lombardo Serra Coppola Marchetti Parisi Villa Conte "
               "Ferraro Ferri Fabbri Bianco Marini Grasso Valentini Messina Sala Gatti Pellegrini Palumbo Sanna Farina",
    "Japanese": "Sato Suzuki Takahashi Tanaka Watanabe Ito Yamamoto Nakamura Kobayashi Kato Yoshida Yamada Sasaki "
                "Yamaguchi Matsumoto Inoue Kimura Hayashi Shimizu Yamazaki Mori Abe Ikeda Hashimoto Ishikawa Ogawa "
                "Okada Hasegawa Fujita Goto Kondo Murakami Endo Aoki Sakamoto Saito Fukuda Ota Nishimura Fujii Kaneko "
                "Fujiwara Okamoto Nakajima Harada Takeuchi Matsuda Nakagawa Nakano Ono Tamura Shibata Kawasaki Miyazaki",
    "Russian": "Ivanov Smirnov Kuznetsov Popov Vasiliev Petrov Sokolov Mikhailov Novikov Fedorov Morozov Volkov "
               "Alekseev Lebedev Semenov Egorov Pavlov Kozlov Stepanov Nikolaev Orlov Andreev Makarov Nikitin "
               "Zakharov Zaitsev Soloviev Borisov Yakovlev Grigoriev Romanov Vorobiev Sergeev Kuzmin Frolov "
               "Alexandrov Dmitriev Korolev Gusev Kiselev Ilyin Maximov Polyakov Sorokin Vinogradov Kovalev Belov "
               "Medvedev Antonov Tarasov Zhukov Baranov Filippov Komarov",
    "Scottish": "Smith Brown Wilson Thomson Robertson Campbell Stewart Anderson MacDonald Scott Reid Murray Taylor "
                "Clark Mitchell Ross Walker Paterson Young Watson Morrison Miller Fraser Davidson Gray McDonald "
                "Henderson Hamilton Johnston Duncan Graham Ferguson Kerr Simpson Martin Cameron Hunter Bell Grant "
                "Mackenzie MacKay Allan Black MacLeod Sutherland Gordon Wallace Gibson Kennedy Marshall Russell Craig",
    "Greek": "Papadopoulos Vlahos Angelopoulos Nikolaidis Georgiou Dimitriou Papadakis Konstantinidis Ioannidis "
             "Oikonomou Makris Karagiannis Antoniou Alexopoulos Christodoulou Panagopoulos Theodorou Vasilopoulos "
             "Petridis Athanasiou Kostopoulos Michailidis Lamprou Samaras Kyriakidis Mitropoulos Pappas Giannopoulos "
             "Stavropoulos Anastasiadis Manolis Spyrou Raptis Dimopoulos Kalogeropoulos Charalampous Economidis "
             "Katsaros Zervas Galanis Fotopoulos Kontos Lykos Tsakiris Mavridis Savvidis Kanellopoulos Doukas Drakos",
}
letters = "abcdefghijklmnopqrstuvwxyz'"
n_letters = len(letters)

random.seed(7)
torch.manual_seed(7)


def clean(s):
    s = unicodedata.normalize("NFD", s.lower())
    return "".join(c for c in s if c in letters)


categories = list(NAMES)
train_lines, test_lines = {}, {}
for cat in categories:
    lines = sorted({clean(n) for n in NAMES[cat].split()})
    random.shuffle(lines)
    test_lines[cat], train_lines[cat] = lines[:12], lines[12:]


def line_to_tensor(line):
    t = torch.zeros(len(line), 1, n_letters)
    for i, c in enumerate(line):
        t[i][0][letters.index(c)] = 1
    return t


class RNN(nn.Module):
    def __init__(self, input_size, hidden_size, output_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.i2h = nn.Linear(input_size, hidden_size)
        self.h2h = nn.Linear(hidden_size, hidden_size)
        self.h2o = nn.Linear(hidden_size, output_size)
        self.softmax = nn.LogSoftmax(dim=1)

    def forward(self, x, hidden):
        hidden = torch.tanh(self.i2h(x) + self.h2h(hidden))
        return self.softmax(self.h2o(hidden)), hidden

    def init_hidden(self):
        return torch.zeros(1, self.hidden_size)


rnn = RNN(n_letters, 64, len(categories))
criterion = nn.NLLLoss()
learning_rate = 0.01


def train(category_tensor, line_tensor):
    hidden = rnn.init_hidden()
    rnn.zero_grad()
    for i in range(line_tensor.size(0)):
        output, hidden = rnn(line_tensor[i], hidden)
    loss = criterion(output, category_tensor)
    loss.backward()
    for p in rnn.parameters():
        p.data.add_(p.grad.data, alpha=-learning_rate)
    return output, loss.item()


def predict(line):
    with torch.no_grad():
        hidden = rnn.init_hidden()
        x = line_to_tensor(line)
        for i in range(x.size(0)):
            output, hidden = rnn(x[i], hidden)
    return output.argmax(1).item()


n_iters, print_every = 6000, 500
current_loss, right = 0.0, 0
start = time.time()
for it in range(1, n_iters + 1):
    c = random.randrange(len(categories))
    line = random.choice(train_lines[categories[c]])
    output, loss = train(torch.tensor([c]), line_to_tensor(line))
    current_loss += loss
    right += int(output.argmax(1).item() == c)
    if it % print_every == 0:
        s = time.time() - start
        print("%d %d%% (%dm %ds) loss %.4f  acc %.2f  last: %s / %s" % (
            it, it / n_iters * 100, math.floor(s / 60), s % 60, current_loss / print_every,
            right / print_every, line, categories[output.argmax(1).item()]))
        current_loss, right = 0.0, 0

total = hits = 0
for c, cat in enumerate(categories):
    ok = sum(predict(line) == c for line in test_lines[cat])
    print(f"{cat:10s} {ok}/{len(test_lines[cat])}")
    hits += ok
    total += len(test_lines[cat])
print(f"held-out accuracy: {hits / total:.3f}")
