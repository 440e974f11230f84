"""How far two raters match: a person and a grader, or a grader and itself. Pure arithmetic on pairs of ratings.

Ratings of a rubric point are credits, 0 to 1; kappa takes them as names, the quadratic kappa as places on a scale.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

RESAMPLES = 1_000


@dataclass(frozen=True, slots=True)
class Pair:
    """Two ratings of one thing. `answer` says which pairs belong together when answers are drawn anew."""

    answer: str
    one: float
    other: float


@dataclass(frozen=True, slots=True)
class Figure:
    """`low` and `high`: the 95 % interval. None where there is nothing to measure: no pair, or no variation."""

    value: float | None
    low: float | None = None
    high: float | None = None

    def __str__(self) -> str:
        if self.value is None:
            return "-"
        return f"{self.value:.2f}" + ("" if self.low is None else f" ({self.low:.2f} to {self.high:.2f})")


Measure = Callable[[Sequence[Pair]], float | None]


def accuracy(pairs: Sequence[Pair]) -> float | None:
    return sum(pair.one == pair.other for pair in pairs) / len(pairs) if pairs else None


def precision(pairs: Sequence[Pair]) -> float | None:
    """Of the points that the other gives credit for: the share that the one does too."""
    given = [pair for pair in pairs if pair.other > 0]
    return sum(pair.one > 0 for pair in given) / len(given) if given else None


def recall(pairs: Sequence[Pair]) -> float | None:
    """Of the points that the one gives credit for: the share that the other does too."""
    return precision([Pair(pair.answer, pair.other, pair.one) for pair in pairs])


def kappa(pairs: Sequence[Pair]) -> float | None:
    """Cohen's: agreement beyond chance."""
    return _weighted_kappa(pairs, lambda one, other: float(one != other))


def quadratic_kappa(pairs: Sequence[Pair]) -> float | None:
    """The same, where a difference counts by its square."""
    return _weighted_kappa(pairs, lambda one, other: (one - other) ** 2)


def mean_error(pairs: Sequence[Pair]) -> float | None:
    return sum(abs(pair.one - pair.other) for pair in pairs) / len(pairs) if pairs else None


def correlation(pairs: Sequence[Pair]) -> float | None:
    """Pearson's r."""
    if len(pairs) < 3:
        return None
    one, other = (np.array([getattr(pair, name) for pair in pairs]) for name in ("one", "other"))
    if one.std() < 1e-9 or other.std() < 1e-9:
        return None
    return float(np.corrcoef(one, other)[0, 1])


def measure(what: Measure, pairs: Sequence[Pair], resamples: int = RESAMPLES) -> Figure:
    """With a bootstrap interval over answers; the seed is fixed. Too few answers have no interval."""
    value = what(pairs)
    of_answer: dict[str, list[Pair]] = {}
    for pair in pairs:
        of_answer.setdefault(pair.answer, []).append(pair)
    groups = list(of_answer.values())
    if value is None or len(groups) < 5:
        return Figure(value)
    rng = np.random.default_rng(0)
    draws = []
    for _ in range(resamples):
        drawn = what([pair for at in rng.integers(len(groups), size=len(groups)) for pair in groups[at]])
        if drawn is not None and not math.isnan(drawn):
            draws.append(drawn)
    if len(draws) < resamples / 2:
        return Figure(value)
    low, high = np.percentile(draws, [2.5, 97.5])
    return Figure(value, float(low), float(high))


def _weighted_kappa(pairs: Sequence[Pair], distance: Callable[[float, float], float]) -> float | None:
    if not pairs:
        return None
    ones, others = _shares([pair.one for pair in pairs]), _shares([pair.other for pair in pairs])
    observed = sum(distance(pair.one, pair.other) for pair in pairs) / len(pairs)
    expected = sum(p * q * distance(one, other) for one, p in ones.items() for other, q in others.items())
    return 1 - observed / expected if expected > 1e-12 else None


def _shares(values: Sequence[float]) -> dict[float, float]:
    return {value: values.count(value) / len(values) for value in set(values)}
