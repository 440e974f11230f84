"""The unit of work: some answers to one question in, their reports as plain data out. Any engine may run it anywhere.

What a unit needs besides is the settings: the rubric files, the question bank and the grader they name.
"""

from __future__ import annotations

from typing import Any

from evaluator.report import Report

_OF_THE_MOMENT = ("usage", "from_cache", "seconds")
"""What differs from one grading of an answer to the next; it is kept apart, so that a run is the same bytes every time."""


def line_of(report: Report, key: str) -> dict[str, Any]:
    """What scores.jsonl keeps of a report, but for the row's own columns."""
    data = report.to_data()
    for name in _OF_THE_MOMENT:
        del data[name]
    return {"answer_hash": key} | data


def usage_of(report: Report) -> dict[str, Any]:
    data = report.to_data()
    usage: dict[str, Any] = data["usage"]
    return usage | {"from_cache": data["from_cache"], "seconds": data["seconds"]}
