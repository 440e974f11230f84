"""The spine: the six steps in order. An answer flows down and nothing flows back up."""

from __future__ import annotations

import time
from collections.abc import Callable

from evaluator.answers import Answer, read_answer
from evaluator.errors import CannotGrade
from evaluator.evidence import repeats
from evaluator.graders.protocol import AsyncGrader, Graded, Grader, Identity, Listen, Usage
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
    graded: Graded | CannotGrade | None = None
    if not answer.is_blank:
        try:
            graded = grader.grade(question, rubric, answer.text, _listener(question, rubric, answer.text, watch))
        except CannotGrade as fault:
            graded = fault
    return _conclude(question, rubric, answer, grader.identity, graded, started)


async def agrade_answer(question: Question, rubric: Rubric, text: str, grader: AsyncGrader) -> Report:
    """The same for many answers at once, in one event loop."""
    started = time.monotonic()
    answer = read_answer(text)
    graded: Graded | CannotGrade | None = None
    if not answer.is_blank:
        try:
            graded = await grader.agrade(question, rubric, answer.text)
        except CannotGrade as fault:
            graded = fault
    return _conclude(question, rubric, answer, grader.identity, graded, started)


def _conclude(
    question: Question, rubric: Rubric, answer: Answer, grader: Identity, graded: Graded | CannotGrade | None, started: float
) -> Report:
    """Steps 4 to 6: what a grader gave, or failed to give, or was not asked for because the answer is blank."""
    reasons: tuple[str, ...] = ()
    verdicts: tuple[CheckedVerdict, ...] = ()
    error: Failure | None = None
    suspicious = find_suspicious(answer.text)
    if graded is None:
        verdicts = missed_everywhere(rubric, "There is no answer to this point; no grader was asked.")
        graded = Graded(())
    elif isinstance(graded, CannotGrade):
        error = failure_of(graded)
        graded = Graded((), graded.usage or Usage(), ("refused",) if graded.kind == "refusal" else ())
    else:
        verdicts, reasons = check_verdicts(rubric, question.text, answer.text, graded.verdicts, suspicious)
    found = ["suspicious_text"] if suspicious else []
    found += ["reference_pasted"] if repeats(answer.text, rubric.reference_answer) else []
    reasons = tuple(dict.fromkeys((*reasons, *graded.review_reasons, *found)))
    score = score_verdicts(verdicts)
    if score.value is None and error is None:
        error = NOTHING_SCORED
    return Report(
        question, rubric, answer, verdicts, score, reasons, grader, graded.usage, time.monotonic() - started, error,
        suspicious=join_spans(answer.text, suspicious, graded.suspicious), from_cache=graded.from_cache,
    )  # fmt: skip


def _listener(question: Question, rubric: Rubric, answer: str, watch: Watch | None) -> Listen | None:
    """Checks each verdict by itself on its way to the watcher."""
    if watch is None:
        return None

    def listen(verdict: Verdict) -> None:
        criteria = [criterion for criterion in rubric.criteria if criterion.id == verdict.criterion]
        for checked in check_each(criteria, question.text, answer, [verdict], find_suspicious(answer))[0].values():
            watch(checked)

    return listen
