"""Step 3 of 6. How an answer and a point compare: similarity finds the places worth reading, the reading model reads them.

Similarity is measured token by token: how much of an accepted phrasing a sentence covers, rare words counting more.
A statement and its negation look alike to it; so the nearest sentences are then read together with the phrasings, and
with the known wrong claims, by the model of reading.py.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import astuple, dataclass

import numpy as np
from numpy.typing import NDArray

from evaluator.graders.embedded_places import FIRST_WORD, Place
from evaluator.minilm import Array, MiniLM, Tokens
from evaluator.reading import ReadingModel

_PHRASINGS, _CLAIMS = (3, 1), 2
"""Phrasings read against the nearest place and against the next, and wrong claims against the place nearest to any."""
_NEAR = 3
"""Sentences that are looked at together."""
_LEAST_ADDED = 0.05
"""What another sentence must add to the coverage of a phrasing for the two to be read together."""
_LEANING = re.compile(
    r"(?:(?:and|but|so|then) )*(?:this|that|these|those|it|its|they|their|he|she|which|such|so|then|hence|thus|therefore|also)\b",
    re.I,
)
_PLAINLY_MORE = 1.0
"""Logits by which two sentences together must say more than the nearest alone to be quoted both."""
_VOCABULARY = 30_522
_SUREST = 6.0
"""Logits of the reading model are taken up to this size."""
NO_CLAIM_COVERED, NO_CLAIM_READ, NO_LEAD = 0.45, -3.0, 0.0
"""Stand in where a point has no known wrong claim, or stands alone."""


@dataclass(frozen=True, slots=True)
class Point:
    """What a grader looks for: phrasings that make the point, the statement itself first, and claims that get it wrong."""

    phrasings: tuple[str, ...]
    claims: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Features:
    """Of all places. Coverages, shares and cosines are up to 1; the last five are logits."""

    mean_coverage: float
    best_coverage: float
    whole_coverage: float
    """By the nearest three sentences together, as the next two."""
    shared_words: float
    """Share of a phrasing's words, without the question's, that stand there."""
    rare_words: float
    """Share of a phrasing's words that stand there, rare words counting more."""
    cosine: float
    relevance: float
    """The greatest cosine of any sentence with the question or with any point: low where the answer is about something else."""
    claim_coverage: float
    lead: float
    """Of this point's mean coverage over every other point's, by the sentence that covers this point most."""
    expressed: float
    most_expressed: float
    together: float
    """Of the nearest sentence read with the other one that adds most to it; of itself where none does."""
    contradicted: float
    claim_expressed: float

    def values(self) -> Array:
        return np.array(astuple(self), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Likeness:
    """`nearest` and `wrong` number the places that speak most for the point and against it; `phrasing` is the nearest one.

    `beside` is the place that was read together with the nearest, where that made the point and the nearest alone did not.
    """

    features: Features
    nearest: int
    beside: int | None
    phrasing: int
    wrong: int
    claim: int
    """The known wrong claim that place comes nearest to, or -1."""


class Comparer:
    """May be used by several threads."""

    def __init__(self, model: MiniLM, reading: ReadingModel) -> None:
        self._model = model
        self._reading = reading

    def compare(self, points: Sequence[Point], places: Sequence[Place], question: str = "") -> list[Likeness]:
        """One likeness for each point; there must be a place. Raises EmbedderFailed."""
        read = [self._model.read(point.phrasings) for point in points]
        rights = [_coverages(phrasings, places) for phrasings in read]
        wrongs = [_coverages(self._model.read(point.claims), places) for point in points]
        means = np.stack([right.mean(axis=0) for right in rights])
        leads = [
            mean - np.delete(means, row, axis=0).max(axis=0) if len(points) > 1 else np.full(len(places), NO_LEAD)
            for row, mean in enumerate(means)
        ]
        plans = [_Plan(*parts, places) for parts in zip(points, read, rights, wrongs, leads, strict=True)]
        logits = self._reading.read([pair for plan in plans for pair in plan.pairs])
        logits = np.clip(logits, -_SUREST, _SUREST)
        ends = np.cumsum([len(plan.pairs) for plan in plans])
        wholes = [
            _whole(point, phrasings, mean, places, question) for point, phrasings, mean in zip(points, read, means, strict=True)
        ]
        asked = self._model.read([question]) if question else []
        relevance = max([_cosine(asked, places), *(whole["cosine"] for whole in wholes)])
        return [
            plan.likeness(logits[end - len(plan.pairs) : end], whole | {"relevance": relevance})
            for plan, whole, end in zip(plans, wholes, ends, strict=True)
        ]


class _Plan:
    """Which pairs are read for one point, and what their logits come to."""

    def __init__(
        self, point: Point, phrasings: Sequence[Tokens], right: Array, wrong: Array, lead: Array, places: Sequence[Place]
    ) -> None:
        self._right, self._wrong, self._lead = right, wrong, lead
        worth = right.mean(axis=0) + right.max(axis=0) + 0.5 * lead
        self._read = [int(at) for at in np.argsort(-worth, kind="stable")[: len(_PHRASINGS)]]
        self._phrasings = [
            [0, *(int(at) + 1 for at in np.argsort(-right[1:, place], kind="stable")[: most - 1])]
            for place, most in zip(self._read, _PHRASINGS, strict=False)
        ]
        self.pairs = [
            (point.phrasings[at], places[place].span.text)
            for place, chosen in zip(self._read, self._phrasings, strict=True)
            for at in chosen
        ]
        nearest = self._read[0]
        fitting = int(np.argmax(right[:, nearest]))
        self._beside = _complement(phrasings[fitting], nearest, places)
        if self._beside is not None:
            self.pairs.append((point.phrasings[fitting], _in_order(places[nearest].span.text, places[self._beside].span.text)))
        self._against: list[tuple[int, int]] = []
        if len(wrong):
            margin = wrong.max(axis=0) - 0.5 * right.max(axis=0)
            place = int(np.argmax(margin))
            claims = np.argsort(-wrong[:, place], kind="stable")[:_CLAIMS]
            self._against = [(place, int(claim)) for claim in claims]
            self.pairs += [(point.claims[claim], places[at].span.text) for at, claim in self._against]

    def likeness(self, logits: Array, whole: dict[str, float]) -> Likeness:
        expressed, most, contradicted = [], [], []
        at = 0
        for chosen in self._phrasings:
            part = logits[at : at + len(chosen)]
            at += len(chosen)
            expressed.append(float(part[:, 0].mean()))
            most.append(float(part[:, 0].max()))
            contradicted.append(float(part[:, 1].mean()))
        together = expressed[0]
        if self._beside is not None:
            together = float(logits[at, 0])
            at += 1
        best = int(np.argmax([e + 0.5 * m for e, m in zip(expressed, most, strict=True)]))
        nearest = self._read[best]
        against = logits[at:, 0]
        worst = int(np.argmax(contradicted))
        wrong, claim, claim_expressed = self._read[worst], -1, NO_CLAIM_READ
        if len(against):
            strongest = int(np.argmax(against))
            claim_expressed = float(against[strongest])
            if claim_expressed > 0 and claim_expressed >= contradicted[worst]:
                wrong, claim = self._against[strongest]
        features = Features(
            mean_coverage=float(self._right.mean(axis=0).max()),
            best_coverage=float(self._right.max()),
            **whole,
            claim_coverage=float(self._wrong.max()) if len(self._wrong) else NO_CLAIM_COVERED,
            lead=float(self._lead[int(np.argmax(self._right.mean(axis=0)))]),
            expressed=expressed[best],
            most_expressed=max(most),
            together=together,
            contradicted=contradicted[best],
            claim_expressed=claim_expressed,
        )
        beside = self._beside if best == 0 and together > max(0.0, expressed[0] + _PLAINLY_MORE) else None
        return Likeness(features, nearest, beside, int(np.argmax(self._right[:, nearest])), wrong, claim)


def _complement(phrase: Tokens, nearest: int, places: Sequence[Place]) -> int | None:
    """The other place that says most of what the nearest leaves unsaid of the phrase, wherever in the answer it stands."""
    weights = _rarity(phrase.ids)
    if len(places) < 2 or not weights.sum():
        return None
    said = [(phrase.vectors @ place.tokens.vectors.T).max(axis=1) for place in places]
    added = [float(weights @ np.maximum(other - said[nearest], 0) / weights.sum()) for other in said]
    best = int(np.argmax(added))
    return best if added[best] >= _LEAST_ADDED else None


def _in_order(one: str, other: str) -> str:
    """A sentence that leans on another ("That is why ...") after it; else the first given first."""
    return f"{other} {one}" if _LEANING.match(one) and not _LEANING.match(other) else f"{one} {other}"


def _whole(point: Point, phrasings: Sequence[Tokens], mean: Array, places: Sequence[Place], question: str) -> dict[str, float]:
    """What the nearest sentences together have of the best phrasing; those on other things lend it no words."""
    near = [places[at] for at in np.argsort(-mean, kind="stable")[:_NEAR]]
    vectors = np.concatenate([place.tokens.vectors for place in near])
    ids = np.concatenate([place.tokens.ids for place in near])
    return {
        "whole_coverage": max(_coverage(tokens, vectors) for tokens in phrasings),
        "shared_words": _shared(point, near, question),
        "rare_words": max(_recall(tokens.ids, ids) for tokens in phrasings),
        "cosine": _cosine(phrasings, places),
    }


def _cosine(texts: Sequence[Tokens], places: Sequence[Place]) -> float:
    """The greatest of any of the texts with any of the places; 0 where there is no text."""
    return max((float(place.tokens.mean @ text.mean) for text in texts for place in places), default=0.0)


def _coverages(phrases: Sequence[Tokens], places: Sequence[Place]) -> Array:
    """(phrases, places)"""
    rows = [[_coverage(phrase, place.tokens.vectors) for place in places] for phrase in phrases]
    return np.array(rows, dtype=np.float32).reshape(len(phrases), len(places))


def _coverage(phrase: Tokens, vectors: Array) -> float:
    """How much of the phrase a text with these token vectors says, 0 to 1: each token's best cosine, rare words counting more."""
    if not len(phrase.ids) or not len(vectors):
        return 0.0
    weights = _rarity(phrase.ids)
    nearest: Array = (phrase.vectors @ vectors.T).max(axis=1)
    return float(weights @ nearest / max(float(weights.sum()), 1e-6))


def _recall(phrase: NDArray[np.int64], said: NDArray[np.int64]) -> float:
    weights = _rarity(phrase)
    return float(weights @ np.isin(phrase, said) / max(float(weights.sum()), 1e-6))


def _rarity(ids: NDArray[np.int64]) -> Array:
    """0 for punctuation, near 0 for "the", near 1 for the rarest words: the logarithm of the rank in BERT's vocabulary."""
    ranks = np.maximum(ids - FIRST_WORD + 1, 0)
    return np.asarray(np.log1p(ranks) / math.log1p(_VOCABULARY - FIRST_WORD), dtype=np.float32)


def _shared(point: Point, places: Sequence[Place], question: str) -> float:
    said = {stem for place in places for stem in _stems(place.span.text)}
    asked = _stems(question)
    shares = []
    for phrase in point.phrasings:
        wanted = (_stems(phrase) - asked) or _stems(phrase)
        shares.append(len(wanted & said) / len(wanted) if wanted else 0.0)
    return max(shares)


def _stems(text: str) -> set[str]:
    """Words of four letters and more, and numbers, cut to five characters: "scratches" and "scratch" are one."""
    return {word[:5] for word in re.findall(r"[a-z]{4,}|\d+", text.lower())}
