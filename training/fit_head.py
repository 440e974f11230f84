"""Fits the head on what the reading model was not trained on, and writes it into the card. Run: python -m training.fit_head"""

from __future__ import annotations

import json
import random
from collections import defaultdict
from pathlib import Path

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

MET, PARTLY, CONTRADICTED, SUREST = 0.50, 0.20, 0.70, 0.90
HUMAN_SHARE, DENIED = 0.15, 3.0
"""The share of the weight that lies on human labels of other subjects, and how much more a denial counts than another cell."""
ANSWERS = 90


def main() -> None:
    model, reading = MiniLM(), ReadingModel()
    comparer = Comparer(model, reading)
    x, y = bank_rows(model, comparer)
    parts = [(x, y, (1 - HUMAN_SHARE) / len(x))]
    for name in ("scientsbank", "beetle"):
        rows = splits.read_points(name, "tune")
        classes = {"correct": 0, "contradictory": 1, "incorrect": 2}
        human = features_of(model, comparer, rows)
        parts.append((human, np.eye(3)[[classes[row.label3 or ""] for row in rows]], HUMAN_SHARE / 2 / len(rows)))
    weights = np.concatenate([np.full(len(part[0]), part[2]) for part in parts])
    weights[: len(x)] *= 1 + (DENIED - 1) * y[:, 1]
    coefficients = fit_softmax(np.vstack([part[0] for part in parts]), np.vstack([part[1] for part in parts]), weights, ridge=4.0)
    p = softmax(apply(x, coefficients))
    credit = np.where(p[:, 0] >= MET, 1.0, np.where((p[:, 0] >= PARTLY) & (p[:, 1] <= p[:, 0] / 2), 0.5, 0.0))
    for value in (0.0, 0.5, 1.0):
        told = y[:, 0] == value
        print(
            f"credit {value}: {told.sum()} cells, given {[round(float(np.mean(credit[told] == c)), 2) for c in (0.0, 0.5, 1.0)]}"
        )
    denied = y[:, 1] == 1
    print(f"denied: called denied {np.mean(p[denied, 1] >= CONTRADICTED):.2f}, credited {np.mean(credit[denied] > 0):.2f}")
    path = FOLDER / "card.json"
    card = json.loads(path.read_text(encoding="utf-8"))
    rounded = {name: [round(float(v), 4) for v in row] for name, row in zip((*NAMES, "bias"), coefficients, strict=True)}
    card["head"] = {"coefficients": rounded, "met": MET, "partly": PARTLY, "contradicted": CONTRADICTED, "surest": SUREST}
    path.write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
    for name, row in rounded.items():
        print(f"{name:16} {row}")


def bank_rows(model: MiniLM, comparer: Comparer) -> tuple[Numbers, Numbers]:
    """Cells of composed answers to the tuning questions: features, and (made, denied, absent)."""
    settings = read_settings()
    bank = load_questions(settings.questions_file)
    files = list_rubric_files(settings.rubrics_dir)
    written: dict[int, list[dict]] = defaultdict(list)
    for line in (Path(__file__).parent / "contrasts.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        written[row["question"]].append(row)
    rng = random.Random(5)
    x, y = [], []
    for no in splits.TUNE_QUESTIONS:
        rubric = files[no].read([question.no for question in bank])
        points = [Point((c.point, *c.accept), tuple(m.claim for m in c.misconceptions)) for c in rubric.criteria]
        for text, told in composed_answers(written[no], rng, ANSWERS):
            for criterion, likeness in zip(
                rubric.criteria, comparer.compare(points, sentences(model, text), bank[no].text), strict=True
            ):
                made, denied = told.get(criterion.id, (0.0, 0.0))
                if made >= 0:
                    x.append(likeness.features.values())
                    y.append((made, denied, 1 - made - denied))
    return np.array(x), np.array(y)


if __name__ == "__main__":
    main()
