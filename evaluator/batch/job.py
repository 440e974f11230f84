"""One file of answers against one folder: what is in it, the run itself, and what became of it."""

from __future__ import annotations

import asyncio
import gc
import hashlib
import itertools
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from evaluator.batch.answer_file import Reading, read_records
from evaluator.batch.finish import finish
from evaluator.batch.folder import LEDGER, USAGE, RunFolder, read_lines
from evaluator.batch.ledger import Counts, Ledger
from evaluator.batch.manifest import describe_grader, describe_rubrics, signature_of, versions
from evaluator.batch.resume import Found, take_over
from evaluator.batch.rows import Fault, RowReader
from evaluator.batch.run import Batch, Limits, Progress
from evaluator.errors import BadInput
from evaluator.graders.protocol import AsyncGrader, Usage
from evaluator.questions import QuestionBank
from evaluator.rubric import Rubric
from evaluator.rubric_files import list_rubric_files

_FAULTS_SHOWN = 20
Again = Literal["", "new", "changed"]
"""What to do with a run made otherwise: refuse it, forget it, or grade anew what was made otherwise."""


@dataclass(frozen=True)
class Job:
    """`names` maps our columns to the file's."""

    file: Path
    bank: QuestionBank
    rubrics_dir: Path
    names: Mapping[str, str] = field(default_factory=dict)
    reading: Reading = field(default_factory=Reading)
    strict: bool = False

    @contextmanager
    def opened(self, ledger_path: Path | str) -> Iterator[tuple[Ledger, dict[int, Rubric]]]:
        """All rows of the file, in a ledger, and the rubrics they need. Raises BadInput."""
        files = list_rubric_files(self.rubrics_dir)
        numbers = [question.no for question in self.bank]
        ledger = Ledger(ledger_path)
        try:
            ledger.fill(RowReader(self.bank, frozenset(files), self.names).read(read_records(self.file, self.reading)))
            counts = ledger.counts()
            if self.strict and counts.faults:
                raise BadInput(
                    f"{self.file}: {next(ledger.faults())}", f"{counts.faults} rows in all; leave out --strict to go on."
                )
            if not counts.rows:
                raise BadInput(
                    f"{self.file}: {_nothing(next(ledger.faults(), None))}", "See docs/batch.md for what a file looks like."
                )
            yield ledger, {number: files[number].read(numbers) for number in ledger.questions()}
        finally:
            ledger.close()


@dataclass(frozen=True)
class Plan:
    """`to_do`: gradings that are needed; `usage` is what they would take of an LLM's server, estimated."""

    counts: Counts
    questions: dict[int, int]
    faults: list[Fault]
    found: Found
    to_do: int
    usage: Usage


@dataclass(frozen=True)
class Outcome:
    counts: Counts
    progress: Progress
    stopped: str
    """Why it ended early; empty when it went to its end."""
    mean: float | None
    """The mean score of the graded answers."""


def run_job(
    job: Job,
    folder_path: Path,
    grader: AsyncGrader,
    jobs: int,
    *,
    again: Again = "",
    limits: Limits = Limits(),  # noqa: B008
    tell: Callable[[Progress], None] = lambda progress: None,
    started: Callable[[Batch], None] = lambda batch: None,
) -> Outcome:
    """Grades what is missing and writes the folder. Raises BadInput, and changes nothing then."""
    if not job.file.is_file():
        raise BadInput(f"{job.file}: there is no such file.", "Name a file with answers.")
    with RunFolder(folder_path) as folder:
        manifest = folder.read_manifest() or {}
        with job.opened(folder.path / LEDGER) as (ledger, rubrics):
            if again == "new":
                folder.clear()
                manifest = {}
            found = take_over(folder, ledger, _signatures(grader, rubrics))
            if found.outdated and again != "changed":
                raise BadInput(
                    f"{folder.path} holds {found.outdated} reports made otherwise: {'; '.join(found.reasons)}.",
                    "Grade those anew with --regrade changed, begin anew with --new, or name another folder with -o.",
                )
            batch = Batch(folder, ledger, job.bank, rubrics, grader, jobs, limits, tell)
            record = _record(job, grader, rubrics, manifest)
            folder.write_manifest(record | {"state": "running", "counts": _counts(ledger.counts())})
            started(batch)
            with _unswept():
                asyncio.run(batch.run())
            mean = finish(folder, ledger, job.bank, rubrics, grader.identity)
            counts = ledger.counts()
            record["state"] = f"stopped: {batch.stopped}" if batch.stopped else "done"
            record["ended"] = _now()
            record["counts"] = _counts(counts)
            record["usage"] = sum_usage(folder)
            folder.write_manifest(record)
            return Outcome(counts, batch.progress, batch.stopped, mean)


@contextmanager
def _unswept() -> Iterator[None]:
    """What was there before is not searched for garbage again and again: the libraries alone are a million objects."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def plan_job(job: Job, folder_path: Path, grader: AsyncGrader, *, again: Again = "") -> Plan:
    """What the same command would do, without doing it: nothing is asked and nothing written. Raises BadInput."""
    if not job.file.is_file():
        raise BadInput(f"{job.file}: there is no such file.", "Name a file with answers.")
    with tempfile.TemporaryDirectory() as scratch, job.opened(Path(scratch) / LEDGER) as (ledger, rubrics):
        found = Found(0, [])
        if again != "new" and folder_path.is_dir():
            found = take_over(RunFolder(folder_path), ledger, _signatures(grader, rubrics))
        usage = Usage()
        for question, answers, characters in ledger.sizes_to_grade():
            usage += grader.foresee(job.bank[question], rubrics[question], answers, characters)
        faults = list(itertools.islice(ledger.faults(), _FAULTS_SHOWN))
        return Plan(ledger.counts(), ledger.questions(), faults, found, ledger.to_do(), usage)


def _signatures(grader: AsyncGrader, rubrics: Mapping[int, Rubric]) -> dict[int, dict[str, Any]]:
    return {number: signature_of(grader.identity, rubric) for number, rubric in rubrics.items()}


def _record(job: Job, grader: AsyncGrader, rubrics: Mapping[int, Rubric], before: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "state": "running",
        "versions": versions(),
        "answers": {"file": job.file.name, "sha256": _hash(job.file)},
        "grader": describe_grader(grader.identity),
        "rubrics": describe_rubrics(rubrics.values()),
        "began": before.get("began") or _now(),
        "continued": before.get("continued", 0) + 1 if before else 0,
    }


def _counts(counts: Counts) -> dict[str, int]:
    return {
        "rows": counts.rows,
        "bad_rows": counts.faults,
        "graded": counts.graded,
        "not_graded": counts.rows - counts.graded,
        "distinct_answers": counts.distinct,
    }


def sum_usage(folder: RunFolder) -> dict[str, Any]:
    """What all gradings into the folder took together, those of stopped runs too; "unknown" once anything is."""
    total: dict[str, Any] = dict.fromkeys(("requests", "prompt_tokens", "cached_tokens", "completion_tokens", "cost_usd"), 0)
    for _, line in read_lines(folder.path / USAGE):
        for name, had in total.items():
            value = line.get(name, 0)
            total[name] = "unknown" if isinstance(had, str) or isinstance(value, str) else round(had + value, 6)
    return total


def _hash(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def _nothing(fault: Fault | None) -> str:
    return f"no row can be graded; {fault}" if fault else "no row in it."


def default_jobs(grader_name: str) -> int:
    """Answers in flight: many where a server does the work, as many as there are cores where this machine does."""
    return 32 if grader_name == "llm" else os.cpu_count() or 1
