"""Step 1 of 6, second half. What was answered: the candidate's text, exactly as given, with its limits.

The text is never cleaned: evidence points into it by character, so what was typed is what is kept.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

from evaluator.errors import BadAnswer

MAX_CHARS = 20_000
"""About 3,300 words, four times what anyone says in ten minutes; longer texts cost money and grade worse."""

_HALF = re.compile("[\ud800-\udfff]")
_NOTHING_SAID = re.compile(
    r"(?:(?:sorry|hmm+|um+|well|honestly|to be honest)[\s,.]*)*"
    r"(?:i\s+(?:really\s+|honestly\s+|just\s+|simply\s+)?(?:do\s+not|don'?t|dont)\s+(?:really\s+|actually\s+)?know"
    r"(?:\s+(?:this|that|it|the answer|this one|that one|anything about (?:this|that|it)))?"
    r"|i\s+have\s+no\s+(?:idea|clue)|i\s+am\s+not\s+sure|i'?m\s+not\s+sure|not\s+sure|no\s+(?:idea|clue)|(?:i\s+)?(?:will\s+|'ll\s+)?(?:pass|skip)(?:\s+(?:this|that)(?:\s+one)?)?"
    r"|idk|dunno|n/?a|none|nothing|no\s+answer|no\s+comment|\?+)"
    r"[\s,.!]*(?:sorry)?[\s.!?]*",
    re.IGNORECASE,
)

_SENTENCE_END = re.compile(
    r"(?=[\"')\]\s])(?:"  # what every end begins with: few places need a closer look
    r"(?<=[.!?;])[\"')\]]*\s+|(?<!\s)\s*\n\s*\n\s*|(?<![ \t])[ \t]*\r?\n[ \t]*(?:(?:[-*•]|\d{1,2}[.)])\s+)?"
    r"|(?<!\s)\s+[-–—]{1,2}\s+)"
)
_WRAPPED_FROM = 50
"""Characters of a line from which the break after it counts as wrapping; people break list entries earlier."""

_LONGEST_SHORTHAND = 8
"""Characters before a full stop in which "approx" and its like are looked for."""
_NO_END = re.compile(r"(?:\b(?:e\.g|i\.e|etc|vs|cf|fig|eq|approx|resp|dr|no)|(?<!['’])\b[A-Za-z])\.$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Answer:
    text: str

    @property
    def is_blank(self) -> bool:
        """Nothing that could be judged: empty, no letter or digit in it, or "I don't know" in one of its forms."""
        return _is_blank(self.text)

    @property
    def word_count(self) -> int:
        return len(self.text.split())


@dataclass(frozen=True, slots=True)
class Span:
    """`text` is `answer[start:end]`."""

    text: str
    start: int
    end: int


@functools.lru_cache(maxsize=128)
def _is_blank(text: str) -> bool:
    plain = " ".join(text.replace("’", "'").split())
    return not any(char.isalnum() for char in plain) or _NOTHING_SAID.fullmatch(plain) is not None


def read_answer(text: str) -> Answer:
    """Raises BadAnswer when the text is too long to grade, or holds halves of characters that no file could hold."""
    if len(text) > MAX_CHARS:
        raise BadAnswer(
            f"The answer has {len(text):,} characters; the limit is {MAX_CHARS:,}.",
            "Shorten it: an interview answer of 150 to 400 words says enough.",
        )
    if not text.isascii() and (broken := _HALF.search(text)):
        raise BadAnswer(f"The answer holds half a character at position {broken.start()}.", "Type or paste that place again.")
    return Answer(text)


def decode_answer(data: bytes, place: str) -> str:
    """Bytes of a file or of standard input to text. A UTF-8 byte order mark is dropped; anything but UTF-8 is refused."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        raise BadAnswer(
            f"{place}: not UTF-8 text (byte {data[fault.start]:#04x} at position {fault.start}).",
            "Save the answer as plain text in UTF-8.",
        ) from fault


def split_sentences(text: str) -> list[Span]:
    """Sentences, clauses after a semicolon or dash, and list entries, each with its offsets; never an empty one."""
    spans: list[Span] = []
    start = 0
    for gap in _SENTENCE_END.finditer(text):
        if gap.start() <= start or _ends_shorthand(text, start, gap.start()) or _is_wrapped(text, gap):
            continue
        spans.append(_trimmed(text, start, gap.start()))
        start = gap.end()
    spans.append(_trimmed(text, start, len(text)))
    return [span for span in spans if any(char.isalnum() for char in span.text)]


def _ends_shorthand(text: str, start: int, end: int) -> bool:
    """Whether the full stop before `end` belongs to "e.g." and its like, or to an initial."""
    return _NO_END.search(text, max(start, end - _LONGEST_SHORTHAND), end) is not None


def _is_wrapped(text: str, gap: re.Match[str]) -> bool:
    """A line break inside a sentence: one break after a long line, with no list mark after it."""
    if gap.group().strip() or gap.group().count("\n") != 1 or text[gap.start() - 1] in ".!?;:":
        return False
    line = text[: gap.start()].rpartition("\n")[2]
    return len(line) >= _WRAPPED_FROM


def _trimmed(text: str, start: int, end: int) -> Span:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return Span(text[start:end], start, end)
