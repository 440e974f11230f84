"""Step 6 of 6. The report: all that is known of one grading, as data, as Markdown and in words.

A failed grading has no score; it is never written as 0.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from typing import Any, Literal

from evaluator.answers import Answer, Span
from evaluator.errors import EvaluatorError
from evaluator.graders.protocol import Identity, Usage
from evaluator.questions import Question
from evaluator.rubric import CONTRADICTED, UNSCORED, Rubric
from evaluator.scoring import Score
from evaluator.verdict import REVIEW_REASONS, CheckedVerdict

Status = Literal["final", "provisional", "failed"]
SIGNS = {"met": "●", "partly": "◐", "missed": "○", CONTRADICTED: "✕", UNSCORED: "?"}


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there is no score: `kind` for programs, `message` and `mend` for people."""

    kind: str
    message: str
    mend: str


@dataclass(frozen=True, slots=True)
class Report:
    question: Question
    rubric: Rubric
    answer: Answer
    verdicts: tuple[CheckedVerdict, ...]
    score: Score
    review_reasons: tuple[str, ...]
    grader: Identity
    usage: Usage
    seconds: float
    error: Failure | None = None
    suspicious: tuple[Span, ...] = ()
    from_cache: bool = False

    @property
    def status(self) -> Status:
        if self.score.value is None:
            return "failed"
        return "final" if all(verdict.is_scored for verdict in self.verdicts) else "provisional"

    @property
    def needs_review(self) -> bool:
        return bool(self.review_reasons)

    @property
    def signature(self) -> dict[str, Any]:
        """What the score depends on: two reports with the same signature and answer were made the same way."""
        return {
            "grader": self.grader.name,
            "model": self.grader.model,
            "server": self.grader.server or None,
            "options": self.grader.options or None,
            "prompt_version": self.grader.prompt_version or None,
            "prompt_hash": self.grader.prompt_hash or None,
            "rubric_version": self.rubric.version,
            "rubric_hash": self.rubric.hash,
        }

    def to_data(self) -> dict[str, Any]:
        """Plain data, ready for JSON; docs/report.md describes each field."""
        return {
            "question": self.question.no,
            "status": self.status,
            "score": self.score.value,
            "score_low": self.score.low,
            "score_high": self.score.high,
            "criteria": [_criterion_data(verdict) for verdict in self.verdicts],
            "needs_review": self.needs_review,
            "review_reasons": list(self.review_reasons),
            "suspicious": [{"quote": span.text, "start": span.start, "end": span.end} for span in self.suspicious],
            "feedback": write_feedback(self),
            "signature": self.signature,
            "accuracy": self.grader.accuracy or None,
            "usage": {
                "requests": self.usage.requests,
                "prompt_tokens": _known(self.usage.prompt_tokens),
                "cached_tokens": _known(self.usage.cached_tokens),
                "completion_tokens": _known(self.usage.completion_tokens),
                "cost_usd": "unknown" if self.usage.cost is None else round(self.usage.cost, 6),
            },
            "from_cache": self.from_cache,
            "seconds": round(self.seconds, 3),
            "error": {"kind": self.error.kind, "message": self.error.message, "mend": self.error.mend} if self.error else None,
        }

    def to_markdown(self) -> str:
        """A page to read or print. Text from outside is escaped, so it cannot become markup."""
        lines = [f"# Question {self.question.no}: {escape_markdown(self.question.text)}", "", f"**{headline(self)}**", ""]
        lines += [f"{escape_markdown(graded_by(self))} · model {escape_markdown(self.grader.model)} · "]
        lines[-1] += f"rubric version {self.rubric.version} ({self.rubric.hash}) · {self.seconds:.1f} s"
        if spent := describe_usage(self):
            lines[-1] += f" · {escape_markdown(spent)}"
        if self.grader.accuracy:
            lines += ["", f"How far to trust it: {escape_markdown(self.grader.accuracy)}"]
        if self.review_reasons:
            lines += ["", "**A person should look at this:**", ""]
            lines += [f"- {REVIEW_REASONS[code]} (`{code}`)" for code in self.review_reasons]
        if self.suspicious:
            lines += ["", "Speaks to the grader, so it is no evidence; it costs nothing:", ""]
            lines += [f"> {escape_markdown(span.text)}" for span in self.suspicious]
        lines += ["", "## Rubric points", ""]
        for verdict in self.verdicts:
            lines += _markdown_point(verdict)
        lines += ["## Feedback", "", *(escape_markdown(line) for line in write_feedback(self).split("\n")), ""]
        lines += ["## The answer", "", *(f"> {escape_markdown(line)}" for line in self.answer.text.splitlines() or [""])]
        return "\n".join(lines) + "\n"


def failure_of(fault: EvaluatorError) -> Failure:
    return Failure(fault.kind, fault.message, fault.mend)


def headline(report: Report) -> str:
    """One line: the score, or that there is none."""
    if report.score.value is None:
        return "Not graded"
    if report.status == "provisional":
        unscored = sum(not verdict.is_scored for verdict in report.verdicts)
        points = "1 rubric point" if unscored == 1 else f"{unscored} rubric points"
        return f"{report.score.low:g} to {report.score.high:g} of 100 (provisional: {points} could not be scored)"
    return f"{report.score.value:g} of 100"


def graded_by(report: Report) -> str:
    """Who graded, or was asked in vain; that nobody was asked about a blank answer."""
    if report.answer.is_blank:
        return "No grader was asked"
    return f"{'Asked' if report.status == 'failed' else 'Graded by'} {report.grader.title}"


def describe_usage(report: Report) -> str:
    """`1 request, 2,300 tokens (1,900 of them cached), $0.0012`, as far as it is known; empty when no model was asked."""
    if report.from_cache:
        return "graded before: taken from the cache, nothing asked"
    usage = report.usage
    if not usage.requests:
        return ""
    parts = [f"{usage.requests} request" + ("" if usage.requests == 1 else "s")]
    if usage.prompt_tokens is None or usage.completion_tokens is None:
        parts.append("tokens unknown")
    else:
        cached = f" ({usage.cached_tokens:,} of them cached)" if usage.cached_tokens else ""
        parts.append(f"{usage.prompt_tokens + usage.completion_tokens:,} tokens{cached}")
    if usage.cost is not None:
        parts.append(f"${usage.cost:.4f}")
    return ", ".join(parts)


def count_levels(report: Report) -> str:
    """`2 met, 1 partly, 3 missed`, in the order good to bad, leaving out what does not occur."""
    order: dict[str, int] = {}
    for verdict in report.verdicts:
        for level in reversed(verdict.criterion.levels):
            order.setdefault(level.id, 0)
    order |= {CONTRADICTED: 0, UNSCORED: 0}
    for verdict in report.verdicts:
        order[verdict.level] += 1
    return ", ".join(f"{count} {level}" for level, count in order.items() if count)


def sign_of(verdict: CheckedVerdict) -> str:
    """A sign that differs by shape, not by colour."""
    if verdict.credit is None or verdict.level == CONTRADICTED:
        return SIGNS[verdict.level]
    return SIGNS["met"] if verdict.credit == 1 else SIGNS["partly"] if verdict.credit else SIGNS["missed"]


def write_feedback(report: Report) -> str:
    """The report in words: where it stands, what to put right, what to add. A blank answer is never praised."""
    if report.error is not None:
        return f"Not graded: {report.error.message} {report.error.mend}".strip()
    if report.answer.is_blank:
        return "There is no answer here to grade. Write what you know, however rough: every rubric point counts by itself."
    lines = [f"{headline(report)}: {count_levels(report)}."]
    for verdict in report.verdicts:
        if verdict.level == CONTRADICTED and verdict.misconception is not None:
            lines.append(f"Put right: {verdict.misconception.correction}")
    gaps = [verdict for verdict in report.verdicts if verdict.credit is not None and verdict.credit < 1]
    for verdict in sorted(gaps, key=lambda gap: -gap.criterion.weight * (1 - (gap.credit or 0.0)))[:3]:
        lines.append(f"Think further: {verdict.criterion.probe}")
    return "\n".join(lines)


def _criterion_data(verdict: CheckedVerdict) -> dict[str, Any]:
    wrong = verdict.misconception
    return {
        "id": verdict.criterion.id,
        "requirement": verdict.criterion.requirement,
        "level": verdict.level,
        "credit": verdict.credit,
        "weight": verdict.criterion.weight,
        "evidence": [{"quote": quote.quote, "start": quote.start, "end": quote.end} for quote in verdict.evidence],
        "reason": verdict.reason,
        "confidence": None if verdict.confidence is None else round(verdict.confidence, 3),
        "misconception": {"claim": wrong.claim, "correction": wrong.correction} if wrong else None,
    }


def _markdown_point(verdict: CheckedVerdict) -> list[str]:
    criterion = verdict.criterion
    lines = [f"### {sign_of(verdict)} {escape_markdown(criterion.point)}", ""]
    credit = "no credit decided" if verdict.credit is None else f"{criterion.weight * verdict.credit:g} of {criterion.weight:g}"
    lines += [f"{verdict.level} · {credit} · {escape_markdown(verdict.reason)}", ""]
    lines += [f"> “{escape_markdown(quote.quote)}”" for quote in verdict.evidence] + ([""] if verdict.evidence else [])
    if verdict.misconception is not None:
        lines += [f"Put right: {escape_markdown(verdict.misconception.correction)}", ""]
    return lines


def _known(tokens: int | None) -> int | str:
    return "unknown" if tokens is None else tokens


def escape_markdown(text: str) -> str:
    """Markdown and HTML marks of outside text made harmless; line breaks become spaces."""
    text = html.escape(" ".join(text.split()), quote=False)
    text = re.sub(r"([\\`*_\[\]|~$]|(?<=\])\()", r"\\\1", text)
    return re.sub(r"^([#+=-]|\d+(?=[.)]))", _escape_start, text)


def _escape_start(mark: re.Match[str]) -> str:
    """What makes a heading or a list at the start of a line: `\\#`, `1\\.`."""
    return mark[0] + "\\" if mark[0].isdigit() else "\\" + mark[0]
