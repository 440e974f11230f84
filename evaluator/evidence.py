"""Step 4 of 6. Evidence: is a quote really in the answer, and where? Decided by code; no grader is believed.

Quotes come back from models with other quotation marks, other dashes, other spacing and lost zero-width characters. All
that is evened out on both sides before looking; a changed word is not.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

_PIECE, _LEAST_PIECES, _MOST_OF = 6, 4, 0.6
"""Words in a piece, pieces in an answer of some length, and the share of them that is most of it."""
_MOST_PLACES = 50
LEAST_WORDS = 2
"""One word proves nothing: "gradient" stands in every answer."""

_SAME = str.maketrans({
    "“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "‘": "'", "’": "'", "‚": "'", "‛": "'", "`": "'", "´": "'",
    "‐": "-", "‑": "-", "‒": "-", "–": "-", "—": "-", "−": "-", "―": "-",
})  # fmt: skip
_STRUCK = re.compile("[\u0334-\u0338\u20d2\u20e5]")
"""Strokes through a character, which deny it in mathematics."""
_POWERS = "⁰¹²³⁴⁵⁶⁷⁸⁹"
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
_GAPS = ("  ", "\t", "\n", "\r", "\x0b", "\x0c")
_WIDE_GAP = re.compile(r"\s{2,}|[\t\n\r\x0b\x0c]")
_EDGES = " \"'.,;:!?…()[]-*_"

_NEAR = 80
"""Characters before and after a quote in which a denial of it is looked for."""
_WRONG = r"""(?: not\s+(?:true|right|correct|the\s+case) | false | wrong | incorrect | untrue | nonsense
    | a\s+(?:common\s+|popular\s+)?(?:myth|mistake|misconception) )"""
_DENIED_BEFORE = re.compile(
    rf"""(?: \b(?:not|never|hardly|cannot|nor|neither|without|no) | n't )
             (?!\s+(?:only|just|merely|simply|surprisingly|doubt|wonder|matter)\b) \s+ (?:\w+\s+)? $
       | \b(?:is|was|be|'s|it) \s+ {_WRONG} (?:\s+to\s+(?:say|think|claim|believe|assume))? (?:\s+that)? \s* ["']? $
       | (?:\bnot|n't) \s+ (?:think|believe|agree|say|mean|claim|imply|buy) (?:\s+that)? \s+ (?:\w+\s+){{0,2}} $
       | \b(?:nobody|no\s+one) \s+ \w+ (?:\s+that)? \s* $
       | \b(?:doubt|deny|denies|disagree|reject|rejects)\w* (?:\s+(?:that|with|the\s+(?:idea|claim|view)\s+that))? \s* ["']? $
       | \b(?:contrary\s+to|despite) \s+ (?:\w+\s+){{0,3}} (?:belief|claim|idea|view|opinion|myth) (?:\s+that)? \s* ["']? $""",
    re.VERBOSE,
)
_DENIED_AFTER = re.compile(
    rf"""^ ["'”]? \s* (?: [,-]+ \s* (?:which|that|this|but\s+(?:that|this|it)) (?:\s+is|'s) \s+ {_WRONG}
       | \s+ (?:is|are|would\s+be) \s+ {_WRONG}
       | \s* [.?!]+ ["']? \s+ (?:no\b[,.] | (?:that|this|it)(?:\s+is|'s) \s+ {_WRONG} (?!\s+(?:that|to)\b)) )""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Evidence:
    """`quote` is `answer[start:end]`, by characters of the answer as given."""

    quote: str
    start: int
    end: int


def find_evidence(quote: str, answer: str) -> Evidence | None:
    """A place where the quote stands in the answer, whole words only, or None. A place where it is not denied is preferred."""
    places = find_places(quote, answer)
    for place in places:
        if not is_denied(place, answer):
            return place
    return places[0] if places else None


@functools.lru_cache(maxsize=1_024)
def find_places(quote: str, answer: str) -> tuple[Evidence, ...]:
    """Every place where the quote stands in the answer, whole words only."""
    wanted = _bare(quote)
    if sum(any(char.isalnum() for char in word) for word in wanted.split()) < LEAST_WORDS:
        return ()
    text, origins = _normalise_with_origins(answer)
    found: list[Evidence] = []
    at = text.find(wanted)
    while at >= 0 and len(found) < _MOST_PLACES:
        after = at + len(wanted)
        if not _splits_word(text, at) and not _splits_word(text, after):
            start, end = origins[at], origins[after - 1] + 1
            while end < len(answer) and unicodedata.category(answer[end]) in ("Mn", "Me"):
                end += 1
            found.append(Evidence(answer[start:end], start, end))
        at = text.find(wanted, at + 1)
    return tuple(found)


def is_denied(place: Evidence, answer: str) -> bool:
    """Whether the words right around a quote deny it: a claim cut out of its own negation.

    "does not | shrink the gradient", "it is wrong that | ...", "... |, which is false".
    """
    return _is_denied(answer, place.start, place.end)


@functools.lru_cache(maxsize=1_024)
def _is_denied(answer: str, start: int, end: int) -> bool:
    before = normalise_line(answer[max(0, start - _NEAR) : start]).rpartition(". ")[2]
    after = normalise_line(answer[end : end + _NEAR])
    return _DENIED_BEFORE.search(before) is not None or _DENIED_AFTER.search(after) is not None


@functools.lru_cache(maxsize=1_024)
def is_within(quote: str, text: str) -> bool:
    """Whether the quote merely repeats part of another text, such as the question."""
    return _bare(quote) in normalise(text)


def repeats(answer: str, text: str) -> bool:
    """Whether most of an answer of some length stands word for word in another text, such as the reference answer."""
    words, known = normalise(answer).split(), normalise(text)
    pieces = [" ".join(words[at : at + _PIECE]) for at in range(0, len(words) - _PIECE + 1, _PIECE)]
    return len(pieces) >= _LEAST_PIECES and sum(piece in known for piece in pieces) >= _MOST_OF * len(pieces)


def normalise(text: str) -> str:
    return _normalise_with_origins(text)[0].strip()


def _bare(quote: str) -> str:
    """A quote without the marks at its ends; a minus before a number is no mark."""
    plain = normalise(quote)
    bare = plain.strip(_EDGES)
    at = plain.find(bare)
    return f"-{bare}" if bare[:1].isdigit() and at > 0 and plain[at - 1] == "-" else bare


def normalise_line(text: str) -> str:
    """Evened out, with the spaces at its ends kept."""
    return _normalise_with_origins(text)[0]


@functools.lru_cache(maxsize=256)
def _normalise_with_origins(text: str) -> tuple[str, Sequence[int]]:
    """The evened-out text, and for each of its characters the index in `text` that it came from."""
    if text.isascii() and not _CONTROL.search(text):
        return _normalise_ascii(text)
    out: list[str] = []
    origins: list[int] = []
    for index, char in enumerate(text):
        if char.isalnum() and char.isascii():
            out.append(char.lower())
            origins.append(index)
            continue
        even = unicodedata.normalize("NFKD", char).translate(_SAME).casefold()
        if _STRUCK.search(even) or char in _POWERS:
            even = char  # "≠" is not "=", and "2⁵" is not "25"
        for plain in even:
            if plain.isspace():
                if out and out[-1] == " ":
                    continue
                plain = " "
            elif unicodedata.category(plain) in ("Cf", "Cc", "Mn", "Me") and not _STRUCK.match(plain):
                continue
            out.append(plain)
            origins.append(index)
    return "".join(out), origins


def _normalise_ascii(text: str) -> tuple[str, Sequence[int]]:
    """The same, sooner: only case, spacing and the backtick can differ."""
    plain = text.lower().replace("`", "'")
    if not any(gap in plain for gap in _GAPS):
        return plain, range(len(plain))
    gaps = [gap.span() for gap in _WIDE_GAP.finditer(plain)]
    pieces: list[str] = []
    origins: list[int] = []
    at = 0
    for start, end in [*gaps, (len(plain), len(plain))]:
        pieces.append(plain[at:start])
        origins.extend(range(at, start))
        if start < len(plain):
            pieces.append(" ")
            origins.append(start)
        at = end
    return "".join(pieces), origins


def _splits_word(text: str, at: int) -> bool:
    return 0 < at < len(text) and text[at - 1].isalnum() and text[at].isalnum()
