"""A batch from its first row to its last file. Runs again, it does what is missing; stopped at any moment, it loses nothing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from evaluator.batch.folder import USAGE, LinesFile, RunFolder, read_line
from evaluator.batch.ledger import Ledger
from evaluator.batch.pace import Pace
from evaluator.batch.rows import Row
from evaluator.batch.unit import GradedData, graded_data
from evaluator.graders.protocol import AsyncGrader
from evaluator.grading import agrade_answer
from evaluator.questions import QuestionBank
from evaluator.rubric import Rubric

_HOPELESS = ("auth", "quota", "unknown_model")
"""Failures that every further answer would meet too."""
_OUT_OF_REACH = ("connection", "timeout", "server_error", "rate_limited")
_BETWEEN_SYNCS = 0.1
"""Seconds."""
_IN_A_ROW = 10
"""So many of these, and twice as many as there are jobs, with nothing graded between them: the server is gone."""


@dataclass
class Progress:
    """Where a run stands. Counts are of this run alone."""

    to_do: int = 0
    graded: int = 0
    failed: int = 0
    requests: int = 0
    cost: float = 0.0
    """US dollars, as far as they are known."""
    began: float = field(default_factory=time.monotonic)

    @property
    def done(self) -> int:
        return self.graded + self.failed

    @property
    def rate(self) -> float:
        """Gradings a second so far."""
        return self.done / max(time.monotonic() - self.began, 1e-3)


@dataclass(frozen=True, slots=True)
class Limits:
    """When to stop early; None is never."""

    cost: float | None = None
    requests: int | None = None


class Batch:
    """One run over one folder, which is locked by whoever made it."""

    def __init__(
        self,
        folder: RunFolder,
        ledger: Ledger,
        bank: QuestionBank,
        rubrics: Mapping[int, Rubric],
        grader: AsyncGrader,
        jobs: int,
        limits: Limits = Limits(),
        tell: Callable[[Progress], None] = lambda progress: None,
    ) -> None:
        self._folder, self._ledger, self._bank, self._rubrics = folder, ledger, bank, rubrics
        self._grader, self._jobs, self._limits, self._tell = grader, jobs, limits, tell
        self.progress = Progress()
        self._in_a_row = 0
        self.stopped = ""
        """Why it ended before everything was graded, in words."""
        self._stopping, self._written = asyncio.Event(), asyncio.Event()

    @property
    def to_do(self) -> int:
        """Gradings that are needed yet."""
        return self._ledger.to_do()

    async def run(self) -> None:
        self.progress.to_do = self.to_do
        self._scores, self._usage = LinesFile(self._folder.scores), LinesFile(self._folder.path / USAGE)
        self._copy_alike()
        rows = self._ledger.to_grade()
        self._grader.set_gate(Pace(self._jobs))
        syncing = asyncio.create_task(self._sync())
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(self._jobs, max(1, self.progress.to_do))):
                    group.create_task(self._work(rows))
        finally:
            syncing.cancel()
            for file in (self._scores, self._usage):
                file.sync()
                file.close()
            await self._grader.close()

    def _copy_alike(self) -> None:
        """Reports for rows whose twin was graded before they came."""
        for key, start in self._ledger.half_done():
            line = read_line(self._folder.scores, start)
            for name, candidate, more in self._ledger.alike(key):
                copy = {**line, "id": name, "candidate": candidate}
                if name != line["id"]:
                    (at,) = self._scores.append([dump(copy, more)])
                    self._ledger.note(name, key, at, True)

    def stop(self, why: str) -> None:
        """No further answer is begun; those begun are finished."""
        self.stopped = self.stopped or why.rstrip(".")
        self._stopping.set()

    async def _work(self, rows: Iterator[Row]) -> None:
        """Grades one answer after the other; the next is not begun before the report of the last is written."""
        while not self._stopping.is_set():
            row = next(rows, None)
            if row is None:
                return
            rubric = self._rubrics[row.question]
            report = await agrade_answer(self._bank[row.question], rubric, row.answer, self._grader)
            self.keep(graded_data(row.key, report))

    def keep(self, graded: GradedData) -> None:
        """Writes a line for every row with this question and answer, wherever it was graded."""
        report, is_graded = graded["report"], graded["report"]["status"] != "failed"
        alike = self._ledger.alike(graded["key"])
        lines = [
            dump({"id": name, "candidate": candidate, "answer_hash": graded["key"]} | report, more)
            for name, candidate, more in alike
        ]
        self._usage.append([dump({"id": alike[0][0]} | graded["usage"])])
        for (name, _, _), start in zip(alike, self._scores.append(lines), strict=True):
            self._ledger.note(name, graded["key"], start, is_graded)
        self._count(graded)
        self._tell(self.progress)
        self._written.set()

    async def _sync(self) -> None:
        """Waits for the disk beside the grading: a killed process loses nothing that is written, a machine without power the
        reports of the last moment."""
        while True:
            await self._written.wait()
            self._written.clear()
            await asyncio.to_thread(self._scores.sync)
            await asyncio.sleep(_BETWEEN_SYNCS)

    def _count(self, graded: GradedData) -> None:
        progress, spent, error = self.progress, graded["usage"], graded["report"]["error"]
        progress.requests += spent["requests"]
        progress.cost += 0.0 if spent["cost_usd"] == "unknown" else spent["cost_usd"]
        if graded["report"]["status"] == "failed":
            progress.failed += 1
        else:
            progress.graded += 1
        cost, requests = self._limits.cost, self._limits.requests
        if cost is not None and progress.cost >= cost:
            self.stop(f"the limit of ${cost:g} is reached")
        if requests is not None and progress.requests >= requests:
            self.stop(f"the limit of {requests:,} requests is reached")
        if error is not None and error["kind"] in _HOPELESS:
            self.stop(f"{error['message']} {error['mend']}")
        self._in_a_row = self._in_a_row + 1 if error is not None and error["kind"] in _OUT_OF_REACH else 0
        if self._in_a_row >= max(_IN_A_ROW, 2 * self._jobs):
            self.stop(f"{self._in_a_row} answers in a row failed: {error['message']} {error['mend']}")


def dump(line: Mapping[str, Any], more: str = "") -> bytes:
    """A line of JSON; `more` is JSON already."""
    return orjson.dumps({**line, "more": orjson.Fragment(more)} if more else line, option=orjson.OPT_APPEND_NEWLINE)
