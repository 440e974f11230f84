"""A report on the page: the score, a row for each rubric point, the answer with its evidence marked."""

from __future__ import annotations

import html
import json

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from evaluator.report import Report, count_levels, describe_usage, graded_by, headline, sign_of, write_feedback
from evaluator.rubric import CONTRADICTED
from evaluator.ui.marking import as_text, mark_evidence
from evaluator.verdict import REVIEW_REASONS, CheckedVerdict

_WORDS = {
    "met": "met",
    "partly": "partly met",
    "missed": "missed",
    CONTRADICTED: "contradicted",
    "unscored": "could not be scored",
}


class Progress:
    """The rubric points as a grader decides them, before anything is final."""

    def __init__(self, place: DeltaGenerator) -> None:
        self._place = place
        self._shown: list[str] = []
        self._list = place

    def show(self, verdict: CheckedVerdict) -> None:
        """Adds a point. One that comes a second time begins a new list: the model has been asked again."""
        if not self._shown or verdict.criterion.id in self._shown:
            self._shown.clear()
            self._list = self._place.container()
            self._list.caption("As it comes in; the score follows when everything is checked.")
        self._shown.append(verdict.criterion.id)
        with self._list:
            _show_point(len(self._shown), verdict)

    def clear(self) -> None:
        self._place.empty()


def show_report(report: Report) -> None:
    st.divider()
    _show_score(report)
    if report.answer.is_blank:
        st.info(write_feedback(report))
    _show_reviews(report)
    st.subheader("Rubric points", anchor=False)
    for number, verdict in enumerate(report.verdicts, start=1):
        _show_point(number, verdict)
    if not report.answer.is_blank:
        st.subheader("Your answer, with the evidence", anchor=False)
        st.html(mark_evidence(report))
    _show_missed(report)
    with st.expander("Show the reference answer", icon=":material/menu_book:"):
        st.caption("One good answer among many. It is worth more after a second try of your own.")
        st.text(" ".join(report.rubric.reference_answer.split()))
        _show_references(report)
    left, right, _ = st.columns([2, 2, 3])
    name = f"question-{report.question.no:02d}-report"
    left.download_button("Save as Markdown", report.to_markdown(), f"{name}.md", "text/markdown", on_click="ignore")
    right.download_button("Save as JSON", _json(report), f"{name}.json", "application/json", on_click="ignore")


def _show_score(report: Report) -> None:
    score, words = st.columns([1, 2], vertical_alignment="center")
    shown = f"{report.score.value:g}" if report.status == "final" else f"{report.score.low:g}–{report.score.high:g}"
    score.metric("Score, of 100" if report.status == "final" else "Provisional score, of 100", shown)
    words.markdown(f"**{count_levels(report)}**")
    rubric = f"rubric version {report.rubric.version} ({report.rubric.hash})"
    spent = f" · {as_text(describe_usage(report))}" if describe_usage(report) else ""
    words.caption(f"{as_text(graded_by(report))} · {rubric} · {report.seconds:.1f} s{spent}")
    if report.status == "provisional":
        words.caption(headline(report))


def _show_reviews(report: Report) -> None:
    if report.review_reasons:
        reasons = "; ".join(REVIEW_REASONS[code] for code in report.review_reasons)
        st.caption(f":material/visibility: **Worth a second look by a person:** {reasons}.")
    for span in report.suspicious:
        st.caption(f"Speaks to the grader, so it is no evidence; it costs nothing: “{as_text(span.text)}”")


def _show_point(number: int, verdict: CheckedVerdict) -> None:
    criterion = verdict.criterion
    weight = "no credit decided" if verdict.credit is None else f"{criterion.weight * verdict.credit:g} of {criterion.weight:g}"
    confidence = "" if verdict.confidence is None else f" · {verdict.confidence:.0%} sure"
    quotes = "".join(f"<blockquote>{html.escape(quote.quote)}</blockquote>" for quote in verdict.evidence)
    level = html.escape(_WORDS.get(verdict.level, verdict.level))
    correction = ""
    if verdict.misconception is not None:
        correction = f"<p class='put-right'><b>Put right:</b> {html.escape(verdict.misconception.correction)}</p>"
    st.html(
        f"""{_STYLE}<section class="point" id="point-{number}" data-level="{html.escape(verdict.level)}">
        <header><span class="sign" aria-hidden="true">{sign_of(verdict)}</span>
        <b>{number}. {html.escape(criterion.point)}</b></header>
        <p class="facts"><b>{level}</b> · {weight}{confidence}</p>
        <p>{html.escape(verdict.reason)}</p>{quotes}{correction}</section>"""
    )


def _show_missed(report: Report) -> None:
    gaps = [verdict for verdict in report.verdicts if verdict.credit is not None and verdict.credit < 1]
    if not gaps:
        return
    st.subheader("To think about before you try again", anchor=False)
    for verdict in sorted(gaps, key=lambda gap: -gap.criterion.weight * (1 - (gap.credit or 0.0))):
        st.markdown(f"- {as_text(verdict.criterion.probe)}")


def _show_references(report: Report) -> None:
    for reference in report.rubric.references:
        title = as_text(reference.title)
        shown = f"[{title}]({reference.link})" if reference.link else title
        st.markdown(f"- {shown}, {as_text(reference.authors)}, {reference.year}")


def _json(report: Report) -> str:
    return json.dumps(report.to_data(), ensure_ascii=False, indent=2)


_STYLE = """<style>
.point { border-left: 4px solid #8a8f98; padding: .4rem 0 .4rem .9rem; margin: .2rem 0; scroll-margin-top: 5rem; }
.point[data-level="met"] { border-color: #1f5fa8; }
.point[data-level="partly"] { border-color: #5b9bd5; border-left-style: dashed; }
.point[data-level="contradicted"] { border-color: #b35900; border-left-style: double; border-left-width: 7px; }
.point p { margin: .25rem 0; }
.point .sign { font-size: 1.15rem; margin-right: .3rem; }
.point .facts { opacity: .8; font-size: .9rem; }
.point blockquote { margin: .3rem 0; padding-left: .7rem; border-left: 2px solid #c5c9d0; white-space: pre-wrap; }
</style>"""
