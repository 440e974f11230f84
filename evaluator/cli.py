"""The command line. Thin: it reads arguments, calls one function and prints. Libraries load inside the commands."""

from __future__ import annotations

import json
import sys
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NoReturn

import typer

from evaluator.errors import BadAnswer, BadInput, BadRubric, EvaluatorError

if TYPE_CHECKING:
    from evaluator.assembly import Assembly
    from evaluator.report import Report

app = typer.Typer(
    name="evaluator", no_args_is_help=True, rich_markup_mode=None, add_completion=False, pretty_exceptions_enable=False,
    help="Score answers to deep-learning interview questions, one score for every rubric point.",
)  # fmt: skip
questions_app = typer.Typer(no_args_is_help=True, help="The question bank.")
rubrics_app = typer.Typer(no_args_is_help=True, help="The rubrics the answers are graded by.")
app.add_typer(questions_app, name="questions")
app.add_typer(rubrics_app, name="rubrics")

MAX_INPUT_BYTES = 1_000_000
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def grade(
    question: Annotated[str, typer.Option("--question", "-q", help="Number of the question, or its text.")],
    answer: Annotated[str, typer.Argument(help="File with the answer, or - for standard input.")] = "-",
    grader: Annotated[
        Literal["auto", "llm", "embedded", "stub"] | None, typer.Option(help="Who grades; overrides EVALUATOR_GRADER.")
    ] = None,
    as_json: JsonOption = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Print a Markdown page.")] = False,
) -> None:
    """Grade one answer. Exit code 0: graded; 1: could not be graded; 2: bad input."""
    from evaluator.grading import grade_question

    text = _read_answer(answer)
    assembly = _assembly(**({"grader": grader} if grader else {}))
    match = assembly.store.resolve(question)
    if match.similarity < 1:
        _note(f"Read as question {match.question.no} (similarity {match.similarity:.2f}): {match.question.text}")
    report = grade_question(match.question, text, assembly.store, assembly.grader)
    for notice in assembly.store.notices:
        _note(notice)
    if as_json:
        _print(json.dumps(report.to_data(), ensure_ascii=False, indent=2))
    else:
        _print(report.to_markdown() if as_markdown else _as_text(report))
    if report.status == "failed":
        raise typer.Exit(1)


@questions_app.command("list")
def list_questions(
    category: Annotated[str | None, typer.Option(help="Only this category.")] = None,
    difficulty: Annotated[str | None, typer.Option(help="Only this difficulty.")] = None,
    as_json: JsonOption = False,
) -> None:
    """List the questions; a star marks those that have a rubric."""
    assembly = _assembly()
    _known("category", category, assembly.bank.categories)
    _known("difficulty", difficulty, assembly.bank.difficulties)
    with_rubric = assembly.store.numbers()
    questions = assembly.bank.filtered(category, difficulty)
    if as_json:
        rows = [
            {"no": q.no, "category": q.category, "difficulty": q.difficulty, "question": q.text, "rubric": q.no in with_rubric}
            for q in questions
        ]
        _print(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    for q in questions:
        _print(f"{q.no:>3} {'*' if q.no in with_rubric else ' '} {q.category} · {q.difficulty} · {q.text}")
    _note(f"{len(questions)} questions, {sum(q.no in with_rubric for q in questions)} of them with a rubric (*).")


@questions_app.command("show")
def show_question(number: Annotated[int, typer.Argument(help="Number of the question.")]) -> None:
    """Show one question."""
    assembly = _assembly()
    q = assembly.bank[number]
    has = "has a rubric" if number in assembly.store.numbers() else "has no rubric yet"
    _print(f"Question {q.no} · {q.category} · {q.difficulty} · {has}\n\n{q.text}")


@questions_app.command("find")
def find_questions(
    text: Annotated[str, typer.Argument(help="Words to search for, by meaning.")],
    most: Annotated[int, typer.Option(min=1, max=50, help="How many to show.")] = 5,
    as_json: JsonOption = False,
) -> None:
    """Find questions by meaning, nearest first."""
    assembly = _assembly()
    matches = assembly.store.find(text, most)
    if as_json:
        rows = [
            {"no": m.question.no, "similarity": m.similarity, "question": m.question.text, "rubric": m.has_rubric}
            for m in matches
        ]
        _print(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    for m in matches:
        _print(
            f"{m.question.no:>3} {'*' if m.has_rubric else ' '} {m.similarity:.2f} · {m.question.difficulty} · {m.question.text}"
        )
    for notice in assembly.store.notices:
        _note(notice)


@rubrics_app.command("check")
def check_rubrics(
    paths: Annotated[list[Path] | None, typer.Argument(help="Rubric files or folders; default: the rubrics folder.")] = None,
) -> None:
    """Check rubric files; every fault is one line with file, line, place and mend."""
    from evaluator.rubric_files import check_rubric_files

    assembly = _assembly()
    rubrics, faults = check_rubric_files(paths or [assembly.settings.rubrics_dir], [q.no for q in assembly.bank])
    for line in faults:
        _print(line)
    if faults:
        _note(f"{len(faults)} fault{'s' if len(faults) > 1 else ''}; {len(rubrics)} rubrics without any.")
        raise typer.Exit(2)
    _note(f"{len(rubrics)} rubric{'s' if len(rubrics) != 1 else ''} checked, no fault.")


@rubrics_app.command("show")
def show_rubric(number: Annotated[int, typer.Argument(help="Number of the question.")], as_json: JsonOption = False) -> None:
    """Show the rubric of a question, as the store holds it."""
    assembly = _assembly()
    rubric = assembly.store.rubric(number)
    if as_json:
        _print(json.dumps(rubric.to_data(), ensure_ascii=False, indent=2))
        return
    _print(f"Question {number}: {assembly.bank[number].text}\nRubric version {rubric.version} ({rubric.hash})\n")
    for criterion in rubric.criteria:
        _print(f"{criterion.id} (weight {criterion.weight:g})\n  {criterion.requirement}")
        for level in criterion.levels:
            _print(f"    {level.id} ({level.credit:g}): {level.anchor}")
        for misconception in criterion.misconceptions:
            _print(f"    wrong: {misconception.claim}")
        _print(f"    probe: {criterion.probe}\n")


@rubrics_app.command("index")
def index_rubrics() -> None:
    """Bring the store in line with the rubric files."""
    assembly = _assembly()
    written, faults = assembly.store.index_all()
    for line in assembly.store.notices:
        _note(line)
    _print(f"{written} questions indexed anew; {len(assembly.store.numbers())} of {len(assembly.bank)} have a rubric.")
    if faults:
        raise typer.Exit(2)


@app.command()
def doctor(as_json: JsonOption = False) -> None:
    """Say what is configured, what works, and how to mend what does not. Exit code 1 when something does not work."""
    from evaluator.doctor import examine

    findings = examine(_assembly())
    if as_json:
        rows = [{"name": f.name, "ok": f.ok, "found": f.found, "mend": f.mend} for f in findings]
        _print(json.dumps(rows, ensure_ascii=False, indent=2))
    else:
        for finding in findings:
            _print(f"{'ok  ' if finding.ok else 'FAIL'} {finding.name}: {finding.found}")
            if finding.mend:
                _print(f"     {finding.mend}")
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)


def main() -> None:
    """Runs the command line; errors of ours become one line and an exit code."""
    try:
        app(prog_name="evaluator")
    except BadRubric as fault:
        for line in fault.faults:
            _note(line)
        _stop(fault, 2)
    except EvaluatorError as fault:
        _stop(fault, 2 if isinstance(fault, BadInput) else 1)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)


def _stop(fault: EvaluatorError, code: int) -> NoReturn:
    _note(f"error: {fault}")
    sys.exit(code)


def _assembly(**changes: object) -> Assembly:
    from evaluator.assembly import Assembly
    from evaluator.settings import read_settings

    return Assembly(read_settings(**changes))


def _read_answer(place: str) -> str:
    from evaluator.answers import decode_answer

    if place == "-":
        if sys.stdin.isatty():
            _note("Type the answer; end it with Ctrl-D on a line of its own.")
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
    from evaluator.report import headline, sign_of, write_feedback
    from evaluator.verdict import REVIEW_REASONS

    lines = [f"Question {report.question.no}: {report.question.text}", "", headline(report)]
    lines += [f"Graded by {report.grader.title}, rubric version {report.rubric.version} ({report.rubric.hash})", ""]
    for verdict in report.verdicts:
        lines.append(f"{sign_of(verdict)} {verdict.level}, weight {verdict.criterion.weight:g}: {verdict.criterion.point}")
        lines.append(f"    {verdict.reason}")
        lines += [f"    “{' '.join(quote.quote.split())}”" for quote in verdict.evidence]
    lines += ["", write_feedback(report)]
    if report.review_reasons:
        lines += ["", "A person should look at this:", *(f"  - {REVIEW_REASONS[code]}" for code in report.review_reasons)]
    return "\n".join(lines)


def _print(text: str) -> None:
    """To standard output, without the control characters that could steer a terminal."""
    typer.echo("".join(char for char in text if char in "\n\t" or unicodedata.category(char) != "Cc"))


def _note(text: str) -> None:
    typer.echo("".join(char for char in text if char in "\n\t" or unicodedata.category(char) != "Cc"), err=True)
