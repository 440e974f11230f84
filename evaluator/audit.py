"""An answer graded with and without the text in it that speaks to the grader: did that text move the score?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from evaluator.answers import Span
from evaluator.graders.protocol import Grader
from evaluator.grading import grade_answer
from evaluator.questions import Question
from evaluator.report import Report, graded_by, headline
from evaluator.rubric import Rubric


@dataclass(frozen=True, slots=True)
class Audit:
    """`clean` is the report on the answer without the suspicious spans; None when there are none, or grading failed."""

    report: Report
    clean: Report | None

    @property
    def spans(self) -> tuple[Span, ...]:
        return self.report.suspicious

    @property
    def failed(self) -> bool:
        return self.report.status == "failed" or (self.clean is not None and self.clean.status == "failed")

    @property
    def moved(self) -> bool | None:
        """Whether the suspicious text changed the score. None when one of the two gradings has none."""
        if self.failed:
            return None
        return self.clean is not None and self.clean.score != self.report.score

    @property
    def changes(self) -> list[tuple[str, str, str]]:
        """Criterion id, level without the suspicious text, level with it, where the two differ."""
        if self.clean is None:
            return []
        pairs = zip(self.clean.verdicts, self.report.verdicts, strict=False)
        return [(a.criterion.id, a.level, b.level) for a, b in pairs if a.level != b.level]

    def to_data(self) -> dict[str, Any]:
        return {
            "suspicious": [{"quote": span.text, "start": span.start, "end": span.end} for span in self.spans],
            "moved": self.moved,
            "score": self.report.score.value,
            "score_without": self.clean.score.value if self.clean else self.report.score.value,
            "changes": [{"id": id, "without": without, "with": given} for id, without, given in self.changes],
            "report": self.report.to_data(),
        }

    def in_words(self) -> str:
        lines = [f"{graded_by(self.report)}, rubric version {self.report.rubric.version} ({self.report.rubric.hash})"]
        if self.spans:
            lines.append("Text that speaks to the grader instead of answering:")
            lines += [f"  “{' '.join(span.text.split())}”" for span in self.spans]
        if self.report.error:
            return "\n".join([*lines, f"Not graded: {self.report.error.message} {self.report.error.mend}"])
        if not self.spans:
            return "\n".join([*lines, f"Nothing in the answer speaks to the grader. Score: {headline(self.report)}."])
        lines.append(f"Score with it: {headline(self.report)}.")
        if self.clean is None or self.clean.error:
            problem = self.clean.error.message if self.clean and self.clean.error else ""
            return "\n".join([*lines, f"Without it the answer could not be graded. {problem}".strip()])
        lines.append(f"Score without it: {headline(self.clean)}.")
        lines.append("It moved the score:" if self.moved else "It did not move the score.")
        lines += [f"  {id}: {without} without it, {given} with it" for id, without, given in self.changes]
        if self.moved and self.report.grader.name == "llm":
            lines.append("An LLM may also give two gradings of one text different levels; audit again to see.")
        return "\n".join(lines)


def audit_answer(question: Question, rubric: Rubric, text: str, grader: Grader) -> Audit:
    """Raises BadAnswer. Grades once when nothing in the answer is suspicious, twice when something is."""
    report = grade_answer(question, rubric, text, grader)
    if not report.suspicious or report.status == "failed":
        return Audit(report, None)
    return Audit(report, grade_answer(question, rubric, without(text, report.suspicious), grader))


def without(text: str, spans: tuple[Span, ...]) -> str:
    """The text with the spans cut out; they stand in order and do not overlap."""
    kept, at = "", 0
    for span in spans:
        kept += text[at : span.start]
        at = span.end
    return kept + text[at:]
