"""The command line. Thin: it reads arguments, calls one function and prints. Libraries load inside the commands."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from evaluator.cli_batch import agreement, batch, compare
from evaluator.cli_parts import GraderOption, JsonOption, NoCacheOption, assembly_with, changes_for, count, note, show
from evaluator.cli_rubrics import rubrics_app
from evaluator.errors import BadAnswer, BadInput, BadRubric, EvaluatorError

if TYPE_CHECKING:
    from evaluator.assembly import Assembly
    from evaluator.questions import Question
    from evaluator.report import Report

app = typer.Typer(
    name="evaluator", no_args_is_help=True, rich_markup_mode=None, add_completion=False, pretty_exceptions_enable=False,
    help="Score answers to deep-learning interview questions, one score for every rubric point.",
)  # fmt: skip
questions_app = typer.Typer(no_args_is_help=True, help="The question bank.")
cache_app = typer.Typer(no_args_is_help=True, help="The verdicts an LLM gave before.")
for command in (batch, compare, agreement):
    app.command()(command)
app.add_typer(questions_app, name="questions")
app.add_typer(rubrics_app, name="rubrics")
app.add_typer(cache_app, name="cache")

MAX_INPUT_BYTES = 1_000_000
INTERRUPTED = 130
QuestionOption = Annotated[str, typer.Option("--question", "-q", help="Number of the question, or its text.")]
AnswerArgument = Annotated[str, typer.Argument(help="File with the answer, or - for standard input.")]


@app.command()
def grade(
    question: QuestionOption,
    answer: AnswerArgument = "-",
    grader: GraderOption = None,
    as_json: JsonOption = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Print a Markdown page.")] = False,
    no_cache: NoCacheOption = False,
) -> None:
    """Grade one answer. Exit code 0: graded; 1: could not be graded; 2: bad input."""
    from evaluator.grading import grade_question

    text = _read_answer(answer)
    assembly = assembly_with(**changes_for(grader, no_cache))
    found = _resolve(assembly, question)
    report = grade_question(found, text, assembly.store, assembly.grader)
    for notice in assembly.store.notices:
        note(notice)
    if as_json:
        show(json.dumps(report.to_data(), ensure_ascii=False, indent=2))
    else:
        show(report.to_markdown() if as_markdown else _as_text(report))
    if report.status == "failed":
        raise typer.Exit(1)


@app.command()
def audit(
    question: QuestionOption,
    answer: AnswerArgument = "-",
    grader: GraderOption = None,
    as_json: JsonOption = False,
    no_cache: NoCacheOption = False,
) -> None:
    """Grade an answer with and without the text in it that speaks to the grader, and say whether that text moved the score.

    Exit code 0: it did not, or there is none; 1: it did, or the answer could not be graded; 2: bad input.
    """
    from evaluator.audit import audit_answer

    text = _read_answer(answer)
    assembly = assembly_with(**changes_for(grader, no_cache))
    found = _resolve(assembly, question)
    done = audit_answer(found, assembly.store.rubric(found.no), text, assembly.grader)
    show(json.dumps(done.to_data(), ensure_ascii=False, indent=2) if as_json else done.in_words())
    if done.moved is not False:
        raise typer.Exit(1)


@cache_app.command("stats")
def show_cache(as_json: JsonOption = False) -> None:
    """Show how many gradings are kept, for each model."""
    from datetime import datetime

    cache = assembly_with().cache
    rows = [
        {
            "model": model,
            "gradings": count,
            "first": datetime.fromtimestamp(first).isoformat(" ", "seconds"),
            "last": datetime.fromtimestamp(last).isoformat(" ", "seconds"),
        }
        for model, count, first, last in cache.stats()
    ]
    if as_json:
        show(json.dumps({"file": str(cache.path), "models": rows}, ensure_ascii=False, indent=2))
        return
    for row in rows:
        show(f"{row['model']}: {count(int(str(row['gradings'])), 'grading')}, {row['first']} to {row['last']}")
    note(f"{count(sum(int(str(row['gradings'])) for row in rows), 'grading')} in {cache.path}.")


@cache_app.command("clear")
def clear_cache() -> None:
    """Forget all gradings kept, and what is known of servers."""
    cache = assembly_with().cache
    show(f"{count(cache.clear(), 'grading')} forgotten, in {cache.path}.")


@questions_app.command("list")
def list_questions(
    category: Annotated[str | None, typer.Option(help="Only this category.")] = None,
    difficulty: Annotated[str | None, typer.Option(help="Only this difficulty.")] = None,
    as_json: JsonOption = False,
) -> None:
    """List the questions; a star marks those that have a rubric."""
    assembly = assembly_with()
    _known("category", category, assembly.bank.categories)
    _known("difficulty", difficulty, assembly.bank.difficulties)
    with_rubric = assembly.store.numbers()
    questions = assembly.bank.filtered(category, difficulty)
    if as_json:
        rows = [
            {"no": q.no, "category": q.category, "difficulty": q.difficulty, "question": q.text, "rubric": q.no in with_rubric}
            for q in questions
        ]
        show(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    for q in questions:
        show(f"{q.no:>3} {'*' if q.no in with_rubric else ' '} {q.category} · {q.difficulty} · {q.text}")
    note(f"{len(questions)} questions, {sum(q.no in with_rubric for q in questions)} of them with a rubric (*).")


@questions_app.command("show")
def show_question(number: Annotated[int, typer.Argument(help="Number of the question.")]) -> None:
    """Show one question."""
    assembly = assembly_with()
    q = assembly.bank[number]
    has = "has a rubric" if number in assembly.store.numbers() else "has no rubric yet"
    show(f"Question {q.no} · {q.category} · {q.difficulty} · {has}\n\n{q.text}")


@questions_app.command("find")
def find_questions(
    text: Annotated[str, typer.Argument(help="Words to search for, by meaning.")],
    most: Annotated[int, typer.Option(min=1, max=50, help="How many to show.")] = 5,
    as_json: JsonOption = False,
) -> None:
    """Find questions by meaning, nearest first."""
    assembly = assembly_with()
    matches = assembly.store.find(text, most)
    if as_json:
        rows = [
            {"no": m.question.no, "similarity": m.similarity, "question": m.question.text, "rubric": m.has_rubric}
            for m in matches
        ]
        show(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    for m in matches:
        show(
            f"{m.question.no:>3} {'*' if m.has_rubric else ' '} {m.similarity:.2f} · {m.question.difficulty} · {m.question.text}"
        )
    for notice in assembly.store.notices:
        note(notice)


@app.command()
def doctor(as_json: JsonOption = False) -> None:
    """Say what is configured, what works, and how to mend what does not. Exit code 1 when something does not work."""
    from evaluator.doctor import examine

    findings = examine(assembly_with())
    if as_json:
        rows = [{"name": f.name, "ok": f.ok, "found": f.found, "mend": f.mend} for f in findings]
        show(json.dumps(rows, ensure_ascii=False, indent=2))
    else:
        for finding in findings:
            show(f"{'ok  ' if finding.ok else 'FAIL'} {finding.name}: {finding.found}")
            if finding.mend:
                show(f"     {finding.mend}")
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)


def main() -> None:
    """Runs the command line; errors of ours become one line and an exit code."""
    try:
        app(prog_name="evaluator")
    except BadRubric as fault:
        for line in fault.faults:
            note(line)
        _stop(fault, 2)
    except EvaluatorError as fault:
        _stop(fault, 2 if isinstance(fault, BadInput) else 1)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
    except SystemExit as stop:
        if stop.code == INTERRUPTED:
            note("Stopped. What was not finished has no score, and nothing is half-written.")
        raise


def _stop(fault: EvaluatorError, code: int) -> NoReturn:
    note(f"error: {fault}")
    sys.exit(code)


def _resolve(assembly: Assembly, question: str) -> Question:
    match = assembly.store.resolve(question)
    if match.similarity < 1:
        note(f"Read as question {match.question.no} (similarity {match.similarity:.2f}): {match.question.text}")
    return match.question


def _read_answer(place: str) -> str:
    from evaluator.answers import decode_answer

    if place == "-":
        if sys.stdin.isatty():
            note("Type the answer; end it with Ctrl-D on a line of its own.")
        data, name = sys.stdin.buffer.read(MAX_INPUT_BYTES + 1), "standard input"
    else:
        name = place
        try:
            with Path(place).open("rb") as file:
                data = file.read(MAX_INPUT_BYTES + 1)
        except OSError as fault:
            raise BadAnswer(
                f"{place}: cannot be read ({fault.strerror}).", "Name a text file, or - for standard input."
            ) from fault
    if len(data) > MAX_INPUT_BYTES:
        raise BadAnswer(f"{name}: larger than {MAX_INPUT_BYTES:,} bytes.", "Name a file that holds one answer.")
    return decode_answer(data, name)


def _known(label: str, value: str | None, values: list[str]) -> None:
    if value is not None and value not in values:
        raise BadInput(f'There is no {label} "{value}".', f"Use one of: {', '.join(values)}.")


def _as_text(report: Report) -> str:
    from evaluator.report import describe_usage, graded_by, headline, sign_of, write_feedback
    from evaluator.verdict import REVIEW_REASONS

    lines = [f"Question {report.question.no}: {report.question.text}", "", headline(report)]
    lines += [f"{graded_by(report)}, rubric version {report.rubric.version} ({report.rubric.hash})"]
    lines += [line for line in (report.grader.accuracy, describe_usage(report)) if line] + [""]
    for verdict in report.verdicts:
        lines.append(f"{sign_of(verdict)} {verdict.level}, weight {verdict.criterion.weight:g}: {verdict.criterion.point}")
        lines.append(f"    {verdict.reason}")
        lines += [f"    “{' '.join(quote.quote.split())}”" for quote in verdict.evidence]
    lines += ["", write_feedback(report)]
    if report.suspicious:
        lines += ["", "Speaks to the grader, so it is no evidence; it costs nothing:"]
        lines += [f"  “{' '.join(span.text.split())}”" for span in report.suspicious]
    if report.review_reasons:
        lines += ["", "A person should look at this:", *(f"  - {REVIEW_REASONS[code]}" for code in report.review_reasons)]
    return "\n".join(lines)
