"""The spine: the six steps in order. An answer flows down and nothing flows back up."""

from __future__ import annotations

import time

from evaluator.answers import read_answer
from evaluator.errors import CannotGrade
from evaluator.graders.protocol import Grader, Usage
from evaluator.questions import Question
from evaluator.report import Failure, Report, failure_of
from evaluator.retrieval import RubricStore
from evaluator.rubric import Rubric
from evaluator.scoring import score_verdicts
from evaluator.suspicion import find_suspicious
from evaluator.verdict import check_verdicts, missed_everywhere

NOTHING_SCORED = Failure(
    "nothing_scored",
    "None of the grader's verdicts could be confirmed.",
    "Grade again, or let a person or another grader score it.",
)


def grade_question(question: Question, text: str, store: RubricStore, grader: Grader) -> Report:
    """Grades one answer to one question of the bank, by the rubric that the store holds for it.

    A grader that fails gives a failed report. Raises BadInput and StoreFailed: without a rubric there is no report.
    """
    return grade_answer(question, store.rubric(question.no), text, grader)


def grade_answer(question: Question, rubric: Rubric, text: str, grader: Grader) -> Report:
    """The same with a rubric at hand. Raises BadAnswer for a text over the limit."""
    started = time.monotonic()
    answer = read_answer(text)
    reasons: tuple[str, ...] = ()
    usage, error = Usage(), None
    if answer.is_blank:
        verdicts = missed_everywhere(rubric, "There is no answer to this point; no grader was asked.")
    else:
        try:
            graded = grader.grade(question, rubric, answer.text)
        except CannotGrade as fault:
            verdicts, error = (), failure_of(fault)
        else:
            suspicious = find_suspicious(answer.text)
            verdicts, codes = check_verdicts(rubric, question.text, answer.text, graded.verdicts, suspicious)
            reasons = tuple(dict.fromkeys((*codes, *graded.review_reasons, *(["suspicious_text"] if suspicious else []))))
            usage = graded.usage
    score = score_verdicts(verdicts)
    if score.value is None and error is None:
        error = NOTHING_SCORED
    seconds = time.monotonic() - started
    return Report(question, rubric, answer, verdicts, score, reasons, grader.identity, usage, seconds, error)
