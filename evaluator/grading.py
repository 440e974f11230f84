"""The spine: the six steps in order. An answer flows down and nothing flows back up."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from evaluator.answers import Span, read_answer
from evaluator.errors import CannotGrade
from evaluator.graders.protocol import Graded, Grader, Listen, Usage
from evaluator.questions import Question
from evaluator.report import Failure, Report, failure_of
from evaluator.retrieval import RubricStore
from evaluator.rubric import Rubric
from evaluator.scoring import score_verdicts
from evaluator.suspicion import find_suspicious, join_spans
from evaluator.verdict import CheckedVerdict, Verdict, check_each, check_verdicts, missed_everywhere

NOTHING_SCORED = Failure(
    "nothing_scored",
    "None of the grader's verdicts could be confirmed.",
    "Grade again, or let a person or another grader score it.",
)


Watch = Callable[[CheckedVerdict], None]
"""Shown each verdict as soon as it is known and checked; the last word is the report's."""


def grade_question(question: Question, text: str, store: RubricStore, grader: Grader, watch: Watch | None = None) -> Report:
    """Grades one answer to one question of the bank, by the rubric that the store holds for it.

    A grader that fails gives a failed report. Raises BadInput and StoreFailed: without a rubric there is no report.
    """
    return grade_answer(question, store.rubric(question.no), text, grader, watch)


def grade_answer(question: Question, rubric: Rubric, text: str, grader: Grader, watch: Watch | None = None) -> Report:
    """The same with a rubric at hand. Raises BadAnswer for a text over the limit."""
    started = time.monotonic()
    answer = read_answer(text)
    reasons: tuple[str, ...] = ()
    suspicious: Sequence[Span] = ()
    graded, error = Graded(()), None
    if answer.is_blank:
        verdicts = missed_everywhere(rubric, "There is no answer to this point; no grader was asked.")
    else:
        suspicious = find_suspicious(answer.text)
        try:
            graded = grader.grade(question, rubric, answer.text, _listener(question, rubric, answer.text, suspicious, watch))
        except CannotGrade as fault:
            verdicts, error = (), failure_of(fault)
            graded = Graded((), fault.usage or Usage(), ("refused",) if fault.kind == "refusal" else ())
        else:
            verdicts, reasons = check_verdicts(rubric, question.text, answer.text, graded.verdicts, suspicious)
        reasons = tuple(dict.fromkeys((*reasons, *graded.review_reasons, *(["suspicious_text"] if suspicious else []))))
    score = score_verdicts(verdicts)
    if score.value is None and error is None:
        error = NOTHING_SCORED
    return Report(
        question, rubric, answer, verdicts, score, reasons, grader.identity, graded.usage, time.monotonic() - started, error,
        suspicious=join_spans(answer.text, suspicious, graded.suspicious), from_cache=graded.from_cache,
    )  # fmt: skip


def _listener(question: Question, rubric: Rubric, answer: str, suspicious: Sequence[Span], watch: Watch | None) -> Listen | None:
    """Checks each verdict by itself on its way to the watcher."""
    if watch is None:
        return None

    def listen(verdict: Verdict) -> None:
        criteria = [criterion for criterion in rubric.criteria if criterion.id == verdict.criterion]
        for checked in check_each(criteria, question.text, answer, [verdict], suspicious)[0].values():
            watch(checked)

    return listen
