"""Step 3 of 6. The LLM grader with a memory: a grading whose verdicts were all verified is not paid for twice.

What comes out of the cache is checked by step 4 like what comes from a model: a changed file cannot give credit
without evidence.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evaluator.cache import VerdictCache
from evaluator.graders.llm import LLMGrader
from evaluator.graders.protocol import Gate, Graded, Identity, Listen, Usage
from evaluator.questions import Question
from evaluator.rubric import CONTRADICTED, Misconception, Rubric
from evaluator.verdict import REVIEW_REASONS, Verdict


class CachedGrader:
    """May be used by several threads; several processes may share the cache's file."""

    def __init__(self, grader: LLMGrader, cache: VerdictCache) -> None:
        self._grader = grader
        self._cache = cache

    @property
    def identity(self) -> Identity:
        return self._grader.identity

    def grade(self, question: Question, rubric: Rubric, answer: str, listen: Listen | None = None) -> Graded:
        """Raises CannotGrade. A failure is never kept."""
        key = self._grader.cache_key(question, rubric, answer)
        return self._kept(key, rubric) or self._keep(key, question, self._grader.grade(question, rubric, answer, listen))

    async def agrade(self, question: Question, rubric: Rubric, answer: str, listen: Listen | None = None) -> Graded:
        """The same for many answers at once, in one event loop."""
        key = self._grader.cache_key(question, rubric, answer)
        return self._kept(key, rubric) or self._keep(key, question, await self._grader.agrade(question, rubric, answer, listen))

    def foresee(self, question: Question, rubric: Rubric, answers: int, characters: int) -> Usage:
        return self._grader.foresee(question, rubric, answers, characters)

    def set_gate(self, gate: Gate) -> None:
        self._grader.set_gate(gate)

    async def close(self) -> None:
        await self._grader.close()

    def _kept(self, key: str, rubric: Rubric) -> Graded | None:
        data = self._cache.get(key)
        if data is None:
            return None
        try:
            verdicts = tuple(_verdict(row, rubric) for row in data["verdicts"])
            reasons = tuple(code for code in REVIEW_REASONS if code in data["review_reasons"])
            suspicious = tuple(map(str, data["suspicious"]))
        except (KeyError, TypeError, ValueError, OverflowError):
            return None  # not as we wrote it: ask again
        return Graded(verdicts, review_reasons=reasons, suspicious=suspicious, from_cache=True)

    def _keep(self, key: str, question: Question, graded: Graded) -> Graded:
        if graded.is_verified and "second_look_failed" not in graded.review_reasons:
            data = {
                "verdicts": [_row(verdict) for verdict in graded.verdicts],
                "review_reasons": list(graded.review_reasons),
                "suspicious": list(graded.suspicious),
            }
            self._cache.put(key, question.no, self.identity.model, data)
        return graded


def _row(verdict: Verdict) -> dict[str, Any]:
    return {
        "criterion": verdict.criterion,
        "level": verdict.level,
        "reason": verdict.reason,
        "quotes": list(verdict.quotes),
        "confidence": verdict.confidence,
        "misconception": verdict.misconception.claim if verdict.misconception else None,
    }


def _verdict(row: Mapping[str, Any], rubric: Rubric) -> Verdict:
    """Raises KeyError, TypeError, ValueError or OverflowError for a row that is not ours."""
    criterion = {criterion.id: criterion for criterion in rubric.criteria}[row["criterion"]]
    level = str(row["level"])
    if criterion.level(level) is None and level != CONTRADICTED:
        raise ValueError(level)
    claim, confidence = row["misconception"], row["confidence"]
    wrong: Misconception | None = next((entry for entry in criterion.misconceptions if entry.claim == claim), None)
    if confidence is not None and not 0 <= float(confidence) <= 1:
        raise ValueError(confidence)
    quotes = tuple(map(str, row["quotes"]))
    return Verdict(criterion.id, level, str(row["reason"]), quotes, None if confidence is None else float(confidence), wrong)
