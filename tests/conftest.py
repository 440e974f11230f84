from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from evaluator.graders.embedded import EmbeddedGrader
from evaluator.minilm import Array, MiniLM
from evaluator.questions import QuestionBank, load_questions
from evaluator.retrieval import RubricStore
from evaluator.rubric import Rubric
from evaluator.rubric_files import list_rubric_files
from tests.loopback import Loopback

ROOT = Path(__file__).resolve().parent.parent
OURS = ("EVALUATOR_", "OPENAI_", "STREAMLIT_")


@pytest.fixture(autouse=True)
def _clean_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting of the developer's reaches a test, and nothing is kept outside tmp_path."""
    for name in list(os.environ):
        if name.startswith(OURS) and not name.startswith("EVALUATOR_TEST_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("EVALUATOR_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture(scope="session")
def bank() -> QuestionBank:
    return load_questions(ROOT / "data" / "questions.jsonl")


@pytest.fixture(scope="session")
def rubrics(bank: QuestionBank) -> dict[int, Rubric]:
    numbers = [question.no for question in bank]
    return {no: file.read(numbers) for no, file in list_rubric_files(ROOT / "rubrics").items()}


@pytest.fixture(scope="session")
def model() -> MiniLM:
    return MiniLM()


class RememberingEmbedder:
    """The real model, asked once for each text, because many tests build a store of the same texts."""

    def __init__(self, model: MiniLM) -> None:
        self.name = model.name
        self._model = model
        self._known: dict[str, Array] = {}

    def embed(self, texts: Sequence[str]) -> Array:
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        self._known.update(zip(new, self._model.embed(new), strict=True))
        return np.stack([self._known[text] for text in texts])


@pytest.fixture(scope="session")
def embedder(model: MiniLM) -> RememberingEmbedder:
    return RememberingEmbedder(model)


@pytest.fixture(scope="session")
def embedded(model: MiniLM) -> EmbeddedGrader:
    return EmbeddedGrader(model)


@pytest.fixture
def store(bank: QuestionBank, embedder: RememberingEmbedder, tmp_path: Path) -> RubricStore:
    return RubricStore(bank, ROOT / "rubrics", embedder, tmp_path / "chroma")


@pytest.fixture
def loopback() -> Iterator[Loopback]:
    server = Loopback()
    yield server
    server.close()
