"""Text from outside on the page: the answer with its evidence marked and numbered, and anything else as plain text."""

from __future__ import annotations

import html
import itertools

from evaluator.report import Report, escape_markdown, sign_of

_STYLE = """<style>
.answer { white-space: pre-wrap; overflow-wrap: anywhere; line-height: 1.7; }
.answer mark { background: #cfe2f7; color: #10233a; border-radius: 3px; padding: 0 2px; }
.answer mark.wrong { background: #fbe0c3; text-decoration: underline wavy #b35900; }
.answer a { text-decoration: none; font-size: .75rem; font-weight: 600; vertical-align: super; margin-left: 1px; }
</style>"""


def as_text(text: str) -> str:
    """For st.markdown and its kin, which also know :directives:. Rubrics, servers and files may say anything."""
    return escape_markdown(text).replace(":", "\\:")


def mark_evidence(report: Report) -> str:
    """The answer as HTML, every character of it escaped.

    It is cut at the borders of all quotes: a piece inside any quote is marked, and each quote's last piece is numbered.
    """
    text = report.answer.text
    quotes = [
        (quote.start, quote.end, number, verdict)
        for number, verdict in enumerate(report.verdicts, start=1)
        for quote in verdict.evidence
    ]
    borders = sorted({0, len(text), *(start for start, *_ in quotes), *(end for _, end, *_ in quotes)})
    pieces: list[str] = []
    for start, end in itertools.pairwise(borders):
        piece = html.escape(text[start:end])
        inside = [quote for quote in quotes if quote[0] <= start and end <= quote[1]]
        if inside:
            wrong = ' class="wrong"' if all(verdict.level == "contradicted" for *_, verdict in inside) else ""
            piece = f"<mark{wrong}>{piece}</mark>"
        for _, _, number, verdict in (quote for quote in inside if quote[1] == end):
            piece += f'<a href="#point-{number}" title="Rubric point {number}">{number}{sign_of(verdict)}</a>'
        pieces.append(piece)
    return f'{_STYLE}<div class="answer" data-testid="marked-answer">{"".join(pieces)}</div>'
