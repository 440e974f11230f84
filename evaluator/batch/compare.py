"""Two runs side by side: whose score changed, by which rubric points, and what was different about the runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evaluator.agreement import Pair, accuracy, correlation, mean_error, measure
from evaluator.batch.folder import SCORES, read_lines
from evaluator.batch.manifest import differences
from evaluator.errors import BadInput


@dataclass(frozen=True, slots=True)
class Change:
    """`points`: (criterion, level before, level now) of those that differ."""

    id: str
    question: int
    before: float | None
    now: float | None
    points: tuple[tuple[str, str, str], ...]
    why: tuple[str, ...]

    def __str__(self) -> str:
        moved = ", ".join(f"{name} {was} > {now}" for name, was, now in self.points) or "no rubric point"
        return f"{self.id} (question {self.question}): {_shown(self.before)} > {_shown(self.now)}: {moved}"


@dataclass(frozen=True, slots=True)
class Comparison:
    changes: list[Change]
    common: int
    only_before: list[str]
    only_now: list[str]
    scores: list[Pair]
    credits: list[Pair]

    def in_words(self) -> Iterator[str]:
        for why in dict.fromkeys(reason for change in self.changes for reason in change.why):
            yield f"Different: {why}."
        yield from (str(change) for change in self.changes)
        yield f"{len(self.changes)} of {self.common} answers in both runs changed."
        for name, ids in (("first", self.only_before), ("second", self.only_now)):
            if ids:
                yield f"Only in the {name} run: {len(ids)} answers ({', '.join(ids[:5])}{', ...' if len(ids) > 5 else ''})."
        yield f"Rubric points with the same credit: {measure(accuracy, self.credits)}."
        yield f"Scores: {measure(mean_error, self.scores)} apart on average, correlation {measure(correlation, self.scores)}."


def compare_runs(before: Path, now: Path) -> Comparison:
    """Raises BadInput for a folder without a run."""
    old, new = read_run(before), read_run(now)
    changes: list[Change] = []
    scores: list[Pair] = []
    credits: list[Pair] = []
    for name, line in new.items():
        was = old.get(name)
        if was is None:
            continue
        levels = {criterion["id"]: criterion for criterion in was["criteria"]}
        points = []
        for criterion in line["criteria"]:
            had = levels.get(criterion["id"])
            if had is None or had["level"] != criterion["level"]:
                points.append((criterion["id"], had["level"] if had else "not there", criterion["level"]))
            if had is not None and had["credit"] is not None and criterion["credit"] is not None:
                credits.append(Pair(name, had["credit"], criterion["credit"]))
        if was["score"] is not None and line["score"] is not None:
            scores.append(Pair(name, was["score"], line["score"]))
        if points or was["score"] != line["score"]:
            why = [*differences(was, line["signature"])]
            why += ["the answer was edited"] if was["answer_hash"] != line["answer_hash"] else []
            changes.append(Change(name, line["question"], was["score"], line["score"], tuple(points), tuple(why)))
    common = [name for name in new if name in old]
    gone, come = [name for name in old if name not in new], [name for name in new if name not in old]
    return Comparison(changes, len(common), gone, come, scores, credits)


def read_run(folder: Path) -> dict[str, Mapping[str, Any]]:
    """The last report of each answer, by id. Raises BadInput."""
    path = folder / SCORES
    if not path.is_file():
        raise BadInput(f"{folder}: there is no run in it.", "Name a folder that evaluator batch wrote.")
    return {str(line["id"]): line for _, line in read_lines(path)}


def _shown(score: float | None) -> str:
    return "not graded" if score is None else f"{score:g}"
