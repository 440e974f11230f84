"""A rubric tested by its own exemplars, as code is by its tests: the levels they are known to have against those given."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from statistics import mean
from typing import Any

from evaluator.graders.protocol import Grader
from evaluator.grading import grade_answer
from evaluator.questions import Question
from evaluator.report import Report
from evaluator.rubric import Exemplar, Rubric
from evaluator.verdict import CheckedVerdict

RANKED = ("strong", "partial", "wrong")
"""Kinds of exemplars whose scores must fall in this order."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One criterion of one exemplar: the level it is known to have and the verdict given."""

    exemplar: int
    expected: str
    verdict: CheckedVerdict

    @property
    def agrees(self) -> bool:
        return self.verdict.level == self.expected

    @property
    def same_credit(self) -> bool:
        """Whether the same credit was given, which holds for a missed point called contradicted too."""
        level = self.verdict.criterion.level(self.expected)
        return self.verdict.credit == (level.credit if level else 0.0)


@dataclass(frozen=True)
class Trial:
    question: Question
    rubric: Rubric
    reports: tuple[Report, ...]
    """One for each exemplar, in their order."""

    @cached_property
    def cells(self) -> list[Cell]:
        """All verdicts, exemplar by exemplar. An exemplar that could not be graded has none."""
        return [
            Cell(number, exemplar.levels[verdict.criterion.id], verdict)
            for number, (exemplar, report) in enumerate(zip(self.rubric.exemplars, self.reports, strict=True))
            for verdict in report.verdicts
        ]

    @property
    def not_graded(self) -> int:
        return sum(report.score.value is None for report in self.reports)

    @property
    def agreement(self) -> float | None:
        """The share of verdicts with just the expected level."""
        return mean(cell.agrees for cell in self.cells) if self.cells else None

    @property
    def credit_agreement(self) -> float | None:
        """The share of verdicts with the credit of the expected level."""
        return mean(cell.same_credit for cell in self.cells) if self.cells else None

    def scores(self, kind: str) -> list[float]:
        pairs = zip(self.rubric.exemplars, self.reports, strict=True)
        return [report.score.value for exemplar, report in pairs if exemplar.kind == kind and report.score.value is not None]

    @property
    def ordered(self) -> bool:
        """Whether the mean scores fall from strong over partial to wrong."""
        means = [mean(scores) if (scores := self.scores(kind)) else None for kind in RANKED]
        return None not in means and means[0] > means[1] > means[2]  # type: ignore[operator]

    @property
    def inversions(self) -> list[tuple[int, int]]:
        """Pairs of exemplars, by number, of which the one of the better kind did not get the higher score."""
        ranked = [
            (RANKED.index(exemplar.kind), number, report.score.value)
            for number, (exemplar, report) in enumerate(zip(self.rubric.exemplars, self.reports, strict=True))
            if exemplar.kind in RANKED and report.score.value is not None
        ]
        return [
            (better, worse)
            for rank, better, score in ranked
            for worse_rank, worse, worse_score in ranked
            if rank < worse_rank and score <= worse_score
        ]

    def to_data(self) -> dict[str, Any]:
        exemplars = []
        for number, (exemplar, report) in enumerate(zip(self.rubric.exemplars, self.reports, strict=True)):
            levels = {
                cell.verdict.criterion.id: {"expected": cell.expected, "given": cell.verdict.level}
                for cell in self.cells
                if cell.exemplar == number
            }
            exemplars.append(
                {
                    "kind": exemplar.kind,
                    "expected_score": round(self.rubric.expected_score(exemplar), 1),
                    "score": report.score.value,
                    "status": report.status,
                    "levels": levels,
                }
            )
        return {
            "question": self.question.no,
            "rubric": {"version": self.rubric.version, "hash": self.rubric.hash},
            "ordered": self.ordered,
            "inversions": len(self.inversions),
            "agreement": self.agreement,
            "credit_agreement": self.credit_agreement,
            "not_graded": self.not_graded,
            "exemplars": exemplars,
        }


def try_rubric(question: Question, rubric: Rubric, grader: Grader) -> Trial:
    """Grades every exemplar. One that the grader fails on has a report without a score."""
    return Trial(
        question, rubric, tuple(grade_answer(question, rubric, exemplar.answer, grader) for exemplar in rubric.exemplars)
    )


def try_rubrics(pairs: Sequence[tuple[Question, Rubric]], grader: Grader, jobs: int) -> Iterator[Trial]:
    """A trial for each pair, in their order, several at a time. Those not begun are dropped when the caller stops reading."""
    if jobs == 1:
        yield from (try_rubric(question, rubric, grader) for question, rubric in pairs)
        return
    pool = ThreadPoolExecutor(jobs)
    try:
        yield from pool.map(lambda pair: try_rubric(pair[0], pair[1], grader), pairs)
    finally:
        pool.shutdown(cancel_futures=True)


def _sign(cell: Cell) -> str:
    given = cell.verdict.level
    return given if cell.agrees else f"{cell.expected} > {given}"


def describe(trial: Trial) -> str:
    """A table for a terminal: a column for each exemplar, a row for each criterion; `expected > given` where they differ."""
    rubric = trial.rubric
    heads = _numbered([exemplar.kind for exemplar in rubric.exemplars])
    rows = [["", *heads], ["score", *(_score_cell(rubric, e, r) for e, r in zip(rubric.exemplars, trial.reports, strict=True))]]
    for criterion in rubric.criteria:
        given = {cell.exemplar: _sign(cell) for cell in trial.cells if cell.verdict.criterion.id == criterion.id}
        own = [cell for cell in trial.cells if cell.verdict.criterion.id == criterion.id]
        share = f"{mean(cell.same_credit for cell in own):.0%}" if own else "-"
        rows.append([f"{criterion.id} ({share})", *(given.get(number, "-") for number in range(len(heads)))])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    failures = [(head, report.error) for head, report in zip(heads, trial.reports, strict=True) if report.error]
    lines += [f"{head} was not graded: {error.message} {error.mend}" for head, error in failures]
    return "\n".join([f"Question {trial.question.no}: {trial.question.text}", *lines, summarise(trial)])


def summarise(trial: Trial) -> str:
    """One line: is the order right, how often do levels agree."""
    names = _numbered([exemplar.kind for exemplar in trial.rubric.exemplars])
    means = [f"{kind} {mean(scores):.0f}" if (scores := trial.scores(kind)) else f"{kind} -" for kind in RANKED]
    parts = [("ordered: " if trial.ordered else "NOT ORDERED: ") + " > ".join(means)]
    if trial.inversions:
        parts.append("inverted: " + ", ".join(f"{names[worse]} over {names[better]}" for better, worse in trial.inversions))
    if trial.cells:
        parts.append(f"levels agree {trial.agreement:.0%}, credit {trial.credit_agreement:.0%}")
    if trial.not_graded:
        parts.append(f"{trial.not_graded} not graded")
    return "; ".join(parts)


def summarise_all(trials: Sequence[Trial]) -> str:
    cells = [cell for trial in trials for cell in trial.cells]
    parts = [
        f"{sum(trial.ordered for trial in trials)} of {len(trials)} rubrics rank strong over partial over wrong (mean scores)"
    ]
    parts.append(f"{sum(trial.ordered and not trial.inversions for trial in trials)} of them exemplar by exemplar")
    if cells:
        agree, credit = mean(cell.agrees for cell in cells), mean(cell.same_credit for cell in cells)
        parts.append(f"of {len(cells):,} verdicts {agree:.0%} have the expected level, {credit:.0%} the expected credit")
    failed = sum(trial.not_graded for trial in trials)
    if failed:
        parts.append(f"{failed} exemplar{'' if failed == 1 else 's'} could not be graded")
    return "; ".join(parts) + "."


def _numbered(kinds: Sequence[str]) -> list[str]:
    """strong 1, strong 2, plain, ..."""
    return [f"{kind} {kinds[: at + 1].count(kind)}" if kinds.count(kind) > 1 else kind for at, kind in enumerate(kinds)]


def _score_cell(rubric: Rubric, exemplar: Exemplar, report: Report) -> str:
    given = "-" if report.score.value is None else f"{report.score.value:.0f}"
    expected = f"{rubric.expected_score(exemplar):.0f}"
    return given if given == expected else f"{expected} > {given}"
