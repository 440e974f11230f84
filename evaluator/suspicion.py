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
from evaluator.hidden_text import is_hidden, without_disguise
from evaluator.suspicion_patterns import (
    ALWAYS,
    COMMAND,
    GRADER,
    OLD_ORDERS,
    PAPER,
    PLEA,
    PRAISE,
    SAID_BY_OTHERS,
    SECRET,
    SHOW,
    TRIGGER,
    YOU,
)

_CLAUSE_END = re.compile(r"[,;:](?=\s)|\s[-–—]+\s|(?<=[)\]])\s|\s(?=\()")
_QUOTED = re.compile(r"(?<!\w)[\"“'‘](?:[^\"“”\n]{3,200}?)[\"”'’](?=\W|$)")
_AROUND = 160
"""Characters before and after a quotation in which it may be said whose words it holds."""


@functools.lru_cache(maxsize=128)
def find_suspicious(answer: str) -> tuple[Span, ...]:
    """The clauses that address the grader, fake what is not the candidate's to write, or hide text, in order."""
    found: list[Span] = []
    hides = is_hidden(answer)
    if not hides and not TRIGGER.search(answer):
        return ()
    told = _without_reported(without_disguise(answer))
    for sentence in split_sentences(answer):
        text = told[sentence.start : sentence.end]
        if hides and is_hidden(sentence.text):
            found.append(sentence)
        elif TRIGGER.search(text) and _is_suspicious(text):
            found += _narrow(sentence, told) or [sentence]
    return tuple(found)


def join_spans(answer: str, spans: Sequence[Span], quotes: Sequence[str]) -> tuple[Span, ...]:
    """The spans together with the places of quotes that a grader calls suspicious, in order, overlapping ones as one."""
    found = [(span.start, span.end) for span in spans]
    found += [(place.start, place.end) for quote in quotes for place in find_places(quote, answer)[:1]]
    joined: list[tuple[int, int]] = []
    for start, end in sorted(found):
        if joined and start <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(end, joined[-1][1])
        else:
            joined.append((start, end))
    return tuple(Span(answer[start:end], start, end) for start, end in joined)


def _is_suspicious(text: str) -> bool:
    if ALWAYS.search(text) or OLD_ORDERS.search(text) or PLEA.search(text):
        return True
    praised, commanded = PRAISE.search(text) is not None, COMMAND.search(text) is not None
    if GRADER.search(text) and (praised or commanded):
        return True
    if YOU.search(text) and commanded and SECRET.search(text) and SHOW.search(text):
        return True
    return praised and commanded and PAPER.search(text) is not None


def _without_reported(text: str) -> str:
    """Blots out what stands in quotation marks where the text around it tells what others say or do. The length stays."""

    def blot(quoted: re.Match[str]) -> str:
        around = text[max(0, quoted.start() - _AROUND) : quoted.end() + _AROUND]
        return "x" * len(quoted[0]) if SAID_BY_OTHERS.search(around) else quoted[0]

    return _QUOTED.sub(blot, text)


def _narrow(sentence: Span, told: str) -> list[Span]:
    """The clauses of a suspicious sentence that are suspicious by themselves, so that a claim beside them stays evidence."""
    return [clause for clause in _clauses(sentence) if _is_suspicious(told[clause.start : clause.end])]


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
