"""What the reading model learns from: (point, text) with whether the text expresses the point and whether it contradicts it."""

from __future__ import annotations

import json
import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import log
from pathlib import Path

from evaluator.answers import split_sentences
from evaluator.questions import load_questions
from evaluator.rubric_files import list_rubric_files
from evaluator.settings import read_settings
from training import changes, splits

UNKNOWN = -1.0
"""The label of what nobody said: no loss is counted for it."""
_MOST_WORDS = 70
"""Of a text that two statements are joined to."""


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


def read_rows(name: str) -> list[dict]:
    """What was written for this and stands in a file beside this one."""
    lines = (Path(__file__).parent / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def general_pairs(rng: random.Random) -> list[Pair]:
    """From people's labels on other subjects, and from rules."""
    points = {name: splits.read_points(name, "train") for name in ("scientsbank", "beetle", "realsumm", "pyrxsum", "argkp")}
    windows = Windows([row.answer for rows in points.values() for row in rows])
    limits = {"realsumm": (6_000, 6_000), "argkp": (5_000, 7_000), "pyrxsum": (900, 2_100)}
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
    pairs += _by_rule(everything, windows, rng)
    strangers = [windows.nearest("", row.answer) for name in ("scientsbank", "realsumm", "pyrxsum") for row in points[name]]
    return [_joined(pair, rng.choice(strangers), rng) if rng.random() < 0.15 else pair for pair in pairs]


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


def _joined(pair: Pair, other: str, rng: random.Random) -> Pair:
    """The pair with something else said in the same breath, which makes the text neither more right nor more wrong."""
    if pair.source in ("salad", "question", "stranger") or len(pair.text.split()) + len(other.split()) > _MOST_WORDS:
        return pair
    first, second = (pair.text, other) if rng.random() < 0.5 else (other, pair.text)
    return replace(pair, text=changes.join(first, second, rng))


def _inferences(rng: random.Random) -> list[Pair]:
    rows = splits.read_inferences()
    labels = {"entailment": (1.0, 0.0), "neutral": (0.0, 0.0), "contradiction": (0.0, 1.0)}
    return [Pair(point, text, *labels[label], "nli") for text, point, label in rng.sample(rows, 16_000)]


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
    elif way < 0.88:
        made.append(Pair(point, changes.salad(f"{point} {text}" if rng.random() < 0.5 else base, rng), 0.0, 0.0, "salad"))
    elif way < 0.94 and question:
        made.append(Pair(point, question, 0.0, 0.0, "question"))
    else:
        made.append(Pair(point, stranger[:300], 0.0, 0.0, "stranger"))
    return made


def exam_pairs() -> list[Pair]:
    """From training/exams.jsonl: questions of other subjects with a reference and answers of known quality."""
    pairs = []
    for row in read_rows("exams"):
        denied = UNKNOWN if row["label"] == "partly" else float(row["label"] == "contradictory")
        pairs.append(Pair(row["reference"], row["answer"], float(row["score"]), denied, "exam"))
    return pairs


def bank_pairs(rng: random.Random, part: splits.Part = "train") -> list[Pair]:
    """From the rubrics' accepts and misconceptions and from training/contrasts.jsonl; never from exemplars."""
    settings = read_settings()
    bank = load_questions(settings.questions_file)
    numbers = [question.no for question in bank]
    written: dict[tuple[int, str], list[dict]] = defaultdict(list)
    for row in read_rows("contrasts"):
        written[row["question"], row["criterion"]].append(row)
    spoken: dict[int, list[dict]] = defaultdict(list)
    for row in read_rows("spoken"):
        spoken[row["question"]].append(row)
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
            own: list[Pair] = list(_twins(rows))
            for row in rows:
                label = row["label"]
                expressed = {"expressed": 1.0, "partly": 0.5}.get(label, 0.0)
                for phrase in rng.sample(phrasings, 2):
                    own.append(Pair(phrase, row["text"], expressed, float(label == "contradicted"), "written"))
                if claims and label == "expressed":
                    own.append(Pair(rng.choice(claims), row["text"], 0.0, 1.0, "written"))
            said = [row["text"] for row in rows if row["label"] == "expressed"]
            for accept in criterion.accept:
                for phrase in rng.sample([p for p in phrasings if p != accept], 2):
                    own.append(Pair(phrase, accept, 1.0, 0.0, "accept"))
                own.append(Pair(rng.choice(phrasings), rng.choice(others[criterion.id]), 0.0, 0.0, "neighbour"))
                if claims:
                    own.append(Pair(rng.choice(claims), accept, 0.0, 1.0, "accept against claim"))
                    own.append(Pair(rng.choice(claims), rng.choice(others[criterion.id]), 0.0, UNKNOWN, "neighbour"))
                own += changed(rng.choice(phrasings), rng.choice([accept, *said]), rng, question, rng.choice(everywhere))
            for claim in claims:
                for phrase in rng.sample(phrasings, 2):
                    own.append(Pair(phrase, claim, 0.0, 1.0, "misconception"))
                own.append(Pair(claim, claim, 1.0, 0.0, "same claim"))
            beside = [*others[criterion.id], *(row["text"] for row in rows if row["how"] == "neighbour")]
            pairs += [_joined(pair, rng.choice(beside), rng) if rng.random() < 0.2 else pair for pair in own]
            for row in spoken[rubric.question]:
                pairs += _spoken(criterion.id, phrasings, row["sentences"], rng)
    return [_beside_another(pair, rng) for pair in pairs]


def _spoken(criterion: str, phrasings: list[str], sentences: list[dict], rng: random.Random) -> Iterator[Pair]:
    """From a whole answer marked sentence by sentence; of the sentences that are nothing to the point, one in four."""
    before = ""
    for sentence in sentences:
        text = sentence["text"]
        expressed, denied = 1.0 if criterion in sentence["made"] else 0.5, float(criterion in sentence["denied"])
        if denied:
            expressed = 0.0
        if denied or criterion in sentence["made"] or criterion in sentence["half"]:
            for phrase in rng.sample(phrasings, 2):
                yield Pair(phrase, text, expressed, denied, "spoken")
            if before and rng.random() < 0.4:
                yield Pair(rng.choice(phrasings), f"{before} {text}", expressed, denied, "spoken")
        elif criterion in sentence["with_before"]:
            for phrase in rng.sample(phrasings, 2):
                yield Pair(phrase, f"{before} {text}", 1.0, 0.0, "spoken")
        elif rng.random() < 0.25:
            yield Pair(rng.choice(phrasings), text, 0.0, 0.0, "spoken")
        before = text


def _twins(rows: list[dict]) -> Iterator[Pair]:
    """A sentence and what was made of it by turning one relation round: they differ in little and exclude each other."""
    for one, other in pairwise(rows):
        if (one["how"], other["how"]) == ("relation", "reversed"):
            yield Pair(one["text"], other["text"], 0.0, 1.0, "twin")
            yield Pair(other["text"], one["text"], 0.0, 1.0, "twin")
            yield Pair(other["text"], other["text"], 1.0, 0.0, "twin")


def _beside_another(pair: Pair, rng: random.Random) -> Pair:
    """Now and then a neutral opening, as speech has them, so that a window's other words are learned to be nothing."""
    if rng.random() > 0.15 or pair.source in ("salad", "question"):
        return pair
    opening = rng.choice(("I think", "Well,", "So basically,", "In practice,", "As far as I know,", "Honestly,", "Right, so"))
    text = f"{opening} {pair.text[:1].lower()}{pair.text[1:]}"
    return Pair(pair.point, text, pair.expressed, pair.contradicted, pair.source)


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", text.lower())
