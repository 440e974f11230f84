"""Step 3 of 6. A reply that is still being written: its verdicts as each one is complete.

For showing only. The verdicts that count are read from the whole reply, once it has ended well.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from evaluator.errors import BadReply
from evaluator.graders.reply import MAX_CHARS, read_verdict
from evaluator.rubric import Criterion
from evaluator.verdict import Verdict

_BEGINNING = re.compile(r'\s*(?:```(?:json)?\s*)?\{\s*"verdicts"\s*:\s*\[')
_BETWEEN = re.compile(r"\s*,?\s*")


class Preview:
    """Feed it the pieces of a reply. It stops at the first thing that is not as asked."""

    def __init__(self, criteria: Sequence[Criterion]) -> None:
        self._known = {criterion.id: criterion for criterion in criteria}
        self._text = ""
        self._at = -1
        self._over = False
        self._decoder = json.JSONDecoder()

    def feed(self, piece: str) -> list[Verdict]:
        """The verdicts completed by this piece, often none."""
        self._text += piece
        found: list[Verdict] = []
        if self._over or len(self._text) > MAX_CHARS:
            return found
        if self._at < 0:
            beginning = _BEGINNING.match(self._text)
            if beginning is None:
                return found
            self._at = beginning.end()
        while (start := self._next()) is not None and "}" in self._text[start:]:
            try:
                row, end = self._decoder.raw_decode(self._text, start)
            except (ValueError, RecursionError):
                return found  # not complete yet, or nothing that will ever be read
            try:
                found.append(read_verdict(row, self._known))
            except BadReply:
                self._over = True
                return found
            self._at = end
        return found

    def _next(self) -> int | None:
        between = _BETWEEN.match(self._text, self._at)
        start = between.end() if between else self._at
        if start >= len(self._text):
            return None
        if self._text[start] != "{":
            self._over = True
            return None
        return start
