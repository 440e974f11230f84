"""What a run leaves behind: scores.jsonl in the order of the file of answers, tables, the summary."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from evaluator.batch.folder import SCORES, RunFolder
from evaluator.batch.ledger import Ledger
from evaluator.batch.plot import draw_scores
from evaluator.batch.summary import tally, write_summary
from evaluator.batch.tables import FAILED, LONG, WIDE, long_rows, wide_row, write_table
from evaluator.graders.protocol import Identity
from evaluator.questions import QuestionBank
from evaluator.rubric import Rubric


def finish(
    folder: RunFolder, ledger: Ledger, bank: QuestionBank, rubrics: Mapping[int, Rubric], grader: Identity
) -> float | None:
    """Writes every file anew, each whole: the mean score. The same rows and reports make the same bytes."""
    folder.write(SCORES, _lines(folder, ledger))
    columns = _columns(folder)
    folder.write("scores.csv", write_table((*WIDE, *columns), (wide_row(line, columns) for line in lines_of(folder))))
    folder.write("criteria.csv", write_table(LONG, (row for line in lines_of(folder) for row in long_rows(line))))
    folder.write("failed.csv", write_table(FAILED, _failures(folder, ledger)))
    found = tally(lines_of(folder))
    folder.write("scores.svg", draw_scores(found.questions, rubrics))
    folder.write("summary.md", write_summary(found, ledger, bank, rubrics, grader))
    return found.mean


def lines_of(folder: RunFolder) -> Iterator[dict[str, Any]]:
    with folder.scores.open(encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


def _lines(folder: RunFolder, ledger: Ledger) -> Iterator[str]:
    """The last report of each row."""
    if not folder.scores.exists():
        return
    with folder.scores.open("rb") as file:
        for _, start in ledger.places():
            file.seek(start)
            yield file.readline().decode()


def _columns(folder: RunFolder) -> list[str]:
    """The columns that travel through, in the order in which they are met."""
    names: dict[str, None] = {}
    for line in lines_of(folder):
        names |= dict.fromkeys(line["more"])
    return list(names)


def _failures(folder: RunFolder, ledger: Ledger) -> Iterator[list[Any]]:
    for fault in ledger.faults():
        yield [fault.number, fault.id, None, "bad_row", fault.what, fault.mend]
    for line in lines_of(folder):
        if error := line["error"]:
            yield [ledger.number_of(line["id"]), line["id"], line["question"], error["kind"], error["message"], error["mend"]]
