"""The reading model in torch: all-MiniLM-L6-v2 reads a point and a text together and says expressed and contradicted.

Two logits from one hidden layer over the first token, the mean of the point's tokens, the mean of the text's, their
product and their distance: so the model starts from the similarity that MiniLM knows and learns what that misses.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

SIZE, HEADS, INNER, LAYERS, HIDDEN = 384, 12, 1536, 6, 256


class Layer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.qkv = nn.Linear(SIZE, 3 * SIZE)
        self.out = nn.Linear(SIZE, SIZE)
        self.norm1 = nn.LayerNorm(SIZE, eps=1e-12)
        self.up = nn.Linear(SIZE, INNER)
        self.down = nn.Linear(INNER, SIZE)
        self.norm2 = nn.LayerNorm(SIZE, eps=1e-12)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """x (batch, tokens, 384); mask (batch, 1, 1, tokens) added to the attention's scores."""
        batch, tokens, _ = x.shape
        q, k, v = self.qkv(x).view(batch, tokens, 3, HEADS, SIZE // HEADS).permute(2, 0, 3, 1, 4)
        seen = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        x = self.norm1(x + self.out(seen.transpose(1, 2).reshape(batch, tokens, SIZE)))
        return self.norm2(x + self.down(functional.gelu(self.up(x))))


class Reader(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(30_522, SIZE)
        self.positions = nn.Embedding(512, SIZE)
        self.sides = nn.Embedding(2, SIZE)
        self.norm = nn.LayerNorm(SIZE, eps=1e-12)
        self.layers = nn.ModuleList(Layer() for _ in range(LAYERS))
        self.hidden = nn.Linear(5 * SIZE, HIDDEN)
        self.last = nn.Linear(HIDDEN, 2)
        self.drop = nn.Dropout(0.1)
        self.words.weight.requires_grad_(False)

    def forward(self, ids: Tensor, sides: Tensor, seen: Tensor) -> Tensor:
        """ids, sides (0 point, 1 text), seen (1 token, 0 padding): (batch, tokens). Logits (batch, 2)."""
        x = self.words(ids) + self.positions(torch.arange(ids.shape[1]))[None] + self.sides(sides)
        x = self.norm(x)
        mask = ((1.0 - seen.float()) * -1e4)[:, None, None, :]
        for layer in self.layers:
            x = layer(x, mask)
        point = _mean(x, (seen * (1 - sides)).float())
        text = _mean(x, (seen * sides).float())
        parts = torch.cat([x[:, 0], point, text, point * text, (point - text).abs()], dim=-1)
        return self.last(self.drop(functional.gelu(self.hidden(parts))))

    def start_from(self, weights: dict[str, Tensor]) -> None:
        """Takes over the published weights of all-MiniLM-L6-v2."""
        own = self.state_dict()
        names = {"words": "word_embeddings", "positions": "position_embeddings", "sides": "token_type_embeddings"}
        for name, theirs in names.items():
            own[f"{name}.weight"].copy_(weights[f"embeddings.{theirs}.weight"])
        for part in ("weight", "bias"):
            own[f"norm.{part}"].copy_(weights[f"embeddings.LayerNorm.{part}"])
            for number in range(LAYERS):
                mine, theirs = f"layers.{number}", f"encoder.layer.{number}"
                heads = [weights[f"{theirs}.attention.self.{name}.{part}"] for name in ("query", "key", "value")]
                own[f"{mine}.qkv.{part}"].copy_(torch.cat(heads))
                for here, there in (
                    ("out", "attention.output.dense"),
                    ("norm1", "attention.output.LayerNorm"),
                    ("up", "intermediate.dense"),
                    ("down", "output.dense"),
                    ("norm2", "output.LayerNorm"),
                ):
                    own[f"{mine}.{here}.{part}"].copy_(weights[f"{theirs}.{there}.{part}"])


def _mean(x: Tensor, chosen: Tensor) -> Tensor:
    return (x * chosen[..., None]).sum(dim=1) / chosen.sum(dim=1, keepdim=True).clamp(min=1.0)
