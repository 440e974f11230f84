"""The command line of batches. Thin, like cli.py, which adds these commands to its own."""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from evaluator.cli_parts import GraderOption, JsonOption, NoCacheOption, assembly_with, changes_for, count, note, show
from evaluator.errors import BadInput

if TYPE_CHECKING:
    from evaluator.batch.run import Batch, Progress

RenameOption = Annotated[list[str] | None, typer.Option("--map", help="answer=Antwort: our column, its name in the file.")]
EncodingOption = Annotated[str, typer.Option(help="Encoding of a text file, such as cp1252; default UTF-8.")]
DelimiterOption = Annotated[
    Literal["", "comma", "semicolon", "tab"], typer.Option(help="What separates the fields of a CSV; default: by its header.")
]
_QUIET = 10.0
"""Seconds between lines of progress where there is no terminal."""


def batch(
    answers: Annotated[Path, typer.Argument(help="File with the answers: .jsonl, .csv, .tsv, .xlsx or .parquet.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for what the run makes.")],
    rename: RenameOption = None,
    encoding: EncodingOption = "",
    delimiter: DelimiterOption = "",
    grader: GraderOption = None,
    jobs: Annotated[int, typer.Option(min=0, max=1000, help="Answers in flight; 0: 32 with an LLM, one a core without.")] = 0,
    strict: Annotated[bool, typer.Option("--strict", help="Grade nothing when a row is bad.")] = False,
    new: Annotated[bool, typer.Option("--new", help="Forget what the folder holds and begin anew.")] = False,
    regrade: Annotated[
        Literal["", "changed"], typer.Option(help="changed: grade anew what was graded otherwise (rubric, model, prompt).")
    ] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done and what it takes; do nothing.")] = False,
    max_cost: Annotated[float | None, typer.Option(min=0, help="Stop when this many US dollars are spent.")] = None,
    max_requests: Annotated[int | None, typer.Option(min=1, help="Stop when this many requests were made.")] = None,
    fail_under: Annotated[
        float | None, typer.Option(min=0, max=100, help="Exit code 1 when the mean score is lower than this.")
    ] = None,
    no_cache: NoCacheOption = False,
) -> None:
    """Grade a file of answers into a folder. Run again, it does only what is missing or failed.

    Exit code 0: all graded; 1: some were not, or --fail-under; 2: bad input.
    """
    from evaluator.batch.answer_file import Reading
    from evaluator.batch.job import Again, Job, default_jobs, plan_job, run_job
    from evaluator.batch.plan_words import describe_plan
    from evaluator.batch.run import Limits

    assembly = assembly_with(**changes_for(grader, no_cache))
    asking = assembly.async_grader
    job = Job(answers, assembly.bank, assembly.settings.rubrics_dir, _names(rename or []), Reading(encoding, delimiter), strict)
    again: Again = "new" if new else regrade
    if dry_run:
        for line in describe_plan(plan_job(job, out, asking, again=again), asking.identity.title):
            show(line)
        return

    def interruptible(running: Batch) -> None:
        def interrupt(*_: object) -> None:
            note("Stopping: answers begun are finished. Press Ctrl-C again to stop at once.")
            running.stop("interrupted")
            signal.signal(signal.SIGINT, signal.default_int_handler)

        signal.signal(signal.SIGINT, interrupt)
        note(f"{count(running.to_do, 'grading')} to do, by {asking.identity.title}.")

    jobs = jobs or default_jobs(asking.identity.name)
    limits = Limits(max_cost, max_requests)
    with _shown() as tell:
        outcome = run_job(job, out, asking, jobs, again=again, limits=limits, tell=tell, started=interruptible)
    counts = outcome.counts
    bad = f", {count(counts.faults, 'bad row')}" if counts.faults else ""
    note(f"{counts.graded:,} of {count(counts.rows, 'answer')} graded{bad}. See {out / 'summary.md'}.")
    if outcome.stopped:
        note(f"Stopped: {outcome.stopped}. The same command goes on from here.")
    if counts.graded < counts.rows or counts.faults:
        note(f"What was not graded, and why: {out / 'failed.csv'}")
        raise typer.Exit(1)
    if fail_under is not None and (outcome.mean is None or outcome.mean < fail_under):
        note(f"The mean score is {outcome.mean or 0:.1f}, under {fail_under:g}.")
        raise typer.Exit(1)


def compare(
    before: Annotated[Path, typer.Argument(help="Folder of a run.")],
    now: Annotated[Path, typer.Argument(help="Folder of another run over the same answers.")],
) -> None:
    """Compare two runs: whose scores changed, by which rubric points, and what was different.

    Exit code 0: no answer changed; 1: some did; 2: bad input.
    """
    from evaluator.batch.compare import compare_runs

    found = compare_runs(before, now)
    for line in found.in_words():
        show(line)
    if found.changes:
        raise typer.Exit(1)


def agreement(
    run: Annotated[Path, typer.Argument(help="Folder of a run.")],
    ratings: Annotated[Path, typer.Argument(help="File with people's ratings: id, and criterion and level, or score.")],
    rename: RenameOption = None,
    encoding: EncodingOption = "",
    delimiter: DelimiterOption = "",
    as_json: JsonOption = False,
) -> None:
    """Hold a run against people's ratings of the same answers, with 95 % intervals."""
    from evaluator.batch.against_people import compare_with_people
    from evaluator.batch.answer_file import Reading
    from evaluator.rubric_files import list_rubric_files

    assembly = assembly_with()
    numbers = [question.no for question in assembly.bank]
    rubrics = {no: file.read(numbers) for no, file in list_rubric_files(assembly.settings.rubrics_dir).items()}
    found = compare_with_people(run, ratings, rubrics, Reading(encoding, delimiter), _names(rename or []))
    if as_json:
        show(json.dumps(found.to_data(), ensure_ascii=False, indent=2))
        return
    for line in found.in_words():
        show(line)


@contextmanager
def _shown() -> Iterator[Callable[[Progress], None]]:
    """Progress: a bar on a terminal, a line now and then elsewhere."""
    if not sys.stderr.isatty():
        yield _Lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    words = TextColumn("{task.completed:,.0f} of {task.total:,.0f} · {task.fields[more]}")
    with Bar(words, BarColumn(), TimeRemainingColumn(), console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=1, more="")
        yield lambda progress: bar.update(task, total=progress.to_do, completed=progress.done, more=_more(progress))


class _Lines:
    def __init__(self) -> None:
        self._last = time.monotonic()

    def __call__(self, progress: Progress) -> None:
        if time.monotonic() - self._last >= _QUIET:
            self._last = time.monotonic()
            minutes = (progress.to_do - progress.done) / progress.rate / 60
            note(f"{progress.done:,} of {progress.to_do:,} · {_more(progress)} · {minutes:.0f} min left")


def _more(progress: Progress) -> str:
    failed = f" · {progress.failed:,} failed" if progress.failed else ""
    cost = f" · ${progress.cost:.4f}" if progress.cost else ""
    return f"{progress.rate:.1f} a second{failed}{cost}"


def _names(pairs: list[str]) -> dict[str, str]:
    names: dict[str, str] = {}
    for pair in pairs:
        ours, equals, theirs = pair.partition("=")
        if not equals or not theirs.strip():
            raise BadInput(f"--map {pair}: not of the form answer=COLUMN.", "Name our column, =, and its name in the file.")
        names[ours.strip()] = theirs.strip()
    return names
