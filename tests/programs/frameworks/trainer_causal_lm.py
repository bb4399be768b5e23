"""A GPT-2 of two layers learns arithmetic sentences from scratch, with the Trainer, accumulation and a cosine schedule."""

import math
import random

from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import (
    DataCollatorForLanguageModeling,
    GPT2Config,
    GPT2LMHeadModel,
    PreTrainedTokenizerFast,
    Trainer,
    TrainingArguments,
    set_seed,
)

NAMES = "zero one two three four five six seven eight nine ten eleven twelve".split()


def sentence(rng):
    a, b = rng.randrange(7), rng.randrange(6)
    return rng.choice(
        [
            f"{NAMES[a]} plus {NAMES[b]} is {NAMES[a + b]}",
            f"{NAMES[max(a, b)]} minus {NAMES[min(a, b)]} leaves {NAMES[abs(a - b)]} behind",
            f"between {NAMES[a]} and {NAMES[b]} the larger is {NAMES[max(a, b)]}",
        ]
    )


def build_tokenizer(texts):
    tokenizer = Tokenizer(models.WordLevel(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.train_from_iterator(texts, trainers.WordLevelTrainer(special_tokens=["<pad>", "<unk>", "<eos>"]))
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", unk_token="<unk>", eos_token="<eos>"
    )


def main():
    set_seed(0)
    rng = random.Random(1)
    texts = [sentence(rng) for _ in range(1000)]
    tokenizer = build_tokenizer(texts)

    def tokenize(text):
        return tokenizer(text + " <eos>", truncation=True, max_length=16)

    encoded = [tokenize(text) for text in texts]
    model = GPT2LMHeadModel(
        GPT2Config(
            vocab_size=len(tokenizer), n_positions=16, n_embd=32, n_layer=2, n_head=2,
            bos_token_id=tokenizer.eos_token_id, eos_token_id=tokenizer.eos_token_id,
        )
    )
    trainer = Trainer(
        model=model,
        args=TrainingArguments(
            output_dir="out-lm",
            eval_strategy="steps",
            eval_steps=30,
            save_strategy="no",
            learning_rate=5e-3,
            lr_scheduler_type="cosine",
            warmup_steps=10,
            gradient_accumulation_steps=2,
            per_device_train_batch_size=16,
            per_device_eval_batch_size=50,
            num_train_epochs=8,
            logging_steps=10,
            report_to="none",
            use_cpu=True,
        ),
        train_dataset=encoded[:900],
        eval_dataset=encoded[900:],
        data_collator=DataCollatorForLanguageModeling(tokenizer, mlm=False),
    )
    trainer.train()
    print(f"perplexity {math.exp(trainer.evaluate()['eval_loss']):.2f}")


if __name__ == "__main__":
    main()
