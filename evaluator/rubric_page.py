"""A rubric as a page that an interviewer prints and writes on: what to listen for, what to ask, boxes to tick."""

from __future__ import annotations

from collections.abc import Iterator

from evaluator.questions import Question
from evaluator.report import escape_markdown
from evaluator.rubric import Criterion, Rubric


def write_page(question: Question, rubric: Rubric) -> str:
    """Markdown. Text of the rubric is escaped, so it cannot become markup."""
    total = sum(criterion.weight for criterion in rubric.criteria)
    version = f"rubric version {rubric.version} ({rubric.hash})"
    lines = [f"# Question {question.no}: {escape_markdown(question.text)}", ""]
    lines += [f"{escape_markdown(question.category)} · {escape_markdown(question.difficulty)} · {version}", ""]
    lines += [f"Candidate: ____________________ Date: ____________ Score: ______ of {total:g}", ""]
    for number, criterion in enumerate(rubric.criteria, start=1):
        lines += _point(number, criterion)
    lines += ["## A strong answer", ""]
    for paragraph in rubric.reference_answer.split("\n\n"):
        lines += [escape_markdown(paragraph), ""]
    if rubric.guidelines:
        lines += ["## How to judge", "", escape_markdown(rubric.guidelines), ""]
    lines += ["## Read on", "", *_references(rubric)]
    return "\n".join(lines).rstrip() + "\n"


def _point(number: int, criterion: Criterion) -> Iterator[str]:
    yield f"### {number}. {escape_markdown(criterion.point)} ({criterion.id})"
    yield ""
    for level in reversed(criterion.levels):
        credit = f"{criterion.weight * level.credit:g}"
        yield f"- ☐ **{escape_markdown(level.id)}** ({credit}): {escape_markdown(level.anchor)}"
    for wrong in criterion.misconceptions:
        yield f"- ☐ wrong: “{escape_markdown(wrong.claim)}” {escape_markdown(wrong.correction)}"
    yield f"- Ask: *{escape_markdown(criterion.probe)}*"
    yield ""


def _references(rubric: Rubric) -> Iterator[str]:
    for work in rubric.references:
        text = escape_markdown(f"{work.authors} ({work.year}): {work.title}")
        yield f"- {text}, <{work.link}>" if work.link else f"- {text}"
