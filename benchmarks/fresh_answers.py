"""How the embedded grader ranks answers by writers who never saw the rubrics, nor how it graded anything.

Run: python benchmarks/fresh_answers.py
For each question of the bank benchmarks/fresh_answers.jsonl holds a strong, a partial and a fluent but wrong answer. Nothing
was fitted or reworded on them. Keep it so: mend a rubric by its own exemplars, not by these.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np

from evaluator.graders.embedded import EmbeddedGrader
from evaluator.grading import grade_answer
from evaluator.minilm import MiniLM
from evaluator.questions import load_questions
from evaluator.rubric import CONTRADICTED
from evaluator.rubric_files import list_rubric_files
from evaluator.settings import read_settings

KINDS = ("strong", "partial", "wrong")
RESAMPLES = 2_000


def main() -> None:
    settings = read_settings()
    bank = load_questions(settings.questions_file)
    files = list_rubric_files(settings.rubrics_dir)
    grader = EmbeddedGrader(MiniLM())
    scores: dict[int, dict[str, float]] = defaultdict(dict)
    words: dict[str, list[int]] = defaultdict(list)
    accused: Counter[str] = Counter()
    for line in (Path(__file__).parent / "fresh_answers.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        question = bank[row["question"]]
        rubric = files[question.no].read([entry.no for entry in bank])
        report = grade_answer(question, rubric, row["answer"], grader)
        scores[question.no][row["kind"]] = report.score.value or 0.0
        accused[row["kind"]] += any(verdict.level == CONTRADICTED for verdict in report.verdicts)
        words[row["kind"]].append(len(row["answer"].split()))
    table = np.array([[scores[no][kind] for kind in KINDS] for no in sorted(scores)])
    for column, kind in enumerate(KINDS):
        low, high = interval(table[:, column])
        length = np.mean(words[kind])
        mean = table[:, column].mean()
        print(f"{kind:8} mean score {mean:.0f} ({low:.0f} to {high:.0f}), mean length {length:.0f} words,", end=" ")
        print(f"a point called contradicted in {accused[kind]} answers")
    pairs = {"strong > partial": (0, 1), "partial > wrong": (1, 2), "strong > wrong": (0, 2)}
    for name, (better, worse) in pairs.items():
        show(name, table[:, better] > table[:, worse])
    print(f"of all credit given, {table[:, 2].sum() / table.sum():.0%} went to wrong answers")
    show("all in order", (table[:, 0] > table[:, 1]) & (table[:, 1] > table[:, 2]))


def show(name: str, right: np.ndarray) -> None:
    low, high = interval(right.astype(float))
    print(f"{name:16} in {right.sum()} of {len(right)} questions ({100 * low:.0f} to {100 * high:.0f} %)")


def interval(values: np.ndarray) -> tuple[float, float]:
    """95 % bootstrap interval of the mean, over questions."""
    draws = np.random.default_rng(0).choice(values, (RESAMPLES, len(values))).mean(axis=1)
    low, high = np.percentile(draws, [2.5, 97.5])
    return float(low), float(high)


if __name__ == "__main__":
    main()
