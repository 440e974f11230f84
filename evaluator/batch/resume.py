"""What a folder holds of a run already, and whether it was made as it would be made now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from evaluator.batch.folder import RunFolder, read_lines
from evaluator.batch.ledger import Ledger
from evaluator.batch.manifest import differences
from evaluator.errors import BadInput

_MOST_REASONS = 10


@dataclass(frozen=True, slots=True)
class Found:
    """`outdated`: reports made otherwise, which are graded anew; `reasons` say what is different."""

    outdated: int
    reasons: list[str]


def take_over(folder: RunFolder, ledger: Ledger, signatures: Mapping[int, Mapping[str, Any]]) -> Found:
    """Notes in the ledger what scores.jsonl holds. Raises BadInput when it holds reports on answers that are not in the file."""
    outdated = 0
    reasons: dict[str, None] = {}
    gone: list[str] = []
    for start, line in read_lines(folder.scores):
        name, key = str(line.get("id")), str(line.get("answer_hash"))
        different = differences(line, signatures.get(line.get("question", 0), {}))
        graded = not different and line.get("status") != "failed"
        if ledger.note(name, key, start, graded):
            outdated += bool(different)
            if len(reasons) < _MOST_REASONS:
                reasons |= dict.fromkeys(different)
        elif not ledger.has(name):
            gone.append(name)
    if gone:
        raise BadInput(
            f'{folder.path} holds {len(gone)} reports on answers that are not in the file (id "{gone[0]}").',
            "Name another folder with -o, or begin anew with --new.",
        )
    return Found(outdated, list(reasons))
