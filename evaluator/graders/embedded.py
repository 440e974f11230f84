"""Step 3 of 6. The embedded grader: a local model compares the answer with the rubric's phrasings. No LLM, no network.

For each criterion it looks for the place of the answer nearest to the accepted phrasings and the place nearest to the
misconceptions, and a logistic function of four similarities says how likely the point is made. Similarity does not
understand: a statement and its negation look much alike to it. So the weight lies on how much nearer the answer comes to
the accepted phrasings than to the known wrong claims, and than to the rubric's other points.
docs/embedded-grader.md says how often it is right.
"""

from __future__ import annotations

import math
import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluator.answers import Span, split_sentences
from evaluator.evidence import is_within, normalise
from evaluator.graders.protocol import Graded, Identity, Listen
from evaluator.minilm import Array, MiniLM, Tokens
from evaluator.questions import Question
from evaluator.rubric import CONTRADICTED, Criterion, Rubric
from evaluator.suspicion import find_suspicious
from evaluator.verdict import Verdict

VERSION = "2"

# Fitted by benchmarks/fit_embedded.py on the exemplars of rubrics/, which also prints these lines.
WEIGHTS = (8.788, 16.944, -17.703, 9.463)
BIAS = -3.576
MET, PARTLY = 0.55, 0.40
NO_MISCONCEPTION = 0.45
"""Stands in for the coverage of a misconception where a criterion names none: the mean over the exemplars."""
CONTRADICTS, SAYS_WRONG = 0.08, 0.55
"""A place asserts a misconception when it covers that much of it, and that much more than of any accepted phrasing."""
SUREST = 0.75
"""No verdict claims more confidence: a quarter of all credit given to fresh answers went to answers written to be wrong
(benchmarks/fresh_answers.py), whatever the logistic function said."""

_FIRST_WORD, _COMMON_WORDS = 1996, 154
"""BERT numbers its words by how common they are, from id 1996 ("the"); the next 154 ids are function words but for a few."""
_VOCABULARY = 30_522
_LEAST_COMMON, _LEAST_TOKENS = 0.15, 10
"""Sentences have 22 to 83 % common words (5th percentile 27 %), keyword lists 0 to 14 %, on the exemplars."""
_LIST_COMMAS = 0.4
"""Keyword lists have 0.4 to 0.8 commas a word; sentences of ten words and more stay below, on the exemplars."""
_ECHO = 0.8
_LEAST_SPARED = 4
"""Words that must be left of a sentence beside what speaks to the grader."""
_LONG_ANSWER = 60


@dataclass(frozen=True, slots=True)
class Place:
    """A sentence of the answer with its vectors."""

    span: Span
    tokens: Tokens


@dataclass(frozen=True, slots=True)
class Likeness:
    """How one criterion and one answer compare."""

    features: tuple[float, float, float, float]
    """Of all places: the best mean coverage of the accepted phrasings, the best coverage of any of them, the best coverage
    of a misconception, and the greatest lead of this criterion's mean over every other criterion's."""
    nearest: Span
    wrong: Span | None
    misconception: int
    lead: float
    """How much nearer to that misconception than to any accepted phrasing the place `wrong` is."""


class EmbeddedGrader:
    """Shares one model; may be used by several threads."""

    def __init__(self, model: MiniLM) -> None:
        self._model = model
        self._phrases: dict[tuple[Criterion, ...], list[tuple[list[Tokens], list[Tokens]]]] = {}
        self._lock = threading.Lock()

    @property
    def identity(self) -> Identity:
        return Identity(name="embedded", title="embedded (local model, no LLM)", model=f"{self._model.name} + head {VERSION}")

    def grade(self, question: Question, rubric: Rubric, answer: str, listen: Listen | None = None) -> Graded:
        """Raises EmbedderFailed when the model is missing or damaged."""
        places, reasons = self.places(question.text, answer)
        if not places:
            reason = "Nothing in the answer could be compared with this point."
            missed = tuple(Verdict(criterion.id, criterion.worst.id, reason, confidence=SUREST) for criterion in rubric.criteria)
            return Graded(missed, review_reasons=reasons)
        verdicts = []
        for criterion, likeness in zip(rubric.criteria, self.compare(rubric, places), strict=True):
            verdicts.append(decide(criterion, likeness))
        found = any(verdict.level != criterion.worst.id for verdict, criterion in zip(verdicts, rubric.criteria, strict=True))
        if not found and len(answer.split()) >= _LONG_ANSWER:
            reasons = (*reasons, "no_single_match")
        return Graded(tuple(verdicts), review_reasons=reasons)

    def compare(self, rubric: Rubric, places: Sequence[Place]) -> list[Likeness]:
        """The likeness of each criterion to the nearest of the places."""
        phrases = self._phrases_of(rubric)
        rights = [_coverages(accepts, places) for accepts, _ in phrases]
        wrongs = [_coverages(claims, places) for _, claims in phrases]
        means = np.stack([right.mean(axis=0) for right in rights])
        leads = [mean - np.delete(means, row, axis=0).max(axis=0) for row, mean in enumerate(means)]
        return [_compare(right, wrong, lead, places) for right, wrong, lead in zip(rights, wrongs, leads, strict=True)]

    def _phrases_of(self, rubric: Rubric) -> list[tuple[list[Tokens], list[Tokens]]]:
        with self._lock:
            if rubric.criteria not in self._phrases:
                self._phrases[rubric.criteria] = [
                    (
                        self._model.read([criterion.point, *criterion.accept]),
                        self._model.read([misconception.claim for misconception in criterion.misconceptions]),
                    )
                    for criterion in rubric.criteria
                ]
            return self._phrases[rubric.criteria]

    def places(self, question: str, answer: str) -> tuple[list[Place], tuple[str, ...]]:
        """Sentences worth comparing, and review reasons for those left out."""
        reasons: list[str] = []
        suspicious = find_suspicious(answer)
        places: list[Place] = []
        lists: list[Span] = []
        sentences = [part for sentence in split_sentences(answer) for part in _spared(sentence, suspicious)]
        for sentence, tokens in zip(sentences, self._model.read([sentence.text for sentence in sentences]), strict=True):
            if _is_list_of_terms(sentence.text, tokens):
                reasons.append("not_sentences")
                lists.append(sentence)
            elif _echoes(sentence.text, question):
                reasons.append("question_echoed")
            else:
                places.append(Place(sentence, tokens))
        listed = sum(len(sentence.text.split()) for sentence in lists)
        if listed * 2 > sum(len(sentence.text.split()) for sentence in sentences):
            places = []  # what is left of a keyword list is its shorter pieces
        return places, tuple(dict.fromkeys(reasons))


def probability(features: Sequence[float]) -> float:
    """That a person would call the point met, 0 to 1."""
    return 1 / (1 + math.exp(-(BIAS + sum(weight * value for weight, value in zip(WEIGHTS, features, strict=True)))))


def _coverages(phrases: list[Tokens], places: Sequence[Place]) -> Array:
    """(phrases, places)"""
    rows = [[_coverage(phrase, place.tokens) for place in places] for phrase in phrases]
    return np.array(rows, dtype=np.float32).reshape(len(phrases), len(places))


def _compare(right: Array, wrong: Array, own: Array, places: Sequence[Place]) -> Likeness:
    mean = right.mean(axis=0)
    nearest = places[int((mean + right.max(axis=0) + own).argmax())].span
    wrongest = float(wrong.max()) if len(wrong) else NO_MISCONCEPTION
    features = (float(mean.max()), float(right.max()), wrongest, float(own.max()))
    if not len(wrong):
        return Likeness(features, nearest, None, -1, -1.0)
    leads = wrong.max(axis=0) - right.max(axis=0)
    at = int(np.where(wrong.max(axis=0) >= wrongest - 0.05, leads, -1.0).argmax())
    return Likeness(features, nearest, places[at].span, int(wrong[:, at].argmax()), float(leads[at]))


def _coverage(phrase: Tokens, window: Tokens) -> float:
    """How much of the phrase the window says: each token's best cosine in the window, rare words counting more. 0 to 1."""
    if not len(phrase.ids) or not len(window.ids):
        return 0.0
    weights = _rarity(phrase.ids)
    nearest: Array = (phrase.vectors @ window.vectors.T).max(axis=1)
    return float(weights @ nearest / max(float(weights.sum()), 1e-6))


def _rarity(ids: NDArray[np.int64]) -> Array:
    """0 for punctuation, near 0 for "the", near 1 for the rarest words: the logarithm of the rank in BERT's vocabulary."""
    ranks = np.maximum(ids - _FIRST_WORD + 1, 0)
    return np.asarray(np.log1p(ranks) / math.log1p(_VOCABULARY - _FIRST_WORD), dtype=np.float32)


def decide(criterion: Criterion, likeness: Likeness) -> Verdict:
    chance = probability(likeness.features)
    if likeness.wrong is not None and chance < PARTLY and likeness.lead >= CONTRADICTS and likeness.features[2] >= SAYS_WRONG:
        misconception = criterion.misconceptions[likeness.misconception]
        reason = f"Comes closer to a known wrong claim than to the point itself: “{misconception.claim}”"
        return Verdict(criterion.id, CONTRADICTED, reason, (likeness.wrong.text,), SUREST, misconception)
    if chance >= MET:
        reason = "This passage comes close to the accepted phrasings of the point."
        return Verdict(criterion.id, criterion.best.id, reason, (likeness.nearest.text,), min(chance, SUREST))
    middle = [level for level in criterion.levels if 0 < level.credit < 1]
    if chance >= PARTLY and middle:
        reason = "This passage is related to the point, but not close to its accepted phrasings."
        return Verdict(criterion.id, middle[len(middle) // 2].id, reason, (likeness.nearest.text,), min(chance, 1 - chance))
    return Verdict(criterion.id, criterion.worst.id, "No passage comes close to this point.", (), min(1 - chance, SUREST))


def _spared(sentence: Span, suspicious: Sequence[Span]) -> list[Span]:
    """What a sentence says outside the suspicious spans, where that is enough to say something."""
    inside = [span for span in suspicious if span.start < sentence.end and sentence.start < span.end]
    if not inside:
        return [sentence]
    borders = [sentence.start, *(at for span in inside for at in (span.start, span.end)), sentence.end]
    parts: list[Span] = []
    for start, end in zip(borders[::2], borders[1::2], strict=True):
        piece = sentence.text[start - sentence.start : max(start, end) - sentence.start]
        at = start + len(piece) - len(piece.lstrip(" ,;:-–—"))
        text = piece.strip(" ,;:-–—")
        if len(text.split()) >= _LEAST_SPARED:
            parts.append(Span(text, at, at + len(text)))
    return parts


def _is_list_of_terms(sentence: str, tokens: Tokens) -> bool:
    words = tokens.ids[tokens.ids >= _FIRST_WORD]
    if len(words) < _LEAST_TOKENS:
        return False
    if len(re.findall("[,;]", sentence)) >= _LIST_COMMAS * len(sentence.split()):
        return True
    return float(np.mean(words < _FIRST_WORD + _COMMON_WORDS)) < _LEAST_COMMON


def _echoes(sentence: str, question: str) -> bool:
    if is_within(sentence, question):
        return True
    words = [word for word in re.findall(r"\w+", normalise(sentence)) if len(word) > 3]
    known = set(re.findall(r"\w+", normalise(question)))
    return len(words) >= 3 and sum(word in known for word in words) / len(words) >= _ECHO
