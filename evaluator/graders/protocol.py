"""Step 3 of 6. What every grader is and gives. A grader computes no score and writes no report."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from evaluator.questions import Question
from evaluator.rubric import Rubric
from evaluator.verdict import Verdict

_Number = TypeVar("_Number", int, float)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who grades, for the signature. `title` is for people and never calls a local model an LLM; `options` are in words.
    `accuracy` is one published sentence on how often the grader is right, where that was measured."""

    name: str
    title: str
    model: str
    prompt_version: str = ""
    prompt_hash: str = ""
    server: str = ""
    options: str = ""
    accuracy: str = ""


@dataclass(frozen=True, slots=True)
class Usage:
    """What one grading took. A token count is None when the server did not say; so is the cost, in US dollars, when it
    or the price is unknown."""

    requests: int = 0
    prompt_tokens: int | None = 0
    cached_tokens: int | None = 0
    completion_tokens: int | None = 0
    cost: float | None = 0.0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.requests + other.requests,
            _sum(self.prompt_tokens, other.prompt_tokens),
            _sum(self.cached_tokens, other.cached_tokens),
            _sum(self.completion_tokens, other.completion_tokens),
            _sum(self.cost, other.cost),
        )


@dataclass(frozen=True, slots=True)
class Graded:
    """`review_reasons` are codes of verdict.REVIEW_REASONS that the grader itself raises; `suspicious` are quotes of text
    that, by its word, speaks to the grader instead of answering. `is_verified`: the grader has itself confirmed every claim."""

    verdicts: tuple[Verdict, ...]
    usage: Usage = field(default_factory=Usage)
    review_reasons: tuple[str, ...] = ()
    suspicious: tuple[str, ...] = ()
    is_verified: bool = False
    from_cache: bool = False


Listen = Callable[[Verdict], None]
"""Told each verdict as soon as it is known, before anything is settled; the last word is what `grade` returns."""


class Grader(Protocol):
    @property
    def identity(self) -> Identity: ...

    def grade(self, question: Question, rubric: Rubric, answer: str, listen: Listen | None = None) -> Graded:
        """Raises CannotGrade when there are no verdicts to give. Graders that decide all at once need not use `listen`."""


class TooSlow(Exception):
    """A request took far longer than nearly all others take, or waited behind too many; it is made anew."""


class Gate(Protocol):
    """Through which every request of many gradings goes, so that all of them heed what one of them was told."""

    async def before_request(self) -> float:
        """Waits until a request may be sent: how many seconds."""

    def within(self, seconds: float, times: int, excuse: Callable[[float], None]) -> AbstractAsyncContextManager[None]:
        """What is done inside ends in TimeoutError after so many seconds, or in TooSlow when it takes far longer than such
        requests do or waits behind too many; `times` is how often this one was made before. `excuse` is told of seconds that
        are not to be held against the grading."""

    def was_answered(self, seconds: float) -> None: ...

    def was_refused(self, wish: float | None) -> None:
        """With a 429; `wish` is how many seconds the server asks to wait."""


class AsyncGrader(Protocol):
    """A grader that many answers may wait for at once, in one event loop."""

    @property
    def identity(self) -> Identity: ...

    async def agrade(self, question: Question, rubric: Rubric, answer: str) -> Graded:
        """Raises CannotGrade."""

    def set_gate(self, gate: Gate) -> None:
        """From now on every request goes through it; a grader that makes none need not mind."""

    def foresee(self, question: Question, rubric: Rubric, answers: int, characters: int) -> Usage:
        """What grading so many answers with so many characters together is likely to take of a server."""

    async def close(self) -> None: ...


def _sum(one: _Number | None, other: _Number | None) -> _Number | None:
    return None if one is None or other is None else one + other
