"""A run held against people's ratings of the same answers, rubric point by rubric point and as whole scores."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evaluator.agreement import (
    Pair,
    accuracy,
    correlation,
    kappa,
    mean_error,
    measure,
    precision,
    quadratic_kappa,
    recall,
)
from evaluator.batch.answer_file import Problem, Reading, read_records
from evaluator.batch.compare import read_run
from evaluator.errors import BadInput
from evaluator.rubric import CONTRADICTED, Rubric

_MEASURES = {
    "accuracy": accuracy,
    "precision": precision,
    "recall": recall,
    "kappa": kappa,
    "quadratic kappa": quadratic_kappa,
}


@dataclass
class Agreement:
    """`points`: (question, criterion) -> pairs of credits, the person's first. `scores`: pairs of scores."""

    points: dict[tuple[int, str], list[Pair]] = field(default_factory=dict)
    scores: list[Pair] = field(default_factory=list)
    rated: int = 0
    """Ratings that people gave."""
    unmatched: int = 0
    """Of those, how many the run has no verdict or score for."""
    notes: list[str] = field(default_factory=list)

    def to_data(self) -> dict[str, Any]:
        every = [pair for pairs in self.points.values() for pair in pairs]
        return {
            "ratings": self.rated,
            "covered": self.rated - self.unmatched,
            "points": [
                {"question": no, "criterion": name, "pairs": len(pairs)} | _figures(pairs)
                for (no, name), pairs in sorted(self.points.items())
            ],
            "all_points": {"pairs": len(every)} | _figures(every),
            "scores": {
                "pairs": len(self.scores),
                "mean_error": _data(measure(mean_error, self.scores)),
                "correlation": _data(measure(correlation, self.scores)),
            },
        }

    def in_words(self) -> Iterator[str]:
        yield from self.notes
        share = f" ({(self.rated - self.unmatched) / self.rated:.0%})" if self.rated else ""
        yield f"{self.rated - self.unmatched:,} of {self.rated:,} ratings could be compared{share}."
        names = list(_MEASURES)
        width = max([len(name) for _, name in self.points] + [12]) + 5
        yield "  ".join(["".ljust(width), "pairs", *(name.ljust(22) for name in names)]).rstrip()
        every = [pair for pairs in self.points.values() for pair in pairs]
        for label, pairs in [*((f"{no} {name}", p) for (no, name), p in sorted(self.points.items())), ("all points", every)]:
            figures = [str(measure(_MEASURES[name], pairs)).ljust(22) for name in names]
            yield "  ".join([label.ljust(width), f"{len(pairs):>5}", *figures]).rstrip()
        if self.scores:
            error, r = measure(mean_error, self.scores), measure(correlation, self.scores)
            yield f"scores: {len(self.scores)} pairs, {error} points apart on average, correlation {r}"


def compare_with_people(
    run: Path, ratings: Path, rubrics: Mapping[int, Rubric], reading: Reading, names: Mapping[str, str]
) -> Agreement:
    """`ratings` has an `id`, and `criterion` and `level` in each row or a column for each criterion, and perhaps a `score`.

    A level is its name in the rubric, or a credit from 0 to 1. Raises BadInput.
    """
    lines = read_run(run)
    found = Agreement()
    for number, record in read_records(ratings, reading):
        if isinstance(record, Problem):
            raise BadInput(f"{ratings}: row {number}: {record.what}.", record.mend)
        key = str(_get(record, "id", names) or "").strip()
        if not key:
            raise BadInput(f"{ratings}: row {number}: no id.", "Each row needs the id of an answer: --map id=COLUMN.")
        line = lines.get(key)
        place = f"{ratings}: row {number}"
        _take_score(found, key, line, _get(record, "score", names), place)
        for name, level in _levels(record, line, names):
            _take_level(found, key, line, rubrics, name, level, place)
    if not found.rated:
        raise BadInput(
            f"{ratings}: no rating in it.", "It needs columns id, criterion, level; or id and a column a criterion; or id, score."
        )
    return found


def _levels(record: Mapping[str, Any], line: Mapping[str, Any] | None, names: Mapping[str, str]) -> list[tuple[str, Any]]:
    named = _get(record, "criterion", names)
    if named:
        return [(str(named).strip(), _get(record, "level", names))]
    ids = {criterion["id"] for criterion in line["criteria"]} if line else set()
    return [(name, level) for name, level in record.items() if name in ids and level not in (None, "")]


def _take_level(
    found: Agreement,
    key: str,
    line: Mapping[str, Any] | None,
    rubrics: Mapping[int, Rubric],
    name: str,
    level: Any,
    place: str,
) -> None:
    if level in (None, ""):
        return
    found.rated += 1
    given = next((c for c in line["criteria"] if c["id"] == name), None) if line else None
    if line is None or given is None or given["credit"] is None:
        found.unmatched += 1
        return
    credit = _credit(rubrics[line["question"]], name, str(level).strip(), place)
    found.points.setdefault((line["question"], name), []).append(Pair(key, credit, given["credit"]))


def _take_score(found: Agreement, key: str, line: Mapping[str, Any] | None, score: Any, place: str) -> None:
    if score in (None, ""):
        return
    try:
        value = float(str(score).replace(",", "."))
    except ValueError:
        value = math.nan
    if not 0 <= value <= 100:
        raise BadInput(f'{place}: "{score}" is no score.', "Scores are numbers from 0 to 100.")
    found.rated += 1
    if line is None or line["score"] is None:
        found.unmatched += 1
        return
    found.scores.append(Pair(key, value, line["score"]))


def _credit(rubric: Rubric, name: str, level: str, place: str) -> float:
    criterion = next((c for c in rubric.criteria if c.id == name), None)
    if criterion is None:
        ids = ", ".join(c.id for c in rubric.criteria)
        raise BadInput(f'{place}: question {rubric.question} has no criterion "{name}".', f"Use: {ids}.")
    if level == CONTRADICTED:
        return 0.0
    if known := criterion.level(level):
        return known.credit
    try:
        credit = float(level.replace(",", "."))
    except ValueError:
        credit = math.nan
    if not 0 <= credit <= 1:
        levels = ", ".join(entry.id for entry in criterion.levels)
        raise BadInput(f'{place}: "{level}" is no level of {name}.', f"Use: {levels}, {CONTRADICTED}, or a credit from 0 to 1.")
    return credit


def _get(record: Mapping[str, Any], name: str, names: Mapping[str, str]) -> Any:
    return record.get(names.get(name, name))


def _figures(pairs: list[Pair]) -> dict[str, Any]:
    return {name.replace(" ", "_"): _data(measure(what, pairs)) for name, what in _MEASURES.items()}


def _data(figure: Any) -> dict[str, float | None]:
    return {"value": figure.value, "low": figure.low, "high": figure.high}
