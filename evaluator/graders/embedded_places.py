"""Step 3 of 6. The sentences of an answer that the embedded grader compares, and what it leaves out and reports."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evaluator.answers import Span, split_sentences
from evaluator.evidence import is_within, normalise
from evaluator.minilm import MiniLM, Tokens
from evaluator.suspicion import find_suspicious

FIRST_WORD = 1996
"""BERT numbers its words by how common they are, from id 1996 ("the")."""
_COMMON_WORDS = 154
"""The first 154 of them are function words but for a few."""
_LEAST_COMMON, _LEAST_TOKENS = 0.15, 10
"""Sentences have 22 to 83 % common words (5th percentile 27 %), keyword lists 0 to 14 %, on the exemplars."""
_LIST_COMMAS = 0.4
"""Keyword lists have 0.4 to 0.8 commas a word; sentences of ten words and more stay below, on the exemplars."""
_ECHO = 0.8
_LEAST_SPARED = 4
"""Words that must be left of a sentence beside what speaks to the grader."""
_SHORT = 8
"""An answer of fewer words is too short to judge by likeness alone."""
_LEAST_LOOSE, _LEAST_WORDS = 12, 25
"""Words of a text that has none of the words below, and of an answer: where most of an answer's words stand in such texts it is
terms strung together by articles and prepositions. Of 846 written answers none is, of keyword lists three in four."""
_FORM = re.compile(r"'?[a-z]+")
_BINDING = frozenset(
    _FORM.findall("""
    i you we it they he she one this that these those which who what when where if because so while whereas although
    though since as but is are was were be been being am has have had do does did can could will would should shall
    may might must need not cannot make makes get gets mean means use uses used give gives go goes let lets say says
    see sees take takes keep keeps how why there 's 're 'm 've 'll 'd
    """)
)
_WORD = re.compile(r"[^\W\d_]+")
_ENGLISH = frozenset(
    _WORD.findall("the of and to in is that it for as with on are be this by an or from at not you which have can")
)
_FOREIGN = frozenset(
    _WORD.findall("""
    der die das und ist nicht ein eine zu mit wird werden sich auch oder den dem des
    le la les et est une du dans pour que qui pas sur au aux ce cette
    el los las una del por con para como más se su lo al
    il di che per della sono dei non nel alla
    het een van dat niet zijn voor worden wordt
    e os uma não com são em
    """)
)


@dataclass(frozen=True, slots=True)
class Place:
    """A sentence of the answer with its vectors."""

    span: Span
    tokens: Tokens


def find_places(model: MiniLM, question: str, answer: str) -> tuple[list[Place], tuple[str, ...]]:
    """Sentences worth comparing, and review reasons for those left out. Raises EmbedderFailed."""
    reasons: list[str] = []
    suspicious = find_suspicious(answer)
    foreign = is_foreign(answer)
    if foreign:
        reasons.append("other_language")
    if len(answer.split()) < _SHORT:
        reasons.append("too_short")
    places: list[Place] = []
    listed = loose = whole = 0
    sentences = [part for sentence in split_sentences(answer) for part in _spared(sentence, suspicious)]
    for sentence, tokens in zip(sentences, model.read([sentence.text for sentence in sentences]), strict=True):
        whole += len(sentence.text.split())
        if not foreign and _is_list_of_terms(sentence.text, tokens):
            reasons.append("not_sentences")
            listed += len(sentence.text.split())
        elif _echoes(sentence.text, question):
            reasons.append("question_echoed")
        else:
            places.append(Place(sentence, tokens))
            loose += len(sentence.text.split()) if not foreign and _is_loose(sentence.text) else 0
    if listed * 2 > whole:
        places = []  # what is left of a keyword list is its shorter pieces
    elif (listed + loose) * 2 > whole >= _LEAST_WORDS:
        reasons.append("not_sentences")
        places = []
    return places, tuple(dict.fromkeys(reasons))


def is_foreign(answer: str) -> bool:
    """Whether an answer of some length is in another language than English, by its letters and its most common words."""
    words = _WORD.findall(answer.lower())
    if len(words) < 4:
        return False
    if sum(not word.isascii() for word in words) * 2 > len(words):
        return True
    return sum(word in _FOREIGN for word in words) > max(2, 2 * sum(word in _ENGLISH for word in words))


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
    words = tokens.ids[tokens.ids >= FIRST_WORD]
    if len(words) < _LEAST_TOKENS:
        return False
    if len(re.findall("[,;]", sentence)) >= _LIST_COMMAS * len(sentence.split()):
        return True
    return float(np.mean(words < FIRST_WORD + _COMMON_WORDS)) < _LEAST_COMMON


def _is_loose(sentence: str) -> bool:
    """Whether a long text has none of the words that sentences are built with."""
    if len(sentence.split()) < _LEAST_LOOSE:
        return False
    return _BINDING.isdisjoint(_FORM.findall(sentence.lower().replace("’", "'").replace("n't", " not")))


def _echoes(sentence: str, question: str) -> bool:
    if is_within(sentence, question):
        return True
    words = [word for word in re.findall(r"\w+", normalise(sentence)) if len(word) > 3]
    known = set(re.findall(r"\w+", normalise(question)))
    return len(words) >= 3 and sum(word in known for word in words) / len(words) >= _ECHO
