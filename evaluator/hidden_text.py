"""Step 4 of 6. Text hidden from people and legible to a machine: encoded, spelled apart, turned round, without width."""

from __future__ import annotations

import base64
import binascii
import codecs
import html
import re
import unicodedata
from collections.abc import Iterator
from urllib.parse import unquote

_WIDTHLESS = re.compile("(?<=[A-Za-z ])[\u200b-\u200f\u2060-\u2064\ufeff]+(?=[A-Za-z ])")
_STEERING = re.compile("[\u202a-\u202e\u2066-\u2069]|[\U000e0020-\U000e007f]")
"""Marks that turn the direction of writing, and the invisible tag alphabet."""
_SPELLED = re.compile(r"\W[A-Za-z](?:[ ._-]+\b[A-Za-z]\b){7,}")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{24,}={0,2}")
_HEX = re.compile(r"(?:\b[0-9a-fA-F]{2}[ :,]?){12,}|\b[0-9a-fA-F]{24,}\b|(?:\\x[0-9a-fA-F]{2}){6,}")
_SPACED_HEX = re.compile(r"\W(?:[0-9a-fA-F]{2}[ :,]){12,}")
"""Both after a mark or space, which is quicker to look for than the beginning of a word."""
_ESCAPED = re.compile(r"(?:&#x?[0-9a-fA-F]+;\s?){4,}|(?:%[0-9A-Fa-f]{2}){4,}|(?:\\u[0-9a-fA-F]{4}){4,}")
_MIXED = re.compile(r"\b(?=\w*[A-Za-z])(?=\w*[\u0430-\u044f\u0410-\u042f\u0456\u0458\u0455])\w{3,}\b")
"""A word of Latin and Cyrillic letters: look-alikes."""
_TELLTALE = ("ignore", "rubric", "award", "grade", "score", "marks", "points", "instructions", "credit")
_TURNED_WORDS = [*(codecs.encode(word, "rot13") for word in _TELLTALE), *(word[::-1] for word in _TELLTALE), "gur", "naq"]
_TURNED = re.compile(rf"\b(?:{'|'.join(_TURNED_WORDS[:-2])})\b", re.IGNORECASE)
_TURNED_SMALL = re.compile(r"\b(?:gur|naq|guvf|jvgu|lbhe)\b", re.IGNORECASE)
"""Words of an attack in rot13 or read from right to left."""


def is_hidden(text: str) -> bool:
    """Whether the text holds characters or codes that a person would not read and a model might."""
    if not text.isascii() and (_STEERING.search(text) or len("".join(_WIDTHLESS.findall(text))) >= 2 or _MIXED.search(text)):
        return True
    lengths = [len(word) for word in text.split()]
    if lengths.count(1) >= 8 and _SPELLED.search(f" {text}"):
        return True
    lower = text.lower()
    if any(word in lower for word in _TURNED_WORDS) and (_TURNED.search(text) or len(_TURNED_SMALL.findall(text)) >= 2):
        return True
    codes = max(lengths, default=0) >= 20 or (lengths.count(2) + lengths.count(3) >= 12 and _SPACED_HEX.search(f" {text}"))
    return bool(codes and (_ESCAPED.search(text) or any(_is_prose(decoded) for decoded in _decoded(text))))


def without_widthless(text: str) -> str:
    """The text as it looks: without characters of no width."""
    return text if text.isascii() else "".join(char for char in text if unicodedata.category(char) != "Cf")


def without_disguise(text: str) -> str:
    """The text with look-alike characters made plain, of the same length, so that places in it stay the same."""
    if text.isascii():
        return text
    return "".join(plain if len(plain := unicodedata.normalize("NFKC", char)) == 1 else char for char in text)


def _decoded(text: str) -> Iterator[str]:
    for code in _BASE64.findall(text):
        for padding in ("", "=", "=="):
            try:
                yield base64.b64decode(code.rstrip("=") + padding, altchars=b"-_" if set(code) & set("-_") else None).decode()
                break
            except (binascii.Error, ValueError):
                continue
    for code in _HEX.findall(text):
        try:
            yield bytes.fromhex(re.sub(r"\\x|[^0-9a-fA-F]", "", code)).decode()
        except ValueError:
            continue
    for code in _ESCAPED.findall(text):
        yield html.unescape(unquote(code))


def _is_prose(text: str) -> bool:
    """Mostly letters and spaces, in more than two words: not the bytes of a hash or a picture."""
    letters = sum(char.isalpha() or char.isspace() for char in text)
    return len(text.split()) >= 3 and letters >= 0.8 * len(text)
