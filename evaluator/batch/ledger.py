"""The rows of a run and where their reports stand, in a SQLite file that is made anew at every start: memory stays flat.

Nothing is lost with it: the rows come from the file of answers, the reports from scores.jsonl.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from evaluator.batch.rows import Fault, Row

_SWIFT = "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -8000;"
_TABLES = """
CREATE TABLE rows (
    place INTEGER PRIMARY KEY, number INTEGER NOT NULL, id TEXT NOT NULL UNIQUE, question INTEGER NOT NULL, key TEXT NOT NULL,
    plain BLOB NOT NULL, answer TEXT NOT NULL, candidate TEXT NOT NULL, more TEXT NOT NULL,
    start INTEGER, graded INTEGER NOT NULL DEFAULT 0);
CREATE INDEX by_question ON rows (question, key);
CREATE INDEX by_key ON rows (key);
CREATE INDEX by_plain ON rows (plain);
CREATE TABLE faults (
    place INTEGER PRIMARY KEY, number INTEGER NOT NULL, id TEXT NOT NULL, what TEXT NOT NULL, mend TEXT NOT NULL);
"""
_ADD_ROW = "INSERT INTO rows (number, id, question, key, plain, answer, candidate, more) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_ADD_FAULT = "INSERT INTO faults (number, id, what, mend) VALUES (?, ?, ?, ?)"
_PAGE = 500


@dataclass(frozen=True, slots=True)
class Counts:
    rows: int
    faults: int
    distinct: int
    """Rows that differ in question or answer: as many gradings are needed."""
    graded: int
    answered: int
    """Rows that have a report, be it a failed one."""


class Ledger:
    """For one thread, which alone sees it: nothing is ever committed. `path` may be ":memory:"."""

    def __init__(self, path: Path | str) -> None:
        if isinstance(path, Path):
            path.unlink(missing_ok=True)
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.executescript(f"{_SWIFT} {_TABLES} BEGIN;")

    def close(self) -> None:
        self._db.close()

    def fill(self, entries: Iterable[Row | Fault]) -> None:
        """Takes in everything that the file of answers holds. A second row with the same id is a fault."""
        for entry in entries:
            if isinstance(entry, Row):
                more = json.dumps(dict(entry.more), ensure_ascii=False, separators=(",", ":"))
                values = entry.number, entry.id, entry.question, entry.key, entry.plain_key, entry.answer, entry.candidate, more
                try:
                    self._db.execute(_ADD_ROW, values)
                    continue
                except sqlite3.IntegrityError:
                    first = self._db.execute("SELECT number FROM rows WHERE id = ?", (entry.id,)).fetchone()[0]
                    entry = Fault(entry.number, entry.id, f"row {first} has this id too", "Give every row an id of its own.")
            self._db.execute(_ADD_FAULT, (entry.number, entry.id, entry.what, entry.mend))

    def counts(self) -> Counts:
        rows, graded, answered = self._one("SELECT count(*), coalesce(sum(graded), 0), count(start) FROM rows")
        faults = self._one("SELECT count(*) FROM faults")[0]
        distinct = self._one("SELECT count(DISTINCT key) FROM rows")[0]
        return Counts(rows, faults, distinct, graded, answered)

    def faults(self) -> Iterator[Fault]:
        for values in self._db.execute("SELECT number, id, what, mend FROM faults ORDER BY place"):
            yield Fault(*values)

    def questions(self) -> dict[int, int]:
        """Question number -> rows."""
        return dict(self._db.execute("SELECT question, count(*) FROM rows GROUP BY question ORDER BY question"))

    def duplicates(self) -> list[list[str]]:
        """Ids of rows with the same question and words, group by group; the first hundred groups."""
        found = self._db.execute(
            "SELECT json_group_array(id) FROM rows GROUP BY plain HAVING count(*) > 1 ORDER BY min(place) LIMIT 100"
        )
        return [json.loads(ids) for (ids,) in found]

    def to_grade(self) -> Iterator[Row]:
        """One row of each answer that has no grading yet, question by question, so that prompts with the same beginning follow
        each other. The ledger may be written to meanwhile."""
        question, key = -1, ""
        while True:
            page = self._db.execute(
                "SELECT number, id, question, key, answer, min(place) FROM rows WHERE (question, key) > (?, ?) "
                "GROUP BY question, key HAVING max(graded) = 0 ORDER BY question, key LIMIT ?",
                (question, key, _PAGE),
            ).fetchall()
            if not page:
                return
            for number, row, asked, _, answer, _ in page:
                yield Row(number, row, asked, answer)
            question, key = page[-1][2], page[-1][3]

    def alike(self, key: str) -> list[tuple[str, str, str]]:
        """(id, candidate, more as JSON) of the rows with this question and answer, as they stand in the file."""
        return self._db.execute("SELECT id, candidate, more FROM rows WHERE key = ? ORDER BY place", (key,)).fetchall()

    def note(self, row: str, key: str, start: int, graded: bool) -> bool:
        """That the report of a row begins at this byte. Whether there is such a row with such an answer."""
        done = self._db.execute("UPDATE rows SET start = ?, graded = ? WHERE id = ? AND key = ?", (start, int(graded), row, key))
        return done.rowcount == 1

    def has(self, row: str) -> bool:
        return bool(self._db.execute("SELECT 1 FROM rows WHERE id = ?", (row,)).fetchone())

    def to_do(self) -> int:
        """Gradings that are needed yet."""
        return self._one("SELECT count(*) FROM (SELECT key FROM rows GROUP BY question, key HAVING max(graded) = 0)")[0]

    def sizes_to_grade(self) -> list[tuple[int, int, int]]:
        """(question, distinct answers to grade, their characters together)."""
        return self._db.execute(
            "SELECT question, count(*), sum(size) FROM (SELECT question, max(length(answer)) AS size FROM rows "
            "GROUP BY question, key HAVING max(graded) = 0) GROUP BY question"
        ).fetchall()

    def half_done(self) -> Iterator[tuple[str, int]]:
        """(key, where a report begins) of answers that were graded, of which some rows have no report yet."""
        found = self._db.execute(
            "SELECT key, max(CASE WHEN graded THEN start END) FROM rows GROUP BY key HAVING max(graded) = 1 AND min(graded) = 0"
        )
        yield from found.fetchall()

    def places(self) -> Iterator[tuple[str, int]]:
        """(id, where the report begins) of all rows that have one, in the order of the file."""
        yield from self._db.execute("SELECT id, start FROM rows WHERE start IS NOT NULL ORDER BY place")

    def number_of(self, row: str) -> int | None:
        """The row number in the file of answers."""
        found = self._db.execute("SELECT number FROM rows WHERE id = ?", (row,)).fetchone()
        return found[0] if found else None

    def _one(self, query: str) -> tuple[int, ...]:
        return tuple(self._db.execute(query).fetchone())
