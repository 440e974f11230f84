"""The practice page: choose a question, answer it, read a score for every rubric point."""

from __future__ import annotations

import random

import streamlit as st

from evaluator.answers import MAX_CHARS
from evaluator.assembly import Assembly
from evaluator.errors import EvaluatorError
from evaluator.graders.protocol import Identity
from evaluator.grading import grade_question
from evaluator.questions import Question
from evaluator.report import Report
from evaluator.ui.feedback import Progress, show_report
from evaluator.ui.marking import as_text
from evaluator.ui.parts import load_assembly
from evaluator.ui.word_count import show_word_count

ANY = "All"
ANSWER_LABEL = "Your answer"


def page() -> None:
    st.title("Mock interview", anchor=False)
    try:
        assembly = load_assembly()
        grader = assembly.grader.identity
    except EvaluatorError as fault:
        st.error(f"The program cannot start. {as_text(fault.message)}", icon=":material/error:")
        st.write(as_text(fault.mend))
        return
    st.caption(f"Answers are graded by: **{as_text(grader.title)}**" + _about(grader))
    for notice in assembly.store.notices:
        st.info(as_text(notice), icon=":material/info:")
    question = _choose_question(assembly)
    if question is None:
        return
    text = _ask(question)
    _offer_grading(assembly, question, text)
    report = st.session_state.get("reports", {}).get(question.no)
    if report is not None:
        _show(assembly, report, text)


def _about(grader: Identity) -> str:
    return {
        "embedded": f" · It compares your words with the rubric and does not understand them. {grader.accuracy}",
        "stub": " · It gives fixed levels and reads nothing.",
    }.get(grader.name, "")


def _choose_question(assembly: Assembly) -> Question | None:
    bank, with_rubric = assembly.bank, assembly.store.numbers()
    ready = [question for question in bank if question.no in with_rubric]
    if not ready:
        st.warning(f"There is no rubric in {assembly.settings.rubrics_dir}, so nothing can be graded.")
        return None
    left, right, button = st.columns([3, 3, 2], vertical_alignment="bottom")
    category = left.selectbox("Category", [ANY, *dict.fromkeys(question.category for question in ready)], key="category")
    difficulty = right.selectbox("Difficulty", [ANY, *dict.fromkeys(question.difficulty for question in ready)], key="difficulty")
    fitting = [q for q in ready if category in (ANY, q.category) and difficulty in (ANY, q.difficulty)]
    if button.button("Surprise me", icon=":material/casino:", width="stretch", disabled=len(fitting) < 2):
        others = [question.no for question in fitting if question.no != st.session_state.get("question")]
        st.session_state["question"] = random.choice(others)
    if not fitting:
        st.info(f"No question with a rubric is both {category} and {difficulty}. Choose another category or difficulty.")
        return None
    numbers = [question.no for question in fitting]
    # Set only when it must change: after a server's restart the browser still knows the choice, and this would overwrite it.
    if st.session_state.get("question", numbers[0]) not in numbers:
        st.session_state["question"] = numbers[0]
    no = st.selectbox("Question", numbers, key="question", format_func=lambda number: f"{number}. {bank[number].text}")
    return bank[no]


def _ask(question: Question) -> str:
    with st.container(border=True):
        st.caption(f"Question {question.no} · {question.category} · {question.difficulty}")
        st.markdown(f"#### {as_text(question.text)}")
    # The text is kept for the session under the question's number: no rerun and no other question can lose it.
    text = st.text_area(
        ANSWER_LABEL,
        key=f"answer-{question.no}",
        height=220,
        placeholder="Answer as you would in the interview: about 150 to 300 words, in your own words.",
        persist_state="session",
    )
    show_word_count(ANSWER_LABEL, MAX_CHARS)
    return text or ""


def _offer_grading(assembly: Assembly, question: Question, text: str) -> None:
    if not st.button("Grade my answer", type="primary", icon=":material/grading:"):
        return
    if not text.strip():
        st.warning("There is no answer yet. Write a few sentences first; even a rough answer can earn points.")
        _forget(question)
    elif len(text) <= MAX_CHARS:
        _grade(assembly, question, text)
    else:
        st.warning(
            f"Your answer has {len(text):,} characters; the limit is {MAX_CHARS:,}. Shorten it and grade again. Nothing is lost."
        )
        _forget(question)


def _grade(assembly: Assembly, question: Question, text: str, embedded: bool = False) -> None:
    grader = assembly.grader_named("embedded" if embedded else None)
    progress = Progress(st.empty())
    try:
        with st.spinner(f"Grading with {grader.identity.title}…", show_time=True):
            report = grade_question(question, text, assembly.store, grader, progress.show)
    except EvaluatorError as fault:
        st.error(f"Not graded. {as_text(fault.message)}", icon=":material/error:")
        st.write(as_text(fault.mend))
        _forget(question)
        return
    finally:
        progress.clear()
    st.session_state.setdefault("reports", {})[question.no] = report


def _forget(question: Question) -> None:
    st.session_state.get("reports", {}).pop(question.no, None)


def _show(assembly: Assembly, report: Report, text: str) -> None:
    if report.status == "failed":
        _show_failure(assembly, report, text)
        return
    if text != report.answer.text:
        st.caption(":material/edit: You have changed your answer since; the feedback is for the earlier text.")
    show_report(report)


def _show_failure(assembly: Assembly, report: Report, text: str) -> None:
    """A failed grading has no score. Another grader is offered, never taken."""
    assert report.error is not None
    st.error(f"**Not graded.** {as_text(report.error.message)}", icon=":material/error:")
    st.write(f"{as_text(report.error.mend)} Your answer is kept, and no score was made up.")
    retry, other, _ = st.columns([2, 4, 2])
    if retry.button("Try again", icon=":material/refresh:"):
        _grade(assembly, report.question, text)
        st.rerun()
    if report.grader.name != "embedded" and other.button("Grade with the embedded grader instead", icon=":material/memory:"):
        _grade(assembly, report.question, text, embedded=True)
        st.rerun()


page()
