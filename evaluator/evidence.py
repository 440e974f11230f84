"""Step 4 of 6. Evidence: is a quote really in the answer, and where? Decided by code; no grader is believed.

Quotes come back from models with other quotation marks, other dashes, other spacing and lost zero-width characters. All
that is evened out on both sides before looking; a changed word is not.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

LEAST_WORDS = 2
"""One word proves nothing: "gradient" stands in every answer."""

_SAME = str.maketrans({
    "“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "‘": "'", "’": "'", "‚": "'", "‛": "'", "`": "'", "´": "'",
    "‐": "-", "‑": "-", "‒": "-", "–": "-", "—": "-", "−": "-", "―": "-",
})  # fmt: skip
_EDGES = " \"'.,;:!?…()[]-*_"


@dataclass(frozen=True, slots=True)
class Evidence:
    """`quote` is `answer[start:end]`, by characters of the answer as given."""

    quote: str
    start: int
    end: int


def find_evidence(quote: str, answer: str) -> Evidence | None:
    """The first place where the quote stands in the answer, whole words only, or None."""
    wanted = normalise(quote).strip(_EDGES)
    if len(wanted.split()) < LEAST_WORDS:
        return None
    text, origins = _normalise_with_origins(answer)
    at = text.find(wanted)
    while at >= 0:
        after = at + len(wanted)
        if not _splits_word(text, at) and not _splits_word(text, after):
            start, end = origins[at], origins[after - 1] + 1
            while end < len(answer) and unicodedata.category(answer[end]) in ("Mn", "Me"):
                end += 1
            return Evidence(answer[start:end], start, end)
        at = text.find(wanted, at + 1)
    return None


def is_within(quote: str, text: str) -> bool:
    """Whether the quote merely repeats part of another text, such as the question."""
    return normalise(quote).strip(_EDGES) in normalise(text)


def normalise(text: str) -> str:
    return _normalise_with_origins(text)[0].strip()


def _normalise_with_origins(text: str) -> tuple[str, list[int]]:
    """The evened-out text, and for each of its characters the index in `text` that it came from."""
    out: list[str] = []
    origins: list[int] = []
    for index, char in enumerate(text):
        for plain in unicodedata.normalize("NFKD", char).translate(_SAME).casefold():
            if plain.isspace():
                if out and out[-1] == " ":
                    continue
                plain = " "
            elif unicodedata.category(plain) in ("Cf", "Cc", "Mn", "Me"):
                continue
            out.append(plain)
            origins.append(index)
    return "".join(out), origins


def _splits_word(text: str, at: int) -> bool:
    return 0 < at < len(text) and text[at - 1].isalnum() and text[at].isalnum()
