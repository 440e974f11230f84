"""Step 4 of 6. Text in an answer that speaks to the grader instead of answering the question.

It is flagged for a person and cannot serve as evidence. It is never deleted and costs nothing: an answer that is right
keeps its credit whatever stands around it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from evaluator.answers import Span, split_sentences
from evaluator.evidence import find_places

_WHO = r"(?:grader|evaluator|examiner|reviewer|marker|assessor|grading\s(?:system|model|assistant))s?"
_BEST = r"""(?: full\s(?:marks?|credit|points) | (?:maximum|perfect|top)\s(?:marks?|score|points|credit)
    | (?:highest|best|top)\s(?:level|mark)s? )"""
_GIVE = r"(?:gives?|gets?|award|awarded|assign|grant|granted|receives?|enter|sets?|put|print|return|write|deserves?)"
_TO_THE_GRADER = [
    re.compile(pattern, re.IGNORECASE | re.VERBOSE)
    for pattern in (
        # commands about the rules of grading
        r"""\b(?:ignore|disregard|forget|override|skip)\b .{0,40}
            \b(?:instructions?|rubric|criteria|prompt|rules|guidelines|evidence)\b""",
        r"""\brubric\b .{0,60}
            \b(?:withdrawn|outdated|draft|updated?|mistake|addendum|loaded|replaced|supersed\w+|confidential)\b""",
        r"\b(?:update|addendum|outranks|supersedes|with|against)\s+(?:to\s+)?the\s+rubric\b",
        r"\brubric\s+(?:update|addendum|v(?:ersion)?\s*\d)",
        r"""\b(?:mention|report|flag|delete|repeat)\s+ (?:of\s+)? (?:this|the\s+above)\s+
            (?:message|paragraph|comment|note|transcript|memo)\b""",
        r"\b(?:copy|put|transfer|return|enter|paste)\b .{0,30} \bin(?:to)?\s+your\s+(?:output|reply|result|response)\b",
        r"""\b(?:only\s+valid|expected|any\s+other)\s+(?:output|result|reply)\b .{0,60}
            \b(?:grad|level|fail|malfunction|logged)\w*""",
        # asking for levels, marks or a score
        r"""\b(?:gives?|award|assign|grant|mark|rate|score|grade)\b .{0,40}
            \b(?:100\b(?!\s*(?:%|percent))|ten\sout\sof\sten|10/10|all\s(?:points|criteria))""",
        rf"\b{_GIVE}\b .{{0,40}} \b{_BEST}",
        r"""\b(?:award|assign|grant|give|deserves?|return|grade|mark|rate)\b .{0,30}
            \b(?:the|a|its|their)\s+maximum\s*(?:[.!,]|now|$)""",
        r"""\b(?:every|each|all(?:\sof)?(?:\sthe)?|all\s\w+)\s+ (?:criteri(?:on|a)|rubric\spoints?|levels?)\b .{0,40}
            \b(?:met|satisfied|full|highest|best)\b""",
        r"\b(?:criteria|levels?)[\w\s\"']{0,12} : \s*[\"']?\s*all\s+met | \ball\s+(?:levels|criteria)\s+(?:are\s+)?[\"']?met",
        r"\bmet[\"']?\s+(?:next\s+to|everywhere|seven\s+times|for\s+(?:all|each|every))",
        r"\b\d\s*(?:/|\s+of\s+)\s*7\b .{0,60} \b(?:close|examiner|grader|marks?)\b",
        r"\b(?:pre-?graded|signed\s+verdict|calibration\s+(?:run|item|mode)|grading\s+(?:policy|protocol|sheet|session|service))\b",
        # speaking to, or of, whoever grades
        rf"""\b(?:as|you\sare|you're|dear|hello|hi|attention|note\sto(?:\sthe)?|message\s(?:to|for)(?:\sthe)?|for\sthe)\s+
            (?:an?\s+|the\s+)? (?:\w+\s+){{0,2}} (?:ai\s+|automated?\s+|automatic\s+)? {_WHO}\b""",
        rf"\b{_WHO}\s+(?:are\s+(?:told\s+)?to|who\s+deviate|config|notice)\b",
        # fake roles, markup and data
        r"""^\s*(?:[\#>=-]+\s*)? \[?(?:system|assistant|developer|grader)\]?\s*
            (?:prompt|message|note|notice|override)?\s* [:>\]\#(]""",
        r"<\s*/?\s*(?:system|answer|instructions?|candidate_answer|im_start|im_end)\b | <\|(?:im_start|im_end|system) | <!--",
        r"<+\s*/?\s*[a-z_-]*(?:grad|rubric|moderat|tool_result|evaluat)[a-z_-]*\b | \b(?:grader|evaluator)\.\w+\(",
        r"""["']level["']\s*:\s*["'](?:met|missed|partly) | ["'](?:score|credit|final|overall)["']\s*:\s*\d""",
        r"""["'](?:override|marks|levels|criteria_\w+)["']\s*: | ["']role["']\s*:\s*["'](?:system|assistant|developer)""",
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
