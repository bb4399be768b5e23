"""Which opinion does a sentence hold? A small BERT from scratch with the Trainer of transformers, evaluated every epoch."""

import random

import numpy as np
from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers
from torch.utils.data import Dataset
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    DataCollatorWithPadding,
    PreTrainedTokenizerFast,
    Trainer,
    TrainingArguments,
    set_seed,
)

GOOD = ["wonderful", "delightful", "clever", "moving", "superb", "fresh"]
BAD = ["boring", "clumsy", "dull", "shallow", "awful", "stale"]
THINGS = ["plot", "acting", "music", "camera", "dialogue", "ending"]
FRAMES = [
    "the {thing} was {word}",
    "i found the {thing} rather {word}",
    "what a {word} {thing} this film has",
    "critics said little , but the {thing} is {word} and the {other} is long",
    "{word} , that is all i can say about the {thing}",
]


def sentence(rng):
    label = rng.randrange(2)
    words = {"word": rng.choice([BAD, GOOD][label]), "thing": rng.choice(THINGS), "other": rng.choice(THINGS)}
    return rng.choice(FRAMES).format(**words), label


def build_tokenizer(texts):
    tokenizer = Tokenizer(models.WordLevel(unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    tokenizer.train_from_iterator(texts, trainers.WordLevelTrainer(special_tokens=special))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]"
    )


class Reviews(Dataset):
    def __init__(self, pairs, tokenizer):
        self.encodings = tokenizer([text for text, _ in pairs], truncation=True, max_length=32)
        self.labels = [label for _, label in pairs]

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        return {
            "input_ids": self.encodings["input_ids"][index],
            "attention_mask": self.encodings["attention_mask"][index],
            "labels": self.labels[index],
        }


def compute_metrics(eval_pred):
    logits, labels = eval_pred
    predictions = np.argmax(logits, axis=-1)
    return {"accuracy": float((predictions == labels).mean())}


def main():
    set_seed(0)
    rng = random.Random(0)
    pairs = [sentence(rng) for _ in range(640)]
    tokenizer = build_tokenizer([text for text, _ in pairs])
    config = BertConfig(
        vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64,
        max_position_embeddings=32, num_labels=2, pad_token_id=tokenizer.pad_token_id,
    )
    model = BertForSequenceClassification(config)
    args = TrainingArguments(
        output_dir="out",
        eval_strategy="epoch",
        save_strategy="no",
        logging_steps=16,
        learning_rate=2e-3,
        warmup_steps=8,
        weight_decay=0.01,
        num_train_epochs=8,
        per_device_train_batch_size=16,
        per_device_eval_batch_size=64,
        report_to="none",
        use_cpu=True,
    )
    trainer = Trainer(
        model=model,
        args=args,
        train_dataset=Reviews(pairs[:512], tokenizer),
        eval_dataset=Reviews(pairs[512:], tokenizer),
        processing_class=tokenizer,
        data_collator=DataCollatorWithPadding(tokenizer),
        compute_metrics=compute_metrics,
    )
    trainer.train()
    print(f"accuracy {trainer.evaluate()['eval_accuracy']:.3f}")


if __name__ == "__main__":
    main()
