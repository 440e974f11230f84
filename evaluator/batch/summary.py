"""summary.md: what an interviewer or a teacher wants to know of a run before opening any table."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from evaluator.batch.ledger import Ledger
from evaluator.graders.protocol import Identity
from evaluator.questions import QuestionBank
from evaluator.report import escape_markdown
from evaluator.rubric import CONTRADICTED, UNSCORED, Rubric
from evaluator.verdict import REVIEW_REASONS

_LONGEST_QUEUE = 50
_BLOCKS = "▁▂▃▄▅▆▇█"
_BARS = 10
"""A bar for each ten points of the score."""


@dataclass
class CriterionTally:
    """What became of one rubric point over all answers to its question; sums enough for a correlation."""

    credits: float = 0.0
    counted: int = 0
    levels: Counter[str] = field(default_factory=Counter)
    xx: float = 0.0
    yy: float = 0.0
    xy: float = 0.0
    y: float = 0.0

    def add(self, level: str, credit: float | None, rest: float | None) -> None:
        """`rest`: the score of the same answer on its other points, 0 to 1."""
        self.levels[level] += 1
        if credit is None or rest is None:
            return
        self.counted += 1
        self.credits += credit
        self.y += rest
        self.xx += credit * credit
        self.yy += rest * rest
        self.xy += credit * rest

    @property
    def hit_rate(self) -> float | None:
        return self.credits / self.counted if self.counted else None

    @property
    def discrimination(self) -> float | None:
        """How the credit goes with the rest of the score (Pearson's r); none where either never varies."""
        n = self.counted
        if n < 3:
            return None
        across = (self.xx - self.credits**2 / n) * (self.yy - self.y**2 / n)
        return (self.xy - self.credits * self.y / n) / math.sqrt(across) if across > 1e-12 else None


@dataclass
class QuestionTally:
    bars: list[int] = field(default_factory=lambda: [0] * _BARS)
    """Graded answers with a score below 10, below 20 ... and up to 100."""
    total: float = 0.0
    squares: float = 0.0
    graded: int = 0
    failed: int = 0
    criteria: dict[str, CriterionTally] = field(default_factory=lambda: defaultdict(CriterionTally))

    def add(self, line: Mapping[str, Any]) -> None:
        score = line["score"]
        if score is None:
            self.failed += 1
            return
        self.graded += 1
        self.total += score
        self.squares += score * score
        self.bars[min(_BARS - 1, int(score // (100 // _BARS)))] += 1
        known = [c for c in line["criteria"] if c["credit"] is not None]
        weights = sum(c["weight"] for c in known)
        points = sum(c["weight"] * c["credit"] for c in known)
        for criterion in line["criteria"]:
            others = weights - criterion["weight"]
            rest = None
            if criterion["credit"] is not None and others > 0:
                rest = (points - criterion["weight"] * criterion["credit"]) / others
            self.criteria[criterion["id"]].add(criterion["level"], criterion["credit"], rest)

    @property
    def mean(self) -> float:
        return self.total / self.graded if self.graded else 0.0

    @property
    def deviation(self) -> float:
        return math.sqrt(max(0.0, self.squares / self.graded - self.mean**2)) if self.graded else 0.0


@dataclass
class Tally:
    questions: dict[int, QuestionTally] = field(default_factory=lambda: defaultdict(QuestionTally))
    review: Counter[str] = field(default_factory=Counter)
    to_review: int = 0
    queue: list[tuple[str, int, float | None, list[str]]] = field(default_factory=list)
    """The first answers that a person should look at: id, question, score, reasons."""

    @property
    def mean(self) -> float | None:
        """The mean score of all graded answers."""
        graded = sum(question.graded for question in self.questions.values())
        return sum(question.total for question in self.questions.values()) / graded if graded else None

    def add(self, line: Mapping[str, Any]) -> None:
        self.questions[line["question"]].add(line)
        if line["needs_review"]:
            self.review.update(line["review_reasons"])
            self.to_review += 1
            if len(self.queue) < _LONGEST_QUEUE:
                self.queue.append((line["id"], line["question"], line["score"], line["review_reasons"]))


def tally(lines: Iterable[Mapping[str, Any]]) -> Tally:
    found = Tally()
    for line in lines:
        found.add(line)
    return found


def write_summary(
    found: Tally, ledger: Ledger, bank: QuestionBank, rubrics: Mapping[int, Rubric], grader: Identity
) -> Iterator[str]:
    """Lines of Markdown; text from outside is escaped."""
    counts = ledger.counts()
    yield "# Summary of the run\n\n"
    yield f"{counts.graded:,} of {counts.rows:,} answers graded"
    yield f", {counts.rows - counts.graded:,} not graded, {counts.faults:,} rows could not be read (failed.csv).\n\n"
    yield f"Graded by {escape_markdown(grader.title)}, model {escape_markdown(grader.model)}.\n\n"
    yield f"{escape_markdown(grader.accuracy)}\n\n" if grader.accuracy else ""
    yield "## For a person to look at\n\n"
    yield from _queue(found)
    yield "## Questions\n\n![Scores by question](scores.svg)\n\n"
    yield "| question | graded | mean score | deviation | distribution, 0 to 100 |\n|---|---|---|---|---|\n"
    for number, tallied in sorted(found.questions.items()):
        text = escape_markdown(bank[number].text)
        spread = f"{tallied.mean:.1f} | {tallied.deviation:.1f} | {_small_bars(tallied)}"
        yield f"| {number} {text[:80]} | {tallied.graded} | {spread} |\n"
    for number, tallied in sorted(found.questions.items()):
        yield f"\n### Question {number}\n\n"
        yield "| rubric point | credit given | goes with the rest | met | partly | missed | contradicted | unscored |\n"
        yield "|---|---|---|---|---|---|---|---|\n"
        for criterion in rubrics[number].criteria:
            yield _criterion_row(criterion.id, tallied.criteria[criterion.id])
    alike = ledger.duplicates()
    if alike:
        yield "\n## The same answer more than once\n\n"
        yield "But for letter case, spacing and punctuation; equal to the letter, it was graded once.\n\n"
        yield from (f"- {', '.join(escape_markdown(name) for name in group[:20])}\n" for group in alike)


def _queue(found: Tally) -> Iterator[str]:
    if not found.review:
        yield "Nothing.\n\n"
        return
    yield from (f"- {count:,} × {REVIEW_REASONS[code]} (`{code}`)\n" for code, count in found.review.most_common())
    yield "\n| id | question | score | why |\n|---|---|---|---|\n"
    for name, number, score, reasons in found.queue:
        shown = "not graded" if score is None else f"{score:g}"
        yield f"| {escape_markdown(name)} | {number} | {shown} | {', '.join(reasons)} |\n"
    if found.to_review > len(found.queue):
        yield f"\n{found.to_review - len(found.queue):,} more have `needs_review` in scores.csv.\n"
    yield "\n"


def _small_bars(tallied: QuestionTally) -> str:
    """▁▃█"""
    most = max(tallied.bars) or 1
    return "".join("·" if not bar else _BLOCKS[min(7, math.ceil(8 * bar / most) - 1)] for bar in tallied.bars)


def _criterion_row(name: str, tallied: CriterionTally) -> str:
    rate = "-" if tallied.hit_rate is None else f"{tallied.hit_rate:.0%}"
    along = "-" if tallied.discrimination is None else f"{tallied.discrimination:.2f}"
    counts = " | ".join(str(tallied.levels[level]) for level in ("met", "partly", "missed", CONTRADICTED, UNSCORED))
    return f"| {name} | {rate} | {along} | {counts} |\n"
