"""Step 3 of 6. Which verdicts deserve a second look, and what two looks at one criterion come to. Pure.

Graders agree with people at the ends of the scale and fall apart in the middle. So a middle level, low confidence, or
a strong disagreement of another grader brings a second look at that criterion alone; of two verdicts that differ, the
one with less credit stands and a person is asked.
"""

from __future__ import annotations

from dataclasses import replace

from evaluator.rubric import CONTRADICTED
from evaluator.verdict import CheckedVerdict, Verdict

UNSURE = 0.7
"""Below this confidence a verdict gets a second look."""
CONVINCED = 0.75
"""A second grader must be this sure of the opposite for its disagreement to count."""


def is_doubtful(verdict: CheckedVerdict, opinion: Verdict | None = None) -> bool:
    """Whether a scored verdict deserves a second look. `opinion` is another grader's verdict on the same criterion."""
    if verdict.credit is None:
        return False
    middling = 0 < verdict.credit < 1
    unsure = verdict.confidence is not None and verdict.confidence < UNSURE
    return middling or unsure or opposes(verdict, opinion)


def opposes(verdict: CheckedVerdict, opinion: Verdict | None) -> bool:
    """Full credit against none, and the other one is convinced."""
    if opinion is None or verdict.credit is None or (opinion.confidence or 0.0) < CONVINCED:
        return False
    level = verdict.criterion.level(opinion.level)
    other = level.credit if level else 0.0 if opinion.level == CONTRADICTED else None
    return other is not None and abs(other - verdict.credit) == 1


def settle(first: CheckedVerdict, claim: Verdict, second: CheckedVerdict, claim_again: Verdict) -> tuple[Verdict, str | None]:
    """The claim that stands after a second look, and a review reason when the two looks could not agree.

    `first` and `second` are what the checks left of the two claims.
    """
    if second.credit is None or first.credit is None:
        return claim, "second_look_failed"
    if second.level == first.level:
        return replace(claim, confidence=_surer(claim.confidence, claim_again.confidence)), None
    if second.credit == first.credit:  # missed or contradicted: without agreement nobody is said to be wrong
        return (claim_again if first.level == CONTRADICTED else claim), None
    return (claim if first.credit < second.credit else claim_again), "disputed"


def _surer(one: float | None, other: float | None) -> float | None:
    known = [value for value in (one, other) if value is not None]
    return max(known) if known else None
