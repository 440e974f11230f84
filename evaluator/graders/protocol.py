"""Step 3 of 6. What every grader is and gives. A grader computes no score and writes no report."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from evaluator.questions import Question
from evaluator.rubric import Rubric
from evaluator.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Identity:
    """Who grades, for the signature. `title` is for people and never calls a local model an LLM."""

    name: str
    title: str
    model: str
    prompt_version: str = ""
    prompt_hash: str = ""


@dataclass(frozen=True, slots=True)
class Usage:
    """What one grading took. A token count is None when the server did not say."""

    requests: int = 0
    prompt_tokens: int | None = 0
    cached_tokens: int | None = 0
    completion_tokens: int | None = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.requests + other.requests,
            _sum(self.prompt_tokens, other.prompt_tokens),
            _sum(self.cached_tokens, other.cached_tokens),
            _sum(self.completion_tokens, other.completion_tokens),
        )


@dataclass(frozen=True, slots=True)
class Graded:
    """`review_reasons` are codes of verdict.REVIEW_REASONS that the grader itself raises."""

    verdicts: tuple[Verdict, ...]
    usage: Usage = field(default_factory=Usage)
    review_reasons: tuple[str, ...] = ()


class Grader(Protocol):
    @property
    def identity(self) -> Identity: ...

    def grade(self, question: Question, rubric: Rubric, answer: str) -> Graded:
        """Raises CannotGrade when there are no verdicts to give."""


def _sum(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one + other
