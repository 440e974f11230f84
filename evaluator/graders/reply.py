"""Step 3 of 6. The model's reply, read strictly: one whole JSON object of the asked shape, or BadReply.

Nothing is salvaged. Taking the first of several objects, or a prefix of a broken one, is how an answer that contains
JSON gets to write its own verdict.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evaluator.errors import BadReply
from evaluator.graders.prompt import CANNOT_ASSESS
from evaluator.rubric import CONTRADICTED, UNSCORED, Criterion, Misconception
from evaluator.verdict import Verdict

MAX_CHARS = 200_000
_MOST_DEPTH, _MOST_BRACKETS = 20, 200
"""How deeply a reply may be nested, and how many brackets it may open before that is looked at. Python's own limit is no guard:
what is cleaned up by chance at the bottom of such a text fails."""
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_HALF = re.compile(r"\\u[dD][89a-fA-F]|[\ud800-\udfff]")
_FIELDS = {"criterion", "evidence", "reason", "level", "misconception", "confidence"}


@dataclass(frozen=True, slots=True)
class Reply:
    verdicts: tuple[Verdict, ...]
    suspicious: tuple[str, ...]


def read_reply(text: str, criteria: Sequence[Criterion]) -> Reply:
    """One verdict for each of the criteria asked about.

    Raises BadReply saying what is wrong, in words that the model can be asked again with.
    """
    data = _read_object(text)
    extra = set(data) - {"verdicts", "suspicious"}
    if extra:
        raise BadReply(f'the field "{sorted(extra)[0][:40]}" does not belong there')
    rows = data.get("verdicts")
    if not isinstance(rows, list):
        raise BadReply('"verdicts" is not a list')
    known = {criterion.id: criterion for criterion in criteria}
    verdicts = tuple(read_verdict(row, known) for row in rows)
    given = [verdict.criterion for verdict in verdicts]
    for criterion in criteria:
        if given.count(criterion.id) != 1:
            times = "missing" if criterion.id not in given else "judged more than once"
            raise BadReply(f'the rubric point "{criterion.id}" is {times}')
    suspicious = data.get("suspicious", [])
    if not isinstance(suspicious, list) or not all(isinstance(quote, str) for quote in suspicious):
        raise BadReply('"suspicious" is not a list of quotes')
    return Reply(verdicts, tuple(suspicious))


def _without_thought(text: str) -> str:
    """Without one block of thought at the very beginning."""
    if text.startswith("<think>"):
        _, end, rest = text.partition("</think>")
        return rest.strip() if end else text
    return text


def _without_fence(text: str) -> str:
    """Without the one fence that holds it all."""
    first, _, rest = text.partition("\n")
    inside, end, after = rest.rpartition("\n")
    if first.strip() in ("```", "```json") and after.strip() == "```" and end and "```" not in inside:
        return inside
    return text


def _read_object(text: str) -> dict[str, Any]:
    if len(text) > MAX_CHARS:
        raise BadReply(f"it has {len(text):,} characters")
    bare = _without_fence(_without_thought(text.lstrip("\ufeff").strip()))
    if bare.count("[") + bare.count("{") > _MOST_BRACKETS and _depth(bare) > _MOST_DEPTH:
        raise BadReply("it is nested too deeply")
    try:
        # strict=False lets a raw line break stand in a string: the grammars of llama.cpp allow it, and it is not ambiguous.
        data = json.loads(bare, object_pairs_hook=_no_twins, parse_constant=_no_constant, strict=False)
    except json.JSONDecodeError as fault:
        raise BadReply(f"it is not one JSON object ({fault.msg} at character {fault.pos})") from fault
    except ValueError as fault:
        raise BadReply("it holds a number with too many digits") from fault
    if not isinstance(data, dict):
        raise BadReply("it is not a JSON object")
    if ("\\u" in bare or not bare.isascii()) and _HALF.search(bare) and not _is_text(data):
        raise BadReply("it holds half a character")
    return data


def _depth(text: str) -> int:
    """Of its brackets outside strings."""
    depth = most = 0
    for mark in _STRING.sub("", text):
        if mark in "[{":
            depth += 1
            most = max(most, depth)
        elif mark in "]}":
            depth -= 1
    return most


def _is_text(data: object) -> bool:
    """Whether everything in it can be written to a file."""
    try:
        json.dumps(data, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def read_verdict(row: Any, known: Mapping[str, Criterion]) -> Verdict:
    """One entry of `verdicts`, on one of the criteria known by id. Raises BadReply."""
    if not isinstance(row, dict):
        raise BadReply("an entry of verdicts is not an object")
    id = row.get("criterion")
    if not isinstance(id, str) or id not in known:
        raise BadReply(f'"{str(id)[:60]}" is no rubric point')
    extra = set(row) - _FIELDS
    if extra:
        raise BadReply(f'the field "{sorted(extra)[0][:40]}" of {id} does not belong there')
    criterion = known[id]
    evidence, reason, confidence = row.get("evidence"), row.get("reason", ""), row.get("confidence")
    if not isinstance(evidence, list) or not all(isinstance(quote, str) for quote in evidence):
        raise BadReply(f"the evidence of {id} is not a list of quotes")
    if not isinstance(reason, str):
        raise BadReply(f"the reason of {id} is not a text")
    if confidence is not None and (
        isinstance(confidence, bool) or not isinstance(confidence, int | float) or not 0 <= confidence <= 1
    ):
        raise BadReply(f"the confidence of {id} is not a number from 0 to 1")
    level = _read_level(row.get("level"), criterion)
    wrong = _numbered(row.get("misconception"), criterion)
    return Verdict(id, level, reason.strip()[:600], tuple(evidence), None if confidence is None else float(confidence), wrong)


def _read_level(level: Any, criterion: Criterion) -> str:
    if level == CANNOT_ASSESS:
        return UNSCORED
    if isinstance(level, str) and (criterion.level(level) or (level == CONTRADICTED and criterion.misconceptions)):
        return level
    raise BadReply(f'"{str(level)[:40]}" is no level of {criterion.id}')


def _numbered(value: Any, criterion: Criterion) -> Misconception | None:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= len(criterion.misconceptions):
        return None
    return criterion.misconceptions[value - 1]


def _no_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    data = dict(pairs)
    if len(data) != len(pairs):
        raise BadReply("a field stands twice in one object")
    return data


def _no_constant(name: str) -> Any:
    raise BadReply(f"{name} is no JSON number")
