"""Fits the head on what the reading model was not trained on, and writes it into the card. Run: python -m training.fit_head"""

from __future__ import annotations

import json
import random
from collections import defaultdict

import numpy as np

from evaluator.graders.embedded_head import NAMES
from evaluator.graders.embedded_likeness import Comparer, Point
from evaluator.minilm import MiniLM
from evaluator.questions import load_questions
from evaluator.reading import FOLDER, ReadingModel
from evaluator.rubric_files import list_rubric_files
from evaluator.settings import read_settings
from training import splits
from training.features import composed_answers, features_of, sentences
from training.logistic import Numbers, apply, fit_softmax, softmax
from training.pairs import read_rows

BORDERS = {"met": 0.48, "partly": 0.40, "contradicted": 0.70, "surest": 0.90, "on_topic": 0.45, "met_off_topic": 0.65}
"""See evaluator/graders/embedded_head.py."""
HUMAN_SHARE, WHOLE_SHARE, DENIED = 0.10, 0.50, 3.0
"""The share of the weight that lies on human labels of other subjects; of the rest, the share of answers written as a whole;
and how much more a denial counts than another cell."""
ANSWERS = 60
LEVELS = {"met": (1.0, 0.0), "partly": (0.5, 0.0), "missed": (0.0, 0.0), "contradicted": (0.0, 1.0)}


def main() -> None:
    model, reading = MiniLM(), ReadingModel()
    comparer = Comparer(model, reading)
    x, y, whole = bank_rows(model, comparer)
    own = (1 - HUMAN_SHARE) * np.where(whole, WHOLE_SHARE / whole.sum(), (1 - WHOLE_SHARE) / (~whole).sum())
    parts = [(x, y, own * (1 + (DENIED - 1) * y[:, 1]))]
    for name in ("scientsbank", "beetle"):
        rows = splits.read_points(name, "tune")
        classes = {"correct": 0, "contradictory": 1, "incorrect": 2}
        human = features_of(model, comparer, rows)
        labels = np.eye(3)[[classes[row.label3 or ""] for row in rows]]
        parts.append((human, labels, np.full(len(rows), HUMAN_SHARE / 2 / len(rows))))
    features, wanted, weights = (np.concatenate([part[at] for part in parts]) for at in range(3))
    coefficients = fit_softmax(features, wanted, weights, ridge=4.0)
    p = softmax(apply(x, coefficients))
    middle = (p[:, 0] >= BORDERS["partly"]) & (p[:, 1] <= p[:, 0] / 2)
    credit = np.where(p[:, 0] >= BORDERS["met"], 1.0, np.where(middle, 0.5, 0.0))
    for value in (0.0, 0.5, 1.0):
        told = y[:, 0] == value
        print(
            f"credit {value}: {told.sum()} cells, given {[round(float(np.mean(credit[told] == c)), 2) for c in (0.0, 0.5, 1.0)]}"
        )
    denied = y[:, 1] == 1
    called = np.mean(p[denied, 1] >= BORDERS["contradicted"])
    print(f"denied: called denied {called:.2f}, credited {np.mean(credit[denied] > 0):.2f}")
    path = FOLDER / "card.json"
    card = json.loads(path.read_text(encoding="utf-8"))
    rounded = {name: [round(float(v), 4) for v in row] for name, row in zip((*NAMES, "bias"), coefficients, strict=True)}
    card["head"] = {"coefficients": rounded} | BORDERS
    path.write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
    for name, row in rounded.items():
        print(f"{name:16} {row}")


def bank_rows(model: MiniLM, comparer: Comparer) -> tuple[Numbers, Numbers, Numbers]:
    """Cells of answers: features, (made, denied, absent), and whether the answer was written as a whole or composed.

    Composed ones are to the tuning questions. Whole ones are to questions whose rubrics the reading model knows, too: it never
    read these answers.
    """
    settings = read_settings()
    bank = load_questions(settings.questions_file)
    files = list_rubric_files(settings.rubrics_dir)
    written: dict[int, list[dict]] = defaultdict(list)
    for row in read_rows("contrasts"):
        written[row["question"]].append(row)
    whole: dict[int, list[tuple[str, dict[str, tuple[float, float]]]]] = defaultdict(list)
    for row in read_rows("answers"):
        whole[row["question"]].append((row["answer"], {point: LEVELS[level] for point, level in row["levels"].items()}))
    rng = random.Random(5)
    x, y, by_hand = [], [], []
    for no in sorted({*splits.TUNE_QUESTIONS, *whole}):
        rubric = files[no].read([question.no for question in bank])
        points = [Point((c.point, *c.accept), tuple(m.claim for m in c.misconceptions)) for c in rubric.criteria]
        strangers = [row for other in sorted(written) if other != no for row in written[other] if row["label"] == "expressed"]
        is_tuning = no in splits.TUNE_QUESTIONS
        composed = composed_answers(written[no], rng, ANSWERS, strangers) if is_tuning else []
        for is_whole, answers in ((False, composed), (True, whole[no])):
            for text, told in answers:
                likenesses = comparer.compare(points, sentences(model, text), bank[no].text)
                for criterion, likeness in zip(rubric.criteria, likenesses, strict=True):
                    made, denied = told.get(criterion.id, (0.0, 0.0))
                    if made >= 0:
                        x.append(likeness.features.values())
                        y.append((made, denied, 1 - made - denied))
                        by_hand.append(is_whole)
    return np.array(x), np.array(y), np.array(by_hand)


if __name__ == "__main__":
    main()
