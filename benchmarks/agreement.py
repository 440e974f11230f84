"""How far the embedded grader agrees with people, beside simpler methods, on questions, documents and topics it never saw.

Run: python -m benchmarks.agreement     (EVALUATOR_DATA names the folder of the data sets; see training/splits.py)

Is a point expressed: macro-F1 over yes and no. Each method's few coefficients are fitted on the tuning part of the same
set and measured on its test part. Whole answers: Pearson's r with people's scores; the coefficients are fitted on the
tuning parts of mohler and saf, never on an exam answer. Intervals: 95 %, bootstrap over questions, documents or topics.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Callable, Sequence

import numpy as np

from evaluator.graders.embedded_head import NAMES
from evaluator.graders.embedded_likeness import Comparer, Point
from evaluator.minilm import MiniLM
from evaluator.reading import ReadingModel
from training import splits
from training.features import features_of, sentences
from training.logistic import apply, fit_ridge, fit_softmax, softmax

RESAMPLES = 1_000
READ = ("expressed", "most_expressed", "together", "contradicted")
ALIKE = ("mean_coverage", "best_coverage", "whole_coverage", "shared_words", "rare_words", "cosine")
METHODS = {"lexical": ("rare_words",), "cosine": ("cosine",), "head": ALIKE, "cross-encoder": READ, "ours": (*ALIKE, *READ)}
PUBLISHED = """Published figures for LLMs, on other data (sources in docs/embedded-grader.md):
 GPT-4 zero-shot on RiceChem criteria .709 accuracy, F1 .689;
 HealthBench grader macro-F1 .697, physicians among themselves .719"""


def main() -> None:
    model, reading = MiniLM(), ReadingModel()
    comparer = Comparer(model, reading)
    names = sys.argv[1:] or ["scientsbank", "beetle", "realsumm", "pyrxsum", "argkp", "mohler", "nnexam"]
    for name in [name for name in names if name not in ("mohler", "nnexam")]:
        compare_points(name, model, comparer)
    whole = [name for name in names if name in ("mohler", "nnexam")]
    if whole:
        compare_scores(whole, model, comparer, reading)
    print(PUBLISHED)


def compare_points(name: str, model: MiniLM, comparer: Comparer) -> None:
    parts = []
    for part in ("tune", "test"):
        rows = splits.read_points(name, part)
        parts.append((rows, features_of(model, comparer, rows)))
    (tune, tune_x), (test, test_x) = parts
    tune_y, test_y = (np.array([row.label for row in rows]) for rows in (tune, test))
    groups = np.array([row.group for row in test])
    print(f"{name}: {len(test)} rows, {len(set(groups))} groups never seen, {test_y.mean():.2f} expressed", flush=True)
    majority = np.full(len(test), int(tune_y.mean() >= 0.5))
    show("majority", test_y, majority, groups)
    for method, features in METHODS.items():
        columns = [NAMES.index(feature) for feature in features]
        x = tune_x[:, columns], test_x[:, columns]
        chance = softmax(apply(x[1], fit_softmax(x[0], np.eye(2)[tune_y])))[:, 1]
        own = softmax(apply(x[0], fit_softmax(x[0], np.eye(2)[tune_y])))[:, 1]
        border = max(np.linspace(0.2, 0.8, 61), key=lambda border: macro_f1(tune_y, own >= border) - 0.02 * abs(border - 0.5))
        show(method, test_y, chance >= border, groups)


def show(method: str, wanted: np.ndarray, given: np.ndarray, groups: np.ndarray) -> None:
    given = given.astype(int)
    low, high = interval(groups, lambda rows: macro_f1(wanted[rows], given[rows]))
    print(
        f"  {method:14} macro-F1 {macro_f1(wanted, given):.3f} ({low:.2f} to {high:.2f}), right {np.mean(wanted == given):.3f}",
        flush=True,
    )


def compare_scores(names: Sequence[str], model: MiniLM, comparer: Comparer, reading: ReadingModel) -> None:
    train = [*splits.read_scored("mohler", "tune"), *splits.read_scored("saf", "tune")]
    x = np.array([whole_features(row, model, comparer, reading) for row in train])
    y = np.array([row.score for row in train])
    columns = {
        "length": [0],
        "cosine": [1],
        "lexical": [2],
        "head": [0, 1, 2, 3, 4, 5],
        "cross-encoder": [6, 7, 8, 9, 10],
        "ours": list(range(x.shape[1])),
    }
    for name in names:
        rows = splits.read_scored(name, "test")
        test_x = np.array([whole_features(row, model, comparer, reading) for row in rows])
        scores = np.array([row.score for row in rows])
        groups = np.array([row.group for row in rows])
        print(f"{name}: {len(rows)} answers to {len(set(groups))} questions never seen", flush=True)
        for method, chosen in columns.items():
            given = apply(test_x[:, chosen], fit_ridge(x[:, chosen], y))
            low, high = interval(groups, lambda at, given=given, scores=scores: pearson(scores[at], given[at]))
            print(f"  {method:14} r {pearson(scores, given):.3f} ({low:.2f} to {high:.2f})", flush=True)


def whole_features(row: splits.Scored, model: MiniLM, comparer: Comparer, reading: ReadingModel) -> list[float]:
    """Of an answer against the sentences of a reference: length, similarities, and what the reading model says."""
    places, wanted = sentences(model, row.answer), sentences(model, row.reference)
    length = np.log1p(min(len(row.answer.split()) / max(len(row.reference.split()), 1), 3.0))
    if not places:
        return [0.0] * 6 + [-6.0, -6.0, -6.0, -3.0, -6.0]
    points = [Point((place.span.text,)) for place in wanted]
    means = np.mean([like.features.values() for like in comparer.compare(points, places, row.question)], axis=0)
    get = dict(zip(NAMES, means, strict=True))
    one, other = model.embed([row.reference, row.answer])
    whole = np.clip(reading.read([(row.reference, row.answer)])[0], -6, 6)
    alike = [length, float(one @ other), get["shared_words"], get["mean_coverage"], get["best_coverage"], get["whole_coverage"]]
    return [*alike, *(get[name] for name in READ), float(whole[0])]


def macro_f1(wanted: np.ndarray, given: np.ndarray) -> float:
    values = []
    for label in (0, 1):
        right = np.sum((wanted == label) & (given == label))
        values.append(2 * right / max(np.sum(wanted == label) + np.sum(given == label), 1))
    return float(np.mean(values))


def pearson(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.corrcoef(one, other)[0, 1]) if one.std() > 0 and other.std() > 0 else 0.0


def interval(groups: np.ndarray, measure: Callable[[np.ndarray], float]) -> tuple[float, float]:
    rng = np.random.default_rng(0)
    rows = defaultdict(list)
    for at, group in enumerate(groups):
        rows[group].append(at)
    members = [np.array(value) for value in rows.values()]
    draws = [
        measure(np.concatenate([members[at] for at in rng.integers(len(members), size=len(members))])) for _ in range(RESAMPLES)
    ]
    low, high = np.percentile(draws, [2.5, 97.5])
    return float(low), float(high)


if __name__ == "__main__":
    main()
