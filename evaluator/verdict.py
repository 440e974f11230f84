"""Step 4 of 6. Verdicts checked: one for each criterion, a level from its menu, every quote really in the answer.

Credit needs evidence. A verdict that gives credit, or calls a point contradicted, and has no quote that stands in the
answer is not lowered to "missed" (that would be a judgement of ours): it is unscored, and a person is asked to look.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace

from evaluator.answers import Span
from evaluator.evidence import Evidence, find_evidence, is_denied, is_within
from evaluator.rubric import CONTRADICTED, UNSCORED, Criterion, Misconception, Rubric

LOW_CONFIDENCE = 0.5
MOST_QUOTES = 3

REVIEW_REASONS = {
    "verdict_missing": "the grader gave no verdict on a rubric point",
    "verdict_repeated": "the grader gave two verdicts on one rubric point",
    "verdict_unknown": "the grader judged a point that the rubric does not have",
    "level_unknown": "the grader named a level that the rubric does not have",
    "cannot_assess": "the grader could not judge a rubric point",
    "quote_not_found": "a quote of the grader does not stand in the answer",
    "quote_from_question": "a quote only repeats the question",
    "quote_suspicious": "a quote is text that speaks to the grader",
    "quote_denied": "a quote is cut out of a sentence that denies it",
    "no_evidence": "a rubric point lost its verdict because no quote could be confirmed",
    "low_confidence": "the grader was not sure of a rubric point",
    "disputed": "two looks at a rubric point came to different credit; the lower one stands",
    "second_look_failed": "a doubtful rubric point could not be looked at again",
    "refused": "the model refused to grade the answer",
    "requires": "a rubric point was not counted because another one it builds on was missed",
    "excludes": "a rubric point was not counted because another one rules it out",
    "suspicious_text": "part of the answer speaks to the grader instead of answering",
    "question_echoed": "the answer mostly repeats the question",
    "not_sentences": "the answer is a list of terms rather than sentences",
    "other_language": "the answer does not seem to be in English, which the embedded grader needs",
    "too_short": "the answer is too short to be judged by likeness",
    "off_topic": "the answer seems to be about something else; only what clearly makes a point got credit",
    "no_single_match": "the answer is long, yet hardly touches any rubric point",
    "reference_pasted": "the answer repeats the reference answer word for word",
}
"""Why a person should look at a report: code to words."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a grader says of one criterion. `quotes` are its claims of evidence; `confidence` is 0 to 1, or None."""

    criterion: str
    level: str
    reason: str = ""
    quotes: tuple[str, ...] = ()
    confidence: float | None = None
    misconception: Misconception | None = None


@dataclass(frozen=True, slots=True)
class CheckedVerdict:
    """What survives the checks. `credit` is None when unscored."""

    criterion: Criterion
    level: str
    credit: float | None
    reason: str
    evidence: tuple[Evidence, ...] = ()
    confidence: float | None = None
    misconception: Misconception | None = None

    @property
    def is_scored(self) -> bool:
        return self.credit is not None


def check_verdicts(
    rubric: Rubric, question: str, answer: str, verdicts: Sequence[Verdict], suspicious: Sequence[Span] = ()
) -> tuple[tuple[CheckedVerdict, ...], tuple[str, ...]]:
    """One checked verdict for each criterion, in the rubric's order, and the codes of REVIEW_REASONS that came up.

    Quotes that touch `suspicious` spans are no evidence.
    """
    checked, codes = check_each(rubric.criteria, question, answer, verdicts, suspicious)
    if not {verdict.criterion for verdict in verdicts} <= checked.keys():
        codes.append("verdict_unknown")
    for criterion in _required_first(rubric):
        checked[criterion.id] = _apply_links(checked[criterion.id], checked, codes)
    return tuple(checked.values()), tuple(dict.fromkeys(codes))


def check_each(
    criteria: Sequence[Criterion], question: str, answer: str, verdicts: Sequence[Verdict], suspicious: Sequence[Span] = ()
) -> tuple[dict[str, CheckedVerdict], list[str]]:
    """The same for some criteria by themselves, without what they require and exclude of each other."""
    codes: list[str] = []
    text = _Text(question, answer, tuple(suspicious))
    given: dict[str, list[Verdict]] = {criterion.id: [] for criterion in criteria}
    for verdict in verdicts:
        given.get(verdict.criterion, []).append(verdict)
    return {criterion.id: _check(criterion, given[criterion.id], text, codes) for criterion in criteria}, codes


def missed_everywhere(rubric: Rubric, reason: str) -> tuple[CheckedVerdict, ...]:
    """The verdicts on a blank answer: certain, and no grader was asked."""
    return tuple(CheckedVerdict(criterion, criterion.worst.id, 0.0, reason, confidence=1.0) for criterion in rubric.criteria)


@dataclass(frozen=True, slots=True)
class _Text:
    question: str
    answer: str
    suspicious: tuple[Span, ...]


def _check(criterion: Criterion, own: list[Verdict], text: _Text, codes: list[str]) -> CheckedVerdict:
    if len(own) != 1:
        codes.append("verdict_repeated" if own else "verdict_missing")
        return _unscored(criterion, "The grader gave two verdicts." if own else "The grader gave no verdict.")
    verdict = own[0]
    if verdict.level == UNSCORED:
        codes.append("cannot_assess")
        return _unscored(criterion, verdict.reason or "The grader could not judge this point.")
    level = criterion.level(verdict.level)
    if level is None and (verdict.level != CONTRADICTED or not criterion.misconceptions):
        codes.append("level_unknown")
        return _unscored(criterion, f'The grader named the level "{verdict.level[:40]}", which this point does not have.')
    evidence, doubts = _evidence(verdict.quotes, text)
    codes += doubts
    credit = level.credit if level is not None else 0.0
    if not evidence and (credit > 0 or level is None):
        codes.append("no_evidence")
        return _unscored(criterion, "The grader's evidence could not be found in the answer, so its verdict does not count.")
    confidence = None if verdict.confidence is None else min(1.0, max(0.0, verdict.confidence))
    if confidence is not None and confidence < LOW_CONFIDENCE:
        codes.append("low_confidence")
    misconception = verdict.misconception if level is None else None
    return CheckedVerdict(criterion, verdict.level, credit, verdict.reason, evidence, confidence, misconception)


@functools.lru_cache(maxsize=1_024)
def _evidence(quotes: tuple[str, ...], text: _Text) -> tuple[tuple[Evidence, ...], tuple[str, ...]]:
    """The quotes that hold, in order, and why others do not. Asked twice of most: by graders about themselves, and here."""
    found: dict[tuple[int, int], Evidence] = {}
    codes: list[str] = []
    for quote in quotes[:MOST_QUOTES]:
        place = find_evidence(quote, text.answer)
        if place is None:
            codes.append("quote_not_found")
        elif is_within(quote, text.question):
            codes.append("quote_from_question")
        elif any(span.start < place.end and place.start < span.end for span in text.suspicious):
            codes.append("quote_suspicious")
        elif is_denied(place, text.answer):
            codes.append("quote_denied")
        else:
            found[place.start, place.end] = place
    return tuple(found[key] for key in sorted(found)), tuple(codes)


def _required_first(rubric: Rubric) -> list[Criterion]:
    """The rubric's criteria, each after those it requires; the rubric's own checks refuse circles."""
    ordered: dict[str, Criterion] = {}
    waiting = list(rubric.criteria)
    while waiting:
        ready = [criterion for criterion in waiting if ordered.keys() >= set(criterion.requires)]
        ordered |= {criterion.id: criterion for criterion in ready or waiting}
        waiting = [criterion for criterion in waiting if criterion.id not in ordered]
    return list(ordered.values())


def _apply_links(verdict: CheckedVerdict, others: dict[str, CheckedVerdict], codes: list[str]) -> CheckedVerdict:
    """`requires` and `excludes` are enforced here, because models do not infer them."""
    if not verdict.credit:
        return verdict
    for id in verdict.criterion.requires:
        if others[id].credit is None:
            codes.append("requires")
            return _unscored(verdict.criterion, f'Depends on "{id}", which could not be scored.')
        if others[id].credit == 0:
            codes.append("requires")
            return _not_counted(verdict, f'Not counted: it builds on "{id}", which was not made.')
    for id in verdict.criterion.excludes:
        if others[id].credit is None:
            codes.append("excludes")
            return _unscored(verdict.criterion, f'Is ruled out by "{id}", which could not be scored.')
        if others[id].credit:
            codes.append("excludes")
            return _not_counted(verdict, f'Not counted: the answer also says "{id}", which rules it out.')
    return verdict


def _unscored(criterion: Criterion, reason: str) -> CheckedVerdict:
    return CheckedVerdict(criterion, UNSCORED, None, reason)


def _not_counted(verdict: CheckedVerdict, reason: str) -> CheckedVerdict:
    return replace(verdict, level=verdict.criterion.worst.id, credit=0.0, reason=reason)
