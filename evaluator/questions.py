"""Step 1 of 6, first half. What was asked: the question bank of data/questions.jsonl.

A question is known by its number. Two questions may share a text (1 and 8 do, at different difficulties), so the text
never stands in for the number.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from evaluator.errors import BadInput, BadQuestion


@dataclass(frozen=True, slots=True)
class Question:
    """`no` counts from 1; `category` and `difficulty` are labels for choosing, never for grading."""

    no: int
    category: str
    difficulty: str
    text: str


class QuestionBank:
    """The questions in the order of their numbers."""

    def __init__(self, questions: list[Question]) -> None:
        self._by_no = {question.no: question for question in sorted(questions, key=lambda question: question.no)}

    def __iter__(self) -> Iterator[Question]:
        return iter(self._by_no.values())

    def __len__(self) -> int:
        return len(self._by_no)

    def __contains__(self, no: object) -> bool:
        return no in self._by_no

    def __getitem__(self, no: int) -> Question:
        """Raises BadQuestion when there is no such number."""
        if no not in self._by_no:
            numbers = list(self._by_no)
            raise BadQuestion(
                f"There is no question {no}.",
                f"Numbers go from {numbers[0]} to {numbers[-1]}; see: evaluator questions list",
            )
        return self._by_no[no]

    def with_text(self, text: str) -> list[Question]:
        """The questions with exactly this text, but for letter case and spacing: none, one or several."""
        wanted = " ".join(text.casefold().split())
        return [question for question in self if " ".join(question.text.casefold().split()) == wanted]

    def filtered(self, category: str | None = None, difficulty: str | None = None) -> list[Question]:
        return [
            question for question in self if category in (None, question.category) and difficulty in (None, question.difficulty)
        ]

    @property
    def categories(self) -> list[str]:
        return list(dict.fromkeys(question.category for question in self))

    @property
    def difficulties(self) -> list[str]:
        return list(dict.fromkeys(question.difficulty for question in self))


def load_questions(path: Path) -> QuestionBank:
    """Reads one JSON object a line: no, category, difficulty, question. Raises BadInput naming the line."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as fault:
        raise BadInput(f"{path}: cannot read the question bank ({fault}).", "Set EVALUATOR_QUESTIONS_FILE to it.") from fault
    questions: dict[int, Question] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        question = _read_question(line, f"{path}:{number}")
        if question.no in questions:
            raise BadInput(f"{path}:{number}: question {question.no} stands twice.", "Give each question its own number.")
        questions[question.no] = question
    if not questions:
        raise BadInput(f"{path}: no question in it.", "Write one JSON object a line: no, category, difficulty, question.")
    return QuestionBank(list(questions.values()))


def _read_question(line: str, place: str) -> Question:
    mend = 'A line looks like {"no": 1, "category": "...", "difficulty": "...", "question": "..."}.'
    try:
        row = json.loads(line)
    except json.JSONDecodeError as fault:
        raise BadInput(f"{place}: not JSON ({fault.msg}).", mend) from fault
    if not isinstance(row, dict) or not isinstance(row.get("no"), int) or isinstance(row["no"], bool) or row["no"] < 1:
        raise BadInput(f'{place}: "no" must be a whole number from 1.', mend)
    for name in ("category", "difficulty", "question"):
        if not isinstance(row.get(name), str) or not row[name].strip():
            raise BadInput(f'{place}: "{name}" must be a text.', mend)
    return Question(no=row["no"], category=row["category"], difficulty=row["difficulty"], text=row["question"])
