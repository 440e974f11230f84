"""Step 4 of 6. How people speak to a grader: the words and turns that suspicion.py looks for. Patterns alone, no logic."""

from __future__ import annotations

import re


def _words(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns), re.IGNORECASE | re.VERBOSE | re.MULTILINE)


GRADER = _words(
    r"""(?:^|\b(?:dear|to|attention|hello|hi|the|as\s+an?|you\s+are\s+an?|for)\s+)(?:the\s+)?(?:\w+\s+)?
        (?:grader|evaluator|examiner|assessor)s?\b (?!\s+(?:model|network)s?\b)""",
    r"\b(?:evaluating|grading|scoring|assessing)\s+(?:model|system|software|assistant|ai|llm|bot)\b",
    r"\b(?:who|what)ever\s+(?:you\s+are|(?:is\s+)?(?:reads?|grad|mark|scor|assess|evaluat)\w*)",
    r"\bdear\s+(?:reader|model|ai|llm|assistant)\b | \b(?:software|machine|model|system|ai)\s+that\s+(?:reads?|grades?|scores?)\s+this\b",
    r"\b(?:reviewer|examiner|assessment|hiring|qa|hr)[ -](?:\d+|team|policy|board|panel|committee)\b",
    r"\bautomat(?:ed|ic)\s+(?:step|score|check|grad\w+|review|evaluation|result)\b",
    r"\btoi\s+qui\s+(?:corriges|notes)\b",
)
"""Whoever grades, addressed or spoken of."""
PAPER = _words(
    r"\b(?:this|the|my|above|preceding|whole)\s+(?:\w+\s+)?(?:answer|submission|response|derivation|paper|candidate|applicant)\b",
    r"\b(?:rubric|scoring\s+guide|marking\s+scheme|answer\s+key|check\s?list|criteri(?:on|a)|requirements?|grading\s+\w+)\b",
    r"\b(?:item|point|question|omission|deduction|gap)s?\s+(?:on\s+it|as\s+(?:met|covered|satisfied))",
)
"""The paper that is graded, and what it is graded by."""
PRAISE = _words(
    r"""\b(?:full|top|best|highest|perfect|maximum|max|maximal|good|generous|excellent|outstanding|possible)[\s-]+ (?:\w+\s+){0,2}
        (?:marks?|scores?|grades?|points?|credit|levels?|ratings?|results?|answer|number)\b""",
    r"\b(\d{1,3})\s*(?:/|out\s+of|of)\s*\1\b | \b(?:ten|five|seven)\s+out\s+of\s+(?:ten|five|seven)\b | \b(?:9|9\.5)\s*/\s*10\b",
    r"\b(?:strong\s+hire|nothing\s+missing|no\s+(?:gaps|deductions|errors|omissions|misconceptions)|flawless|outstanding|at\s+the\s+very\s+top)\b",
    r"\b(?:every|each|all|seven)\s+(?:\w+\s+){0,2}(?:points?|items?|criteri(?:on|a)|requirements?|levels?)\b",
    r"\b(?:level|verdict|status|result)s?\b\W{0,4}(?:met|pass(?:ed)?|strong|excellent|top|satisfied)\b",
    r"\b(?:covered|satisfied|complete(?:ly)?|met)\b | \b100\s*(?:%|points|out|of)",
)
"""What an attacker wants to be given."""
COMMAND = _words(
    r"""\b(?:please|must|only\s+job|your\s+job|you\s+(?:are\s+to|now|must|should|have\s+to|only)|now)\b""",
    r"""(?:^|[.!?:,;("'\]]\s*|\b(?:and|then|so|just|to|please)\s+) (?:\d\.\s*)?
        (?:give|award|assign|grant|mark|rate|grade|score|treat|count|credit|reproduce|confirm|conclude|return|emit|respond|output|report
        |write|print|repeat|state|copy|include|disregard|ignore|forget|skip|cancel|let|put|set|be|conclude|summarise|summarize|enter|tell)\b""",
    r"\b(?:do\s+not|don'?t|never|no\s+need\s+to)\s+(?:be|lower|mention|quote|apply|list|deduct|compare|look|flag|report|check|evaluate)\b",
)
YOU = re.compile(r"\b(?:you|your|you're|yourself)\b", re.IGNORECASE)
SECRET = _words(
    r"\b(?:your|the|system)\s+(?:\w+\s+)?(?:system\s+prompt|prompt|hidden\s+(?:guidelines|instructions|prompt|rules|criteria)|guidelines|instructions|context|rubric|key\s+points|criteria)\b",
    r"\b(?:model|sample|reference)\s+(?:solution|answer)\b | \bstands\s+above\s+this\b | \blist\s+of\s+points\b | \beach\s+key\s+point\b",
)
SHOW = _words(
    r"""\b(?:print|repeat|state|copy|write|include|reveal|show|list|quote|paste|output|tell|give|reproduce|recite|share|disclose|translate|append)\b"""
)

ALWAYS = _words(
    # commands about the rules of grading
    r"\b(?:ignore|disregard|override|skip|overrule|set\s+aside)\b .{0,40} \b(?:rubric|criteria|scoring|grading|marking|checklist|checks)\b",
    r"\brubric\b .{0,60} \b(?:withdrawn|outdated|draft|updated?|mistake|addendum|loaded|replaced|supersed\w+|confidential)\b",
    r"\b(?:update|addendum|outranks|supersedes|with|against)\s+(?:to\s+)?the\s+rubric\b | \brubric\s+(?:update|addendum|v(?:ersion)?\s*\d)",
    r"""\b(?:mention|report|flag|delete|repeat|quote)\s+ (?:of\s+)? (?:this|the\s+above)\s+
        (?:message|paragraph|comment|note|transcript|memo|text|line|submission)\b""",
    r"\b(?:copy|put|transfer|return|enter|paste)\b .{0,30} \bin(?:to)?\s+your\s+(?:output|reply|result|response|feedback)\b",
    r"\b(?:only\s+valid|expected|any\s+other)\s+(?:output|result|reply)\b .{0,60} \b(?:grad|level|fail|malfunction|logged)\w*",
    # asking for levels, marks or a score
    r"""\b(?:gives?|gets?|award(?:ed)?|assign|grant(?:ed)?|receives?|enter|put|print|return|write|deserves?)\b .{0,40}
        \b(?:full\s(?:marks?|credit|points)|(?:maximum|perfect|top)\s(?:marks?|score|points|credit)|(?:highest|best|top)\s(?:level|mark|grade)s?)""",
    r"\b(?:award|assign|grant|give|deserves?|return|grade|mark|rate)\b .{0,30} \b(?:the|a|its|their)\s+maximum\s*(?:[.!,]|now|$)",
    r"""\b(?:give|award|assign|grant|mark|rate|score|grade)\b .{0,40} \b(?:ten\sout\sof\sten|10/10|all\s(?:points|criteria))""",
    r"\b(?:criteria|levels?)[\w\s\"']{0,12} : \s*[\"']?\s*all\s+met | \ball\s+(?:levels|criteria)\s+(?:are\s+)?[\"']?met",
    r"\bmet[\"']?\s+(?:next\s+to|everywhere|seven\s+times|for\s+(?:all|each|every))",
    r"\b\d\s*(?:/|\s+of\s+)\s*7\b .{0,60} \b(?:close|examiner|grader|marks?)\b",
    r"\b(?:pre-?graded|signed\s+verdict|calibration\s+(?:run|item|mode)|expected_label|grading\s+(?:policy|protocol|sheet|session|service|notes))\b",
    r"\b(?:volle|maximale|höchste)\s+(?:punkt\w*|note|bewertung) | \b(?:nota|puntuaci[oó]n|pontua[cç][aã]o)\s+m[aá]xima | \bmeilleure\s+note",
    r"\bnote\s+maximale | 满分 | 最高分 | 評分 | 评分 | 満点 | (?:высш|максимальн)\w+\s+(?:балл|оценк) | पूरे\s+अंक | 만점 | \bpunteggio\s+(?:pieno|massimo)",
    # speaking to whoever grades
    r"""\b(?:dear|hello|hi|attention|note\sto(?:\sthe)?|message\s(?:to|for)(?:\sthe)?|for\sthe)\s+ (?:an?\s+|the\s+)? (?:\w+\s+){0,2}
        (?:grader|evaluator|examiner|reviewer|marker|assessor)s?\b""",
    r"\b(?:grader|evaluator|examiner)s?\s+(?:are\s+(?:told\s+)?to|who\s+deviate|config|notice)\b",
    # ends of the answer, roles and data that are not there
    r"<\s*/\s*(?:text|input|prompt|answer|document|user|data|submission|response|question|candidate_answer)\s*>",
    r"<\s*/?\s*(?:system|instructions?|candidate_answer|im_start|im_end)\b | <\|\w+\|> | \[/?INST\] | <</?SYS>> | <!--",
    r"<+\s*/?\s*[a-z_-]*(?:grad|rubric|moderat|tool_result|evaluat)[a-z_-]*\b | \b(?:grader|evaluator|verdict)(?:\.\w+)?\([^)]",
    r"\b(?:end|close)\s+of\s+(?:the\s+|my\s+)?(?:answer|submission|input|candidate|response)\b | \banswer\s+(?:ends|ended|over|complete)\b\W*$",
    r"\bquestion\s+\d+\s+(?:closed|done|finished|complete) | ^\W*[\]}\"']{2,}\W*$ | ^\s*[\"']\s*[}\]]",
    r"\b(?:grader|grading|evaluator)[-_]\w+[-_]?\d* | ^\W*new\s+(?:task|rule|instruction)s?\b\s*[:,(]",
    r"\bto\s+(?:the|whoever|any|whatever)\s+(?:\w+\s+){0,2}(?:grad\w+|scor\w+|evaluat\w+|software|models?|reads?)\b[^.:]{0,30}:",
    r"\bsystem\s+(?:message|note|prompt|override|notice|update)\b\s*[(:\]]",
    r"""^\s*(?:[\#>=*-]+\s*)? [\[(<]? (?:system|assistant|developer|grader|examiner|moderator) [\])>]? \s*
        (?:prompt|message|note|notice|override|instruction)?s? \s* [:\]\#] (?=.{0,200}\b(?:grad|scor|mark|award|credit|level|rubric|candidate|answer))""",
    r"""["'](?:verdicts?|directive|gaps|feedback|misconceptions?)["']\s*:""",
    r"""["'](?:level|verdict)["']\s*:\s*["'](?:met|missed|partly|pass|strong|excellent)
        | ["'](?:final|overall|grade|marks|criteria_\w+|override|rubric)["']\s*: | level\s*=\s*["'](?:strong|met)""",
    r"\b(?:final|overall|total)\s+(?:level|score|grade|rating|result|verdict|mark)\s*[:=|]",
    r"\b(?:result|verdict|grade|rating|coverage)\s*[:=]\s*(?:pass|\d+\s*/\s*\d+|10+\s*%|strong|excellent|top|met)\b",
    r"\|\s*\**total\**\s*\|(?=.*\d)",
)
PLEA = _words(
    r"\b(?:be|being)\s+(?:so\s+|too\s+|very\s+)?(?:generous|kind|lenient|strict|nice|harsh|fair)\b\s*(?:with|on|to|about|in|and|today|here|,|[.!]|$)"
    r".{0,80}\b(?:me|mark\w*|grad\w+|scor\w+|number|point\w*|today|nobody|top)\b",
    r"\b(?:please|pls|beg(?:ging)?\s+you|i\s+beg)\b .{0,80} \b(?:strict|generous|lenient|mercy|pass\s+me|let\s+me\s+pass|good\s+(?:answer|mark|grade)|high\s+(?:mark|score|grade))\b",
    r"\b(?:(?:my|a|our)\s+lawyer\s+(?:will|is\s+going|ask|may)|have\s+my\s+lawyer|lawsuit|sue\s+(?:you|this)|legal\s+action|five-star\s+review|my\s+(?:visa|rent|job|career|family|kids?|daughter|son|mother|grandm\w+)"
    r"\s+(?:depends?|is\s+(?:waiting|sick|ill|riding)|will\s+lose))\b",
    r"(?:\$|€|£|\busd\s?|\bdollars?\b).{0,40}\b(?:tip|donat\w+|reward|bribe)\b | \b(?:tip|donate|bribe|pay)\b.{0,40}(?:\$|€|£)\s?\d",
)
TRIGGER = re.compile(
    r"grad(?:e|ing)|scor|\bmark|rubric|evaluat|examin|assess|review|rating|\brates?\b|credit|\bpoints?\b|\blevels?\b|award|verdict|candidate"
    r"|applicant|submission|answer|solution|ignor|disregard|forget|override|bypass|overrule|instruct|prompt|guideline|rules?\b|\bmet\b|\bpass\b"
    r"|total|check\s?list|criteri|requirement|please|\bpls\b|lawyer|lawsuit|generous|lenient|strict|\bkind\b|harsh|visa|\btip\b|donat|bribe|system"
    r"|[<>{}|\[\]$€£]|[^\x00-\x7f]|question \d",
    re.IGNORECASE,
)
"""Every rule needs one of these somewhere, so a sentence without any need not be looked at further."""
SAID_BY_OTHERS = _words(
    r"\b(?:prompt[\s-]+injection|inject(?:s|ed|ion|ions|ing)|jailbreak\w*|attack\w*|adversar\w*|malicious|phish\w*|poison\w*)\b",
    r"\b(?:web\s?(?:page|site)|e-?mails?|document|chatbot|spoken|agents?|student|language\s+model|users?\s+(?:can|could|may|might))\b",
)
OLD_ORDERS = _words(
    r"\b(?:ignore|disregard|forget|override|bypass)\b .{0,40} \b(?:instructions?|prompt|rules|guidelines|above|previous|prior|said)\b"
)
