"""The reading model: reads a point and a text together and says whether the text expresses the point or contradicts it.

all-MiniLM-L6-v2 fine-tuned by training/ and stored in 8 bits (evaluator/model, with its card). Similarity looks at each
text alone; this model lets every word of one attend to every word of the other, which is what a negation needs. Each
pair runs by itself: in 8 bits a batch shares one scale, and a score must not depend on what stands beside it.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from evaluator.errors import EmbedderFailed
from evaluator.minilm import Array, find_model

FOLDER = Path(__file__).parent / "model"
MOST_TOKENS = 112
_MEND = "Install this program anew; evaluator/model belongs to it."
_REMEMBERED = 4_000
_WORKERS = min(4, os.cpu_count() or 1)


@dataclass(frozen=True, slots=True)
class Card:
    """What evaluator/model/card.json says of the model beside it."""

    version: str
    sha256: str
    accuracy: str
    """One sentence, from benchmarks/probes.py."""

    @property
    def short_hash(self) -> str:
        return self.sha256[:12]


def read_card(folder: Path = FOLDER) -> Card:
    """Raises EmbedderFailed."""
    try:
        data = json.loads((folder / "card.json").read_text(encoding="utf-8"))
        return Card(data["version"], data["sha256"], data.get("accuracy", ""))
    except (OSError, ValueError, KeyError) as fault:
        raise EmbedderFailed(f"The reading model's card in {folder} cannot be read ({fault}).", _MEND) from fault


class ReadingModel:
    """Loads on first use; may be shared by threads."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self.folder = folder
        self._known: dict[tuple[str, str], Array] = {}
        self._lock = threading.Lock()

    @cached_property
    def card(self) -> Card:
        return read_card(self.folder)

    def read(self, pairs: Sequence[tuple[str, str]]) -> Array:
        """Logits of (expressed, contradicted) for each (point, text): (len(pairs), 2). Raises EmbedderFailed.

        Of a pair the first 112 tokens are read, the longer text cut first. The last few thousand pairs are remembered.
        """
        with self._lock:
            known = {pair: self._known[pair] for pair in pairs if pair in self._known}
        new = [pair for pair in dict.fromkeys(pairs) if pair not in known]
        known.update(zip(new, self._run(new), strict=True))
        with self._lock:
            self._known.update((pair, known[pair]) for pair in new)
            for pair in list(self._known)[: max(len(self._known) - _REMEMBERED, 0)]:
                del self._known[pair]
        return np.stack([known[pair] for pair in pairs]) if pairs else np.zeros((0, 2), dtype=np.float32)

    def _run(self, pairs: list[tuple[str, str]]) -> list[Array]:
        if not pairs:
            return []
        session, tokenizer, pool = self._parts

        def run(encoding: Any) -> Array:
            ids = np.array([encoding.ids], dtype=np.int64)
            inputs = {"ids": ids, "sides": np.array([encoding.type_ids], dtype=np.int64), "seen": np.ones_like(ids)}
            return np.asarray(session.run(None, inputs)[0][0], dtype=np.float32)

        return list(pool.map(run, tokenizer.encode_batch(pairs)))

    @cached_property
    def _parts(self) -> tuple[Any, Any, ThreadPoolExecutor]:
        with self._lock:
            import onnxruntime
            from tokenizers import Tokenizer

            path = self.folder / "reader.onnx"
            try:
                data = path.read_bytes()
                tokenizer = Tokenizer.from_file(str(find_model() / "tokenizer.json"))
            except OSError as fault:
                raise EmbedderFailed(f"The reading model {path} cannot be read ({fault}).", _MEND) from fault
            if hashlib.sha256(data).hexdigest() != self.card.sha256:
                raise EmbedderFailed(f"The reading model {path} is not the one its card describes (its hash differs).", _MEND)
            tokenizer.no_padding()
            tokenizer.enable_truncation(MOST_TOKENS, strategy="longest_first")
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = options.inter_op_num_threads = 1
            options.log_severity_level = 3
            session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
            return session, tokenizer, ThreadPoolExecutor(_WORKERS, thread_name_prefix="reading")
