"""Step 3 of 6. The prompt: text files with places to fill, and the shape the reply must have.

What is the same for every answer to a question stands first, byte for byte, so that servers can reuse their prompt
cache; the answer stands last, as a JSON string that it cannot break out of.
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from evaluator.questions import Question
from evaluator.rubric import CONTRADICTED, Criterion, Exemplar, Rubric

VERSION = "2"
CANNOT_ASSESS = "cannot_assess"
Messages = list[tuple[str, str]]
_FOLDER = Path(__file__).parent / "prompts"
_tasks: dict[tuple[str, str, tuple[str, ...], tuple[str, ...]], str] = {}
"""Tasks written before, because all answers to a question share one."""
_MOST_TASKS = 256
_PLACE = re.compile(r"\{\{(\w+)\}\}")


@functools.cache
def prompt_hash() -> str:
    """Twelve hex digits over all the prompt files."""
    digest = hashlib.sha256()
    for path in sorted(_FOLDER.glob("*.txt")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:12]


def write_messages(
    question: Question, rubric: Rubric, answer: str, criteria: Sequence[Criterion] = (), exemplars: Sequence[Exemplar] = ()
) -> Messages:
    """(role, text) pairs. All but the JSON string at the very end is the same for every answer to the question.

    `criteria` are those to judge, by default all of the rubric's; the exemplars are shown with their levels.
    """
    criteria = criteria or rubric.criteria
    key = question.text, rubric.hash, tuple(criterion.id for criterion in criteria), tuple(shown.answer for shown in exemplars)
    task = _tasks.get(key)
    if task is None:
        task = _fill(
            "task",
            question=question.text,
            guidelines=rubric.guidelines or "None.",
            reference_answer=rubric.reference_answer,
            criteria="\n\n".join(_describe(criterion) for criterion in criteria),
            exemplars=_show(exemplars, criteria),
        )
        if len(_tasks) >= _MOST_TASKS:
            _tasks.clear()
        _tasks[key] = task
    return [("system", _read("system")), ("human", task + _encode(answer))]


def write_single(
    question: Question, rubric: Rubric, criterion: Criterion, answer: str, failed_quotes: Sequence[str] = ()
) -> Messages:
    """A second look at one criterion, with its accepted phrasings; `failed_quotes` are those that could not be confirmed."""
    task = _fill(
        "single",
        question=question.text,
        guidelines=rubric.guidelines or "None.",
        criteria=_describe(criterion),
        accept="\n".join(f"- {phrase}" for phrase in criterion.accept),
        hint=_fill("hint", quotes=_encode(list(failed_quotes))) if failed_quotes else "",
    )
    return [("system", _read("system")), ("human", task + _encode(answer))]


def write_repair(reply: str, problem: str) -> Messages:
    """What is added to ask once more after a reply that cannot be used."""
    return [("ai", reply[:8_000] or "(empty)"), ("human", _fill("repair", problem=problem))]


def reply_schema(criteria: Sequence[Criterion]) -> dict[str, Any]:
    """JSON Schema in the strict form. The fields stand in the order they are to be thought: evidence before level."""
    levels = list(dict.fromkeys(level.id for criterion in criteria for level in criterion.levels))
    if any(criterion.misconceptions for criterion in criteria):
        levels.append(CONTRADICTED)
    quotes = {"type": "array", "items": {"type": "string"}}
    verdict = _object(
        criterion={"type": "string", "enum": [criterion.id for criterion in criteria]},
        evidence=quotes,
        reason={"type": "string"},
        level={"type": "string", "enum": [*levels, CANNOT_ASSESS]},
        misconception={"type": ["integer", "null"]},
        confidence={"type": "number"},
    )
    return _object(verdicts={"type": "array", "items": verdict}, suspicious=quotes)


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def _describe(criterion: Criterion) -> str:
    lines = [f"## {criterion.id}", criterion.requirement, "Levels:"]
    lines += [f"- {level.id}: {level.anchor}" for level in criterion.levels]
    if criterion.misconceptions:
        lines += [f"- {CONTRADICTED}: asserts something false about this point", "Misconceptions:"]
        lines += [f"{number}. {entry.claim}" for number, entry in enumerate(criterion.misconceptions, start=1)]
    return "\n".join(lines)


def _show(exemplars: Sequence[Exemplar], criteria: Sequence[Criterion]) -> str:
    if not exemplars:
        return ""
    lines = []
    for exemplar in exemplars:
        levels = {criterion.id: exemplar.levels[criterion.id] for criterion in criteria}
        lines.append(f"{_encode(exemplar.answer)}\n{_encode(levels)}")
    return _fill("exemplars", exemplars="\n\n".join(lines))


def _encode(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


@functools.cache
def _read(name: str) -> str:
    return (_FOLDER / f"{name}.txt").read_text(encoding="utf-8")


def _fill(name: str, **values: str) -> str:
    """Fills the {{places}} in one pass, so that a value holding a place is left as it is."""
    return _PLACE.sub(lambda place: values[place[1]], _read(name))
