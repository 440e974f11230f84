"""Fits the head of the embedded grader on the exemplars of rubrics/ and says how well it does on questions it was not fitted on.

Run: python benchmarks/fit_embedded.py
Prints the lines for evaluator/graders/embedded.py, and figures with each question left out of its own fit in turn.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from evaluator.graders import embedded
from evaluator.minilm import MiniLM
from evaluator.questions import load_questions
from evaluator.rubric import CONTRADICTED, Rubric
from evaluator.rubric_files import list_rubric_files
from evaluator.settings import read_settings

RIDGE = 3.0
FITTED_ON = ("strong", "plain", "partial", "wrong", "off-topic")


def main() -> None:
    settings = read_settings()
    bank = load_questions(settings.questions_file)
    numbers = [question.no for question in bank]
    rubrics = [file.read(numbers) for file in list_rubric_files(settings.rubrics_dir).values()]
    grader = embedded.EmbeddedGrader(MiniLM())
    rows, wanted, weights, groups = [], [], [], []
    contradictions = []
    for rubric in rubrics:
        for position, exemplar in enumerate(rubric.exemplars):
            if exemplar.kind not in FITTED_ON:
                continue
            places, _ = grader.places(bank[rubric.question].text, exemplar.answer)
            for criterion, likeness in zip(rubric.criteria, grader.compare(rubric, places), strict=True):
                level = criterion.level(exemplar.levels[criterion.id])
                if embedded.decide(criterion, likeness).level == CONTRADICTED:
                    contradictions.append(level is None)
                rows.append(likeness.features)
                wanted.append(level.credit if level else 0.0)
                weights.append(criterion.weight)
                groups.append((rubric.question, exemplar.kind, position))
    print(f"contradictions found: {len(contradictions)}, of them real: {np.mean(contradictions):.2f}")
    x, y = np.array(rows), np.array(wanted)
    w = fit(x, y)
    print(f"WEIGHTS = ({', '.join(f'{value:.3f}' for value in w[:-1])})\nBIAS = {w[-1]:.3f}")
    questions = np.array([group[0] for group in groups])
    left_out = np.zeros(len(y))
    for no in set(questions):
        left_out[questions == no] = chance(x[questions == no], fit(x[questions != no], y[questions != no]))
    report(rubrics, left_out, y, np.array(weights), groups)


def fit(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Logistic regression with a ridge on standardised features, by Newton's method; returned for raw features, bias last."""
    mean, scale = x.mean(axis=0), x.std(axis=0)
    z = np.c_[(x - mean) / scale, np.ones(len(x))]
    ridge = RIDGE * np.diag([*np.ones(x.shape[1]), 0.0])
    w = np.zeros(z.shape[1])
    for _ in range(50):
        p = 1 / (1 + np.exp(-z @ w))
        w -= np.linalg.solve((z * (p * (1 - p))[:, None]).T @ z + ridge, z.T @ (p - y) + ridge @ w)
    raw = w[:-1] / scale
    return np.r_[raw, w[-1] - raw @ mean]


def chance(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-(x @ w[:-1] + w[-1])))


def report(rubrics: list[Rubric], p: np.ndarray, y: np.ndarray, weights: np.ndarray, groups: list[tuple[int, str, int]]) -> None:
    credit = np.where(p >= embedded.MET, 1.0, np.where(p >= embedded.PARTLY, 0.5, 0.0))
    ranks = p.argsort().argsort()
    met = y == 1
    auc = (ranks[met].mean() - (met.sum() - 1) / 2) / (~met).sum()
    print(f"left out: {len(y)} points, AUC {auc:.3f}, met or not right in {np.mean((credit == 1) == met):.3f}")
    ordered = 0
    of_kind = defaultdict(list)
    for rubric in rubrics:
        scores = defaultdict(list)
        for position, exemplar in enumerate(rubric.exemplars):
            own = np.array([group == (rubric.question, exemplar.kind, position) for group in groups])
            if own.any():
                scores[exemplar.kind].append(100 * (weights * credit)[own].sum() / weights[own].sum())
        means = {kind: float(np.mean(values)) for kind, values in scores.items()}
        ordered += means["strong"] > means["partial"] > means["wrong"]
        for kind, value in means.items():
            of_kind[kind].append(value)
        print(f"question {rubric.question:2}: " + ", ".join(f"{kind} {value:.0f}" for kind, value in means.items()))
    spans = [f"{kind} {np.mean(values):.0f} ({min(values):.0f} to {max(values):.0f})" for kind, values in of_kind.items()]
    print("all questions: " + ", ".join(spans))
    print(f"strong > partial > wrong by mean score in {ordered} of {len(rubrics)} questions")


if __name__ == "__main__":
    main()
