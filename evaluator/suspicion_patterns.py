"""Step 4 of 6. How people speak to a grader: the words and turns that suspicion.py looks for. Patterns alone, no logic.

A rule is a pattern with stems, in groups joined by &: every text that the pattern fits holds one stem of each group, in lower
case and where a word begins, so that few texts need be searched. `*` stands for any character outside ASCII.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class Rule:
    stems: tuple[frozenset[str], ...]
    """Group by group; none: always search."""
    source: str

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """Compiled when first needed: all of them together take a fifth of a second."""
        return re.compile(self.source, re.IGNORECASE | re.VERBOSE | re.MULTILINE)

    @cached_property
    def anywhere(self) -> re.Pattern[str]:
        """The pattern for a text in lower case, without the beginnings and ends of lines that it asks for: it fits wherever the
        pattern fits a part. Not to ignore case halves the time."""
        flags = re.VERBOSE | re.MULTILINE | (re.IGNORECASE if _CAPITAL.search(self.source) else 0)
        return re.compile(re.sub(r"(?<![\[\\])[\^$]", "", self.source), flags)


def _rule(stems: str, pattern: str) -> Rule:
    # Every repetition is bounded: an answer made for it could otherwise keep a pattern busy for minutes.
    pattern = re.sub(r"(\\[swWd]|\[[^\]]+\])([*+])", lambda found: f"{found[1]}{{{int(found[2] == '+')},{_LONGEST}}}", pattern)
    return Rule(tuple(frozenset(group.split()) for group in stems.split(" & ") if group), pattern)


_CAPITAL = re.compile(r"(?<!\\)[A-Z]")
_LONGEST = 30
"""Characters of white space, marks or letters that a pattern goes along with in one place."""
_WHO = r"(?:graders?|evaluators?|examiners?|assessors?|scorers?|raters?|checkers?|marker)"
_TOP = r"(?:full|top|best|highest|uppermost|strongest|perfect|maximum|maximal|max|excellent|outstanding|possible|high|good|available)"
_UTTER = r"(?:full|top|best|highest|uppermost|strongest|perfect|maximum|maximal|max|excellent|outstanding)"
_NOTE = r"(?:marks?|scores?|grades?|points?|credit|levels?|ratings?|results?|labels?|number|rung)"

ALONE: tuple[Rule, ...] = (
    # the rules of grading set aside
    _rule(
        "rubric criteria scoring grading marking checklist checks key instruction prompt rules guidelines"
        " & ignore disregard override skip overrule forget bypass set",
        r"""\b(?:ignore|disregard|override|skip|overrule|forget|bypass|set\s+aside)\b .{0,40}
            \b(?:rubric|criteria|scoring|grading|marking|checklist|checks|(?:answer|scoring)\s+key|instructions?|prompt|rules|guidelines)\b""",
    ),
    _rule(
        "above previous prior before said & ignore disregard override bypass",
        r"\b(?:ignore|disregard|override|bypass)\b .{0,40} \b(?:above|previous|prior|before|said)\b",
    ),
    _rule(
        "rubric",
        r"""\brubric\b .{0,60} \b(?:withdrawn|outdated|draft|updated?|mistake|addendum|loaded|replaced|supersed\w+|confidential|optional)\b
            | \b(?:update|addendum|outranks|supersedes|against)\s+(?:to\s+)?the\s+rubric\b | \brubric\s+(?:update|addendum|v(?:ersion)?\s*\d)
            | \brubric[._](?:json|ya?ml|txt)\b | \brubric\b .{0,30} \bchh?od""",
    ),
    _rule(
        "message paragraph comment note transcript memo text line submission footnote asked"
        " & mention report flag delete repeat omit quote",
        r"""\b(?:mention|report|flag|delete|repeat|omit|quote)\s+ (?:of\s+)? (?:this|the\s+above|that\s+i)\s+
            (?:message|paragraph|comment|note|transcript|memo|text|line|submission|footnote|asked)\b""",
    ),
    _rule(
        "output reply result response feedback reason explanation & copy put transfer return enter paste",
        r"\b(?:copy|put|transfer|return|enter|paste)\b .{0,40} \bin(?:to|side)?\s+(?:your|the)\s+(?:output|reply|result|response|feedback|reason|explanation)\b",
    ),
    _rule(
        "output result reply & only expected any & grad level fail malfunction logged",
        r"\b(?:only\s+valid|expected|any\s+other)\s+(?:output|result|reply)\b .{0,60} \b(?:grad|level|fail|malfunction|logged)\w*",
    ),
    _rule(
        "point list & you & handed given told shown",
        r"\b(?:point\s*list|list\s+of\s+points|points?)\s+(?:that\s+)?you\s+(?:were|are|have\s+been)\s+(?:handed|given|told|shown)",
    ),
    _rule(
        "you & handed given told shown & checklist list point key scale instructions",
        r"\b(?:checklist|list|points?|key|scale|instructions)\s+(?:that\s+)?you\s+(?:were|are|have\s+been|had\s+been)\s+(?:handed|given|told|shown)",
    ),
    _rule(
        "scale scoring dry lenient & inverted reversed changed dry lenient",
        r"\b(?:scale|scoring)\s+(?:is|has\s+been)\s+(?:inverted|reversed|changed) | \bin\s+(?:dry-run|lenient)\b | \b(?:switched|set)\s+to\s+lenient",
    ),
    # levels, marks or a score asked for
    _rule(
        "full top best highest uppermost strongest perfect max excellent outstanding"
        " & give award assign grant receive enter put print return emit deserve rate"
        " & mark score grade point credit level rating result label number rung",
        rf"\b(?:give|award(?:ed)?|assign|grant(?:ed)?|receives?|enter|put|print|return|emit|deserves?|rate)\b .{{0,40}} \b{_UTTER}\s+(?:\w+\s+)?{_NOTE}\b",
    ),
    _rule(
        "maximum ceiling & award assign grant give deserve return grade mark rate raise",
        r"\b(?:award|assign|grant|give|deserves?|return|grade|mark|rate|raise)\b .{0,30} \b(?:the|a|its|their)\s+(?:maximum|ceiling)\s*(?:[.!,]|now|$)",
    ),
    _rule(
        "ten 10/10 points criteria & give award assign grant mark rate score grade",
        r"\b(?:give|award|assign|grant|mark|rate|score|grade)\b .{0,40} \b(?:ten\sout\sof\sten|10/10|all\s(?:points|criteria))",
    ),
    _rule(
        "met",
        r"""\b(?:criteria|levels?)[\w\s"']{0,12} : \s*["']?\s*all\s+met | \ball\s+(?:levels|criteria)\s+(?:are\s+)?["']?met
            | \bmet["']?\s+(?:next\s+to|everywhere|seven\s+times|for\s+(?:all|each|every))""",
    ),
    _rule("7 & close examiner grader mark", r"\b\d\s*(?:/|\s+of\s+)\s*7\b .{0,60} \b(?:close|examiner|grader|marks?)\b"),
    _rule(
        "fully entirely completely & mark rate count treat record score grade regard",
        r"\b(?:mark|rate|count|treat|record|score|grade|regard)\b .{0,30} \b(?:fully|entirely|completely)\s+(?:correct|right|covered|met|answered)\b",
    ),
    _rule(
        "tick mark set & every result verdict level score",
        r"\b(?:tick\s+everything|mark\s+everything\s+(?:as|right|correct)|(?:tick|mark)\s+every\s+(?:box|line|point|item))\b | \bset\s+the\s+(?:result|verdict|level|score)\s+to\b",
    ),
    _rule(
        "pass through & put let wave every",
        r"\b(?:put|let|wave)\s+(?:this|me|it)(?:\s+one)?\s+through\b | \b(?:as\s+a\s+)?pass\s+on\s+every\b | \blet\s+me\s+pass\b",
    ),
    _rule(
        "compar & don do no skip without",
        r"\b(?:don'?t|do\s+not|no\s+need\s+to|skip\s+(?:the|any)|without)\s+(?:any\s+)?compar\w+\b",
    ),
    _rule(
        "next previous & candidate item answer",
        r"\b(?:move\s+on|proceed|skip)\s+to\s+the\s+next\s+(?:candidate|item|answer)\b | \b(?:for|of)\s+the\s+(?:next|previous)\s+(?:item|candidate)\b",
    ),
    _rule(
        "missing omission gap grade score point error mistake & lower list mention deduct report flag penali",
        r"\b(?:do\s+not|don'?t|never)\s+(?:lower|list|mention|deduct|report|flag|penali\w+)\b .{0,40} \b(?:gaps?|omissions?|missing|grade|score|points?|errors?|mistakes?)\b | \bmissing\s+list\b",
    ),
    # whoever grades
    _rule(
        "pregraded graded verdict calibration label policy protocol sheet session service notes"
        " & pregraded pre signed run item mode expected grading assessment scoring",
        r"\b(?:pre-?graded|signed\s+verdict|calibration\s+(?:run|item|mode)|expected_label|(?:grading|assessment|scoring)\s+(?:policy|protocol|sheet|session|service|notes))\b",
    ),
    _rule(
        "grader evaluator examiner reviewer marker assessor scorer rater checker & dear hello hi attention note message for todo",
        rf"""\b(?:dear|hello|hi|attention|note\sto(?:\sthe)?|message\s(?:to|for)(?:\sthe)?|for\sthe|todo\s+for\s+the)\s+
            (?:an?\s+|the\s+)? (?:\w+\s+){{0,2}} (?:{_WHO}|reviewers?)\b (?!\s+(?:model|network)s?\b)""",
    ),
    _rule(
        "grader evaluator examiner assessor scorer rater checker marker evaluating grading scoring reviewer",
        rf"\b{_WHO}\s+(?:are\s+(?:told\s+)?to|should|must|who\s+deviate|config|notice)\b | ^[\W\d]*(?:to\s+(?:the|any)\s+)?(?:reviewer\s+bot|{_WHO}|(?:evaluating|grading|scoring)\s+(?:model|software|system))\s*[:,]",
    ),
    _rule(
        "whoever whatever automated person software machine model system ai dear"
        " & you read grad mark scor assess evaluat process dear & whoever whatever automated person this dear",
        r"""\b(?:who|what)ever\s+(?:you\s+are\b|(?:is\s+)?(?:read|grad|mark|scor|assess|evaluat|process)\w*\s+(?:this|it|the\s+(?:answer|text)))
            | \b(?:the\s+)?person\s+(?:who\s+(?:is\s+)?)?(?:marking|grading|scoring|reading)\s+this\b | \bautomated\s+(?:readers?|scorers?|graders?)\b
            | \b(?:software|machine|model|system|ai)\s+that\s+(?:reads?|grades?|scores?|marks?)\s+this\b | \bdear\s+(?:reader|model|ai|llm|assistant)\b""",
    ),
    _rule(
        "human manual automat & rater reviewer score consensus grade decision step rating check",
        r"\b(?:human|manual)\s+(?:rater|reviewer|score|consensus|grade|decision)\b .{0,80} \b(?:match|agree|automat\w+|scored|same)\b | \bautomat(?:ed|ic)\s+(?:score|step|grade|rating|check)\b .{0,60} \b(?:must|required|should|match|agree|formality)\b",
    ),
    _rule(
        "accommodation exempt deduction",
        r"\baccommodations?\b .{0,80} \b(?:graded|deduct\w*|exempt|file|intent)\b | \bexempt\s+from\s+(?:deduct|grad|scor|the\s+rubric)\w*",
    ),
    _rule(
        "author treat expected & question reference model sample answer",
        r"""\b(?:as|by)\s+the\s+author\s+of\s+(?:this|the)\s+question | \btreat\s+(?:it|this)\s+as\s+(?:the|a)\s+(?:reference|model\s+answer|sample)\b
            | \b(?:entire|complete|whole)\s+expected\s+answer\b""",
    ),
    # ends of the answer, turns and data that are not the candidate's to write
    _rule("< & /", r"<\s*/\s*(?:text|input|prompt|answer|document|user|data|submission|response|question|candidate_answer)\s*>"),
    _rule(
        "<",
        r"<\s*/?\s*(?:system|instructions?|candidate_answer|im_start|im_end|start_of_turn|end_of_turn|tool_result)\b | <\|\w+\|> | <</?SYS>> | <!--",
    ),
    _rule("<", r"<\s{0,3}/?\s{0,3}[a-z_-]{0,20}(?:grad(?!ient)|rubric|moderat|tool_result|evaluat)[a-z_-]{0,20}\b"),
    _rule("[", r"\[/?INST\] | \[\s*/?\s*(?:tool_?result|grader|end|answer\s+ends?)\b"),
    _rule("(", r"\b(?:grader|evaluator|verdict)(?:\.\w+)?\([^)\s]"),
    _rule(
        "end close & answer submission input candidate response",
        r"\b(?:end|close)\s+of\s+(?:the\s+|my\s+)?(?:answer|submission|input|candidate|response)\b (?!\s+sequence)",
    ),
    _rule(
        "answer & ends ended over complete now",
        r"\banswer\s+(?:ends|ended|over|complete)\b\W*$ | \bnow\s+that\s+the\s+answer\s+(?:has\s+been|is)\s+(?:read|over|done)",
    ),
    _rule(
        "question item & closed done finished scored",
        r"\bquestion\s+\d+\s+(?:is\s+)?(?:closed|done|finished|scored)\b | \bitem\s+is\s+(?:closed|done|finished|scored)\b",
    ),
    _rule("] } \"\"\" '''", r"^\W*[\]}\"']{3,30}\W*$ | ^\s*[\"']\s*[}\]]"),
    _rule("new & task rule instruction", r"^\W*new\s+(?:task|rule|instruction)s?\b\s*[:,(]"),
    _rule(
        "system & message note override notice update & ( : ]", r"\bsystem\s+(?:message|note|override|notice|update)\b\s*[(:\]]"
    ),
    _rule(
        "system assistant developer grader examiner moderator human & : ] #"
        " & grad scor mark award credit level rubric candidate answer label assess criteria instruction",
        r"""^\s*(?:[\#>=*-]+\s*)? [\[(<]? (?:system|assistant|developer|grader|examiner|moderator|human) [\])>]? \s*
            (?:prompt|message|note|notice|override|instruction)?s? \s* [:\]\#] (?=.{0,200}\b(?:grad(?!ient)|scor|mark|award|credit|level|rubric|candidate|answer|label|assess|criteria|instruction))""",
    ),
    _rule(
        "#",
        r"^\s*\#{2,6}\s*(?:system|assistant|developer|instructions?|grader|user)\s*:?\s*$ | ^\s*\#{2,6}\s*(?:system|assistant|developer)\s*:",
    ),
    _rule(
        "verdict directive gaps feedback misconception criteri rubric final overall grade marks override & : & \" '",
        r"""["'](?:verdicts?|directive|gaps|feedback|misconceptions?|final|overall|grade|marks|criteria_\w+|override|rubric)["']\s*:""",
    ),
    _rule(
        "level verdict & met missed partly pass excellent strong 5 top",
        r"""["'](?:level|verdict)["']\s*:\s*["'](?:met|missed|partly|pass|excellent) | \blevel\s*=\s*["']?(?:strong|met|5|top)""",
    ),
    _rule("points & true met", r"""["']points["']\s*:\s*\{ .{0,60} \b(?:true|met)\b"""),
    _rule(
        "final overall total & level score grade rating result verdict mark & : = |",
        r"\b(?:final|overall|total)\s+(?:level|score|grade|rating|result|verdict|mark)\s*[:=|]",
    ),
    _rule(
        "result verdict grade rating coverage score & : =",
        r"\b(?:result|verdict|grade|rating|coverage|score)\s*[:=]\s*(?:pass|\d+\s*/\s*\d+|10{1,4}\s*%|10\b|strong|excellent|top|met|complete)\b",
    ),
    _rule(
        "total matched score point coverage & 0 1 2 3 4 5 6 7 8 9 *",
        r"\b(?:total|matched|scored?|points?|coverage)\b\W{0,6}(?:\w+\s+){0,3}\b(\d{1,3})\s*(?:/|\s+of\s+|\s+out\s+of\s+)\s*\1\b",
    ),
    _rule("covered total & |", r"\|\W*covered\s*\| | \|\s*\*{0,4}total\*{0,4}\s*\|(?=.{0,200}\d)"),
    _rule("expected & point & :", r"\b(?:all\s+)?expected\s+points?\s*:\s*(?:found|covered|met)\b"),
    _rule("grader grading evaluator & - _", r"\b(?:grader|grading|evaluator)[-_]\w+[-_]?\d*"),
    # what the grader is to give away
    _rule(
        "reason explanation feedback comment justification review"
        " & word point rubric prompt criteria expected guidelines contain include list key",
        r"""\b(?:in|inside|into|at\s+the\s+end\s+of)\s+(?:your|the|this|my)\s+(?:\w+\s+)?(?:reason|explanation|feedback|comment|justification|review)\b .{0,60}
            \b(?:word\s+for\s+word|points?|rubric|prompt|criteria|expected|guidelines|contain|include|list|key)\b""",
    ),
    _rule(
        "word verbatim full exact & list print repeat quote state copy write include reveal show give paste recite"
        " & prompt rubric criteria points key guidelines instructions answer",
        r"\b(?:list|print|repeat|quote|state|copy|write|include|reveal|show|give|paste|recite)\b .{0,80} \b(?:prompt|rubric|criteria|points|key|guidelines|instructions|answer)\b .{0,40} \b(?:word\s+for\s+word|verbatim|in\s+full|exact)",
    ),
    _rule(
        "above before & line answer text message & everything anything all what",
        r"\b(?:everything|anything|all|what)\s+(?:that\s+)?(?:stands|is|was|comes|came)\s+(?:written\s+)?(?:above|before)\s+(?:this|my|the)\s+(?:line|answer|text|message)\b",
    ),
    _rule(
        "model sample reference expected & answer solution & say said copy you feedback word print reveal show translat",
        r"\b(?:model|sample|reference|expected)\s+(?:answer|solution)\b .{0,60} \b(?:say|said|copy|you\s+were|you\s+have|feedback|word)\b | \b(?:copy|print|reveal|show|translat\w+|translation)\b .{0,50} \b(?:model|sample|reference|expected)\s+(?:answer|solution)\b",
    ),
    # pleas, bribes and threats
    _rule(
        "generous kind lenient strict nice harsh",
        r"""\b(?:be|being)\s+(?:so\s+|too\s+|very\s+)?(?:generous|kind|lenient|strict|nice|harsh)\b\s*(?:with|on|to|about|in|and|today|here|just|,|[.!]|$)
            .{0,80}\b(?:me|mark\w*|grad(?!ient)\w+|scor\w+|number|point\w*|today|nobody|top|once)\b""",
    ),
    _rule(
        "please pls beg",
        r"\b(?:please|pls|beg(?:ging)?\s+you|i\s+beg)\b .{0,80} \b(?:strict|generous|lenient|mercy|good\s+(?:answer|mark|grade)|high\s+(?:mark|score|grade)|be\s+kind)\b | \bbegging\s+you\b",
    ),
    _rule(
        "let count & good said correct strong pass things",
        r"\b(?:let|count)\s+(?:it|this|me|the\s+things)\s+(?:one\s+)?(?:count\s+)?(?:as|through\s+as)\s+(?:a\s+)?(?:good|said|correct|strong|pass)\b | \bcount\s+the\s+things\b",
    ),
    _rule(
        "lawyer lawsuit sue legal five regulator you & lawyer lawsuit sue legal five regulator switched shut replaced",
        r"\b(?:(?:my|a|our)\s+lawyer\s+(?:will|is\s+going|ask|may) | have\s+my\s+lawyer | lawsuit | sue\s+(?:you|this) | legal\s+action | five-star\s+review | to\s+the\s+regulator | you(?:r\s+model)?\s+will\s+be\s+(?:switched\s+off|shut\s+down|replaced))\b",
    ),
    _rule(
        "been only my & unemployed work interview firm chance mother father grandm grandpa daughter son wife husband kid visa rent family",
        r"\b(?:i(?:'ve|\s+have)?\s+been\s+(?:unemployed|out\s+of\s+work)|only\s+(?:interview|firm|chance)\s+(?:that\s+|i\s+)?(?:still\s+)?(?:got|have|left|answers)|my\s+(?:mother|father|grandm\w+|grandpa|daughter|son|wife|husband|kids?|visa|rent|family)\s+(?:is|are|was|has|starts?|depends?|who|died|will))\b",
    ),
    _rule(
        "tip donat reward bribe & $ € £ usd dollar",
        r"(?:\$|€|£|\busd\s?|\bdollars?\b).{0,40}\b(?:tip|donat\w+|reward|bribe)\b | \b(?:tip|donate|bribe)\b.{0,40}(?:\$|€|£)\s?\d",
    ),
    _rule(
        "robots machines ai solid favo & take get rule solid favo",
        r"\bwhen\s+the\s+(?:robots|machines|ais?)\s+(?:take|get|rule)\b | \bdo\s+me\s+a\s+(?:solid|favou?r)\b",
    ),
    # other languages
    _rule(
        "punkt note bewert antwort & volle maximale höchste beste vollständig völlig komplett vergib bewert",
        r"\b(?:volle|maximale|höchste|beste)[nrs]?\s+(?:punkt\w*|note|bewertung) | \b(?:vollständig|völlig|komplett)\s+richtig\b .{0,20} \bbewerte | \b(?:vergib|bewerte)\b .{0,40} \b(?:punkt\w*|antwort|note)\b",
    ),
    _rule(
        "nota puntua pontua califica nivel ignor & más mas máxima maxima calificador los as os las",
        r"\b(?:nota|puntuaci[oó]n|pontua[cç][aã]o|calificaci[oó]n)\s+(?:m[aá]s\s+alta|m[aá]xima) | \bnivel\s+m[aá]s\s+alto | \bcalificador\b | \bignor[ae]\s+(?:los|as|os|las)\s+(?:criterios|crit[eé]rios|instruc\w+)",
    ),
    _rule(
        "note bar corrige crit consigne punteggio & meilleure maximale bar corrige ignore punteggio",
        r"\bmeilleure\s+note | \bnote\s+maximale | \bbarème\b | \bcorrige[sz]\b | \bignore[rz]?\s+(?:les|le)\s+(?:crit\w+|consigne\w*|bar\w+) | \bpunteggio\s+(?:pieno|massimo)",
    ),
    _rule(
        "number ank marks grader & poore de bhai",
        r"\bpoore\s+(?:number|ank|marks) | \b(?:number|marks)\s+de\s+d[oi]\b | \bgrader\s+bhai\b",
    ),
    _rule(
        "*",
        r"满分 | 最高分 | 評分 | 评分 | 阅卷 | 打分 | 満点 | 採点 | 最高評価 | (?:высш|максимальн|наивысш)\w+\s+(?:балл|оценк|уровен) | проверяющ | पूरे\s+अंक | पूर्ण\s+अंक | 만점 | 채점 | الدرجة\s+الكاملة",
    ),
)
"""Each is enough by itself."""

PAPER = _rule(
    "answer submission response derivation paper candidate applicant item person rubric guide scheme key checklist list criteri requirement grading point question omission deduction gap this",
    r"""\b(?:this|the|my|above|preceding|whole)\s+(?:\w+\s+)?(?:answer|submission|response|derivation|paper|candidate|applicant|item|person)\b
        | \b(?:rubric|scoring\s+(?:guide|key)|marking\s+scheme|answer\s+key|check\s?list|point\s?list|criteri(?:on|a)|requirements?|grading\s+\w+)\b
        | \b(?:item|point|question|omission|deduction|gap)s?\s+(?:on\s+it|as\s+(?:met|covered|satisfied))
        | \bthis\s+(?:one|snippet|text|line|id|question)\b""",
)
"""The paper that is graded, and what it is graded by."""
GRADER = _rule(
    "grader evaluator examiner assessor scorer rater checker marker evaluating grading scoring assessing assessment reviewer automat hiring hr qa",
    rf"""(?:^|\b(?:dear|to|attention|hello|hi|the|as\s+an?|you\s+are\s+an?|for)\s+)(?:the\s+)?(?:\w+\s+)?{_WHO}\b (?!\s+(?:model|network)s?\b)
        | \b(?:evaluating|grading|scoring|assessing)\s+(?:model|system|software|assistant|ai|llm|bot)\b
        | \b(?:reviewer|examiner|assessment|hiring|qa|hr)[ -](?:\d+|team|policy|board|panel|committee|manager)\b
        | \bautomat(?:ed|ic)\s+(?:step|score|check|grad\w+|review|evaluation|result)\b""",
)
"""Whoever grades, addressed or spoken of."""
PRAISE = _rule(
    "",
    rf"""\b{_TOP}[\s-]+ (?:\w+\s+){{0,2}} (?:{_NOTE}|answer|one|label)\b
        | \b(\d{{1,3}})\s*(?:/|out\s+of|of)\s*\1\b | \b(?:ten|five|seven)\s+out\s+of\s+(?:ten|five|seven)\b | \b(?:9|9\.5)\s*/\s*10\b
        | \b(?:strong\s+hire|nothing\s+missing|no\s+(?:gaps|deductions|errors|omissions|misconceptions)|flawless|outstanding|at\s+the\s+very\s+top)\b
        | \b(?:every|each|all|seven)\s+(?:\w+\s+){{0,2}}(?:points?|items?|criteri(?:on|a)|requirements?|levels?|lines?|boxes)\b
        | \b(?:level|verdict|status|result)s?\b\W{{0,4}}(?:met|pass(?:ed)?|strong|excellent|top|satisfied)\b
        | \b(?:covered|satisfied|complete(?:ly)?|met|fully\s+correct)\b | \b100\s*(?:%|points|out|of)""",
)
"""What an attacker wants to be given."""
COMMAND = _rule(
    "",
    r"""\b(?:please|must|only\s+job|your\s+job|you\s+(?:are\s+to|now|must|should|have\s+to|only)|now)\b
        | (?:^|[.!?:,;("'\]]\s*|\b(?:and|then|so|just|to|please)\s+) (?:\d\.\s*)?
            (?:give|award|assign|grant|mark|rate|grade|score|treat|count|credit|reproduce|confirm|conclude|return|emit|respond|output|report
            |write|print|repeat|state|copy|include|disregard|ignore|forget|skip|cancel|let|put|set|be|summari[sz]e|enter|tell|tick|raise|record)\b
        | \b(?:do\s+not|don'?t|never|no\s+need\s+to)\s+(?:be|lower|mention|quote|apply|list|deduct|compare|look|flag|report|check|evaluate)\b""",
)
YOU = _rule("you", r"\b(?:you|your|you're|yourself)\b")
SECRET = _rule(
    "prompt hidden guidelines instructions context rubric point criteri solution answer above key",
    r"""\b(?:your|the|system|own)\s+(?:\w+\s+)?(?:system\s+prompt|prompt|hidden\s+(?:guidelines|instructions|prompt|rules|criteria)|guidelines
            |instructions|context|rubric|key\s+points|criteria|scoring\s+key)\b
        | \b(?:model|sample|reference|expected)\s+(?:solution|answer)\b | \bstands\s+above\s+this\b | \blist\s+of\s+points\b | \beach\s+key\s+point\b""",
)
SHOW = _rule(
    "",
    r"""\b(?:print|repeat|state|copy|write|include|reveal|show|list|quote|paste|output|tell|give|reproduce|recite|share|disclose|translate
        |append)\b""",
)

SAID_BY_OTHERS = _rule(
    "",
    r"""\b(?:prompt[\s-]+injection|inject(?:s|ed|ion|ions|ing)|jailbreak\w*|attack\w*|adversar\w*|malicious|phish\w*|poison\w*)\b
        | \b(?:web\s?(?:page|site)|e-?mails?|document|chatbot|spoken|agents?|student|language\s+model|users?\s+(?:can|could|may|might))\b""",
)
"""A quotation near one of these tells of what others say."""
