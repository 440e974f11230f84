"""Step 4 of 6. Text in an answer that speaks to the grader instead of answering the question.

It is flagged for a person and cannot serve as evidence. It is never deleted and costs nothing: an answer that is right
keeps its credit whatever stands around it. docs/grading.md says how much of it is noticed, on attacks written by others.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Sequence

from evaluator.answers import Span, split_sentences
from evaluator.evidence import find_places
from evaluator.hidden_text import is_hidden, without_disguise, without_widthless
from evaluator.suspicion_patterns import ALONE, COMMAND, GRADER, PAPER, PRAISE, SAID_BY_OTHERS, SECRET, SHOW, YOU, Rule

_CLAUSE_END = re.compile(r"[,;:](?=\s)|\s[-–—]+\s|(?<=[)\]])\s|\s(?=\()")
_QUOTED = re.compile(r"(?<!\w)[\"“'‘](?:[^\"“”\n]{3,200}?)[\"”'’](?=\W|$)")
_WORDS = re.compile(r"[^\W\d_]+")
_WITHOUT_MARKS = {code: " " for code in range(128) if not chr(code).isalpha()}
_STEMS = {stem for rule in (*ALONE, GRADER, PAPER, SECRET) for group in rule.stems for stem in group} - {"*"}
_IN_WORDS = [stem for stem in _STEMS if len(stem) > 1 and _WORDS.fullmatch(stem)]
_LONGEST_STEM = max(map(len, _IN_WORDS))
_IN_TEXT = sorted(_STEMS.difference(_IN_WORDS))
"""Stems with a mark in them, or of one character."""
_MOST_QUOTES = 20
"""Quotes of a grader that are looked for in the answer."""
_AROUND = 160
"""Characters before and after a quotation in which it may be said whose words it holds."""


@functools.lru_cache(maxsize=128)
def find_suspicious(answer: str) -> tuple[Span, ...]:
    """The clauses that address the grader, fake what is not the candidate's to write, or hide text, in order."""
    hides = is_hidden(answer)
    told = _without_reported(without_disguise(answer))
    rules = _Rules(told)
    if not hides and not rules:
        return ()
    found: list[Span] = []
    for sentence in split_sentences(answer):
        if hides and is_hidden(sentence.text):
            found.append(sentence)
        elif rules.fit(told[sentence.start : sentence.end]):
            clauses = [clause for clause in _clauses(sentence) if rules.fit(told[clause.start : clause.end])]
            found += clauses or [sentence]  # a claim beside the clauses stays evidence
    return tuple(found)


def join_spans(answer: str, spans: Sequence[Span], quotes: Sequence[str]) -> tuple[Span, ...]:
    """The spans together with the places of quotes that a grader calls suspicious, in order, those that touch as one."""
    found = [(span.start, span.end) for span in spans]
    found += [(place.start, place.end) for quote in quotes[:_MOST_QUOTES] for place in find_places(quote, answer)[:1]]
    joined: list[tuple[int, int]] = []
    for start, end in sorted(found):
        if joined and (start <= joined[-1][1] or not answer[joined[-1][1] : start].strip()):
            joined[-1] = joined[-1][0], max(end, joined[-1][1])
        else:
            joined.append((start, end))
    return tuple(Span(answer[start:end], start, end) for start, end in joined)


class _Rules:
    """The rules that a text can fit at all, by its words."""

    def __init__(self, text: str) -> None:
        text = without_widthless(text)
        lower = text.replace("İ", "i").lower()  # by itself it becomes two characters
        present = {stem for stem in _IN_TEXT if stem in lower}
        is_plain = text.isascii()
        words = lower.translate(_WITHOUT_MARKS).split() if is_plain else _WORDS.findall(lower)
        present.update(*map(_stems_of, {word[:_LONGEST_STEM] for word in words}))
        present.update(() if is_plain else "*")

        def is_possible(rule: Rule) -> bool:
            return not any(map(present.isdisjoint, rule.stems)) and rule.anywhere.search(lower) is not None

        self._alone = [rule for rule in ALONE if not present.isdisjoint(rule.stems[0]) and is_possible(rule)]
        self._grader = is_possible(GRADER)
        self._paper = is_possible(PAPER) and is_possible(PRAISE)
        self._secret = is_possible(YOU) and is_possible(SECRET) and is_possible(SHOW)

    def __bool__(self) -> bool:
        return bool(self._alone or self._grader or self._paper or self._secret)

    def fit(self, text: str) -> bool:
        """Whether a sentence or clause is suspicious: by one rule alone, or by several signs together."""
        text = without_widthless(text)
        if any(rule.pattern.search(text) for rule in self._alone):
            return True
        speaks_of_grader = self._grader and GRADER.pattern.search(text)
        speaks_of_paper = self._paper and PAPER.pattern.search(text)
        speaks_of_secret = self._secret and YOU.pattern.search(text) and SECRET.pattern.search(text)
        if not (speaks_of_grader or speaks_of_paper or speaks_of_secret) or not COMMAND.pattern.search(text):
            return bool(speaks_of_grader and PRAISE.pattern.search(text))
        if speaks_of_grader or (speaks_of_secret and SHOW.pattern.search(text)):
            return True
        return bool(speaks_of_paper and PRAISE.pattern.search(text))


@functools.lru_cache(maxsize=8_192)
def _stems_of(word: str) -> tuple[str, ...]:
    """The stems that it begins with."""
    return tuple(stem for stem in _IN_WORDS if word.startswith(stem))


def _without_reported(text: str) -> str:
    """Blots out what stands in quotation marks where the text around it tells what others say or do. The length stays."""

    def blot(quoted: re.Match[str]) -> str:
        around = text[max(0, quoted.start() - _AROUND) : quoted.end() + _AROUND]
        return "x" * len(quoted[0]) if SAID_BY_OTHERS.pattern.search(around) else quoted[0]

    return _QUOTED.sub(blot, text)


def _clauses(sentence: Span) -> Iterator[Span]:
    at = 0
    for end in [*(gap.end() for gap in _CLAUSE_END.finditer(sentence.text)), len(sentence.text)]:
        piece = sentence.text[at:end]
        lead = len(piece) - len(piece.lstrip())
        text = piece.strip()
        if text:
            start = sentence.start + at + lead
            yield Span(text, start, start + len(text))
        at = end
