"""Text to unit vectors, for finding questions and rubrics by meaning.

By default the local model of minilm.py. With an address configured, an OpenAI-compatible embeddings endpoint; the
embedded grader keeps to the local model all the same, because its thresholds hold for that model alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from evaluator.errors import EmbedderFailed
from evaluator.minilm import Array, MiniLM

_BATCH = 128


class Embedder(Protocol):
    @property
    def name(self) -> str:
        """Vectors of embedders with different names are never compared."""

    def embed(self, texts: Sequence[str]) -> Array:
        """Unit vectors, one row a text. Raises EmbedderFailed."""


class EndpointEmbedder:
    """`POST {url}/embeddings` as OpenAI defined it; Ollama, vLLM and llama.cpp answer it too."""

    def __init__(self, url: str, model: str, key: str = "", timeout: float = 30.0) -> None:
        self._url = url.rstrip("/")
        self._model = model
        self._key = key
        self._timeout = timeout

    @property
    def name(self) -> str:
        return f"{self._model} at {self._url}"

    def embed(self, texts: Sequence[str]) -> Array:
        rows: list[list[float]] = []
        for start in range(0, len(texts), _BATCH):
            rows.extend(self._ask(list(texts[start : start + _BATCH])))
        vectors = np.asarray(rows, dtype=np.float32)
        lengths = np.linalg.norm(vectors, axis=-1, keepdims=True) if rows else vectors
        if not np.all(np.isfinite(vectors)) or np.any(lengths == 0):
            raise EmbedderFailed(
                f"The embeddings endpoint {self._url} sent an empty vector.", "Check EVALUATOR_EMBEDDINGS_MODEL."
            )
        return vectors / lengths if rows else vectors

    def _ask(self, texts: list[str]) -> list[list[float]]:
        import httpx

        headers = {"Authorization": f"Bearer {self._key}"} if self._key else {}
        mend = "Check EVALUATOR_EMBEDDINGS_URL, EVALUATOR_EMBEDDINGS_MODEL and EVALUATOR_EMBEDDINGS_KEY."
        try:
            body = {"model": self._model, "input": texts}
            reply = httpx.post(f"{self._url}/embeddings", json=body, headers=headers, timeout=self._timeout)
        except httpx.HTTPError as fault:
            problem = f"The embeddings endpoint {self._url} cannot be reached ({type(fault).__name__})."
            raise EmbedderFailed(problem, mend) from fault
        if reply.status_code != 200:
            raise EmbedderFailed(f"The embeddings endpoint {self._url} answered HTTP {reply.status_code}.", mend)
        try:
            rows = sorted(reply.json()["data"], key=lambda row: row["index"])
            vectors = [[float(number) for number in row["embedding"]] for row in rows]
        except (ValueError, KeyError, TypeError) as fault:
            raise EmbedderFailed(f"The embeddings endpoint {self._url} sent no list of vectors.", mend) from fault
        if len(vectors) != len(texts) or len({len(vector) for vector in vectors}) != 1:
            raise EmbedderFailed(f"The embeddings endpoint {self._url} sent {len(vectors)} vectors for {len(texts)} texts.", mend)
        return vectors


def short_name(embedder: Embedder) -> str:
    """Eight hex digits that stand for the embedder, fit for a collection's name."""
    return hashlib.sha256(embedder.name.encode()).hexdigest()[:8]


__all__ = ["Array", "Embedder", "EndpointEmbedder", "MiniLM", "short_name"]
