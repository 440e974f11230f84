"""Trains the reading model. Run: make model (or python -m training.train OUT.pt --stage general, then --stage bank --start ...)

Stage one reads what people labelled on other subjects, with rule-made hard examples; stage two adds the rubrics of the
training questions. Seeds are fixed; torch on several threads leaves a noise in the last digits.
"""

from __future__ import annotations

import argparse
import math
import random
import time
from collections import defaultdict
from pathlib import Path

import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional

from evaluator.minilm import find_model
from training.model import Reader
from training.pairs import UNKNOWN, Pair, bank_pairs, exam_pairs, general_pairs

SEED, MOST_TOKENS, BATCH_TOKENS = 20, 112, 2_560
STAGES = {"general": (1.0e-4, 4.0e-5), "bank": (7.0e-5, 0.0)}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("--stage", choices=("general", "bank"), required=True)
    parser.add_argument("--start", type=Path)
    parser.add_argument("--epochs", type=float, default=1.0)
    parser.add_argument("--replay", type=float, default=0.25, help="share of the general pairs read again in stage two")
    arguments = parser.parse_args()
    torch.manual_seed(SEED)
    torch.set_num_threads(2)
    rng = random.Random(SEED if arguments.stage == "general" else SEED + 1)
    model = Reader()
    tokenizer = Tokenizer.from_file(str(find_model() / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(MOST_TOKENS, strategy="longest_first")
    if arguments.start:
        model.load_state_dict(torch.load(arguments.start))
    else:
        model.start_from(load_file(find_model() / "model.safetensors"))
    pairs = general_pairs(rng)
    if arguments.stage == "bank":
        pairs = rng.sample(pairs, int(arguments.replay * len(pairs))) + bank_pairs(rng) + 2 * exam_pairs()
    run(model, tokenizer, pairs, arguments.epochs, STAGES[arguments.stage], rng, arguments.out)


def run(
    model: Reader,
    tokenizer: Tokenizer,
    pairs: list[Pair],
    epochs: float,
    rates: tuple[float, float],
    rng: random.Random,
    out: Path,
) -> None:
    counts: dict[str, int] = defaultdict(int)
    for pair in pairs:
        counts[pair.source] += 1
    print(len(pairs), dict(counts), flush=True)
    encodings = tokenizer.encode_batch([(pair.point, pair.text) for pair in pairs])
    batches = [batch for _ in range(math.ceil(epochs)) for batch in _batches(encodings, rng)]
    batches = batches[: int(len(batches) * epochs / math.ceil(epochs))]
    head = [*model.hidden.parameters(), *model.last.parameters()]
    inside = {id(parameter) for parameter in head}
    body = [p for p in model.parameters() if p.requires_grad and id(p) not in inside]
    optimiser = torch.optim.AdamW([{"params": body}, {"params": head}], weight_decay=0.01, betas=(0.9, 0.98))
    began, lost = time.monotonic(), 0.0
    for step, batch in enumerate(batches):
        share = step / len(batches)
        rate = (rates[1] + (rates[0] - rates[1]) * (1 - share)) * min(1.0, (step + 1) / 100)
        optimiser.param_groups[0]["lr"], optimiser.param_groups[1]["lr"] = rate, 4 * rate
        logits = model(*collate([encodings[at] for at in batch]))
        loss = _loss(logits, [pairs[at] for at in batch])
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        lost = 0.98 * lost + 0.02 * loss.item() if step else loss.item()
        if step % 100 == 99:
            spent = (time.monotonic() - began) / 60
            print(
                f"{step + 1}/{len(batches)} loss {lost:.4f} {spent:.1f} min of {spent * len(batches) / (step + 1):.1f}",
                flush=True,
            )
        if step % 500 == 499:
            torch.save(model.state_dict(), out)
    torch.save(model.state_dict(), out)


def collate(encodings: list) -> tuple[Tensor, Tensor, Tensor]:
    longest = max(len(encoding.ids) for encoding in encodings)
    ids, sides, seen = (torch.zeros(len(encodings), longest, dtype=torch.long) for _ in range(3))
    for row, encoding in enumerate(encodings):
        size = len(encoding.ids)
        ids[row, :size] = torch.tensor(encoding.ids)
        sides[row, :size] = torch.tensor(encoding.type_ids)
        seen[row, :size] = 1
    return ids, sides, seen


def _loss(logits: Tensor, pairs: list[Pair]) -> Tensor:
    wanted = torch.tensor([[pair.expressed, pair.contradicted] for pair in pairs])
    known = (wanted != UNKNOWN).float()
    losses = functional.binary_cross_entropy_with_logits(logits, wanted.clamp(min=0.0), reduction="none")
    return (losses * known).sum() / known.sum()


def _batches(encodings: list, rng: random.Random) -> list[list[int]]:
    """Texts of like length together, batches in random order."""
    order = sorted(range(len(encodings)), key=lambda at: len(encodings[at].ids) + rng.uniform(-3, 3))
    batches: list[list[int]] = []
    for at in order:
        if not batches or (len(batches[-1]) + 1) * (len(encodings[at].ids) + 3) > BATCH_TOKENS:
            batches.append([])
        batches[-1].append(at)
    rng.shuffle(batches)
    return batches


if __name__ == "__main__":
    main()
