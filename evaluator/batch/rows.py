"""What a batch is asked to grade: records of a file as rows with id, question and answer, or as faults with their place."""

from __future__ import annotations

import difflib
import hashlib
import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from evaluator.answers import read_answer
from evaluator.batch.answer_file import Problem, Record
from evaluator.errors import BadAnswer, BadInput
from evaluator.questions import Question, QuestionBank

NEEDED = ("id", "question", "answer")
KNOWN = (*NEEDED, "candidate")
MAX_ID = 200
"""Characters of an id or a candidate's name."""


@dataclass(frozen=True, slots=True)
class Row:
    """`number` is its place in the file. `more` holds the columns that are nothing to us; they travel through untouched."""

    number: int
    id: str
    question: int
    answer: str
    candidate: str = ""
    more: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The same for rows that need grading only once: same question, same answer."""
        return hashlib.sha256(f"{self.question}\n{self.answer}".encode()).hexdigest()[:32]

    @property
    def plain_key(self) -> bytes:
        """The same for answers that differ in letter case, spacing and punctuation only; a blank answer is like no other."""
        words = "".join(re.findall(r"\w+", self.answer.casefold()))
        return hashlib.sha256(f"{self.question}\n{words or self.id}".encode()).digest()[:16]


@dataclass(frozen=True, slots=True)
class Fault:
    """A row that cannot be graded, and why."""

    number: int
    id: str
    what: str
    mend: str

    def __str__(self) -> str:
        named = f' (id "{self.id}")' if self.id else ""
        return f"row {self.number}{named}: {self.what}. {self.mend}"


class RowReader:
    """Turns records into rows. `names` maps our column names to the file's: {"answer": "Antwort"}."""

    def __init__(self, bank: QuestionBank, rubrics: frozenset[int], names: Mapping[str, str] | None = None) -> None:
        """Raises BadInput when `names` maps what is no column of ours."""
        self._bank = bank
        self._rubrics = rubrics
        self._names = {name: name for name in KNOWN} | dict(names or {})
        unknown = sorted(set(self._names) - set(KNOWN))
        if unknown:
            raise BadInput(f'--map {unknown[0]}=...: there is no column "{unknown[0]}" to fill.', f"Use: {', '.join(KNOWN)}.")
        self._found: dict[str, Question | str] = {}
        self._is_first = True

    def read(self, records: Iterator[tuple[int, Record | Problem]]) -> Iterator[Row | Fault]:
        """Raises BadInput when the first record lacks a column that is needed."""
        for number, record in records:
            if isinstance(record, Problem):
                yield Fault(number, "", record.what, record.mend)
                continue
            if self._is_first:
                self._check_columns(record)
            yield self._row(number, record)

    def _check_columns(self, record: Record) -> None:
        self._is_first = False
        missing = [name for name in NEEDED if self._names[name] not in record]
        if missing:
            asked = " or ".join(f'"{self._names[name]}"' for name in missing)
            there = ", ".join(f'"{key}"' for key in list(record)[:12])
            maps = " ".join(f"--map {name}=COLUMN" for name in missing)
            raise BadInput(f"There is no column {asked}; there are {there}.", f"Say which is which: {maps}")

    def _row(self, number: int, record: Record) -> Row | Fault:
        values = {name: record.get(self._names[name]) for name in KNOWN}
        named = "" if values["id"] is None else _text(values["id"]).strip()

        def fault(what: str, mend: str) -> Fault:
            return Fault(number, named[:MAX_ID], what, mend)

        if not named:
            return fault("no id", "Give every row an id of its own.")
        if len(named) > MAX_ID:
            return fault(f"an id of {len(named)} characters", f"Use ids of at most {MAX_ID}.")
        question = self._question(values["question"])
        if not isinstance(question, Question):
            return fault(question, "See: evaluator questions list")
        if question.no not in self._rubrics:
            return fault(f"question {question.no} has no rubric", "Write one, or leave the row out: evaluator rubrics check")
        answer = values["answer"]
        if answer is None:
            answer = ""
        if not isinstance(answer, str):
            return fault(f"the answer is not a text but {_text(answer)[:40]}", "Put it in quotation marks.")
        candidate = "" if values["candidate"] is None else _text(values["candidate"])
        try:
            read_answer(answer)
            json.dumps([named, candidate], ensure_ascii=False).encode()
        except BadAnswer as bad:
            return fault(bad.message.rstrip("."), bad.mend)
        except UnicodeEncodeError:
            return fault("half a character in the id or the candidate", "Write it again.")
        used = set(self._names.values())
        more = {key: _plain(value) for key, value in record.items() if key not in used}
        return Row(number, named, question.no, answer, candidate[:MAX_ID], more)

    def _question(self, value: Any) -> Question | str:
        """The question, or why there is none."""
        known = _text(value).strip()
        if known not in self._found:
            self._found[known] = self._resolve(known)
            if len(self._found) > 10_000:
                self._found.clear()
                return self._resolve(known)
        return self._found[known]

    def _resolve(self, text: str) -> Question | str:
        if not text:
            return "no question"
        if re.fullmatch(r"\d{1,6}(?:\.0+)?", text):
            no = int(float(text))
            if no not in self._bank:
                return f"there is no question {no}"
            return self._bank[no]
        matches = self._bank.with_text(text)
        if len(matches) == 1:
            return matches[0]
        if matches:
            return f"questions {' and '.join(str(match.no) for match in matches)} have this text; give the number"
        texts = {question.text: question.no for question in self._bank}
        near = difflib.get_close_matches(text[:400], texts, n=1, cutoff=0.6)
        hint = f'; nearest is {texts[near[0]]}, "{near[0][:60]}"' if near else ""
        return f'there is no question "{text[:60]}"{hint}'


def _text(value: Any) -> str:
    """2.0 is "2", as spreadsheets keep whole numbers."""
    if isinstance(value, float) and math.isfinite(value) and value == int(value):
        return str(int(value))
    return "" if value is None else str(value)


def _plain(value: Any) -> Any:
    """What JSON can hold: dates and the like as text."""
    if isinstance(value, str | int | bool) or value is None or (isinstance(value, float) and math.isfinite(value)):
        return value
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if isinstance(value, dict):
        return {str(key): _plain(entry) for key, entry in value.items()}
    return str(value)
