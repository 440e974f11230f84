"""Step 5 of 6. The number: verdicts in, one score out. Pure arithmetic; no model is asked anything here.

An unscored criterion stays in the denominator. The score counts it as nothing gained, `high` as everything gained, so
a failure can widen the span but can never raise the score.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from evaluator.verdict import CheckedVerdict


@dataclass(frozen=True, slots=True)
class Score:
    """0 to 100, to one decimal. `value` is None when nothing at all could be scored; otherwise it equals `low`."""

    value: float | None
    low: float | None
    high: float | None


def score_verdicts(verdicts: Sequence[CheckedVerdict]) -> Score:
    if not any(verdict.is_scored for verdict in verdicts):
        return Score(None, None, None)
    total = sum(verdict.criterion.weight for verdict in verdicts)
    gained = sum(verdict.criterion.weight * verdict.credit for verdict in verdicts if verdict.credit is not None)
    open_ = sum(verdict.criterion.weight for verdict in verdicts if not verdict.is_scored)
    low = round(100 * gained / total, 1)
    return Score(low, low, round(100 * (gained + open_) / total, 1))
