"""What the reading model learns from: (point, text) with whether the text expresses the point and whether it contradicts it."""

from __future__ import annotations

import json
import random
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from math import log
from pathlib import Path

from evaluator.answers import split_sentences
from evaluator.questions import load_questions
from evaluator.rubric_files import list_rubric_files
from evaluator.settings import read_settings
from training import changes, splits

UNKNOWN = -1.0
"""The label of what nobody said: no loss is counted for it."""


@dataclass(frozen=True, slots=True)
class Pair:
    """`expressed` and `contradicted` are 0 to 1, or UNKNOWN."""

    point: str
    text: str
    expressed: float
    contradicted: float
    source: str


class Windows:
    """The part of a long answer nearest to a point, by the rarity of the words they share: one sentence, or two in a row."""

    def __init__(self, texts: Sequence[str]) -> None:
        counts = Counter(word for text in texts for word in set(_words(text)))
        self._rarity = {word: log((len(texts) + 1) / count) for word, count in counts.items()}

    def nearest(self, point: str, answer: str) -> str:
        sentences = split_sentences(answer)
        if len(sentences) < 2:
            return answer
        wanted = set(_words(point))

        def worth(start: int, end: int) -> float:
            words = set(_words(answer[sentences[start].start : sentences[end].end]))
            return sum(self._rarity.get(word, 5.0) for word in wanted & words) - 0.01 * len(words)

        spans = [(at, at) for at in range(len(sentences))] + [(at, at + 1) for at in range(len(sentences) - 1)]
        start, end = max(spans, key=lambda span: worth(*span))
        return answer[sentences[start].start : sentences[end].end]


def general_pairs(rng: random.Random) -> list[Pair]:
    """From people's labels on other subjects, and from rules."""
    points = {name: splits.read_points(name, "train") for name in ("scientsbank", "beetle", "realsumm", "pyrxsum", "argkp")}
    windows = Windows([row.answer for rows in points.values() for row in rows])
    limits = {"realsumm": (4_500, 4_500), "argkp": (5_000, 7_000), "pyrxsum": (900, 2_100)}
    pairs: list[Pair] = []
    for name, rows in points.items():
        most = limits.get(name, (10_000, 10_000))
        for label in (1, 0):
            chosen = [row for row in rows if row.label == label]
            for row in rng.sample(chosen, min(most[1 - label], len(chosen))):
                pairs += _labelled(name, row, windows, rng)
    pairs += _scored(windows)
    pairs += _inferences(rng)
    everything = [row for rows in points.values() for row in rows]
    return pairs + _by_rule(everything, windows, rng)


def _labelled(name: str, row: splits.Row, windows: Windows, rng: random.Random) -> list[Pair]:
    wrong = {"contradictory": 1.0, "incorrect": 0.0}.get(row.label3 or "", UNKNOWN)
    contradicted = 0.0 if row.label else wrong
    phrasings = [row.point]
    others = [accept for accept in row.accepts if accept != row.point]
    if others:
        shared = set(_words(row.answer))
        nearest = max(others, key=lambda accept: len(shared & set(_words(accept))) / (len(_words(accept)) + 3))
        phrasings.append(nearest)
    return [Pair(phrase, windows.nearest(phrase, row.answer), float(row.label), contradicted, name) for phrase in phrasings]


def _scored(windows: Windows) -> list[Pair]:
    """Whole short answers with the score people gave; a score near neither end says little about contradiction."""
    rows = [*splits.read_scored("mohler", "train"), *splits.read_scored("saf", "train")]
    return [Pair(row.reference, row.answer, row.score, UNKNOWN if row.score < 1 else 0.0, "scored") for row in rows]


def _inferences(rng: random.Random) -> list[Pair]:
    rows = splits.read_inferences()
    labels = {"entailment": (1.0, 0.0), "neutral": (0.0, 0.0), "contradiction": (0.0, 1.0)}
    return [Pair(point, text, *labels[label], "nli") for text, point, label in rng.sample(rows, 20_000)]


def _by_rule(rows: list[splits.Row], windows: Windows, rng: random.Random, most: int = 9_000) -> list[Pair]:
    right = [row for row in rows if row.label and len(row.point.split()) > 3]
    pairs: list[Pair] = []
    for row in rng.sample(right, min(most, len(right))):
        text = windows.nearest(row.point, row.answer)
        pairs += changed(row.point, text, rng, row.question, rng.choice(rows).answer)
    return pairs


def changed(point: str, text: str, rng: random.Random, question: str, stranger: str) -> list[Pair]:
    """One or two hard examples made of a text that expresses the point."""
    base = text if rng.random() < 0.5 else point
    way = rng.random()
    made: list[Pair] = []
    if way < 0.42:
        if opposite := changes.negate(base, rng):
            made.append(Pair(point, opposite, 0.0, 1.0, "negated"))
            if rng.random() < 0.4 and (denied := changes.negate(point, rng)):
                made.append(Pair(denied, opposite if base == point else denied, 1.0, 0.0, "both negated"))
            if base == point or rng.random() < 0.4:
                made.append(Pair(point, base, 1.0, 0.0, "same"))
    elif way < 0.76:
        if other := changes.reverse(base, rng):
            made.append(Pair(point, other, 0.0, 1.0, "reversed"))
            if base == point:
                made.append(Pair(point, point, 1.0, 0.0, "same"))
    elif way < 0.86:
        made.append(Pair(point, changes.salad(f"{point} {text}" if rng.random() < 0.5 else base, rng), 0.0, 0.0, "salad"))
    elif way < 0.93 and question:
        made.append(Pair(point, question, 0.0, 0.0, "question"))
    else:
        made.append(Pair(point, stranger[:300], 0.0, 0.0, "stranger"))
    return made


def exam_pairs() -> list[Pair]:
    """From training/exams.jsonl: questions of other subjects with a reference and answers of known quality."""
    pairs = []
    for line in (Path(__file__).parent / "exams.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        denied = UNKNOWN if row["label"] == "partly" else float(row["label"] == "contradictory")
        pairs.append(Pair(row["reference"], row["answer"], float(row["score"]), denied, "exam"))
    return pairs


def bank_pairs(rng: random.Random, part: splits.Part = "train") -> list[Pair]:
    """From the rubrics' accepts and misconceptions and from training/contrasts.jsonl; never from exemplars."""
    settings = read_settings()
    bank = load_questions(settings.questions_file)
    numbers = [question.no for question in bank]
    written: dict[tuple[int, str], list[dict]] = defaultdict(list)
    for line in (Path(__file__).parent / "contrasts.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        written[row["question"], row["criterion"]].append(row)
    pairs: list[Pair] = []
    for file in list_rubric_files(settings.rubrics_dir).values():
        rubric = file.read(numbers)
        if splits.part_of_question(rubric.question) != part:
            continue
        question = bank[rubric.question].text
        others = {c.id: [a for o in rubric.criteria if o.id != c.id for a in o.accept] for c in rubric.criteria}
        everywhere = [accept for criterion in rubric.criteria for accept in criterion.accept]
        for criterion in rubric.criteria:
            rows = written[rubric.question, criterion.id]
            phrasings = [criterion.point, *criterion.accept]
            claims = [misconception.claim for misconception in criterion.misconceptions]
            for row in rows:
                label = row["label"]
                expressed = {"expressed": 1.0, "partly": 0.5}.get(label, 0.0)
                for phrase in rng.sample(phrasings, 3):
                    pairs.append(Pair(phrase, row["text"], expressed, float(label == "contradicted"), "written"))
                if claims and label == "expressed":
                    pairs.append(Pair(rng.choice(claims), row["text"], 0.0, 1.0, "written"))
            said = [row["text"] for row in rows if row["label"] == "expressed"]
            for accept in criterion.accept:
                for phrase in rng.sample([p for p in phrasings if p != accept], 2):
                    pairs.append(Pair(phrase, accept, 1.0, 0.0, "accept"))
                pairs.append(Pair(rng.choice(phrasings), rng.choice(others[criterion.id]), 0.0, 0.0, "neighbour"))
                if claims:
                    pairs.append(Pair(rng.choice(claims), accept, 0.0, 1.0, "accept against claim"))
                    pairs.append(Pair(rng.choice(claims), rng.choice(others[criterion.id]), 0.0, UNKNOWN, "neighbour"))
                pairs += changed(rng.choice(phrasings), rng.choice([accept, *said]), rng, question, rng.choice(everywhere))
            for claim in claims:
                for phrase in rng.sample(phrasings, 2):
                    pairs.append(Pair(phrase, claim, 0.0, 1.0, "misconception"))
                pairs.append(Pair(claim, claim, 1.0, 0.0, "same claim"))
    return [_beside_another(pair, rng) for pair in pairs]


def _beside_another(pair: Pair, rng: random.Random) -> Pair:
    """Now and then a neutral opening, as speech has them, so that a window's other words are learned to be nothing."""
    if rng.random() > 0.15 or pair.source in ("salad", "question"):
        return pair
    opening = rng.choice(("I think", "Well,", "So basically,", "In practice,", "As far as I know,", "Honestly,", "Right, so"))
    text = f"{opening} {pair.text[:1].lower()}{pair.text[1:]}"
    return Pair(pair.point, text, pair.expressed, pair.contradicted, pair.source)


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", text.lower())
