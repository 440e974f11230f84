"""Step 4 of 6. Text in an answer that speaks to the grader instead of answering the question.

It is flagged for a person and cannot serve as evidence. It is never deleted and costs nothing: an answer that is right
keeps its credit whatever stands around it.
"""

from __future__ import annotations

import re

from evaluator.answers import Span, split_sentences

_TO_THE_GRADER = [
    re.compile(pattern, re.IGNORECASE | re.VERBOSE)
    for pattern in (
        r"\b(?:ignore|disregard|forget|override)\b .{0,40} \b(?:instructions?|rubric|criteria|prompt|rules|guidelines)\b",
        r"""\b(?:give|award|assign|grant|mark|rate|score|grade)\b .{0,40}
            \b(?:full\s(?:marks?|credit|score|points)|maximum|perfect\sscore|100\b|ten\sout\sof\sten|10/10|all\s(?:points|criteria))""",
        r"\b(?:every|each|all(?:\sof)?(?:\sthe)?)\s+(?:criteri(?:on|a)|rubric\spoints?)\b .{0,40} \b(?:met|satisfied|full)\b",
        r"""\b(?:as|you\sare|dear|attention|note\sto(?:\sthe)?|message\s(?:to|for)(?:\sthe)?)\s+ (?:an?\s+|the\s+)?
            (?:ai\s+|automated?\s+|automatic\s+)? (?:grader|evaluator|examiner|grading\s(?:system|model|assistant))\b""",
        r"^\s*(?:\#+\s*)? \[?(?:system|assistant|developer|grader)\]?\s* (?:prompt|message|note|override)?\s* [:>\]]",
        r"<\s*/?\s*(?:system|answer|instructions?|candidate_answer|im_start|im_end)\b | <\|(?:im_start|im_end|system)",
        r"""["']level["']\s*:\s*["'](?:met|missed|partly) | ["'](?:score|credit)["']\s*:\s*\d""",
    )
]
_HIDDEN = re.compile("[\u200b\u200c\u200d\u2060\u2062-\u2064\ufeff\u202a-\u202e\u2066-\u2069]{2,}|[\U000e0020-\U000e007f]")


def find_suspicious(answer: str) -> list[Span]:
    """The sentences that address the grader or hide characters, in order."""
    return [
        sentence
        for sentence in split_sentences(answer)
        if _HIDDEN.search(sentence.text) or any(pattern.search(sentence.text) for pattern in _TO_THE_GRADER)
    ]
