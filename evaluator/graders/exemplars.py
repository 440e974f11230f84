"""Step 3 of 6. Which exemplars an LLM is shown: a few of the question's own, good, middling and bad, never the answer itself.

By default the same few for every answer, so that the prompt stays the same up to the answer. As an option the most
similar ones, ranked by the rubric store.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

from evaluator.rubric import Exemplar, Rubric

RankExemplars = Callable[[Rubric, str], Sequence[Exemplar]]
"""Orders a rubric's exemplars by their similarity to an answer, nearest first."""

MOST = 5
"""More than five help no further (grading experiments with retrieved examples level off there)."""
_SHOWN = ("plain", "partial", "wrong", "strong")
"""Kinds worth showing, in the order they are taken. Attacks, keyword lists and off-topic texts teach nothing about levels."""


def choose_exemplars(rubric: Rubric, answer: str, most: int, rank: RankExemplars | None = None) -> tuple[Exemplar, ...]:
    """At most `most`, from good, middling and bad in turn; the nearest of each first when `rank` is given."""
    if most <= 0:
        return ()
    ranked = rank(rubric, answer) if rank else rubric.exemplars
    told = _plain(answer)
    known = [exemplar for exemplar in ranked if exemplar.kind in _SHOWN and _plain(exemplar.answer) not in told]
    if rank is None:
        known.sort(key=lambda exemplar: _SHOWN.index(exemplar.kind))
    thirds: list[list[Exemplar]] = [[], [], []]
    for exemplar in known:
        thirds[_third(rubric.expected_scores[exemplar.answer])].append(exemplar)
    chosen: list[Exemplar] = []
    while len(chosen) < most and any(thirds):
        for third in thirds:
            if third and len(chosen) < most:
                chosen.append(third.pop(0))
    return tuple(chosen)


def _third(score: float) -> int:
    return 0 if score >= 67 else 1 if score >= 33 else 2


@functools.lru_cache(maxsize=1_024)
def _plain(text: str) -> str:
    return " ".join(text.casefold().split())
