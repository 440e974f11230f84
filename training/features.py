"""Features of labelled rows, for fitting and for the published figures: what the shipped grader sees, and nothing else."""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np

from evaluator.answers import split_sentences
from evaluator.graders.embedded_likeness import Comparer, Features, Point
from evaluator.graders.embedded_places import Place
from evaluator.minilm import MiniLM
from training import changes
from training.logistic import Numbers
from training.splits import Row

NOTHING = Features(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, -6.0, -6.0, -6.0, -3.0, -3.0)


def sentences(model: MiniLM, text: str) -> list[Place]:
    spans = split_sentences(text)
    return [Place(span, tokens) for span, tokens in zip(spans, model.read([span.text for span in spans]), strict=True)]


def features_of(model: MiniLM, comparer: Comparer, rows: Sequence[Row]) -> Numbers:
    """(rows, features)"""
    made = np.zeros((len(rows), len(NOTHING.values())))
    for at in sorted(range(len(rows)), key=lambda at: rows[at].answer):
        row = rows[at]
        places = sentences(model, row.answer)
        if not places:
            made[at] = NOTHING.values()
            continue
        phrasings = tuple(dict.fromkeys((row.point, *row.accepts)))
        made[at] = comparer.compare([Point(phrasings)], places, row.question)[0].features.values()
    return made


def composed_answers(
    texts: Sequence[dict], rng: random.Random, count: int, strangers: Sequence[dict] = ()
) -> list[tuple[str, dict[str, tuple[float, float]]]]:
    """Answers put together from sentences written for one question: text, and criterion -> (expressed, contradicted).

    Six in ten hold nothing false, as most people's answers do; some sentences are joined to one; where there are `strangers`,
    one answer in four is about something else. Criteria that nothing was said of are left out of the mapping; those both
    made and denied stand as (-1, -1).
    """
    answers = []
    honest = [row for row in texts if row["label"] != "contradicted"]
    for _ in range(count):
        if strangers and rng.random() < 0.25:
            answers.append((_spoken(_of_one_question(strangers, rng), rng), {}))
            continue
        pool = honest if rng.random() < 0.6 else list(texts)
        chosen = rng.sample(pool, rng.randint(1, 8))
        told: dict[str, tuple[float, float]] = {}
        for row in chosen:
            credit = {"expressed": 1.0, "partly": 0.5}.get(row["label"], 0.0)
            denied = float(row["label"] == "contradicted")
            before = told.get(row["criterion"], (0.0, 0.0))
            if before[0] < 0 or (max(before[0], credit) > 0 and max(before[1], denied) > 0):
                told[row["criterion"]] = (-1.0, -1.0)
            else:
                told[row["criterion"]] = (max(before[0], credit), max(before[1], denied))
        answers.append((_spoken(chosen, rng), told))
    return answers


def _of_one_question(strangers: Sequence[dict], rng: random.Random) -> list[dict]:
    """Several sentences on the question of one of them, drawn at random."""
    about = rng.choice(strangers)["question"]
    own = [row for row in strangers if row["question"] == about]
    return rng.sample(own, rng.randint(3, 7))


def _spoken(rows: Sequence[dict], rng: random.Random) -> str:
    """All of it, one time in five with two sentences in one breath."""
    texts = [row["text"] for row in rows]
    if len(texts) > 1 and rng.random() < 0.2 and len(f"{texts[0]} {texts[1]}".split()) < 60:
        texts[:2] = [changes.join(texts[0], texts[1], rng)]
    return " ".join(texts)
