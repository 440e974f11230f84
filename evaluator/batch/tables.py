"""The run as tables: one row an answer, one row a criterion, one row a failure. Safe to open in a spreadsheet.

A cell that a spreadsheet would take for a formula gets an apostrophe in front, as OWASP advises; numbers stay numbers.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
WIDE = (
    "id", "candidate", "question", "status", "score", "score_low", "score_high", "needs_review", "review_reasons", "met",
    "partly", "missed", "contradicted", "unscored", "feedback",
)  # fmt: skip
LONG = (
    "id", "candidate", "question", "criterion", "weight", "level", "credit", "confidence", "evidence", "reason", "misconception",
)  # fmt: skip
FAILED = ("row", "id", "question", "kind", "problem", "mend")


def write_table(columns: Iterable[str], rows: Iterable[Iterable[Any]]) -> Iterator[str]:
    """Pieces of a CSV in UTF-8 with a byte order mark, which spreadsheets need to read it as Unicode."""
    yield "\ufeff"
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow([safe(name) for name in columns])
    for row in rows:
        writer.writerow([safe(value) for value in row])
        if buffer.tell() > 1 << 16:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()


def safe(value: Any) -> Any:
    """What may stand in a cell."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return value
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"'{text}" if text.startswith(_FORMULA) else text


def wide_row(line: Mapping[str, Any], extra: Iterable[str]) -> list[Any]:
    """Of a line of scores.jsonl; `extra` names the columns that travel through."""
    levels = [criterion["level"] for criterion in line["criteria"]]
    counts = [levels.count(level) for level in ("met", "partly", "missed", "contradicted", "unscored")]
    reasons = ", ".join(line["review_reasons"])
    return [
        *(line[name] for name in ("id", "candidate", "question", "status", "score", "score_low", "score_high", "needs_review")),
        reasons, *counts, line["feedback"], *(line["more"].get(name) for name in extra),
    ]  # fmt: skip


def long_rows(line: Mapping[str, Any]) -> Iterator[list[Any]]:
    for criterion in line["criteria"]:
        wrong = criterion["misconception"]
        evidence = " | ".join(quote["quote"] for quote in criterion["evidence"])
        yield [
            line["id"], line["candidate"], line["question"], criterion["id"], criterion["weight"], criterion["level"],
            criterion["credit"], criterion["confidence"], evidence, criterion["reason"], wrong["claim"] if wrong else None,
        ]  # fmt: skip
