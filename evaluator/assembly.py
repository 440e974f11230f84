"""Puts the parts together as the settings say: question bank, embedding model, rubric store, grader."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, cast

from evaluator.cache import VerdictCache
from evaluator.embedding import Embedder, EndpointEmbedder, MiniLM
from evaluator.graders.choice import build_grader
from evaluator.graders.protocol import AsyncGrader, Grader
from evaluator.questions import QuestionBank, load_questions
from evaluator.retrieval import RubricStore
from evaluator.rubric import Exemplar, Rubric
from evaluator.settings import Settings


@dataclass(frozen=True)
class Assembly:
    """Each part is built when first asked for and then shared."""

    settings: Settings

    @cached_property
    def bank(self) -> QuestionBank:
        return load_questions(self.settings.questions_file)

    @cached_property
    def model(self) -> MiniLM:
        return MiniLM()

    @cached_property
    def embedder(self) -> Embedder:
        settings = self.settings
        if not settings.embeddings_url:
            return self.model
        return EndpointEmbedder(settings.embeddings_url, settings.embeddings_model, settings.embeddings_key.get_secret_value())

    @cached_property
    def store(self) -> RubricStore:
        folder = self.settings.data_dir / "chroma"
        return RubricStore(self.bank, self.settings.rubrics_dir, self.embedder, folder, self.settings.chroma_url)

    @cached_property
    def cache(self) -> VerdictCache:
        return VerdictCache(self.settings.data_dir / "cache.sqlite")

    @cached_property
    def grader(self) -> Grader:
        return self._build(None)

    @property
    def async_grader(self) -> AsyncGrader:
        """The grader for many answers at once; whoever asks for it closes it."""
        from evaluator.graders.threaded import ThreadedGrader

        grader: Any = self.grader
        return cast(AsyncGrader, grader) if hasattr(grader, "agrade") else ThreadedGrader(grader)

    def grader_named(self, name: Literal["llm", "embedded", "stub"] | None) -> Grader:
        return self._build(name) if name else self.grader

    def _build(self, name: Literal["llm", "embedded", "stub"] | None) -> Grader:
        return build_grader(self.settings, self.model, name, self.cache, self._rank_exemplars)

    def _rank_exemplars(self, rubric: Rubric, answer: str) -> list[Exemplar]:
        return self.store.rank_exemplars(rubric, answer)
